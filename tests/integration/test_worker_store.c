/*
 * A real worker on a real Redis and a real PostgreSQL: effects once, whatever dies, and no job burnt while the store is
 * away.
 */
#include "worker_harness.h"

#include "clock.h"
#include "pg_error.h"
#include "pg_server.h"
#include "redis_server.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct redis_server redis;
static struct pg_server postgres;

/* A job of the queue's own pool. */
static const char *cycle_of(const struct worker_harness *h)
{
    static char payload[128];
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"op\":\"cycle\",\"pool\":\"%s\"}", h->queue);
    return payload;
}

static bool apply_migration(const char *name)
{
    char path[512];
    static char sql[1 << 16];
    const char *source = getenv("STINT_SOURCE");
    snprintf(path, sizeof path, "%s/ctl/migrations/%s", source ? source : ".", name);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, sql, sizeof sql - 1);
    if (n <= 0)
        return false;
    sql[n] = '\0';
    return pg_server_query(&postgres, sql, NULL, 0);
}

static int open_servers(void **state)
{
    (void)state;
    if (redis_server_start(&redis, NULL) < 0 || pg_server_start(&postgres) < 0)
        return -1;
    return apply_migration("0001_core.sql") && apply_migration("0002_match.sql") &&
                   apply_migration("0006_match_event.sql") && apply_migration("0008_match_pool_queue.sql")
               ? 0
               : -1;
}

static int close_servers(void **state)
{
    (void)state;
    redis_server_close(&redis);
    pg_server_close(&postgres);
    return 0;
}

static void make_ini(char ini[static 1024], const char *queue)
{
    snprintf(ini, 1024,
             "[postgres]\nurl = %s\nconnect_timeout = 1s\nstatement_timeout = 5s\n[kind.match]\nbackoff = "
             "1ms\n[pool.match]\nkinds = match\nqueue = %s\n",
             postgres.url, queue);
}

static void begin(struct worker_harness *h, const char *queue, const char *environment)
{
    char ini[1024];
    harness_open(h, redis.url, queue);
    make_ini(ini, queue);
    harness_start(h, "match", ini, environment);
}

static int64_t outcome_number(const char *queue, const char *id, const char *expression)
{
    char sql[512], text[64] = "";
    snprintf(sql, sizeof sql, "SELECT %s FROM stint.job_outcome WHERE queue = '%s' AND job_id = '%s'", expression,
             queue, id);
    assert_true(pg_server_query(&postgres, sql, text, sizeof text));
    return text[0] ? strtoll(text, NULL, 10) : -1;
}

/* Enqueues one job, lets the worker die at a kill point, moves the job on as a supervisor would, and starts a
 * successor. */
static void die_and_redeliver(struct worker_harness *h, const char *queue, const char *kill_point)
{
    char environment[64], ini[1024];
    snprintf(environment, sizeof environment, "STINT_KILL_POINT=%s", kill_point);
    begin(h, queue, environment);
    harness_enqueue(h, "{\"kind\":\"match\",\"id\":\"j\"}", cycle_of(h));
    int status = harness_wait_exit(h);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    freeReplyObject(harness_cmd(h, "FCALL stint_crash 1 stint:{%s} %s * {} fp 5 0", queue, h->consumer));
    make_ini(ini, queue);
    harness_start(h, "match", ini, NULL);
    harness_wait_state(h, "j", "done");
}

static void test_worker_killed_before_the_effect_applies_it_in_the_next_delivery(void **state)
{
    static const char *const points[] = {"after_fetch", "before_run"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct worker_harness h;
        char queue[32];
        snprintf(queue, sizeof queue, "before%zu", i);
        die_and_redeliver(&h, queue, points[i]);
        assert_int_equal(outcome_number(queue, "j", "epoch"), 2);
        assert_int_equal(outcome_number(queue, "j", "(state = 'done')::int"), 1);
        harness_end_drained(&h);
    }
}

static void test_worker_killed_after_the_effect_does_not_apply_it_again(void **state)
{
    static const char *const points[] = {"after_commit", "after_run", "before_finish"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct worker_harness h;
        char queue[32];
        snprintf(queue, sizeof queue, "after%zu", i);
        die_and_redeliver(&h, queue, points[i]);
        assert_int_equal(outcome_number(queue, "j", "epoch"), 1); /* the first delivery's, which Redis never heard of */
        harness_end_drained(&h);
    }
}

static void test_worker_claim_of_another_owner_waits_until_its_epoch_is_higher(void **state)
{
    struct worker_harness h;
    (void)state;
    assert_true(pg_server_query(&postgres,
                                "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind)"
                                " VALUES('claimed', 'j', 3, 'claimed', 'match')",
                                NULL, 0));
    begin(&h, "claimed", NULL);
    harness_enqueue(&h, "{\"kind\":\"match\",\"id\":\"j\"}", cycle_of(&h));
    harness_wait_state(&h, "j", "done");
    assert_true(outcome_number("claimed", "j", "epoch") >= 3);
    harness_end_drained(&h);
}

static void test_worker_store_away_at_boot_fetches_nothing_and_then_goes_on(void **state)
{
    struct worker_harness h;
    (void)state;
    pg_server_stop(&postgres);
    begin(&h, "gate", NULL);
    harness_enqueue(&h, "{\"kind\":\"match\",\"id\":\"g\"}", cycle_of(&h));
    harness_wait_phase(&h, PHASE_AWAY, NULL);
    assert_int_equal(h.cell->fetches, 0);
    AUTO_FREE char *waiting = harness_job(&h, "g");
    assert_non_null(strstr(waiting, "\"ready\""));
    assert_int_equal(pg_server_restart(&postgres), 0);
    harness_wait_state(&h, "g", "done");
    AUTO_FREE char *job = harness_job(&h, "g");
    assert_int_equal(harness_json_int(job, "attempts"), 0);
    harness_end_drained(&h);
}

static void test_worker_store_lost_costs_the_job_in_hand_nothing(void **state)
{
    struct worker_harness h;
    (void)state;
    begin(&h, "lost", NULL);
    harness_enqueue(&h, "{\"kind\":\"match\",\"id\":\"a\"}", cycle_of(&h));
    harness_wait_state(&h, "a", "done");
    pg_server_signal_all(&postgres, SIGSTOP); /* idle sessions do not notice: the job does */
    uint64_t before = h.cell->kinds[0].handed_back;
    harness_enqueue(&h, "{\"kind\":\"match\",\"id\":\"b\"}", cycle_of(&h));
    harness_wait_count(&h, &h.cell->kinds[0].handed_back, before + 1);
    assert_int_equal(h.cell->kinds[0].handed_back, before + 1);
    assert_int_equal(h.cell->kinds[0].retried, 0);
    harness_wait_phase(&h, PHASE_AWAY, NULL);
    uint64_t fetches = h.cell->fetches;
    freeReplyObject(harness_cmd(&h, "FCALL stint_promote 1 stint:{lost} 100"));
    harness_say(&h, IPC_WAKE, "");
    harness_say(&h, IPC_WAKE, "");
    (void)poll(NULL, 0, 300); /* the time in which a spin would show */
    assert_int_equal(h.cell->fetches, fetches);
    assert_int_equal(h.cell->now.store, PG_SLOW);
    pg_server_signal_all(&postgres, SIGCONT);
    harness_wait_state(&h, "b", "done");
    AUTO_FREE char *job = harness_job(&h, "b");
    assert_int_equal(harness_json_int(job, "attempts"), 0);
    assert_int_equal(harness_json_int(job, "handbacks"), 1);
    harness_end_drained(&h);
}

/* libuv waits for its threads when a process exits, and one of them is looking a name up for ever. */
static void test_worker_name_that_hangs_is_told_and_does_not_hold_up_the_end(void **state)
{
#ifdef STINT_SANITIZED /* wants to be preloaded alone */
    (void)state;
    skip();
#else
    struct worker_harness h;
    char preload[512];
    const char *build = getenv("STINT_BUILD");
    (void)state;
    (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s/tests/stint-test-names.so", build ? build : ".");
    harness_open(&h, redis.url, "names");
    harness_start(&h, "match",
                  "[postgres]\nurl = postgresql://u@hangs.invalid/db\nconnect_timeout = 1s\n"
                  "[pool.match]\nkinds = match\nqueue = names\n",
                  preload);
    harness_enqueue(&h, "{\"kind\":\"match\",\"id\":\"n\"}", cycle_of(&h));
    harness_wait_phase(&h, PHASE_AWAY, NULL);
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS;
    while (h.cell->now.store != PG_NAME && clock_mono_ms() < until)
        (void)poll(NULL, 0, 2);
    assert_int_equal(h.cell->now.store, PG_NAME);
    assert_int_equal(h.cell->fetches, 0);
    harness_end_drained(&h);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_killed_before_the_effect_applies_it_in_the_next_delivery),
        cmocka_unit_test(test_worker_killed_after_the_effect_does_not_apply_it_again),
        cmocka_unit_test(test_worker_claim_of_another_owner_waits_until_its_epoch_is_higher),
        cmocka_unit_test(test_worker_store_away_at_boot_fetches_nothing_and_then_goes_on),
        cmocka_unit_test(test_worker_store_lost_costs_the_job_in_hand_nothing),
        cmocka_unit_test(test_worker_name_that_hangs_is_told_and_does_not_hold_up_the_end),
    };
    return cmocka_run_group_tests(tests, open_servers, close_servers);
}
