/*
 * pdf_write - a result as a file that is there whole or not at all.
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "base.h"
#include "err.h"

/* Puts text (len bytes) in the file's place in one step: who looks meanwhile, or after a kill, sees the old file or the new one. 0, or the
 * system's error with e naming the path. */
int pdf_write_file(const char *path, const char *text, size_t len, struct err *e);
/* Makes the folder unless it is there. */
int pdf_write_folder(const char *path, struct err *e);
