/* Each reason against being alive or ready is found, alone, and named with its pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "health.h"

#include <jansson.h>
#include <stdio.h>

enum { NOW = 1000000 };

static struct metrics_snapshot snapshot;
static struct conf *conf;
static struct queue_stats queue;

static int set_up_group(void **arg)
{
    (void)arg;
    struct err e;
    conf = calloc(1, sizeof *conf);
    return conf != NULL ? conf_load(conf, "", &e) : -1;
}

static int tear_down_group(void **arg)
{
    (void)arg;
    free(conf);
    return 0;
}

/* All is well. */
static int set_up(void **arg)
{
    (void)arg;
    queue = (struct queue_stats){.queue = "pdf", .read_ms = NOW};
    snapshot = (struct metrics_snapshot){.taken_ms = NOW,
                                         .loop_ms = NOW,
                                         .started_ms = 1,
                                         .redis_ready = true,
                                         .queues = &queue,
                                         .n_queues = 1,
                                         .n_pools = 2};
    snapshot.pools[0] = (struct metrics_pool){.name = "match", .live = 1, .desired = 1};
    snapshot.pools[1] = (struct metrics_pool){.name = "pdf", .live = 2, .desired = 2};
    return 0;
}

static void assert_only(enum health_reason_code code, const char *pool)
{
    struct health h;
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, 1);
    assert_string_equal(health_reason_name(h.reasons[0].code), health_reason_name(code));
    assert_string_equal(h.reasons[0].pool, pool);
}

static void test_health_ready_all_well_has_no_reason(void **arg)
{
    (void)arg;
    struct health h;
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
}

static void test_health_live_loop_that_stopped_is_told(void **arg)
{
    (void)arg;
    struct health h;
    uint64_t patience = 3 * (uint64_t)conf->supervisor.heartbeat + 2000;
    snapshot.loop_ms = NOW - patience;
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    snapshot.loop_ms--;
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 1);
    assert_only(HEALTH_SUPERVISOR_STALLED, "");
    snapshot.loop_ms = 0; /* never turned, but only just started */
    snapshot.started_ms = NOW - 10;
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
}

static void test_health_ready_redis_away_or_silent_is_told(void **arg)
{
    (void)arg;
    snapshot.redis_ready = false;
    assert_only(HEALTH_REDIS_AWAY, "");
    snapshot.redis_ready = true;
    queue.read_ms = NOW - 3 * (uint64_t)conf->metrics.interval - (uint64_t)conf->redis.command_timeout - 1;
    assert_only(HEALTH_REDIS_AWAY, "");
}

static void test_health_ready_draining_is_told(void **arg)
{
    (void)arg;
    snapshot.draining = true;
    assert_only(HEALTH_DRAINING, "");
}

static void test_health_ready_pools_are_told_by_name(void **arg)
{
    (void)arg;
    struct metrics_pool *pool = &snapshot.pools[1];
    pool->stopped = true;
    assert_only(HEALTH_POOL_STOPPED, "pdf");
    pool->stopped = false;
    pool->live = 0;
    assert_only(HEALTH_POOL_NOT_UP, "pdf");
    pool->live = 2;
    pool->away = 2;
    assert_only(HEALTH_STORAGE_AWAY, "pdf");
    pool->away = 0;
    pool->stalled = 2;
    assert_only(HEALTH_FETCH_STALLED, "pdf");
    pool->away = pool->stalled = 1;
    assert_only(HEALTH_FETCH_STALLED, "pdf");
}

static void test_health_ready_one_worker_of_many_is_no_reason(void **arg)
{
    (void)arg;
    struct health h;
    snapshot.pools[1].away = 1;
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    snapshot.pools[1] = (struct metrics_pool){.name = "pdf"}; /* scaled to none */
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
}

static void test_health_live_workers_that_do_not_fetch_are_told_a_store_away_is_not(void **arg)
{
    (void)arg;
    struct health h;
    snapshot.redis_ready = false;
    snapshot.pools[1].away = 2; /* they know why they do not fetch: a restart would mend nothing */
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    snapshot.pools[1].away = 0;
    snapshot.pools[1].stalled = 1;
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    snapshot.pools[1].stalled = 2;
    health_live(&snapshot, conf, &h);
    assert_int_equal(h.n, 1);
    assert_string_equal(health_reason_name(h.reasons[0].code), "fetch_stalled");
    assert_string_equal(h.reasons[0].pool, "pdf");
}

static void test_health_ready_redis_that_answers_and_is_not_well_is_told(void **arg)
{
    (void)arg;
    struct redis_info info = {.known = true, .policy = "noeviction", .role = "master", .aof = true, .aof_writes = true};
    struct health h;
    snapshot.redis_info = &info;
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, 0);
    snapshot.redis_refusal = "Redis answered: NOPERM";
    assert_only(HEALTH_REDIS_AWAY, "");
    snapshot.redis_refusal = "";
    (void)snprintf(info.policy, sizeof info.policy, "allkeys-lru");
    assert_only(HEALTH_REDIS_EVICTS, "");
    (void)snprintf(info.policy, sizeof info.policy, "noeviction");
    info.max_bytes = info.used_bytes = 1000;
    assert_only(HEALTH_REDIS_FULL, "");
    info.max_bytes = 0;
    info.aof_writes = false;
    assert_only(HEALTH_REDIS_NOT_SAVING, "");
}

static void test_health_json_everything_wrong_is_json(void **arg)
{
    (void)arg;
    struct health h;
    struct buf b;
    static const struct redis_info info = {
        .known = true, .policy = "allkeys-lru", .max_bytes = 1, .used_bytes = 2, .aof = true, .role = "master"};
    snapshot.loop_ms = 0;
    snapshot.draining = true;
    snapshot.redis_info = &info;
    snapshot.redis_refusal = "OOM \"quoted\" and \\ \n";
    queue.read_ms = 1;
    snapshot.n_pools = CONF_POOL_MAX;
    for (size_t i = 0; i < CONF_POOL_MAX; i++)
        snapshot.pools[i] = (struct metrics_pool){.name = "p", .stopped = true};
    health_ready(&snapshot, conf, &h);
    assert_int_equal(h.n, HEALTH_REASONS_MAX);
    buf_init(&b, 65536);
    assert_int_equal(health_json(&h, &b), 0);
    json_t *o = json_loads(b.data, 0, NULL);
    assert_int_equal(json_array_size(o), HEALTH_REASONS_MAX);
    json_decref(o);
    buf_fini(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        T(test_health_ready_all_well_has_no_reason),       T(test_health_live_loop_that_stopped_is_told),
        T(test_health_ready_redis_away_or_silent_is_told), T(test_health_ready_draining_is_told),
        T(test_health_ready_pools_are_told_by_name),       T(test_health_ready_one_worker_of_many_is_no_reason),
        T(test_health_live_workers_that_do_not_fetch_are_told_a_store_away_is_not),
        T(test_health_ready_redis_that_answers_and_is_not_well_is_told),
        T(test_health_json_everything_wrong_is_json),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
