/*
 * redis_uv_impl - what redis_uv.c (one server) and redis_cluster_uv.c (many) share. For these two only.
 *
 * Runs in: as redis_uv. Thread: the loop's only.
 */
#pragma once

#include "redis_address.h"
#include "redis_uv.h"

/* A connection to that one address, whatever conf->url says. bare: it only logs in, for CLUSTER SLOTS: no library, and
 * a replica is as good. on_moved: a command was answered with MOVED; may be NULL. */
struct redis_uv *redis_uv_node(uv_loop_t *loop, const struct conf_redis *conf, const struct redis_address *address,
                               bool bare, const char *name, int64_t block_ms, redis_uv_state_fn on_state,
                               void (*on_moved)(void *arg), void *arg);

/* A cluster's connections: redis_uv's functions do with it what they do with one server. */
struct redis_cluster;
struct redis_cluster *redis_cluster_new(uv_loop_t *loop, const struct conf_redis *conf, const char *name,
                                        int64_t block_ms, redis_uv_state_fn on_state, void *arg);
void redis_cluster_close(struct redis_cluster *c, void (*on_closed)(void *arg), void *arg);
bool redis_cluster_ready(const struct redis_cluster *c);
bool redis_cluster_reaches(struct redis_cluster *c, const char *queue);
/* slot -1: any node. */
int redis_cluster_argv(struct redis_cluster *c, int slot, redis_uv_reply_fn on_reply, void *arg, int argc,
                       const char *const argv[], const size_t lens[]);
void redis_cluster_flush(struct redis_cluster *c);
void redis_cluster_reset(struct redis_cluster *c);
long long redis_cluster_library(const struct redis_cluster *c);
void redis_cluster_stats(const struct redis_cluster *c, uint64_t *ret_commands, uint64_t *ret_last_rtt_us);
void redis_cluster_on_rtt(struct redis_cluster *c, void (*on_rtt)(void *arg, uint64_t us), void *arg);
