/*
 * slots - see slots.h. Keeps the table; refuses to start, signal or talk to a process.
 */
#include "slots.h"

#include <stdio.h>

static bool queue_known(const struct slots *s, const char *queue)
{
    size_t i = 0;
    while (i < s->n_queues && strcmp(s->queues[i], queue) != 0)
        i++;
    return i < s->n_queues;
}

static uint32_t queue_index(struct slots *s, const char *queue)
{
    for (size_t i = 0; i < s->n_queues; i++)
        if (strcmp(s->queues[i], queue) == 0)
            return (uint32_t)i;
    (void)snprintf(s->queues[s->n_queues], sizeof s->queues[0], "%.*s", QUEUE_MAX - 1, queue);
    s->whole[s->n_queues] = (uint32_t)s->n_queues;
    s->part[s->n_queues] = 0;
    return (uint32_t)s->n_queues++;
}

bool slots_add_parts(struct slots *s, uint32_t queue, uint32_t parts)
{
    for (uint32_t part = 1; part < parts; part++) {
        if (slots_part(s, queue, part) != queue)
            continue;
        if (s->n_queues == QUEUES_MAX || !shard_name(s->queues[s->n_queues], s->queues[queue], part))
            return false;
        s->whole[s->n_queues] = queue;
        s->part[s->n_queues++] = part;
    }
    return true;
}

uint32_t slots_part(const struct slots *s, uint32_t queue, uint32_t part)
{
    uint32_t whole = s->whole[queue];
    for (uint32_t i = 0; i < s->n_queues; i++)
        if (s->whole[i] == whole && s->part[i] == part)
            return i;
    return whole;
}

uint32_t slots_last_part(const struct slots *s, uint32_t queue)
{
    uint32_t last = queue;
    for (uint32_t i = 0; i < s->n_queues; i++)
        if (s->whole[i] == s->whole[queue] && s->part[i] > s->part[last])
            last = i;
    return last;
}

uint32_t slots_part_now(const struct slots *s, const struct slot *slot)
{
    return slots_part(s, slot->pool->queue, atomic_load_explicit(&slots_cell(s, slot)->part, memory_order_relaxed));
}

void slots_stirred(struct slots *s, uint32_t queue)
{
    if (s->listed[queue])
        atomic_fetch_add_explicit(&s->board->supervisor.stirred[s->listed_at[queue]], 1, memory_order_relaxed);
}

void slots_send(struct slot *slot, uint32_t queue, uint64_t now_ms)
{
    if (now_ms - slot->been_ms >= SLOT_BEEN_MS) {
        memcpy(slot->been[1], slot->been[0], sizeof slot->been[1]);
        memset(slot->been[0], 0, sizeof slot->been[0]);
        slot->been_ms = now_ms;
    }
    slot->sent = queue;
    slot->been[0][queue / 64] |= UINT64_C(1) << queue % 64;
}

bool slots_was_at(const struct slots *s, const struct slot *slot, uint32_t queue)
{
    uint64_t been = slot->been[0][queue / 64] | slot->been[1][queue / 64];
    return slots_serves(s, slot, queue) &&
           (!s->listed[queue] || slot->pool->queue == queue || (been >> queue % 64 & 1) != 0);
}

bool slots_serves(const struct slots *s, const struct slot *slot, uint32_t queue)
{
    return slot->pool->queue == s->whole[queue];
}

static const char *pool_queue(const struct conf *conf, const struct conf_pool *p)
{
    if (p->queue[0] != '\0')
        return p->queue;
    char first[KIND_MAX] = "";
    (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(p->kinds, ", "), p->kinds);
    return conf_queue_of_kind(conf, first);
}

int slots_add_pool(struct slots *s, const struct conf *conf, const struct conf_pool *p, struct err *e)
{
    const char *queue = pool_queue(conf, p);
    if (queue == NULL)
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] has no queue and its first kind has no default one; set queue = NAME in it", p->name);
    if (!queue_known(s, queue) && s->n_queues == QUEUES_MAX)
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] queue %s: %d queues and shards are served already; restart with fewer", p->name,
                       queue, QUEUES_MAX);
    struct pool *pool = &s->pools[s->n_pools++];
    *pool = (struct pool){.conf = p};
    pool->desired = pool_workers_first(pool);
    (void)snprintf(pool->name, sizeof pool->name, "%s", p->name);
    pool->queue = queue_index(s, queue);
    if (!slots_add_listed(s, conf, pool))
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] queues: %d queues and shards are served already; restart with fewer", p->name,
                       QUEUES_MAX);
    return 0;
}

/* What a reload takes from the list is served until a restart: its number among the parts may be in a worker's hand. */
bool slots_add_listed(struct slots *s, const struct conf *conf, const struct pool *pool)
{
    uint32_t last = s->part[slots_last_part(s, pool->queue)];
    for (size_t i = 0; i < conf->n_listed; i++) {
        const char *name = conf->listed[i].name;
        if (&conf->pools[conf->listed[i].pool] != pool->conf)
            continue;
        s->listed[pool->queue] = true;
        if (queue_known(s, name)) {
            s->listed_at[queue_index(s, name)] = (uint16_t)i;
            continue;
        }
        if (s->n_queues == QUEUES_MAX)
            return false;
        uint32_t at = queue_index(s, name);
        s->whole[at] = pool->queue;
        s->part[at] = ++last;
        s->listed[at] = true;
        s->listed_at[at] = (uint16_t)i;
    }
    return true;
}

/* Plain queues first: the configuration was checked, so all of them have room, and a reload adds shards behind them. */
void slots_add_shards(struct slots *s, const struct conf *conf)
{
    for (uint32_t queue = 0, n = (uint32_t)s->n_queues; queue < n; queue++)
        if (s->part[queue] == 0 && !s->listed[queue])
            (void)slots_add_parts(s, queue, shard_parts(conf_queue_shards(conf, s->queues[queue])));
}

int slots_init(struct slots *s, const struct conf *conf, struct err *e)
{
    *s = (struct slots){.board_fd = -1};
    uint64_t wanted = 0;
    for (size_t i = 0; i < conf->n_pools; i++) {
        int rc = slots_add_pool(s, conf, &conf->pools[i], e);
        if (rc < 0)
            return rc;
        wanted += s->pools[i].desired;
    }
    slots_add_shards(s, conf);
    if (wanted > SCORE_SLOT_MAX)
        return err_set(e, ERR_BAD_CONFIG,
                       "the pools want %llu workers together; one supervisor runs at most %d: lower `workers`",
                       (unsigned long long)wanted, SCORE_SLOT_MAX);
    for (uint32_t i = 0; i < SCORE_SLOT_MAX; i++)
        s->table[i] = (struct slot){.number = i, .control_fd = -1, .cgroup_fd = -1, .crash_fd = -1};
    int rc = scoreboard_new(&s->board, &s->board_fd);
    if (rc < 0)
        return err_set_errno(e, -rc, "cannot make the shared scoreboard");
    return 0;
}

void slots_fini(struct slots *s)
{
    if (s == NULL)
        return;
    if (s->board != NULL) {
        scoreboard_free(s->board);
        s->board = NULL;
        base_close_fd(&s->board_fd);
    }
}

struct pool *slots_pool(struct slots *s, const char *name)
{
    for (size_t i = 0; i < s->n_pools; i++)
        if (strcmp(s->pools[i].name, name) == 0)
            return &s->pools[i];
    return NULL;
}

struct score_cell *slots_cell(const struct slots *s, const struct slot *slot)
{
    return &s->board->cells[slot->number];
}

struct slot *slots_take(struct slots *s, struct pool *pool)
{
    struct slot *unused = NULL;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &s->table[i];
        if (slot->pool == pool && slot->state == SLOT_EMPTY)
            return slot;
        if (slot->pool == NULL && unused == NULL)
            unused = slot;
    }
    if (unused == NULL)
        return NULL;
    unused->pool = pool;
    struct score_cell *cell = slots_cell(s, unused);
    (void)snprintf(cell->pool, sizeof cell->pool, "%s", pool->name);
    return unused;
}

uint32_t pool_workers_first(const struct pool *pool)
{
    const struct conf_pool *p = pool->conf;
    int64_t n = conf_pool_scaled(p) ? MIN_OF(MAX_OF(p->workers, p->workers_min), conf_pool_workers_max(p)) : p->workers;
    return (uint32_t)n;
}

uint32_t pool_workers_max(const struct pool *pool)
{
    return (uint32_t)conf_pool_workers_max(pool->conf);
}

uint32_t slots_held(const struct slots *s, const struct pool *pool)
{
    uint32_t n = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->table[i];
        if (slot->pool == pool && slot->state != SLOT_EMPTY && !slot->retire)
            n++;
    }
    return n;
}

uint32_t slots_in_state(const struct slots *s, const struct pool *pool, enum slot_state state)
{
    uint32_t n = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->table[i];
        if (slot->pool != NULL && (pool == NULL || slot->pool == pool) && slot->state == state)
            n++;
    }
    return n;
}

uint32_t slots_live(const struct slots *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        n += slot_state_live(s->table[i].state) ? 1 : 0;
    return n;
}

bool pool_serves_lane(const struct pool *pool)
{
    return pool->conf->lane[0] != '\0';
}

uint32_t slots_idle(const struct slots *s, uint32_t queue, bool lane)
{
    uint32_t n = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->table[i];
        if (slot->state == SLOT_READY && slot->idle && slots_serves(s, slot, queue) &&
            pool_serves_lane(slot->pool) == lane)
            n++;
    }
    return n;
}

struct slot *slots_idle_one(struct slots *s, uint32_t queue, bool lane)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        struct slot *slot = &s->table[i];
        if (slot->state == SLOT_READY && slot->idle && slots_serves(s, slot, queue) &&
            pool_serves_lane(slot->pool) == lane)
            return slot;
    }
    return NULL;
}

/* A worker goes to a listed queue only when it is sent there; one that starts begins with the first. */
static bool may_be_at(const struct slots *s, const struct slot *slot, uint32_t queue)
{
    return !s->listed[queue] || slot->state != SLOT_READY || slot->sent == queue || slots_part_now(s, slot) == queue;
}

bool slots_all_idle(const struct slots *s, uint32_t queue)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->table[i];
        if (slot->pool != NULL && slots_serves(s, slot, queue) && !may_be_at(s, slot, queue))
            continue;
        if (slot->pool != NULL && slots_serves(s, slot, queue) && slot->state != SLOT_EMPTY &&
            !(slot->state == SLOT_READY && slot->idle))
            return false;
    }
    return true;
}

void slots_move(struct slots *s, struct slot *slot, enum slot_event event)
{
    enum slot_state next = slot->state;
    int rc = slot_fsm_next(slot->state, event, &next);
    assert(rc == 0);
    (void)rc;
    slot->state = next;
    if (next != SLOT_READY)
        slot->idle = false;
    atomic_store_explicit(&slots_cell(s, slot)->slot_state, (uint32_t)next, memory_order_relaxed);
}

const char *pool_state_name(const struct slots *s, const struct pool *pool)
{
    if (pool->stopped)
        return "stopped";
    bool degraded = pool->boot_failures > 0 || slots_in_state(s, pool, SLOT_BACKOFF) > 0;
    return degraded ? "degraded" : "ok";
}
