/*
 * reply - what one request is answered with.
 *
 * Runs in: console. Owner: the request's thread. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

enum { REPLY_COOKIE_MAX = 256 };

/* A file of the pages, compiled in. */
struct asset {
    const char *name; /* "app.js" */
    const char *type;
    const unsigned char *data;
    size_t len;
    const char *etag; /* quoted */
};

struct reply {
    unsigned status;
    json_t *json;                  /* owned; the body, when asset is NULL */
    bool problem;                  /* the body is application/problem+json */
    const struct asset *asset;     /* borrowed; NULL: json */
    char cookie[REPLY_COOKIE_MAX]; /* "" : none */
    char allow[64];                /* with 405 */
    int retry_after_s;             /* with 429; 0: none */
};

/* 200 with this body (taken). */
void reply_json(struct reply *r, unsigned status, json_t *body);
/* A problem of RFC 9457. detail: a sentence for people, what was wrong and what to do. */
void reply_problem(struct reply *r, unsigned status, const char *title, const char *detail);
/* The problem that a failed call means: not found is 404, refused 409, a store away 503. */
void reply_error(struct reply *r, const struct err *e);
/* Frees; NULL-safe, twice-safe. */
void reply_fini(struct reply *r);
