/*
 * host_control - the supervisors of this host: one for all pools, one for each stint@POOL, or both; found by their
 * control sockets.
 *
 * Runs in: ctl. Blocks, at most the control timeout for each. Sockets are looked for at run_dir/control.sock and one
 * folder below it;
 * --run-dir names one supervisor alone. What changed something is told to the audit log.
 */
#pragma once

#include "session.h"

enum { HOST_SUPERVISORS_MAX = 64 };

/* One supervisor's answer. */
struct host_reply {
    char run_dir[CONF_STR_MAX];
    char name[64]; /* its folder below run_dir, which is its pool as stint@POOL; "" for the one at run_dir itself */
    json_t *reply; /* owned; NULL: e says why */
    struct err e;
};

struct host_replies {
    struct host_reply *items; /* owned; at least one after host_control_all */
    size_t n;
};

/* Asks every one, and goes on past those that fail. fields: borrowed or NULL. Where nothing listens the one item says
 * so. 0, or an error when nobody can be asked at all (the configuration). host_replies_fini in both cases. */
int host_control_all(struct session *s, const char *verb, json_t *fields, struct host_replies *ret, struct err *e);
/* Frees; twice-safe. */
void host_replies_fini(struct host_replies *r);
/* The error that an act on all of them ends with: the first that is no "not found" of somebody else's pool; "not found"
 * when all say so. 0: it was done. */
int host_replies_fault(const struct host_replies *r, struct err *e);

/* Asks the one that is meant: the only one there is, that of --run-dir, or the one that runs fields' "pool".
 * ERR_BAD_ARGUMENT names them when several could be meant, ERR_NOT_FOUND the pools there are. *ret_reply is the
 * caller's. */
int host_control_one(struct session *s, const char *verb, json_t *fields, json_t **ret_reply, struct err *e);
/* The same at a run_dir that an earlier answer told. */
int host_control_at(struct session *s, const char *run_dir, const char *verb, json_t *fields, json_t **ret_reply,
                    struct err *e);

/* The workers of all of them as one array (the caller's), each with "supervisor" and "run_dir" beside what worker.list
 * says. The first error when one does not answer. */
int host_control_workers(struct session *s, json_t **ret_workers, struct err *e);
/* Adds to `to` the array `key` of each reply, its objects with "supervisor" and "run_dir" added. */
void host_replies_gather(const struct host_replies *r, const char *key, json_t *to);
