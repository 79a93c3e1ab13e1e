/*
 * redis_sync_impl - what redis_sync.c (one connection) and redis_cluster_sync.c (one a node) share. For these two only.
 *
 * Runs in: as redis_sync.
 */
#pragma once

#include "redis_sync.h"

/* Connects r->ctx to that address and logs in. */
int redis_sync_dial(struct redis_sync *r, const struct redis_address *a, struct err *e);
/* One formatted command on r->ctx; an error reply is a reply. A lost connection is closed: r->ctx is NULL then. */
int redis_sync_raw(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len);
/* Loads the library into the server of r->ctx when it has none or an older one. */
int redis_sync_load(struct redis_sync *r, struct err *e);

/* Of a cluster: r->ctx is the connection that was used last. */
int redis_cluster_open(struct redis_sync *r, struct err *e);
void redis_cluster_close_all(struct redis_sync *r);
/* Has r->ctx be the connection of the slot's master, as far as it is known. */
int redis_cluster_go(struct redis_sync *r, int slot, struct err *e);
int redis_cluster_node(struct redis_sync *r, size_t n, struct err *e);
/* As redis_sync_raw, on the node that has the command's key. */
int redis_cluster_raw(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len);
