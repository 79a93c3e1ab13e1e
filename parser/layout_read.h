/*
 * layout_read - a layout file's text to a struct layout; docs/layouts.md is the language.
 *
 * Runs in: parser zygote, at warm-up and for --check-layouts. Never in a cell. Opens nothing: the text is given.
 */
#pragma once

#include "err.h"
#include "layout.h"

/* Reads text; name becomes the layout's, file is named in messages. 0 and *ret_layout, to be freed by layout_free; ERR_BAD_CONFIG with file,
 * line, what was read and what is allowed. */
int layout_read(const char *name, const char *file, const char *text, struct layout *ret_layout, struct err *e);
/* True for a name a layout may have: a small letter, then letters, figures, _ and -; not auto, table or text. */
bool layout_read_name_valid(const char *name);
