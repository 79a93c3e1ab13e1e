/*
 * table_list - where a cell's line goes on with the one above it, and where it is a text of its own.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "table.h"

/* Sets goes_on of the lines in list columns, over the whole table: what is a whole text somewhere is one everywhere. */
void table_list_settle(struct table *t);
/* True when nothing but the rest of a text begins as line, or ends as before. */
bool table_list_is_rest(const char *before, const char *line);
/* True when line's first word had no room at the end of the line before. */
bool table_list_had_no_room(const struct table *t, size_t column, const struct table_line *before, const struct table_line *line);
