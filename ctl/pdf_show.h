/*
 * pdf_show - a parsed document for people: its events as a table, its warnings, or the rows and words of a general one.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "out.h"

/* name: the file as it was named; result: docs/pdf.md's result object, borrowed. */
void pdf_show_result(struct out *o, const char *name, const json_t *result);
/* Its warnings alone. */
void pdf_show_warnings(struct out *o, const json_t *warnings);
/* The text alone, line by line; a form feed between pages. */
void pdf_show_text(struct out *o, const json_t *words);
