/*
 * recognise - which layout a document is of: by its title, else by its headers.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "err.h"
#include "layout_set.h"
#include "words.h"

enum { RECOGNISE_COVERS_MAX = 4 }; /* pages without a table that may stand before it, where no title tells the layout */

/* Finds the layout of the pages and the page its table begins on. expect: "auto" or a layout's name. 0; ERR_BAD_PAYLOAD when expect is no
 * layout's name, ERR_UNRECOGNISED_FORMAT when none fits or two fit alike, ERR_TYPE_MISMATCH when another than the expected does. */
int recognise_layout(const struct layout_set *set, const struct page pages[], size_t n, const char *expect,
                     const struct layout **ret_layout, size_t *ret_first, struct err *e);
