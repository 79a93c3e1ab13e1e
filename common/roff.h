/*
 * roff - the few requests a manual page is made of, as man(7) defines them.
 *
 * Runs in: ctl. Pure: appends to the caller's buffer; a failure stays in buf.failed.
 */
#pragma once

#include "buf.h"

/* ".TH STINT 1 …": page in capitals, version in the footer. */
void roff_title(struct buf *out, const char *page, int section, const char *version);
/* ".SH NAME" and ".SS name": headings. */
void roff_heading(struct buf *out, const char *text);
void roff_subheading(struct buf *out, const char *text);
/* A line of running text. Any byte may be in it: nothing in it is taken for a request. */
void roff_text(struct buf *out, const char *text);
/* A new paragraph. */
void roff_paragraph(struct buf *out);
/* An entry of a list: the term in bold, then (unless "") an argument in italics; its text follows by roff_text. */
void roff_term(struct buf *out, const char *term, const char *argument);
/* Lines as they stand (separated by newlines), indented. */
void roff_example(struct buf *out, const char *lines);
