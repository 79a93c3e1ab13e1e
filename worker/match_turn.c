/*
 * match_turn - a pool's turn: its round is read, played (match_commit.c), and played again when it could not be
 * committed.
 *
 * It refuses to let one job bury the others of its round: what PostgreSQL will not take even from a rebuilt cache is
 * played in halves, until the job that it is about stands alone.
 */
#include "match_turn_impl.h"

#include "alloc.h"
#include "clock.h"
#include "log.h"

static void begin(struct match_turn *t);
static void send_read(struct match_turn *t);

/* -- ends ------------------------------------------------------------------------------------------------------------
 */

static void close_round(struct match_turn *t)
{
    if (!t->open)
        return;
    free(t->round.met);
    free(t->round.rests);
    match_round_fini(&t->round);
    t->open = false;
}

void match_turn_release(struct match_turn *t)
{
    if (t->conn)
        pg_pool_release(t->ctx->pg, t->conn);
    t->conn = NULL;
}

void match_turn_end(struct match_turn *t)
{
    void (*on_end)(void *) = t->on_end;
    void *arg = t->arg;
    close_round(t);
    match_turn_release(t);
    for (size_t i = 0; i < t->n; i++) {
        match_op_fini(&t->items[i].op);
        free(t->items[i].result);
    }
    match_tell_fini(&t->tell);
    if (t->n_after > 0) {
        t->items += t->n;
        t->n = t->n_after;
        t->n_after = 0;
        t->tries = 0;
        begin(t);
        return;
    }
    free(t->all);
    free(t);
    on_end(arg);
}

static void fail(struct match_turn *t, const struct err *e)
{
    if (t->open)
        match_cache_reset(t->cache);
    match_turn_release(t);
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].run)
            job_run_fail(t->items[i].run, e, NULL);
    match_turn_end(t);
}

/* Plays the round again after a roll-back; the index is rebuilt, for it holds what did not happen. After `limit` tries
 * the round is halved, and a job that is left alone fails. */
static void again(struct match_turn *t, const struct err *e, int limit)
{
    struct err why = *e;
    t->cache->trouble.conflicts += e->code == ERR_STORE_CONFLICT;
    match_cache_reset(t->cache);
    close_round(t);
    match_turn_release(t);
    if (t->tries < limit) {
        begin(t);
    } else if (t->n > 1) {
        log_warn("match round halved", KV_S("pool", t->cache->pool), KV_I("jobs", (int64_t)t->n),
                 KV_S("why", why.message));
        t->n_after += t->n - t->n / 2;
        t->n /= 2;
        t->tries = 0;
        begin(t);
    } else {
        fail(t, &why);
    }
}

/* What the store refuses (a constraint, a value) or could not do is tried again on a rebuilt cache; what is away fails
 * the jobs, which come again. */
void match_turn_failed(struct match_turn *t, const struct err *e)
{
    if (e->code == ERR_STORE_CONFLICT)
        again(t, e, MATCH_TRIES);
    else if (e->code == ERR_STORE_REFUSED || e->code == ERR_REFUSED)
        again(t, e, MATCH_TRIES_REFUSED);
    else
        fail(t, e);
}

void match_turn_conflict(struct match_turn *t, const char *why)
{
    struct err e;
    err_set(&e, ERR_STORE_CONFLICT, "match pool %s: %s, %d times in a row", t->cache->pool, why, t->tries);
    again(t, &e, MATCH_TRIES);
}

void match_turn_fail_code(struct match_turn *t, int rc, const char *step)
{
    struct err e;
    int code = rc == -ENOMEM ? ERR_OUT_OF_MEMORY : rc == -ENOSPC ? ERR_REFUSED : rc;
    err_set(&e, code, "match pool %s: %s: %s", t->cache->pool, step, err_text(rc));
    match_turn_failed(t, &e);
}

/* -- read ------------------------------------------------------------------------------------------------------------
 */

static void on_more(void *arg, PGresult *const results[], size_t n, const struct err *e);

static void read_more(struct match_turn *t)
{
    struct pg_batch *b = pg_batch_new();
    int rc = b ? match_store_changes(b, t->cache->pool, &t->cache->mark) : -ENOMEM;
    if (rc < 0) {
        pg_batch_free(b);
        match_turn_fail_code(t, rc, "changes");
        return;
    }
    pg_conn_send(t->conn, b, on_more, t);
}

static void on_more(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_turn *t = arg;
    (void)n;
    if (e) {
        match_turn_failed(t, e);
        return;
    }
    int rows = match_load_changes(results[0], t->rules, t->cache->pool, t->head.now_ms, t->cache->ix, &t->cache->mark);
    if (rows < 0)
        match_turn_fail_code(t, rows, "changes");
    else if (rows == MATCH_PAGE)
        read_more(t);
    else
        match_turn_play(t);
}

/* Silence during an outage of ours is not held against anybody: they get a whole presence to be heard again. */
static int64_t watch_from(const struct match_turn *t)
{
    int64_t gap_ms = t->head.now_ms - t->head.last_round_ms;
    if (t->head.last_round_ms > 0 && gap_ms > 3 * MATCH_CYCLE_MS)
        return t->head.now_ms + t->rules->presence_ms;
    return t->head.watch_from_ms;
}

static int open_round(struct match_turn *t, PGresult *const results[])
{
    int rc = match_round_init(&t->round, t->rules, t->cache->ix, &t->cache->supply, t->cache->pool, t->head.now_ms,
                              clock_mono_ns());
    if (rc < 0)
        return rc;
    t->open = true;
    t->round.sweep = t->cache->sweep;
    t->round.watch_from_ms = watch_from(t);
    rc = match_load_met(results[MATCH_READ_MET], &t->round.met, &t->round.n_met);
    rc = rc < 0 ? rc : match_load_rests(results[MATCH_READ_RESTS], &t->round.rests, &t->round.n_rests);
    return rc < 0 ? rc : match_load_pairs(results[MATCH_READ_PAIRS], &t->round);
}

static void on_read(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_turn *t = arg;
    struct err why;
    (void)n;
    if (e || match_load_head(results, &t->head, &why) < 0) {
        match_turn_failed(t, e ? e : &why);
        return;
    }
    if (!match_fill_ours(t->ctx, t->cache->pool, t->head.queue, &why)) {
        fail(t, &why);
        return;
    }
    bool purged = t->head.floor > t->cache->floor_seen && t->head.floor > t->cache->mark.version;
    t->cache->floor_seen = t->head.floor;
    t->cache->pending_until_ms = t->head.due_ms ? t->head.due_ms + 2 * MATCH_CYCLE_MS : 0;
    if (purged) {
        match_turn_conflict(t, "tickets were purged that this worker had not read");
        return;
    }
    int rc = open_round(t, results);
    int rows = rc < 0 ? rc
                      : match_load_changes(results[MATCH_READ_CHANGES], t->rules, t->cache->pool, t->head.now_ms,
                                           t->cache->ix, &t->cache->mark);
    if (rows < 0)
        match_turn_fail_code(t, rows, "read");
    else if (rows == MATCH_PAGE)
        read_more(t);
    else
        match_turn_play(t);
}

static int read_batch(struct match_turn *t, struct pg_batch *b)
{
    struct match_names names;
    int rc = 0;
    match_names_init(&names);
    for (size_t i = 0; i < t->n && rc == 0; i++)
        rc = match_names_add(&names, &t->items[i].op);
    if (rc == 0)
        rc = match_store_read(b, t->ctx->queue, t->cache->pool, &t->cache->mark, &names, t->cycle);
    match_names_fini(&names);
    return rc;
}

static void send_read(struct match_turn *t)
{
    struct pg_batch *b = pg_batch_new();
    int rc = b ? read_batch(t, b) : -ENOMEM;
    if (rc < 0) {
        pg_batch_free(b);
        match_turn_fail_code(t, rc, "read");
        return;
    }
    pg_conn_send(t->conn, b, on_read, t);
}

/* -- warm ------------------------------------------------------------------------------------------------------------
 */

/* The pool takes longer to read than a job may last: these come again at once and find what was read. */
static void come_again(struct match_turn *t)
{
    match_turn_release(t);
    log_info("a pool of matching is being read; its jobs come again", KV_S("match_pool", t->cache->pool),
             KV_I("people", match_index_count(t->cache->ix)));
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].run)
            job_run_snooze(TAKE(t->items[i].run), MATCH_FILL_AGAIN_MS, "pool_is_read");
    match_turn_end(t);
}

static void on_filled(void *arg, enum match_fill_end how, const struct err *e)
{
    struct match_turn *t = arg;
    if (how == MATCH_FILL_WARM)
        send_read(t);
    else if (how == MATCH_FILL_LEFT)
        come_again(t);
    else
        fail(t, e);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct match_turn *t = arg;
    if (!conn) {
        fail(t, e);
        return;
    }
    t->conn = conn;
    if (t->cache->warm)
        send_read(t);
    else
        match_fill_start(&t->fill, t->ctx, t->rules, t->cache, conn, on_filled, t);
}

static void begin(struct match_turn *t)
{
    if (t->n == 0) {
        match_turn_end(t);
        return;
    }
    t->tries++;
    match_tell_ask_published(t->ctx, t->cache);
    match_tell_fini(&t->tell);
    t->cycle = false;
    for (size_t i = 0; i < t->n; i++)
        t->cycle = t->cycle || t->items[i].op.type == MATCH_CYCLE;
    pg_pool_acquire(t->ctx->pg, on_conn, t);
}

void match_turn_start(const struct worker_ctx *ctx, const struct match_rules *rules, struct match_sent *sent,
                      struct match_cache *cache, struct match_item *items, size_t n, void (*on_end)(void *arg),
                      void *arg)
{
    struct match_turn *t = alloc_zero(1, sizeof *t);
    *t = (struct match_turn){.ctx = ctx,
                             .rules = rules,
                             .sent = sent,
                             .cache = cache,
                             .all = items,
                             .items = items,
                             .n = n,
                             .on_end = on_end,
                             .arg = arg};
    begin(t);
}
