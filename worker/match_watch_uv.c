/*
 * match_watch_uv - see match_watch_uv.h. It only asks for a cycle, by the same deduplicated job as a round does; it
 * refuses to look at pools itself, and to load a PostgreSQL that does not answer with more than one question.
 */
#include "match_watch_uv.h"

#include "alloc.h"
#include "log.h"
#include "match_tell.h"
#include "match_turn.h"

#include <stdio.h>

struct match_watch {
    const struct worker_ctx *ctx;
    uv_timer_t timer;
    struct pg_conn *conn; /* while asking */
    bool asking, closing, closed;
};

/* The queue's pools without a round for three cycles in which somebody waits or a pair is overdue. */
static const char FORGOTTEN_SQL[] =
    "SELECT p.pool FROM stint.match_pool p WHERE p.queue IN ($3, '') AND p.last_round_ms < stint.now_ms() - $1::bigint"
    " AND (EXISTS (SELECT 1 FROM stint.match_pair q WHERE q.pool = p.pool AND q.state = 'pending'"
    " AND q.confirm_by_ms < stint.now_ms())"
    " OR EXISTS (SELECT 1 FROM stint.match_ticket t WHERE t.pool = p.pool AND t.state = 'waiting')) LIMIT $2::int";

static void look(uv_timer_t *timer);

static void free_when_gone(struct match_watch *w)
{
    if (w->closed && !w->asking)
        free(w);
}

static void on_closed(uv_handle_t *handle)
{
    struct match_watch *w = CONTAINER_OF((uv_timer_t *)handle, struct match_watch, timer);
    w->closed = true;
    free_when_gone(w);
}

/* The look is over; the next one comes in time. */
static void rest(struct match_watch *w)
{
    w->asking = false;
    if (w->conn != NULL)
        pg_pool_release(w->ctx->pg, w->conn);
    w->conn = NULL;
    if (!w->closing)
        (void)uv_timer_start(&w->timer, look, MATCH_WATCH_MS, 0);
    free_when_gone(w);
}

static void on_found(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_watch *w = arg;
    int found = e == NULL && n == 1 ? PQntuples(results[0]) : 0;
    for (int i = 0; i < found && !w->closing; i++) {
        const char *pool = PQgetvalue(results[0], i, 0);
        if (match_tell_want_cycle(w->ctx, pool) == 0)
            log_warn("a pool had no round for a while though somebody waits in it: it is looked at again",
                     KV_S("match_pool", pool));
    }
    rest(w);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct match_watch *w = arg;
    char silence[24], most[24];
    (void)e;
    w->conn = conn;
    if (conn == NULL || w->closing) {
        rest(w);
        return;
    }
    (void)snprintf(silence, sizeof silence, "%d", 3 * MATCH_CYCLE_MS);
    (void)snprintf(most, sizeof most, "%d", MATCH_WATCH_POOLS_MAX);
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (pg_batch_add(b, FORGOTTEN_SQL, 3, (const char *const[]){silence, most, w->ctx->queue}) < 0)
        alloc_failed();
    pg_conn_send(conn, b, on_found, w);
}

static void look(uv_timer_t *timer)
{
    struct match_watch *w = CONTAINER_OF(timer, struct match_watch, timer);
    w->asking = true;
    pg_pool_acquire(w->ctx->pg, on_conn, w);
}

struct match_watch *match_watch_open(const struct worker_ctx *ctx)
{
    struct match_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->ctx = ctx;
    (void)uv_timer_init(ctx->loop, &w->timer);
    (void)uv_timer_start(&w->timer, look, MATCH_CYCLE_MS, 0);
    return w;
}

void match_watch_close(struct match_watch *w)
{
    if (w == NULL)
        return;
    w->closing = true;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}
