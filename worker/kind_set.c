/*
 * kind_set - why: which jobs this process may run, fixed at boot. Refuses a pool that names a kind this build does not have: that
 * is a broken deploy, better said at once than job by job. (A job of a foreign kind in the queue is another matter: fetch.c.)
 */
#include "kind_set.h"

#include <stdio.h>

static int open_kind(struct kind_set *set, const struct worker_ctx *base, const char *name, struct score_cell *cell,
                     struct err *e)
{
    const struct conf_kind *conf = conf_kind_of(base->conf, name);
    const struct kind_ops *ops = kind_ops_of(name);
    if (!ops || !conf)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] kinds: \"%s\" is no kind of this build; it knows %s", base->pool, name,
                       kind_known_names());
    if (!conf->enabled || kind_set_find(set, name))
        return 0;
    if (set->n == ARRAY_LEN(set->slots))
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] kinds: at most %zu kinds in one pool", base->pool, set->n);
    struct kind_slot *slot = &set->slots[set->n++];
    *slot = (struct kind_slot){.ops = ops, .ctx = *base, .score = score_kind(cell, name)};
    snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->ctx.kind = conf;
    int rc = ops->open ? ops->open(&slot->ctx, &slot->state, e) : 0;
    slot->open = rc == 0;
    return rc;
}

int kind_set_open(struct kind_set *set, const struct worker_ctx *base, const struct conf_pool *pool, struct score_cell *cell,
                  struct err *e)
{
    char list[CONF_STR_MAX];
    snprintf(list, sizeof list, "%s", pool->kinds);
    char *rest = list;
    for (char *name = strtok_r(rest, ", \t", &rest); name; name = strtok_r(NULL, ", \t", &rest)) {
        int rc = open_kind(set, base, name, cell, e);
        if (rc < 0)
            return rc;
    }
    if (set->n == 0)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] kinds = %s: none of them is enabled; set [kind.NAME] enabled = yes",
                       base->pool, pool->kinds);
    return 0;
}

void kind_set_close(struct kind_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        struct kind_slot *slot = &set->slots[i];
        if (slot->open && slot->ops->close)
            slot->ops->close(slot->state);
        slot->open = false;
    }
}

void kind_set_reload(struct kind_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->slots[i].open && set->slots[i].ops->reload)
            set->slots[i].ops->reload(set->slots[i].state);
}

struct kind_slot *kind_set_find(struct kind_set *set, const char *kind)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->slots[i].name, kind) == 0)
            return &set->slots[i];
    return NULL;
}

bool kind_set_stores(const struct kind_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->slots[i].ops->stores)
            return true;
    return false;
}

static uint32_t kind_batch_max(const char *kind)
{
    static const struct {
        const char *name;
        uint32_t batch_max;
    } defaults[] = {
#define X(name, queue, batch_max, whole, track, attempts, backoff, timeout, enabled) {name, batch_max},
        KIND_DEFAULTS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        if (strcmp(defaults[i].name, kind) == 0)
            return defaults[i].batch_max;
    return 1;
}

void kind_set_batch(const struct kind_set *set, const struct conf_pool *pool, struct batch_size *b)
{
    uint32_t max = BATCH_SIZE_MAX;
    bool whole = true;
    for (size_t i = 0; i < set->n; i++) {
        max = MIN_OF(max, kind_batch_max(set->slots[i].name));
        whole = whole && set->slots[i].ops->batch_whole;
    }
    if (pool->batch_max > 0)
        max = (uint32_t)pool->batch_max;
    batch_size_init(b, max, (uint64_t)pool->batch_target, whole);
}

bool kind_set_execs(const struct kind_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->slots[i].ops->execs)
            return true;
    return false;
}
