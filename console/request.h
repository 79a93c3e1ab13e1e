/*
 * request - one request after its sender was recognised: path, query, body, and the stores to answer it from.
 *
 * Runs in: console. Thread: the request's. Texts are borrowed for the call.
 */
#pragma once

#include "auth.h"
#include "reply.h"
#include "stores.h"

enum { REQUEST_PARAMS_MAX = 2, REQUEST_PARAM_MAX = 160, REQUEST_LIMIT_MAX = 200 };

struct console;

struct request {
    const char *method;                                       /* "GET", "POST", "DELETE" */
    const char *path;                                         /* unescaped, as the library read it */
    const char *address;                                      /* of the peer */
    const char *bearer;                                       /* the token of "Authorization: Bearer", or NULL */
    const char *session;                                      /* the session cookie's value, or NULL */
    const char *csrf;                                         /* X-CSRF-Token, or NULL */
    const char *origin, *host, *content_type, *if_none_match; /* or NULL */
    const char *body;                                         /* as received */
    size_t body_len;
    const char *(*query_fn)(const void *handle, const char *name); /* NULL: not given */
    const char *(*query_other_fn)(const void *handle,
                                  const char *allowed); /* a name that is not among the words of allowed; or NULL */
    const void *handle;
    uint64_t now_ms; /* monotonic */
    /* what the router fills in */
    struct console *console;
    char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX]; /* the {…} of the path, in order */
    json_t *json;                                       /* owned: the body; NULL for GET */
    struct viewer who;
    struct stores *stores; /* borrowed for the call; its actor is `who` */
};

/* A query parameter, NULL when it was not given or is empty. */
const char *request_query(const struct request *r, const char *name);
/* One as a whole number in min..max; ERR_BAD_ARGUMENT names it. */
int request_number(const struct request *r, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret,
                   struct err *e);
/* One as one of the words of "a|b|c"; ERR_BAD_ARGUMENT names them. Not given: the fallback. */
int request_word(const struct request *r, const char *name, const char *words, const char *fallback, const char **ret,
                 struct err *e);
/* A member of the body that is a text of at most max bytes; fallback when it is absent or null. ERR_BAD_ARGUMENT. */
int request_text(const json_t *body, const char *name, size_t max, const char *fallback, const char **ret,
                 struct err *e);
/* One that is a whole number in min..max. */
int request_integer(const json_t *body, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret,
                    struct err *e);
/* ERR_BAD_ARGUMENT for a member that is not among the words of allowed ("reason kind"). */
int request_known(const json_t *object, const char *allowed, struct err *e);
/* Whether `name` is among the space-separated words. */
bool request_among(const char *words, const char *name);
/* The queue the path names. ERR_BAD_ARGUMENT when it cannot be one, ERR_NOT_FOUND when nobody ever heard of it. */
int request_queue(struct request *r, const char **ret_queue, struct err *e);
/* ERR_BAD_ARGUMENT for what cannot be a job's id. Pure. */
int request_check_id(const char *id, struct err *e);
