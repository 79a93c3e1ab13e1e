/*
 * pdf_password - the password that opens documents: from a file, or asked for on the terminal. Never from the command line, where every user
 * of the host can read it.
 *
 * Runs in: ctl. Blocks on the terminal.
 */
#pragma once

#include "base.h"
#include "err.h"

enum { PDF_PASSWORD_BYTES = 4096 };

/* from: a file whose first line it is, or "prompt". ret: NUL-terminated; the caller wipes it. ERR_BAD_ARGUMENT without a terminal to ask on,
 * and payload_in_file's errors. */
int pdf_password_read(const char *from, char ret[static PDF_PASSWORD_BYTES], struct err *e);
