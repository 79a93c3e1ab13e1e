/*
 * metrics_http - a small HTTP server for GET and HEAD, driven from outside through one epoll descriptor.
 *
 * Runs in: supervisor's metrics thread. Thread: its owner's only. Never blocks.
 * Bounded: METRICS_HTTP_CONNECTIONS connections, METRICS_HTTP_IDLE_S seconds without progress, bodies of
 * METRICS_HTTP_BODY_MAX bytes. Knows no route: the owner's on_get answers.
 */
#pragma once

#include "base.h"
#include "buf.h"
#include "err.h"

enum {
    METRICS_HTTP_CONNECTIONS = 64,
    METRICS_HTTP_IDLE_S = 10,
    METRICS_HTTP_BODY_MAX = 16 << 20, /* 1,000 queues with much to tell are 4 to 8 MB */
};

struct metrics_request {
    const char *path;                                           /* decoded, without query */
    const char *accept;                                         /* "" when none */
    const char *(*query)(const void *handle, const char *name); /* a query argument, decoded; NULL when absent */
    /* A query argument of a name that is none of `names` (ends with NULL), NULL when there is none. Borrowed. */
    const char *(*other)(const void *handle, const char *const names[]);
    const void *handle;
};

struct metrics_reply {
    unsigned status;          /* 200 unless set */
    const char *content_type; /* literal; "application/json" unless set */
    struct buf body;          /* owned by the server */
};

/* Answers one GET. A body that failed (too large, no memory) becomes a 500. */
typedef void (*metrics_http_get_fn)(void *arg, const struct metrics_request *request, struct metrics_reply *reply);

/* Replaces the reply by an RFC 9457 problem. extra: members to add, as JSON text that starts with ',', or "". */
void metrics_reply_problem(struct metrics_reply *reply, unsigned status, const char *title, const char *detail,
                           const char *extra);

/* Binds and listens on an IP address; port 0: any free one. *ret_fd is the caller's (close-on-exec). -errno with e
 * naming address, port and remedy (-EADDRINUSE: who may be there). */
int metrics_http_listen(const char *address, int port, int *ret_fd, int *ret_port, struct err *e);

struct metrics_http;
/* Takes listen_fd, also on failure. NULL with e. */
struct metrics_http *metrics_http_new(int listen_fd, metrics_http_get_fn on_get, void *arg, struct err *e);
/* Closes all connections. NULL-safe. */
void metrics_http_free(struct metrics_http *h);
/* Accepts no connection any more and serves those it has; the socket stays open for whoever else has it. */
void metrics_http_quiesce(struct metrics_http *h);
/* Readable when metrics_http_run has something to do. Borrowed. */
int metrics_http_fd(const struct metrics_http *h);
/* Does what can be done now. */
void metrics_http_run(struct metrics_http *h);
/* Milliseconds until metrics_http_run must be called even if nothing is readable; -1: no need. */
int64_t metrics_http_timeout_ms(const struct metrics_http *h);
