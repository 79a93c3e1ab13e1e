/*
 * kind_match - the kind `match`: jobs claimed together become one round of each pool they name.
 *
 * The worker starts all match jobs of one fetch at once; here they are read, sorted by pool and played one pool after
 * the other, for a pool's cache can follow only one transaction at a time. It refuses a job by itself only when its
 * payload is unusable; everything else is a result.
 */
#include "alloc.h"
#include "kind.h"
#include "log.h"
#include "match_retell_uv.h"
#include "match_turn.h"
#include "match_watch_uv.h"

#include <stdio.h>

struct waiting_turn {
    struct waiting_turn *next;
    char pool[MATCH_POOL_MAX];
    struct match_item *items; /* owned until started */
    size_t n;
};

struct kind_match {
    const struct worker_ctx *ctx;
    struct match_rules rules, next; /* next: since a reload, for the turns that follow */
    bool rules_changed;
    struct match_caches caches;
    struct match_watch *watch;
    struct match_retell *retell;
    struct waiting_turn *first, **last; /* owned queue */
    bool busy;
};

static int match_open(const struct worker_ctx *ctx, void **ret_state, struct err *e)
{
    struct kind_match *km = calloc(1, sizeof *km);
    if (!km)
        return err_set(e, ERR_OUT_OF_MEMORY, "kind match: no memory for its state");
    km->ctx = ctx;
    km->last = &km->first;
    int rc = match_rules_load(&km->rules, &ctx->conf->match, e);
    if (rc == 0 && (km->watch = match_watch_open(ctx)) == NULL)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "kind match: no memory for its watch");
    if (rc == 0 && (km->retell = match_retell_open(ctx)) == NULL)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "kind match: no memory for telling events again");
    if (rc < 0) {
        match_watch_close(km->watch);
        free(km);
        return rc;
    }
    *ret_state = km;
    return 0;
}

static void match_close(void *state)
{
    struct kind_match *km = state;
    assert(!km->busy && !km->first);
    match_watch_close(km->watch);
    match_retell_close(km->retell);
    match_caches_fini(&km->caches);
    free(km);
}

/* People in memory are arranged by policy and preset; whatever else changes, they stay as they are. Tickets keep the
 * presence and expiry they came with. */
static void take_rules(struct kind_match *km)
{
    if (!km->rules_changed || km->busy)
        return;
    if (km->next.policy != km->rules.policy || km->next.ms_per_km != km->rules.ms_per_km ||
        km->next.default_max_km != km->rules.default_max_km)
        match_caches_reset(&km->caches);
    km->rules = km->next;
    km->rules_changed = false;
    log_info("the rules of matching were changed", KV_S("policy", match_policy_name(km->rules.policy)));
}

static void match_reload(void *state)
{
    struct kind_match *km = state;
    struct err e;
    if (match_rules_load(&km->next, &km->ctx->conf->match, &e) < 0) {
        log_error("the rules of matching stay as they are", KV_S("why", e.message));
        return;
    }
    km->rules_changed = true;
    take_rules(km);
}

static void run_next(struct kind_match *km);

static void on_turn_end(void *arg)
{
    struct kind_match *km = arg;
    km->busy = false;
    run_next(km);
}

static void run_next(struct kind_match *km)
{
    struct waiting_turn *w = km->first;
    take_rules(km);
    if (km->busy || !w)
        return;
    km->first = w->next;
    if (!km->first)
        km->last = &km->first;
    struct match_cache *cache = alloc_must(match_cache_of(&km->caches, w->pool));
    km->busy = true;
    struct match_item *items = w->items;
    size_t n = w->n;
    free(w);
    match_turn_start(km->ctx, &km->rules, match_retell_sent(km->retell), cache, items, n, on_turn_end, km);
}

/* The turn of a pool among those made by this start(), or a new one at the end of the queue. */
static struct waiting_turn *turn_of(struct kind_match *km, struct waiting_turn **from, const char *pool, size_t n)
{
    for (struct waiting_turn *w = *from; w; w = w->next)
        if (strcmp(w->pool, pool) == 0)
            return w;
    struct waiting_turn *w = alloc_zero(1, sizeof *w);
    struct match_item *items = alloc_zero(n, sizeof *items);
    (void)snprintf(w->pool, sizeof w->pool, "%s", pool);
    w->items = items;
    *km->last = w;
    km->last = &w->next;
    return w;
}

static void match_start(void *state, struct job_run *const runs[], size_t n)
{
    struct kind_match *km = state;
    struct waiting_turn **from = km->last;
    for (size_t i = 0; i < n; i++) {
        struct match_op op;
        struct err e;
        if (match_op_parse(runs[i]->job->payload, runs[i]->job->payload_len, &op, &e) < 0) {
            job_run_fail(runs[i], &e, NULL);
            continue;
        }
        struct waiting_turn *w = turn_of(km, from, op.pool, n);
        w->items[w->n++] = (struct match_item){.run = runs[i], .op = op};
    }
    run_next(km);
}

const struct kind_ops kind_match_ops = {
    .open = match_open,
    .start = match_start,
    .close = match_close,
    .reload = match_reload,
    .batch_whole = true,
    .stores = true,
    .needs_sql = "SELECT e.tell_ms, p.queue FROM stint.match_event e, stint.match_pool p LIMIT 0",
};
