/*
 * pdf_show - a parsed document for people: its events as a table, its warnings, or the rows and words of a general one.
 *
 * Runs in: ctl. Prints only.
 */
#pragma once

#include "session.h"

/* name: the file as the operator named it; result: docs/pdf.md's result object, borrowed. */
void pdf_show_result(struct session *s, const char *name, const json_t *result);
