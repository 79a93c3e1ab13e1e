/*
 * redis_cluster_uv - see redis_uv_impl.h. A connection to each master that has a slot somebody uses, and a map that
 * says which; the map is asked for (CLUSTER SLOTS, of the next known node each time) at the start, when a node is lost,
 * when a command was MOVED, and again as long as a slot in use cannot be reached.
 *
 * Refuses to: follow ASK. A Function uses many keys of its slot, and while the slot is moved some of them are at either
 * end: the library says TRYAGAIN there (functions/38_slot.lua), the caller gets the error and calls again.
 */
#include "redis_uv_impl.h"

#include <stdio.h>
#include <sys/random.h>

#include "redis_functions.h"
#include "redis_slots.h"

enum {
    ASK_SOON_MS = 20,   /* after a loss or a MOVED, and between the nodes of one round */
    ASK_AGAIN_MS = 250, /* between rounds, and as much again at random */
    ASK_WAIT_MS = 1000, /* at most, for a node that says nothing: others know as well */
};

struct node {
    struct redis_cluster *owner;
    struct redis_uv *link; /* NULL: none of its slots is in use */
    struct redis_address address;
    bool ready;
};

struct redis_cluster {
    uv_loop_t *loop;
    struct conf_redis conf;
    char name[CONSUMER_MAX + 16];
    int64_t block_ms;
    redis_uv_state_fn on_state;
    void *arg;
    void (*on_rtt)(void *arg, uint64_t us); /* may be NULL */
    void *rtt_arg;
    struct redis_slot_map map;
    struct node *nodes[REDIS_NODES_MAX]; /* one for each of the map's, in its order */
    bool used[REDIS_SLOTS];
    bool any_used;
    struct redis_uv *asker; /* NULL between two questions */
    struct redis_address asked;
    size_t asks; /* since the last answer */
    size_t next; /* whom to ask next, counted round */
    uv_timer_t timer;
    bool told_ready, closing, timer_closed;
    size_t open; /* connections not yet gone */
    uint64_t commands, last_rtt_us;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void ask(struct redis_cluster *c);

static void free_when_gone(struct redis_cluster *c)
{
    if (!c->timer_closed || c->open > 0)
        return;
    void (*on_closed)(void *) = c->on_closed;
    void *arg = c->closed_arg;
    free(c);
    if (on_closed)
        on_closed(arg);
}

static void on_link_gone(void *arg)
{
    struct redis_cluster *c = arg;
    c->open--;
    free_when_gone(c);
}

static void on_node_gone(void *arg)
{
    struct node *node = arg;
    struct redis_cluster *c = node->owner;
    free(node);
    on_link_gone(c);
}

static void on_timer(uv_timer_t *timer)
{
    ask(timer->data);
}

static void ask_in(struct redis_cluster *c, uint64_t ms)
{
    if (!c->closing && !c->asker && (!uv_is_active((uv_handle_t *)&c->timer) || uv_timer_get_due_in(&c->timer) > ms))
        (void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

static uint64_t again_ms(void)
{
    uint16_t random;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = 0;
    return ASK_AGAIN_MS + random % ASK_AGAIN_MS;
}

/* --- what the owner is told --- */

bool redis_cluster_ready(const struct redis_cluster *c)
{
    for (size_t i = 0; !c->closing && i < c->map.n; i++)
        if (c->nodes[i]->ready)
            return true;
    return false;
}

/* One more node can be reached, or slots are elsewhere: what was left unsaid can be said. */
static void tell_ready(struct redis_cluster *c)
{
    if (!redis_cluster_ready(c))
        return;
    c->told_ready = true;
    c->on_state(c->arg, true, NULL);
}

static void tell_lost(struct redis_cluster *c, const struct err *e)
{
    if (c->closing || redis_cluster_ready(c))
        return;
    c->told_ready = false;
    c->on_state(c->arg, false, e);
}

/* --- nodes --- */

static void on_node_state(void *arg, bool ready, const struct err *e)
{
    struct node *node = arg;
    struct redis_cluster *c = node->owner;
    node->ready = ready;
    if (ready) {
        tell_ready(c);
        return;
    }
    ask_in(c, c->asks == 0 ? ASK_SOON_MS : again_ms());
    tell_lost(c, e);
}

static void on_node_moved(void *arg)
{
    ask_in(((struct node *)arg)->owner, ASK_SOON_MS);
}

static void on_node_rtt(void *arg, uint64_t us)
{
    struct redis_cluster *c = arg;
    c->last_rtt_us = us;
    if (c->on_rtt)
        c->on_rtt(c->rtt_arg, us);
}

static void connect_node(struct redis_cluster *c, struct node *node)
{
    if (node->link)
        return;
    node->link = redis_uv_node(c->loop, &c->conf, &node->address, false, c->name, c->block_ms, on_node_state,
                               on_node_moved, node);
    if (!node->link) {
        ask_in(c, again_ms());
        return;
    }
    redis_uv_on_rtt(node->link, on_node_rtt, c);
    c->open++;
}

/* Its pending commands get NULL before this returns. */
static void drop_node(struct node *node)
{
    struct redis_uv *link = node->link;
    node->link = NULL;
    node->ready = false;
    if (link)
        redis_uv_close(link, on_node_gone, node);
    else
        free(node);
}

static struct node *node_of(const struct redis_cluster *c, int slot)
{
    return c->map.owner[slot] ? c->nodes[c->map.owner[slot] - 1] : NULL;
}

/* True when the slot's master takes commands; else it is seen to. */
static bool reach(struct redis_cluster *c, int slot)
{
    c->used[slot] = c->any_used = true;
    struct node *node = node_of(c, slot);
    if (node)
        connect_node(c, node);
    else if (c->asks == 0)
        ask_in(c, again_ms());
    return node && node->ready;
}

/* --- the map --- */

/* The node as it was known before, connection and all, taken out of the old list; else a new one. NULL: no memory. */
static struct node *keep_or_new(struct redis_cluster *c, struct node *before[], size_t n,
                                const struct redis_address *address)
{
    for (size_t i = 0; i < n; i++) {
        struct node *node = before[i];
        if (!node || !redis_address_same(&node->address, address))
            continue;
        before[i] = NULL;
        return node;
    }
    struct node *node = calloc(1, sizeof *node);
    if (node)
        *node = (struct node){.owner = c, .address = *address};
    return node;
}

static void connect_used(struct redis_cluster *c)
{
    bool all = true;
    if (!c->any_used && c->map.n > 0)
        connect_node(c, c->nodes[0]);
    for (int slot = 0; slot < REDIS_SLOTS; slot++)
        all = (!c->used[slot] || reach(c, slot)) && all;
    if (!all)
        ask_in(c, again_ms());
}

/* A slot in use has another master than before. */
static bool used_moved(const struct redis_cluster *c, const struct redis_slot_map *fresh)
{
    for (int slot = 0; slot < REDIS_SLOTS; slot++) {
        uint8_t old = c->map.owner[slot], now = fresh->owner[slot];
        if (c->used[slot] && now && !(old && redis_address_same(&c->map.nodes[old - 1], &fresh->nodes[now - 1])))
            return true;
    }
    return false;
}

static void take_map(struct redis_cluster *c, const struct redis_slot_map *fresh)
{
    struct node *before[REDIS_NODES_MAX];
    size_t n = c->map.n;
    bool moved = used_moved(c, fresh);
    memcpy(before, c->nodes, sizeof before);
    c->map = *fresh;
    for (size_t i = 0; i < fresh->n; i++) {
        c->nodes[i] = keep_or_new(c, before, n, &fresh->nodes[i]);
        if (!c->nodes[i]) { /* no memory: nobody is known to have any slot, and all is asked for again */
            memset(c->map.owner, 0, sizeof c->map.owner);
            c->map.n = i;
            break;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (before[i])
            drop_node(before[i]); /* it has no slots any more */
    if (c->closing)
        return; /* by the callback of a command that was dropped */
    connect_used(c);
    struct err e;
    (void)err_set(&e, ERR_REDIS_UNAVAILABLE, "the cluster moved its slots to other nodes");
    if (c->told_ready)
        tell_lost(c, &e);
    if (moved)
        tell_ready(c);
}

static void end_asker(struct redis_cluster *c)
{
    struct redis_uv *asker = c->asker;
    c->asker = NULL;
    if (asker)
        redis_uv_close(asker, on_link_gone, c);
}

static void asked_in_vain(struct redis_cluster *c, const struct err *e)
{
    size_t round = c->map.n + 4; /* all that are known, and some seeds */
    end_asker(c);
    c->asks++;
    ask_in(c, c->asks % round != 0 ? ASK_SOON_MS : again_ms());
    tell_lost(c, e);
}

static void on_slots(void *arg, const redisReply *reply, const struct err *lost)
{
    struct redis_cluster *c = arg;
    struct err e;
    if (!reply) {
        (void)lost;
        return; /* on_asker_state says it */
    }
    AUTO_FREE struct redis_slot_map *fresh = malloc(sizeof *fresh);
    if (fresh && redis_slot_map_read(fresh, reply, &c->asked) && fresh->n > 0) {
        end_asker(c);
        c->asks = 0;
        take_map(c, fresh);
        return;
    }
    char where[REDIS_ADDRESS_TEXT_MAX];
    bool words = reply->type == REDIS_REPLY_ERROR;
    (void)err_set(&e, ERR_REDIS_UNAVAILABLE,
                  "Redis at %s tells no slots of a cluster (%.200s): is redis.cluster = yes right?",
                  redis_address_text(&c->asked, where), words ? reply->str : "nobody has any");
    asked_in_vain(c, &e);
}

static void on_asker_state(void *arg, bool ready, const struct err *e)
{
    struct redis_cluster *c = arg;
    static const char *const argv[] = {"CLUSTER", "SLOTS"};
    if (!c->asker)
        return;
    if (!ready)
        asked_in_vain(c, e);
    else
        (void)redis_uv_argv(c->asker, on_slots, c, ARRAY_LEN(argv), argv, NULL);
}

/* Nodes of the map first (they are the cluster as it was last known), then those of the configuration, round and round.
 */
static int next_to_ask(struct redis_cluster *c, struct err *e)
{
    size_t at = c->next++;
    if (at < c->map.n) {
        c->asked = c->map.nodes[at];
        return 0;
    }
    int rc = redis_seed(c->conf.url, c->conf.nodes, at - c->map.n, &c->asked, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    c->next = 0;
    return redis_seed(c->conf.url, c->conf.nodes, 0, &c->asked, e);
}

static void ask(struct redis_cluster *c)
{
    struct err e;
    if (c->asker || c->closing)
        return;
    struct conf_redis conf = c->conf;
    conf.connect_timeout = MIN_OF(conf.connect_timeout, (int64_t)ASK_WAIT_MS);
    conf.command_timeout = MIN_OF(conf.command_timeout, (int64_t)ASK_WAIT_MS);
    int rc = next_to_ask(c, &e);
    if (rc == 0) {
        c->asker = redis_uv_node(c->loop, &conf, &c->asked, true, c->name, 0, on_asker_state, NULL, c);
        if (c->asker) {
            c->open++;
            return;
        }
        (void)err_set(&e, ERR_OUT_OF_MEMORY, "no memory to ask a Redis Cluster for its slots");
    }
    asked_in_vain(c, &e);
}

/* --- what redis_uv.c calls --- */

struct redis_cluster *redis_cluster_new(uv_loop_t *loop, const struct conf_redis *conf, const char *name,
                                        int64_t block_ms, redis_uv_state_fn on_state, void *arg)
{
    struct redis_cluster *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->loop = loop;
    c->conf = *conf;
    c->block_ms = block_ms;
    c->on_state = on_state;
    c->arg = arg;
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    (void)uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    (void)uv_timer_start(&c->timer, on_timer, 0, 0);
    return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct redis_cluster *c = handle->data;
    c->timer_closed = true;
    free_when_gone(c);
}

void redis_cluster_close(struct redis_cluster *c, void (*on_closed)(void *arg), void *arg)
{
    c->closing = true;
    c->on_closed = on_closed;
    c->closed_arg = arg;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    end_asker(c);
    size_t n = c->map.n;
    c->map.n = 0; /* callbacks of what is dropped find nobody */
    for (size_t i = 0; i < n; i++)
        drop_node(c->nodes[i]);
}

bool redis_cluster_reaches(struct redis_cluster *c, const char *queue)
{
    return !c->closing && reach(c, redis_slot_of_queue(queue));
}

int redis_cluster_argv(struct redis_cluster *c, int slot, redis_uv_reply_fn on_reply, void *arg, int argc,
                       const char *const argv[], const size_t lens[])
{
    struct node *node = NULL;
    if (c->closing || (slot >= 0 && !reach(c, slot)))
        return -ENOTCONN;
    if (slot >= 0)
        node = node_of(c, slot);
    for (size_t i = 0; !node && i < c->map.n; i++)
        node = c->nodes[i]->ready ? c->nodes[i] : NULL;
    if (!node)
        return -ENOTCONN;
    c->commands++;
    return redis_uv_argv(node->link, on_reply, arg, argc, argv, lens);
}

void redis_cluster_flush(struct redis_cluster *c)
{
    for (size_t i = 0; !c->closing && i < c->map.n; i++)
        if (c->nodes[i]->ready)
            redis_uv_flush(c->nodes[i]->link);
}

void redis_cluster_reset(struct redis_cluster *c)
{
    for (size_t i = 0; !c->closing && i < c->map.n; i++)
        if (c->nodes[i]->link)
            redis_uv_reset(c->nodes[i]->link);
}

/* The oldest of those in use: what it lacks is not called anywhere. */
long long redis_cluster_library(const struct redis_cluster *c)
{
    long long oldest = -1;
    for (size_t i = 0; i < c->map.n; i++) {
        long long version = c->nodes[i]->ready ? redis_uv_library(c->nodes[i]->link) : -1;
        if (version >= 0 && (oldest < 0 || version < oldest))
            oldest = version;
    }
    return oldest;
}

void redis_cluster_stats(const struct redis_cluster *c, uint64_t *ret_commands, uint64_t *ret_last_rtt_us)
{
    *ret_commands = c->commands;
    *ret_last_rtt_us = c->last_rtt_us;
}

void redis_cluster_on_rtt(struct redis_cluster *c, void (*on_rtt)(void *arg, uint64_t us), void *arg)
{
    c->on_rtt = on_rtt;
    c->rtt_arg = arg;
}
