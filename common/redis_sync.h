/*
 * redis_sync - a blocking Redis connection for commands, tests and tools.
 *
 * Runs in: ctl, tests, bench. Blocks, with the configured timeouts. Descriptors are close-on-exec.
 * The process must ignore SIGPIPE.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "redis_address.h"
#include <hiredis/hiredis.h>

struct redis_nodes;

struct redis_sync {
    redisContext *ctx;         /* owned */
    struct conf_redis conf;    /* copied */
    struct redis_nodes *nodes; /* of a cluster: owned, ctx with it */
    bool wants_library;        /* … each node is to have the Functions */
};

/* With conf->cluster commands go to the master that has the slot of their key; one without a key goes where the last one went.
 * Connects, AUTHs, SELECTs. ERR_REDIS_UNAVAILABLE with e naming address, reason and remedy. */
int redis_sync_open(struct redis_sync *r, const struct conf_redis *conf, struct err *e);
void redis_sync_close(struct redis_sync *r); /* NULL-safe, twice-safe */
/* Loads the Functions library when the server has none or an older one. */
int redis_sync_functions(struct redis_sync *r, struct err *e);
/* Of a cluster: has ctx be the connection of the server with the queue, for those who write to it themselves. */
int redis_sync_at(struct redis_sync *r, const char *queue, struct err *e);
/* Of a cluster: has ctx be the connection of its n-th master, for what is asked of all of them (SCAN, INFO). Of one server
 * there is number 0. ERR_NOT_FOUND past the last. */
int redis_sync_node(struct redis_sync *r, size_t n, struct err *e);
/* One command; *ret_reply is the caller's (freeReplyObject). An error reply becomes ERR_REDIS_REFUSED (its text in e),
 * or ERR_NOT_FOUND / ERR_REFUSED / ERR_BAD_ARGUMENT when it starts with STINT_NOTFOUND / STINT_REFUSED / STINT_BADARG.
 * A lost library ("Function not found") is loaded again and the command repeated once. */
int redis_sync_cmd(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *format, ...);
int redis_sync_argv(struct redis_sync *r, redisReply **ret_reply, struct err *e, int argc, const char *const argv[],
                    const size_t lens[]);
