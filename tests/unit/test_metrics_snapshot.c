/* What workers and the supervisor wrote is summed by pool, queue, kind and band; what is stuck is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "metrics_snapshot.h"
#include "slot_fsm.h"
#include "slot_watch.h"

#include <stdio.h>

enum { NOW = 5000000 };

static struct metrics_snapshot *snapshot;
static struct scoreboard *board;
static struct conf *conf;
static int board_fd;

static int set_up(void **arg)
{
    (void)arg;
    struct err e;
    conf = calloc(1, sizeof *conf);
    snapshot = calloc(1, sizeof *snapshot);
    return conf != NULL && snapshot != NULL && conf_load(conf, "", &e) == 0 ? scoreboard_new(&board, &board_fd) : -1;
}

static int tear_down(void **arg)
{
    (void)arg;
    scoreboard_free(board);
    base_close_fd(&board_fd);
    free(conf);
    free(snapshot);
    return 0;
}

static struct score_cell *worker(size_t slot, const char *pool, enum slot_state state, const struct score_now *now)
{
    struct score_cell *cell = &board->cells[slot];
    (void)snprintf(cell->pool, sizeof cell->pool, "%s", pool);
    atomic_store(&cell->slot_state, (uint32_t)state);
    atomic_store(&cell->rss_bytes, 100);
    atomic_store(&cell->generation, 1);
    score_publish(cell, now);
    return cell;
}

static const struct metrics_pool *take_pool(const char *name)
{
    metrics_snapshot_take(snapshot, conf, board, "i", NOW);
    for (size_t i = 0; i < snapshot->n_pools; i++)
        if (strcmp(snapshot->pools[i].name, name) == 0)
            return &snapshot->pools[i];
    return NULL;
}

static void test_metrics_snapshot_take_empty_board_shows_configured_pools(void **arg)
{
    (void)arg;
    const struct metrics_pool *pool = take_pool("pdf");
    assert_non_null(pool);
    assert_int_equal(pool->live, 0);
    assert_int_equal(pool->desired, 1);
    assert_string_equal(pool->queue, "pdf");
    assert_int_equal(snapshot->n_pools, 2);
    assert_int_equal(snapshot->n_kinds, 0);
}

static void test_metrics_snapshot_take_states_are_counted(void **arg)
{
    (void)arg;
    const struct score_now idle = {.phase = PHASE_IDLE, .since_ms = NOW};
    const struct score_now away = {.phase = PHASE_AWAY}, odd = {.phase = 99};
    (void)worker(0, "pdf", SLOT_READY, &idle);
    (void)worker(1, "pdf", SLOT_READY, &away);
    (void)worker(2, "pdf", SLOT_BACKOFF, &idle);
    (void)worker(3, "pdf", SLOT_STOPPING, &idle);
    (void)worker(4, "pdf", SLOT_STARTING, &idle);
    (void)worker(5, "pdf", SLOT_READY, &odd);
    const struct metrics_pool *pool = take_pool("pdf");
    assert_int_equal(pool->live, 3);
    assert_int_equal(pool->away, 1);
    assert_int_equal(pool->stalled, 0);
    assert_int_equal(pool->states[PHASE_IDLE], 1);
    assert_int_equal(pool->states[PHASE_AWAY], 1);
    assert_int_equal(pool->states[PHASE_BOOT], 2);
    assert_int_equal(pool->states[PHASE_STOP], 1);
    assert_int_equal(pool->states[METRICS_STATE_BACKOFF], 1);
    assert_int_equal(pool->rss_bytes, 600);
}

static void test_metrics_snapshot_take_stuck_phases_are_found(void **arg)
{
    (void)arg;
    uint64_t command = (uint64_t)conf->redis.command_timeout, grace = (uint64_t)conf->supervisor.kill_grace;
    uint64_t pulse = slot_pulse_ms((uint64_t)conf->supervisor.heartbeat) + WATCH_CALM_MS + command + 5000;
    const struct {
        struct score_now now;
        bool stalled;
    } rows[] = {
        {{.phase = PHASE_FETCH, .since_ms = NOW - command - 5000}, false},
        {{.phase = PHASE_FETCH, .since_ms = NOW - command - 5001}, true},
        {{.phase = PHASE_FINISH, .since_ms = NOW - command - 5001}, true},
        {{.phase = PHASE_IDLE, .since_ms = NOW - pulse}, false}, /* idle, and asked not long ago */
        {{.phase = PHASE_IDLE, .since_ms = NOW - pulse - 1}, true},
        {{.phase = PHASE_RUN, .since_ms = 1}, false},
        {{.phase = PHASE_RUN, .since_ms = 1, .hard_deadline_ms = NOW - grace - 5000}, false},
        {{.phase = PHASE_RUN, .since_ms = 1, .hard_deadline_ms = NOW - grace - 5001}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)worker(0, "pdf", SLOT_READY, &rows[i].now);
        assert_int_equal(take_pool("pdf")->stalled, rows[i].stalled);
    }
    const struct score_now idle = {.phase = PHASE_IDLE, .since_ms = 1};
    atomic_store(&worker(0, "pdf", SLOT_READY, &idle)->last_fetch_ms, NOW - pulse);
    assert_int_equal(take_pool("pdf")->stalled, 0); /* however long it waits: its fetches come back */
}

static void test_metrics_snapshot_take_counters_are_summed_over_slots(void **arg)
{
    (void)arg;
    const struct score_now idle = {.phase = PHASE_IDLE};
    for (size_t i = 0; i < 3; i++) {
        struct score_cell *cell = worker(i, i < 2 ? "pdf" : "match", SLOT_READY, &idle);
        struct score_kind *kind = score_kind(cell, "probe");
        atomic_store(&kind->done, 10);
        atomic_store(&kind->fenced, 1);
        score_observe(&kind->run_us_sum, kind->run_count, 1000);
        score_observe(&cell->band_wait_us_sum[BAND_LOW], cell->band_wait_count[BAND_LOW], 2000);
        atomic_store(&cell->redis_commands, 5);
    }
    (void)take_pool("pdf");
    assert_int_equal(snapshot->n_kinds, 2);
    assert_string_equal(snapshot->kinds[0].queue, "pdf");
    assert_int_equal(snapshot->kinds[0].outcomes[METRICS_done], 20);
    assert_int_equal(snapshot->kinds[0].outcomes[METRICS_fenced], 2);
    assert_int_equal(snapshot->kinds[0].run.counts[0], 2);
    assert_int_equal(snapshot->kinds[0].run.sum_us, 2000);
    assert_int_equal(snapshot->kinds[1].outcomes[METRICS_done], 10);
    assert_int_equal(snapshot->n_waits, 2);
    assert_int_equal(snapshot->waits[0].bands[BAND_LOW].sum_us, 4000);
    assert_int_equal(snapshot->redis_commands, 15);
}

static void test_metrics_snapshot_take_supervisors_rows_are_taken(void **arg)
{
    (void)arg;
    struct score_pool *row = score_pool(board, "pdf");
    atomic_store(&row->desired, 7);
    atomic_store(&row->stopped, 1);
    score_restart(row, "cpu_limit");
    (void)score_pool(board, "removed-by-a-reload");
    atomic_store(&board->supervisor.draining, 1);
    atomic_store(&board->supervisor.loop_ms, 44);
    const struct metrics_pool *pool = take_pool("pdf");
    assert_int_equal(pool->desired, 7);
    assert_true(pool->stopped);
    assert_int_equal(pool->n_restarts, 1);
    assert_string_equal(pool->restarts[0].cause, "cpu_limit");
    assert_true(snapshot->draining);
    assert_int_equal(snapshot->loop_ms, 44);
    assert_int_equal(snapshot->n_pools, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_metrics_snapshot_take_empty_board_shows_configured_pools),
        T(test_metrics_snapshot_take_states_are_counted),
        T(test_metrics_snapshot_take_stuck_phases_are_found),
        T(test_metrics_snapshot_take_counters_are_summed_over_slots),
        T(test_metrics_snapshot_take_supervisors_rows_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
