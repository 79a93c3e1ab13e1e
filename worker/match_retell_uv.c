/*
 * match_retell_uv - see match_retell_uv.h.
 *
 * It refuses to hold a row locked while Redis is asked: a claim is a time, and who dies with it is succeeded when it is
 * over. It refuses, too, to claim while Redis is away, or to load a PostgreSQL that does not answer with more than one
 * question.
 */
#include "match_retell_uv.h"

#include "alloc.h"
#include "log.h"
#include "match_store.h"
#include "match_tell.h"

#include <stdio.h>

struct match_retell {
    const struct worker_ctx *ctx;
    uv_timer_t timer;
    struct pg_conn *conn;    /* while asking */
    struct match_sent *sent; /* held */
    uint32_t n_removed;      /* how many of sent the question under way removes */
    bool claims;             /* … and whether it claims, too */
    bool asking, closing, closed;
};

/* One statement, so a row is another's only when it was committed as such; it waits for nobody's lock. */
static const char CLAIM_SQL[] =
    "WITH c AS (UPDATE stint.match_event SET tell_ms = stint.now_ms() + $2::bigint WHERE seq IN"
    " (SELECT seq FROM stint.match_event WHERE queue IN ($1, '') AND tell_ms <= stint.now_ms()"
    " ORDER BY seq LIMIT $3::int FOR UPDATE SKIP LOCKED) RETURNING seq, pool, body)"
    " SELECT seq, pool, body::text FROM c ORDER BY seq";

static void look(uv_timer_t *timer);

static void free_when_gone(struct match_retell *r)
{
    if (!r->closed || r->asking)
        return;
    match_sent_drop(r->sent);
    free(r);
}

static void on_closed(uv_handle_t *handle)
{
    struct match_retell *r = CONTAINER_OF((uv_timer_t *)handle, struct match_retell, timer);
    r->closed = true;
    free_when_gone(r);
}

static void rest(struct match_retell *r, uint64_t ms)
{
    r->asking = false;
    if (r->conn != NULL)
        pg_pool_release(r->ctx->pg, r->conn);
    r->conn = NULL;
    if (!r->closing)
        (void)uv_timer_start(&r->timer, look, ms, 0);
    free_when_gone(r);
}

static void on_answer(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_retell *r = arg;
    if (e != NULL) {
        rest(r, MATCH_RETELL_MS);
        return;
    }
    match_sent_forget(r->sent, r->n_removed);
    const PGresult *found = r->claims ? results[n - 1] : NULL;
    int rows = found != NULL ? PQntuples(found) : 0;
    for (int i = 0; i < rows && !r->closing; i++)
        match_tell_event(r->ctx, r->sent, PQgetvalue(found, i, 1), strtoll(PQgetvalue(found, i, 0), NULL, 10),
                         PQgetvalue(found, i, 2));
    if (rows > 0)
        log_info("events of matching that nobody had told were told", KV_I("events", rows));
    rest(r, rows == MATCH_RETELL_MAX || r->n_removed == MATCH_SENT_PAGE ? 0 : MATCH_RETELL_MS);
}

static int add_statements(struct match_retell *r, struct pg_batch *b)
{
    char wait[24], most[24];
    char *sent = match_sent_array(r->sent, MATCH_SENT_PAGE);
    int rc = sent == NULL ? -ENOMEM : 0;
    if (rc == 0 && r->n_removed > 0)
        rc = pg_batch_add(b, "DELETE FROM stint.match_event WHERE seq = ANY($1::bigint[])", 1,
                          (const char *const[]){sent});
    free(sent);
    (void)snprintf(wait, sizeof wait, "%d", MATCH_TELL_MS);
    (void)snprintf(most, sizeof most, "%d", MATCH_RETELL_MAX);
    if (rc == 0 && r->claims)
        rc = pg_batch_add(b, CLAIM_SQL, 3, (const char *const[]){r->ctx->queue, wait, most});
    return rc;
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct match_retell *r = arg;
    (void)e;
    r->conn = conn;
    r->n_removed = MIN_OF(r->sent->n, (uint32_t)MATCH_SENT_PAGE);
    r->claims = redis_uv_ready(r->ctx->redis);
    if (conn == NULL || r->closing || (r->n_removed == 0 && !r->claims)) {
        rest(r, MATCH_RETELL_MS);
        return;
    }
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (add_statements(r, b) < 0)
        alloc_failed();
    pg_conn_send(conn, b, on_answer, r);
}

static void look(uv_timer_t *timer)
{
    struct match_retell *r = CONTAINER_OF(timer, struct match_retell, timer);
    r->asking = true;
    pg_pool_acquire(r->ctx->pg, on_conn, r);
}

struct match_retell *match_retell_open(const struct worker_ctx *ctx)
{
    struct match_retell *r = calloc(1, sizeof *r);
    struct match_sent *sent = calloc(1, sizeof *sent);
    if (r == NULL || sent == NULL) {
        free(r);
        free(sent);
        return NULL;
    }
    r->ctx = ctx;
    r->sent = match_sent_hold(sent);
    (void)uv_timer_init(ctx->loop, &r->timer);
    (void)uv_timer_start(&r->timer, look, MATCH_RETELL_MS, 0);
    return r;
}

struct match_sent *match_retell_sent(struct match_retell *r)
{
    return r->sent;
}

void match_retell_close(struct match_retell *r)
{
    if (r == NULL)
        return;
    r->closing = true;
    uv_close((uv_handle_t *)&r->timer, on_closed);
}
