/*
 * ics_line - content lines of RFC 5545 §3.1: folded at 75 octets between characters, ended by CRLF; texts escaped (§3.3.11).
 *
 * Runs in: worker, ctl. Pure. Owner: the caller's buf; what does not fit or cannot be allocated sets its failed.
 */
#pragma once

#include "buf.h"

enum { ICS_LINE_OCTETS = 75 };

/* "NAME:value", made by printf: for values of ours only, ASCII without line ends. */
void ics_line(struct buf *out, const char *format, ...) PRINTF_LIKE(2, 3);
/* name is all before the colon, parameters included. text is anything: what is no UTF-8 becomes U+FFFD, control characters are left out, a tab
 * is a space, and an end of line is "\n" or, where one_line is set, a space. */
void ics_line_text(struct buf *out, const char *name, const char *text, bool one_line);
