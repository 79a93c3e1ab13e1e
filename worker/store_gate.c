/*
 * store_gate - why: without it an outage of PostgreSQL would turn a whole queue into dead letters, attempt by attempt. Refuses to
 * guess: it opens only when a connection was really had.
 */
#include "store_gate.h"

#include "clock.h"
#include "log.h"
#include "worker.h"

static void try_store(struct worker *w);

static void on_timer(uv_timer_t *timer)
{
    try_store(timer->data);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct worker *w = arg;
    struct store_gate *g = &w->gate;
    g->trying = false;
    if (conn) {
        pg_pool_release(w->pg, conn);
        if (g->failures)
            log_info("PostgreSQL answers again", KV_I("tries", g->failures + 1));
        g->open = true;
        g->failures = 0;
        fetch_pump_soon(w);
        return;
    }
    uint64_t wait_ms = STORE_GATE_FIRST_MS;
    for (uint32_t i = 0; i < g->failures && wait_ms < STORE_GATE_MAX_MS; i++)
        wait_ms *= 2;
    wait_ms = MIN_OF(wait_ms, (uint64_t)STORE_GATE_MAX_MS);
    if (g->failures++ == 0)
        log_warn("PostgreSQL is away: no job is fetched until it answers", KV_S("why", e->message));
    if (!uv_is_closing((const uv_handle_t *)&g->timer))
        (void)uv_timer_start(&g->timer, on_timer, wait_ms, 0);
}

static void try_store(struct worker *w)
{
    if (w->gate.open || w->gate.trying)
        return;
    w->gate.trying = true;
    pg_pool_acquire(w->pg, on_conn, w);
}

void store_gate_init(struct worker *w)
{
    (void)uv_timer_init(&w->loop, &w->gate.timer);
    w->gate.timer.data = w;
    w->gate.open = !kind_set_stores(&w->kinds);
    try_store(w);
}

void store_gate_close(struct worker *w)
{
    uv_close((uv_handle_t *)&w->gate.timer, NULL);
}

bool store_gate_is_open(const struct worker *w)
{
    return w->gate.open;
}

void store_gate_shut(struct worker *w)
{
    struct store_gate *g = &w->gate;
    if (!g->open || !kind_set_stores(&w->kinds))
        return;
    g->open = false;
    (void)uv_timer_start(&g->timer, on_timer, STORE_GATE_FIRST_MS, 0);
}
