/*
 * layout_reader - the halves of layout_read: the walk over the lines (layout_read.c) and what each key means (layout_keys.c).
 *
 * Runs in: parser zygote.
 */
#pragma once

#include "err.h"
#include "layout.h"
#include <glib.h>

enum { LAYOUT_SECTION_MAX = 49 }; /* inih cuts longer names */

/* A walk over one file. */
struct layout_reader {
    struct layout *layout;
    const char *file, *rest; /* borrowed; rest is not read yet */
    size_t line;
    char section[LAYOUT_SECTION_MAX + 1];
    size_t section_line;
    size_t column; /* of [column.…] */
    bool flagged[LAYOUT_COLUMNS_MAX]; /* `flags` is given */
    bool fielded[LAYOUT_COLUMNS_MAX]; /* `field` is given, or the section's name is one */
    size_t column_line[LAYOUT_COLUMNS_MAX];
    GHashTable *seen; /* owned; "section\tkey" and sections */
    struct err *e;
    int rc;
};

/* One row of the language: a key of a section. */
struct layout_key {
    const char *section; /* "column." and "example." stand for all that begin so; keys NULL: any */
    const char *key;
    bool again; /* may stand more than once */
    int (*set)(struct layout_reader *r, const char *key, const char *value);
    const char *allowed; /* for messages */
};

/* Sets r->rc from a message that begins with file and line. Returns it. */
int layout_reader_fail(struct layout_reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* The row of a key in a section; NULL: none. known: whether the section is one at all. */
const struct layout_key *layout_keys_find(const char *section, const char *key, bool *ret_known);
/* The keys of a section, the sections when it is none: for messages. */
void layout_keys_list(const char *section, char *out, size_t size);
/* What a whole file must say, and what it leaves open. 0 or r->rc. */
int layout_keys_finish(struct layout_reader *r);
