/*
 * redis_cluster_sync - see redis_sync_impl.h. A connection a node, made when a command is first sent there; where a
 * slot is, MOVED says. A command that could not be answered because its slot is on the way is sent again until
 * command_timeout is over. Refuses to: follow ASK (see redis_cluster_uv.c).
 */
#include "redis_sync_impl.h"

#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "redis_reply.h"
#include "redis_slots.h"

enum {
    HOPS_MAX = 8,  /* MOVED after MOVED: the cluster changes faster than we can follow */
    AGAIN_MS = 50, /* before a command is sent again */
};

struct redis_nodes {
    size_t n, at; /* at: whose connection r->ctx is */
    struct {
        struct redis_address address;
        redisContext *ctx; /* NULL: none yet */
        bool loaded;       /* the library was seen to */
    } nodes[REDIS_NODES_MAX];
    uint8_t owner[REDIS_SLOTS]; /* 1 + index; 0: not known */
};

void redis_cluster_close_all(struct redis_sync *r)
{
    struct redis_nodes *all = r->nodes;
    for (size_t i = 0; all && i < all->n; i++)
        if (all->nodes[i].ctx && all->nodes[i].ctx != r->ctx)
            redisFree(all->nodes[i].ctx);
    if (r->ctx)
        redisFree(r->ctx);
    r->ctx = NULL;
    free(all);
    r->nodes = NULL;
}

/* Everything is closed: what is asked next begins with the nodes that are configured. */
static int give_up(struct redis_sync *r, int rc)
{
    redis_cluster_close_all(r);
    return rc;
}

/* Makes the node the one that is talked to. */
static int use(struct redis_sync *r, size_t node, struct err *e)
{
    struct redis_nodes *all = r->nodes;
    int rc = 0;
    if (r->ctx && all->at == node)
        return 0;
    r->ctx = all->nodes[node].ctx;
    all->at = node;
    if (!r->ctx)
        rc = redis_sync_dial(r, &all->nodes[node].address, e);
    all->nodes[node].ctx = r->ctx;
    return rc;
}

/* The node's index, which is added when it is new; -1: there are too many. */
static int index_of(struct redis_nodes *all, const struct redis_address *address)
{
    for (size_t i = 0; i < all->n; i++)
        if (redis_address_same(&all->nodes[i].address, address))
            return (int)i;
    if (all->n == REDIS_NODES_MAX)
        return -1;
    all->nodes[all->n].address = *address;
    return (int)all->n++;
}

int redis_cluster_open(struct redis_sync *r, struct err *e)
{
    int rc = 0;
    r->nodes = calloc(1, sizeof *r->nodes);
    if (!r->nodes)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the connections to a Redis Cluster");
    for (size_t seed = 0;; seed++) {
        struct redis_address address;
        struct err why = {.code = 0};
        int found = redis_seed(r->conf.url, r->conf.nodes, seed, &address, &why);
        if (found == ERR_NOT_FOUND)
            return give_up(r, rc); /* as the last one said */
        if (found == 0)
            found = use(r, (size_t)index_of(r->nodes, &address), &why);
        if (found == 0)
            return 0;
        rc = err_set(e, found, "%s", why.message);
        if (found == ERR_BAD_CONFIG)
            return give_up(r, rc);
        r->ctx = NULL;
    }
}

int redis_cluster_go(struct redis_sync *r, int slot, struct err *e)
{
    uint8_t owner = slot >= 0 ? r->nodes->owner[slot] : 0;
    int rc = owner ? use(r, owner - 1u, e) : 0;
    return rc < 0 ? give_up(r, rc) : 0;
}

/* A replica that does not take it is no trouble: what is sent to it is MOVED. */
static int see_to_library(struct redis_sync *r, struct err *e)
{
    struct redis_nodes *all = r->nodes;
    if (!r->wants_library || all->nodes[all->at].loaded)
        return 0;
    all->nodes[all->at].loaded = true;
    struct err why = {.code = 0};
    int rc = redis_sync_load(r, &why);
    if (rc < 0 && r->ctx && strstr(why.message, "READONLY"))
        return 0;
    return rc < 0 ? err_set(e, rc, "%s", why.message) : 0;
}

/* The map as any node tells it; the caller's (free). */
static int ask_map(struct redis_sync *r, struct redis_slot_map **ret, struct err *e)
{
    static const char slots[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";
    redisReply *reply = NULL;
    int rc = redis_cluster_raw(r, &reply, e, slots, sizeof slots - 1);
    if (rc < 0)
        return rc;
    *ret = malloc(sizeof **ret);
    if (!*ret)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for the slots of a Redis Cluster");
    else if (reply->type == REDIS_REPLY_ERROR)
        rc = err_set(e, ERR_REDIS_REFUSED, "Redis tells no slots of a cluster (%.200s): is redis.cluster = yes right?",
                     reply->str);
    else if (!redis_slot_map_read(*ret, reply, &r->nodes->nodes[r->nodes->at].address))
        rc = err_set(e, ERR_PROTOCOL, "Redis answered CLUSTER SLOTS with something else than slots");
    freeReplyObject(reply);
    if (rc < 0)
        free(*ret);
    return rc;
}

int redis_cluster_node(struct redis_sync *r, size_t n, struct err *e)
{
    struct redis_slot_map *map = NULL;
    int rc = ask_map(r, &map, e);
    if (rc < 0)
        return rc;
    int node = n < map->n ? index_of(r->nodes, &map->nodes[n]) : -1;
    if (node < 0)
        rc = err_set(e, ERR_NOT_FOUND, "the cluster has %zu masters", map->n);
    else if ((rc = use(r, (size_t)node, e)) < 0)
        (void)give_up(r, rc);
    free(map);
    return rc;
}

static int follow(struct redis_sync *r, int slot, const char *text, struct err *e)
{
    struct redis_address to;
    struct redis_nodes *all = r->nodes;
    int node = redis_moved_to(text, &all->nodes[all->at].address, &to) ? index_of(all, &to) : -1;
    if (node < 0)
        return err_set(e, ERR_PROTOCOL, "the Redis Cluster answered %.100s, which names no node, or one too many",
                       text);
    if (slot >= 0)
        all->owner[slot] = (uint8_t)(node + 1);
    return use(r, (size_t)node, e);
}

static void rest(void)
{
    const struct timespec while_it_moves = {.tv_nsec = AGAIN_MS * 1000000L};
    (void)nanosleep(&while_it_moves, NULL);
}

/* True when the reply sends us elsewhere or says later; *rc then says whether to go on. */
static bool sent_away(struct redis_sync *r, int slot, const redisReply *reply, int *hops, uint64_t until_ms, int *rc,
                      struct err *e)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (strncmp(reply->str, "MOVED ", 6) == 0 && (*hops)++ < HOPS_MAX) {
        *rc = follow(r, slot, reply->str, e);
        return true;
    }
    if (!redis_reply_elsewhere(reply->str) || clock_mono_ms() >= until_ms)
        return false;
    rest();
    return true;
}

int redis_cluster_raw(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len)
{
    size_t key_len = 0;
    const char *key = redis_key_in(bytes, len, &key_len);
    int slot = key ? redis_slot(key, key_len) : -1, hops = 0;
    uint64_t until_ms = clock_mono_ms() + (uint64_t)r->conf.command_timeout;
    int rc = r->nodes ? redis_cluster_go(r, slot, e)
                      : err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost; open it again");
    while (rc == 0) {
        redisReply *reply = NULL;
        rc = see_to_library(r, e);
        if (rc == 0)
            rc = redis_sync_raw(r, &reply, e, bytes, len);
        if (rc < 0)
            break;
        if (!sent_away(r, slot, reply, &hops, until_ms, &rc, e)) {
            *ret_reply = reply;
            return 0;
        }
        freeReplyObject(reply);
    }
    if (r->nodes) { /* what was lost is closed already */
        r->nodes->nodes[r->nodes->at].ctx = r->ctx;
        (void)give_up(r, rc);
    }
    return rc;
}
