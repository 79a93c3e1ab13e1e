/*
 * redis_slots - which node of a Redis Cluster a command belongs to: the slot of its key, and who has which slot.
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "redis_address.h"
#include <hiredis/hiredis.h>

enum {
    REDIS_SLOTS = 16384,
    REDIS_NODES_MAX = 64, /* nodes with slots, of one cluster */
};

/* CRC-16/XMODEM of the key, or of what stands between its first '{' and the next '}' unless that is nothing, modulo
 * REDIS_SLOTS (Redis Cluster specification, "Hash tags"). */
uint16_t redis_slot(const char *key, size_t len);
/* The slot of every key of the queue. */
uint16_t redis_slot_of_queue(const char *queue);
/* Which argument of a command is its first key (of SCAN: the MATCH, unless it is of all queues, {*}); -1: it has none.
 * Of argc only the first REDIS_KEY_ARGS_MAX are looked at. lens NULL: texts. */
enum { REDIS_KEY_ARGS_MAX = 16 };
int redis_key_of(int argc, const char *const argv[], const size_t lens[]);
/* The same of a command in the protocol's bytes. NULL: it has none. *ret_len is the key's. */
const char *redis_key_in(const char *bytes, size_t len, size_t *ret_len);

/* "MOVED 3999 10.0.0.2:6381" (or ASK …) of a server at `from`, whose host stands for one left out. False: not that.
 * user and password are from's. */
bool redis_moved_to(const char *text, const struct redis_address *from, struct redis_address *ret);

/* Which node has which slot. */
struct redis_slot_map {
    size_t n;
    struct redis_address nodes[REDIS_NODES_MAX];
    uint8_t owner[REDIS_SLOTS]; /* 1 + index of its node; 0: nobody */
};
/* Reads the answer to CLUSTER SLOTS of the server at `from`. False, and an empty map, when it is none or names more
 * nodes than REDIS_NODES_MAX. */
bool redis_slot_map_read(struct redis_slot_map *m, const redisReply *reply, const struct redis_address *from);

/* The n-th address to ask first: 0 is `url`, then those of `nodes` ("host:port host:port …", user and password as in
 * url). 0; ERR_NOT_FOUND past the last; ERR_BAD_CONFIG with e. */
int redis_seed(const char *url, const char *nodes, size_t n, struct redis_address *ret, struct err *e);
/* True when both are the same server. */
bool redis_address_same(const struct redis_address *a, const struct redis_address *b);
