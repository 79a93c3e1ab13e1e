/*
 * layout_set - the layouts a parser knows: the ones compiled in, and an operator's files over them.
 *
 * Runs in: parser zygote, which reads it before any document; constant in cells. Owner: main.
 */
#pragma once

#include "err.h"
#include "layout.h"

enum {
    LAYOUT_SET_MAX = 64,
    LAYOUT_FILE_MAX = 256 * 1024, /* bytes of one file */
    LAYOUT_DIGEST_MAX = 65,       /* a SHA-256 in hex */
    LAYOUT_LIST_MAX = 1024,
};

struct layout_set {
    struct layout *items[LAYOUT_SET_MAX]; /* owned; in the order titles are tested */
    size_t n;
    char digest[LAYOUT_DIGEST_MAX]; /* of all names and texts: results of another set are not this one's */
};

/* Reads the compiled-in layouts, then path's: a folder's NAME.layout files, or one such file; "" or NULL: none. One that has a compiled-in
 * one's name takes its place. 0, or ERR_BAD_CONFIG with e naming file and line. Blocks on the disk. Free in either case. */
int layout_set_load(struct layout_set *set, const char *path, struct err *e);
void layout_set_free(struct layout_set *set);
/* By name, NULL when there is none. */
const struct layout *layout_set_find(const struct layout_set *set, const char *name);
/* "exam, lecture, test": for messages. */
void layout_set_names(const struct layout_set *set, char out[static LAYOUT_LIST_MAX]);
