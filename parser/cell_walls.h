/*
 * cell_walls - what a cell may ask of the kernel, and the limits of what it may use.
 *
 * Runs in: zygote (prepares), cell (enters). One thread. The order is cell.c's.
 */
#pragma once

#include "confine.h"
#include "parser_proto.h"
#include "layout_set.h"
#include "sandbox_filter.h"

/* What every cell of a zygote is given. Owned by the zygote; a fork has its copy. */
struct cell_setup {
    struct walls walls;
    struct sandbox_filter *filter;
    void *heap_begin;    /* from here to its end the heap is made the cell's own before its document comes */
    uint64_t base_bytes; /* address space in use before any document */
    const struct layout_set *layouts; /* borrowed; read before any document */
};

/* Zygote: compiles the list of a cell's system calls, once. 0 and *ret_filter (the caller's), or ERR_BOOT_FAILURE with e. */
int cell_walls_filter(struct sandbox_filter **ret_filter, struct err *e);
/* Cell, before its document is known: what does not depend on it. NULL, or what could not be set (static storage). */
const char *cell_walls_early(const struct cell_setup *setup);
/* Cell: the request's limits; from here on no descriptor can be opened. document_bytes: mapped already. As above. */
const char *cell_walls_limits(const struct cell_setup *setup, const struct parser_request *request, uint64_t document_bytes);
