/*
 * document - one PDF to one reply: opens it, reads its pages, finds its layout, gives JSON.
 *
 * Runs in: parser cell. Blocks on the CPU only: opens nothing.
 */
#pragma once

#include "layout_set.h"
#include <jansson.h>

struct document_options {
    const char *expect;   /* "auto", "table", "text" or a layout's name */
    const struct layout_set *layouts; /* borrowed; may be NULL for "table" and "text" */
    const char *password; /* "" when none */
    uint32_t max_pages;
    uint64_t max_unpacked; /* bytes that its streams may become; 0: no bound */
    bool leave; /* what the document was read into is not freed: the process ends with its reply */
};

/* Reads the bytes (borrowed for the call). 0 and the result's members in *ret_reply (caller's), or a code of the permanent failures
 * with e. */
int document_parse(const void *bytes, size_t size, const struct document_options *o, json_t **ret_reply, struct err *e);
/* Loads what the library loads lazily (fonts' tables, encodings, colour), from a constant document, before any foreign byte;
 * from here on the process knows no font file. */
int document_warm_up(struct err *e);
