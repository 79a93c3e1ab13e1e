/*
 * store_gate - why: without it an outage of PostgreSQL would turn a whole queue into dead letters, attempt by attempt. Refuses to
 * guess: it opens only when a write was really committed.
 */
#include "store_gate.h"

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "worker.h"

#include <stdio.h>

/* The row is this worker's own: no two workers wait for each other, and no job's queue is "". */
#define PROBE_INSERT_SQL                                                                                               \
    "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind) VALUES('', $1, 1, 'claimed', 'store_gate')"      \
    " ON CONFLICT (queue, job_id) DO NOTHING"
#define PROBE_DELETE_SQL "DELETE FROM stint.job_outcome WHERE queue = '' AND job_id = $1"
#define LOOK_SQL "SELECT current_setting('transaction_read_only') = 'on'"

static void ask(struct worker *w);

static void on_timer(uv_timer_t *timer)
{
    ask(timer->data);
}

static void ask_in(struct worker *w, uint64_t ms)
{
    if (uv_is_closing((const uv_handle_t *)&w->gate.timer))
        return;
    uv_update_time(&w->loop);
    (void)uv_timer_start(&w->gate.timer, on_timer, ms, 0);
}

static uint64_t wait_ms(const struct store_gate *g)
{
    uint64_t ms = STORE_GATE_FIRST_MS;
    for (uint32_t i = 0; i < g->failures && ms < STORE_GATE_MAX_MS; i++)
        ms *= 2;
    return MIN_OF(ms, (uint64_t)STORE_GATE_MAX_MS);
}

/* Says so when it is news: once an outage, and again when its reason changes. */
static void shut(struct worker *w, enum pg_condition condition, const char *why)
{
    struct store_gate *g = &w->gate;
    if (g->condition != condition)
        log_warn("PostgreSQL is away: no job is fetched until it takes writes", KV_S("why", why));
    g->open = g->trial = false;
    g->condition = condition;
    ask_in(w, wait_ms(g));
    g->failures++;
    fetch_pump_soon(w);
}

static void answered(struct worker *w)
{
    struct store_gate *g = &w->gate;
    ask_in(w, STORE_GATE_LOOK_MS);
    if (g->open) {
        if (g->trial && clock_mono_ms() >= g->trial_until_ms)
            store_gate_proved(w);
        return;
    }
    if (g->condition != PG_FINE)
        log_info("PostgreSQL takes writes again", KV_I("tries", g->failures), KV_S("on_trial", g->hurt ? "yes" : "no"));
    g->open = true;
    g->condition = PG_FINE;
    g->trial = g->hurt;
    g->trial_until_ms = clock_mono_ms() + STORE_GATE_TRIAL_MS;
    if (!g->trial)
        g->failures = 0;
    fetch_pump_soon(w);
}

static void on_asked(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct worker *w = arg;
    struct store_gate *g = &w->gate;
    bool read_only = !e && PQntuples(results[0]) == 1 && PQgetvalue(results[0], 0, 0)[0] == 't';
    struct err why;
    (void)n;
    pg_pool_release(w->pg, TAKE(g->conn));
    g->asking = false;
    enum pg_condition condition = e ? pg_pool_condition(w->pg) : read_only ? PG_READ_ONLY : PG_FINE;
    if (condition == PG_FINE) {
        answered(w);
        return;
    }
    (void)err_set(&why, ERR_STORE_UNAVAILABLE, "PostgreSQL %s; %s", pg_condition_text(condition),
                  pg_condition_remedy(condition));
    shut(w, condition, e ? e->message : why.message);
}

/* While open: one cheap question. While shut: all that a job would need, committed. */
static struct pg_batch *questions(const struct worker *w)
{
    struct pg_batch *b = alloc_must(pg_batch_new());
    const char *const me[] = {w->boot.consumer};
    int rc = pg_batch_add(b, LOOK_SQL, 0, NULL);
    for (size_t i = 0; i < w->kinds.n && rc == 0 && !w->gate.open; i++) {
        const char *needs = w->kinds.slots[i].ops->needs_sql;
        if (needs)
            rc = pg_batch_add(b, needs, 0, NULL);
    }
    if (rc == 0 && !w->gate.open)
        rc = pg_batch_add(b, "BEGIN", 0, NULL);
    if (rc == 0 && !w->gate.open)
        rc = pg_batch_add(b, PROBE_INSERT_SQL, 1, me);
    if (rc == 0 && !w->gate.open)
        rc = pg_batch_add(b, PROBE_DELETE_SQL, 1, me);
    if (rc == 0 && !w->gate.open)
        rc = pg_batch_add(b, "COMMIT", 0, NULL);
    if (rc < 0)
        alloc_failed();
    return b;
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct worker *w = arg;
    struct store_gate *g = &w->gate;
    bool busy = !conn && pg_pool_condition(w->pg) == PG_BUSY;
    if (conn) {
        g->conn = conn;
        pg_conn_send(conn, questions(w), on_asked, w);
        return;
    }
    g->asking = false;
    if (busy && g->open) /* jobs use them all: they will tell */
        ask_in(w, STORE_GATE_LOOK_MS);
    else
        shut(w, pg_pool_condition(w->pg), e->message);
}

static void ask(struct worker *w)
{
    if (w->gate.asking)
        return;
    w->gate.asking = true;
    pg_pool_resume(w->pg);
    pg_pool_acquire(w->pg, on_conn, w);
}

/* A session nobody used has ended: a server that stops says good-bye to idle sessions too. */
static void on_idle_lost(void *arg)
{
    struct worker *w = arg;
    if (w->gate.open)
        ask_in(w, 0);
}

void store_gate_init(struct worker *w)
{
    (void)uv_timer_init(&w->loop, &w->gate.timer);
    w->gate.timer.data = w;
    w->gate.open = !kind_set_stores(&w->kinds);
    if (w->gate.open)
        return;
    pg_pool_on_idle_lost(w->pg, on_idle_lost, w);
    ask(w);
}

void store_gate_close(struct worker *w)
{
    uv_close((uv_handle_t *)&w->gate.timer, NULL);
}

bool store_gate_is_open(const struct worker *w)
{
    return w->gate.open;
}

bool store_gate_on_trial(const struct worker *w)
{
    return w->gate.trial;
}

void store_gate_shut(struct worker *w, const struct err *e)
{
    struct store_gate *g = &w->gate;
    if (!g->open || !kind_set_stores(&w->kinds))
        return;
    g->hurt = true;
    enum pg_condition condition = pg_pool_condition(w->pg);
    shut(w, pg_condition_code(condition) < 0 ? condition : PG_LOST, e->message);
}

void store_gate_proved(struct worker *w)
{
    struct store_gate *g = &w->gate;
    g->hurt = g->trial = false;
    g->failures = 0;
}
