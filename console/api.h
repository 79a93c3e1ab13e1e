/*
 * api - what the handlers of the API share: routes of route_table.h, and texts of jobs made safe to send on.
 *
 * Runs in: console. Thread: the request's.
 */
#pragma once

#include "dead_letters.h"
#include "console.h"
#include "request.h"
#include "route_table.h"

#define X(method, path, access, allowed, fn) int fn(struct request *r, struct reply *p, struct err *e);
ROUTE_TABLE(X)
#undef X

/* A text of len bytes that others wrote, as JSON: made harmless when it is not UTF-8. New reference. */
json_t *api_text(const char *text, size_t len);
/* One call of a Function whose reply is JSON: args are texts, ended by NULL. */
int api_call(struct request *r, const char *function, const char *queue, const char *const args[], json_t **ret,
             struct err *e);

/* A filter of dead letters and what its texts live in. */
struct api_filter {
    struct dead_filter filter;
    char words[512]; /* as `stint dlq` would say it, for the audit log */
};

/* Reads a filter out of a query (body NULL) or out of the members "filter" and "ids" of a body. dead_filter_fini in any
 * case. ERR_BAD_ARGUMENT; with `named`, also when it names every letter without saying so ("filter": {}). */
int api_filter_read(struct request *r, const json_t *body, struct api_filter *ret, struct err *e);
