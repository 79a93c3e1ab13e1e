/*
 * routes - every path of the console: who may ask, what may be asked, who answers.
 *
 * Runs in: console. Thread: the request's.
 */
#pragma once

#include "console.h"
#include "request.h"

enum route_access { ROUTE_OPEN, ROUTE_VIEWER, ROUTE_OPERATOR, ROUTE_ADMIN };

typedef int (*route_fn)(struct request *r, struct reply *p, struct err *e);

struct route {
    const char *method, *path; /* "{…}" stands for one piece of the path */
    enum route_access access;
    const char *allowed; /* query parameters of a GET, members of a POST's body; by spaces */
    route_fn answer;     /* 0 with the reply filled in, or an error with e */
};

/* The table; *ret_n rows. Static storage. */
const struct route *routes_all(size_t *ret_n);
/* Answers r, whatever is wrong with it. Nothing of r but its inputs need be filled in; *reply is empty before. */
void routes_answer(struct console *c, struct request *r, struct reply *reply);
