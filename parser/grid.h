/*
 * grid - documents of no known layout: their words with boxes, or their ruled or aligned tables as rows of cells.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "err.h"
#include "words.h"
#include <jansson.h>

/* reply: "type":"text", "words":[{"page","text","box":[x0,y0,x1,y1]}], rows 0. Never fails. */
int grid_text(const struct page pages[], size_t n, json_t *reply);
/* reply: "type":"table", "rows":[{"page","row","cells":[{"text","box"}]}], rows_seen = rows_parsed. ERR_NO_EVENTS when no page has a row. */
int grid_tables(const struct page pages[], size_t n, json_t *reply, struct err *e);
