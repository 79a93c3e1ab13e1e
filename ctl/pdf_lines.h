/*
 * pdf_lines - a page's words as lines of text.
 *
 * Runs in: ctl. Pure.
 */
#pragma once

#include "base.h"
#include <jansson.h>

/* The line that begins with words[at] (objects with "page", "text" and "box", in reading order); wide gaps become three blanks. *ret_next: the
 * first word of the next one. The caller frees; NULL without memory. at: below the array's size. */
char *pdf_lines_next(const json_t *words, size_t at, size_t *ret_next);
