/*
 * redis_info - what a Redis server says of itself (INFO), and what in it means that jobs may be lost or refused.
 *
 * Runs in: supervisor's metrics thread, ctl. Pure: the text is an argument. INFO alone, which managed services allow;
 * never CONFIG.
 */
#pragma once

#include "base.h"

/* X(id, code in JSON, remedy) */
#define REDIS_INFO_FAULTS(X)                                                                                           \
    X(EVICTS, "redis_evicts", "a full Redis would delete jobs unasked: set maxmemory-policy noeviction")               \
    X(FULL, "redis_full", "no job can be enqueued: raise maxmemory or let the queues drain; jobs go on being finished") \
    X(NOT_SAVING, "redis_not_saving", "it cannot write its append-only file: free space on its disk")                  \
    X(REPLICA, "redis_replica", "a replica takes no writes: let redis.url name the primary")

enum redis_info_fault {
#define X(id, name, remedy) REDIS_INFO_##id,
    REDIS_INFO_FAULTS(X)
#undef X
        REDIS_INFO_FAULT_COUNT
};

struct redis_info {
    bool known;        /* something was read */
    bool valkey;       /* the server is Valkey, which says it is a Redis 7.2 */
    char version[24];  /* "7.0.15" */
    int major, minor;  /* of version */
    char policy[32];   /* maxmemory-policy; "" when not told */
    char role[16];     /* "master", "slave" */
    int64_t used_bytes, max_bytes; /* memory; max 0: no limit */
    int64_t replicas;              /* connected */
    bool aof, aof_writes;          /* it has an append-only file; its last write went well */
};

/* Reads INFO's text (any sections); what is not told stays as if all were well. */
void redis_info_read(struct redis_info *ret, const char *text);
/* True when the fault is there. */
bool redis_info_has(const struct redis_info *info, enum redis_info_fault fault);
/* What was seen: "maxmemory-policy allkeys-lru, maxmemory 1048576". Returns out. */
const char *redis_info_seen(const struct redis_info *info, enum redis_info_fault fault, char *out, size_t size);
/* "redis_evicts", …; what to do about it. Static storage. */
const char *redis_info_name(enum redis_info_fault fault);
const char *redis_info_remedy(enum redis_info_fault fault);
