/*
 * layout_draw - an example of a layout file as a PDF: what a document of that layout looks like, drawn from the file alone.
 *
 * Runs in: stint-parser --layout-check and --layout-draw. Pure.
 */
#pragma once

#include "layout_example.h"
#include <glib.h>

/* The example's pages, with rules or without. In a cell of a row "^" goes on with the cell above and "<" with the one on its left; \n breaks
 * a line. Caller frees with g_string_free. */
GString *layout_draw(const struct layout_example *x, bool ruled);
