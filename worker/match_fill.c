/*
 * match_fill - pages of tickets, one after the other.
 *
 * It refuses to let a pool that is too large end the process: whoever is ended for its memory reads the same pool again
 * in its next life. It refuses, too, to spend a job's whole time: what was read is kept for the next one.
 */
#include "match_fill.h"

#include "clock.h"
#include "log.h"

#include <malloc.h>
#include <stdio.h>

uint64_t match_fill_resident_max(const struct conf_pool *pool)
{
    uint64_t most = pool->recycle_rss > 0 ? (uint64_t)pool->recycle_rss / 10 * 9 : 0;
    /* Libraries and what is allocated but never used count as address space, too. */
    uint64_t space = (uint64_t)pool->memory / 4 * 3;
    uint64_t group = (uint64_t)pool->cgroup_memory / 10 * 9;
    if (space > 0 && (most == 0 || space < most))
        most = space;
    return group > 0 && (most == 0 || group < most) ? group : most;
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool match_fill_ours(const struct worker_ctx *ctx, const char *pool, const char *queue, struct err *e)
{
    if (queue[0] == '\0' || strcmp(queue, ctx->queue) == 0)
        return true;
    err_set(e, ERR_REFUSED,
            "pool %s belongs to the queue %s and this job came through the queue %s; send it there, or use a pool of "
            "another name",
            pool, queue, ctx->queue);
    return false;
}

static void fail(struct match_fill *f, const struct err *e)
{
    struct err why = *e;
    match_cache_reset(f->cache);
    (void)malloc_trim(0);
    f->on_end(f->arg, MATCH_FILL_FAILED, &why);
}

static void fail_code(struct match_fill *f, int rc)
{
    struct err e;
    int code = rc == -ENOMEM ? ERR_OUT_OF_MEMORY : rc == -ENOSPC ? ERR_REFUSED : rc;
    err_set(&e, code, "match pool %s: reading it: %s", f->cache->pool, err_text(rc));
    fail(f, &e);
}

static void refuse_size(struct match_fill *f, uint64_t resident)
{
    struct err e;
    err_set(&e, ERR_MEM_LIMIT,
            "match pool %s does not fit this worker: with %u people of it in memory the process has %llu MiB of the "
            "%llu MiB it may "
            "have; raise recycle_rss and memory of [pool.%s], about 300 bytes a person",
            f->cache->pool, match_index_count(f->cache->ix), (unsigned long long)resident >> 20,
            (unsigned long long)f->resident_max >> 20, f->ctx->pool);
    log_error("a pool of matching is too large for this worker", KV_S("why", e.message));
    fail(f, &e);
}

static void on_page(void *arg, PGresult *const results[], size_t n, const struct err *e);

/* Each page is a transaction of its own: nothing is held while the worker is busy. */
static int ask(struct match_fill *f)
{
    struct pg_batch *b = pg_batch_new();
    int rc = b ? match_store_page(b, f->cache->pool, &f->cache->mark) : -ENOMEM;
    if (rc < 0) {
        pg_batch_free(b);
        return rc;
    }
    pg_conn_send(f->conn, b, on_page, f);
    return 0;
}

static int take_in(struct match_fill *f, const PGresult *page)
{
    struct match_mark mark = {0}; /* the cache's own is at the end of this page already */
    int rows = match_load_changes(page, f->rules, f->cache->pool, clock_wall_ms(), f->cache->ix, &mark);
    return MIN_OF(rows, 0);
}

static void on_page(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_fill *f = arg;
    (void)n;
    if (e) {
        fail(f, e);
        return;
    }
    if (f->broken < 0) {
        fail_code(f, f->broken);
        return;
    }
    const PGresult *page = results[MATCH_PAGE_ROWS];
    bool last = PQntuples(page) < MATCH_PAGE;
    bool more = !last && clock_mono_ms() < f->until_ms;
    uint64_t resident = f->resident_max > 0 && !last ? resident_bytes() : 0;
    if (resident > f->resident_max) {
        refuse_size(f, resident);
        return;
    }
    match_load_mark(page, &f->cache->mark);
    int rc = more ? ask(f) : 0;
    if (rc < 0) {
        fail_code(f, rc);
        return;
    }
    rc = take_in(f, page);
    if (more) {
        f->broken = rc;
    } else if (rc < 0) {
        fail_code(f, rc);
    } else {
        f->cache->warm = last;
        f->on_end(f->arg, last ? MATCH_FILL_WARM : MATCH_FILL_LEFT, NULL);
    }
}

static void on_floor(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_fill *f = arg;
    struct err why;
    (void)n;
    bool there = !e && PQntuples(results[0]) > 0;
    if (e || (there && !match_fill_ours(f->ctx, f->cache->pool, PQgetvalue(results[0], 0, 1), &why))) {
        fail(f, e ? e : &why);
        return;
    }
    if (f->cache->mark.id[0] == '\0')
        f->cache->floor_seen = there ? strtoll(PQgetvalue(results[0], 0, 0), NULL, 10) : 0;
    int rc = ask(f);
    if (rc < 0)
        fail_code(f, rc);
}

/* What an earlier fill left is good as long as none of the people in it can have gone and be forgotten since. */
static void forget_stale(struct match_cache *c)
{
    if (c->ix && clock_mono_ms() - c->fill_began_ms > MATCH_FILL_KEPT_MS)
        match_cache_reset(c);
    if (!c->ix)
        c->fill_began_ms = clock_mono_ms();
}

void match_fill_start(struct match_fill *f, const struct worker_ctx *ctx, const struct match_rules *rules,
                      struct match_cache *cache, struct pg_conn *conn,
                      void (*on_end)(void *arg, enum match_fill_end end, const struct err *e), void *arg)
{
    const struct conf_pool *pool = conf_pool_of(ctx->conf, ctx->pool);
    *f = (struct match_fill){.ctx = ctx, .rules = rules, .cache = cache, .conn = conn, .on_end = on_end, .arg = arg};
    f->until_ms = clock_mono_ms() + MATCH_FILL_SLICE_MS;
    f->resident_max = pool ? match_fill_resident_max(pool) : 0;
    forget_stale(cache);
    struct pg_batch *b = pg_batch_new();
    const char *name = cache->pool;
    int rc = match_cache_open(cache, rules);
    rc =
        rc < 0 || !b ? -ENOMEM : pg_batch_add(b, "SELECT floor, queue FROM stint.match_pool WHERE pool = $1", 1, &name);
    if (rc < 0) {
        pg_batch_free(b);
        fail_code(f, rc);
        return;
    }
    pg_conn_send(conn, b, on_floor, f);
}
