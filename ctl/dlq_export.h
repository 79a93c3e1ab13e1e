/*
 * dlq_export - writes dead letters to a file, and removes them.
 *
 * Runs in: ctl. Blocks.
 */
#pragma once

#include "dead_letters.h"

/* Writes every letter to a new file, one JSON object a line, and returns only when the bytes and the file's name are on
 * the disk. An existing file is ERR_REFUSED. On any failure the file is removed and the letters are untouched. */
int dlq_export_write(struct session *s, const struct dead_letters *letters, const char *path, struct err *e);
/* Removes the letters through stint_purge, in batches. *ret_purged: how many were there to remove. */
int dlq_export_purge(struct session *s, const struct dead_letters *letters, const char *reason, size_t *ret_purged,
                     struct err *e);
/* Says what was done. path: where they were written, or NULL. */
void dlq_export_report(struct session *s, size_t purged, const char *path);
