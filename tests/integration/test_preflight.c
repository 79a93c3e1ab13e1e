/*
 * Why: preflight stands between an operator's mistake and lost jobs: what it must refuse, it must refuse.
 * Refuses to: check the wording of remedies.
 */
#include "preflight.h"
#include "migrate.h"
#include "pg_server.h"
#include "redis_server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct pg_server postgres;
static struct redis_server redis;
static struct conf *conf;
static struct preflight result;

static void run(void)
{
    preflight_run(&result, conf);
    assert_true(result.n > 0);
    for (size_t i = 0; i < result.n; i++)
        assert_int_equal(result.findings[i].level != FINDING_OK, result.findings[i].remedy[0] != '\0');
}

static const struct finding *found(const char *what)
{
    for (size_t i = 0; i < result.n; i++) {
        if (strcmp(result.findings[i].what, what) == 0)
            return &result.findings[i];
    }
    fail_msg("no finding named %s", what);
    return NULL;
}

static void config_set(const char *name, const char *value)
{
    redisContext *ctx = redis_server_connect(&redis);
    assert_non_null(ctx);
    freeReplyObject(redisCommand(ctx, "CONFIG SET %s %s", name, value));
    redisFree(ctx);
}

static void test_preflight_run_good_services_pass(void **state)
{
    (void)state;
    struct err e;
    PGconn *pg = pg_server_connect(&postgres);
    assert_int_equal(migrate_run(pg, false, NULL, NULL, &e), 0);
    PQfinish(pg);
    run();
    assert_int_equal(found("Redis eviction")->level, FINDING_OK);
    assert_int_equal(found("Redis persistence")->level, FINDING_OK);
    assert_int_equal(found("PostgreSQL schema")->level, FINDING_OK);
    assert_int_equal(found("PostgreSQL fsync")->level, FINDING_WARN); /* off in tests */
    assert_int_equal(found("run folder")->level, FINDING_OK);
}

static void test_preflight_run_eviction_and_missing_schema_fail_and_no_aof_warns(void **state)
{
    (void)state;
    config_set("maxmemory-policy", "allkeys-lru");
    config_set("appendonly", "no");
    assert_true(
        pg_server_query(&postgres, "SET client_min_messages = error; DROP SCHEMA IF EXISTS stint CASCADE", NULL, 0));
    run();
    assert_int_equal(found("Redis eviction")->level, FINDING_FAIL);
    assert_int_equal(found("Redis persistence")->level, FINDING_WARN);
    assert_int_equal(found("PostgreSQL schema")->level, FINDING_FAIL);
    assert_int_equal(preflight_worst(&result), FINDING_FAIL);
    config_set("maxmemory-policy", "noeviction");
    config_set("appendonly", "yes");
}

static void test_preflight_run_absent_services_fail_with_a_remedy(void **state)
{
    (void)state;
    struct conf *absent = calloc(1, sizeof *absent);
    assert_non_null(absent);
    *absent = *conf;
    snprintf(absent->redis.url, sizeof absent->redis.url, "unix:///nowhere/redis.sock");
    snprintf(absent->postgres.url, sizeof absent->postgres.url, "postgresql:///x?host=/nowhere");
    snprintf(absent->supervisor.run_dir, sizeof absent->supervisor.run_dir, "/dev/null/nowhere");
    preflight_run(&result, absent);
    assert_int_equal(found("Redis")->level, FINDING_FAIL);
    assert_int_equal(found("PostgreSQL")->level, FINDING_FAIL);
    assert_int_equal(found("run folder")->level, FINDING_FAIL);
    free(absent);
}

static int start_services(void **state)
{
    (void)state;
    struct err e;
    conf = calloc(1, sizeof *conf);
    if (!conf || pg_server_start(&postgres) < 0 ||
        redis_server_start(&redis, &(struct redis_server_options){.aof = true}) < 0 || conf_load(conf, "", &e) < 0)
        return -1;
    snprintf(conf->redis.url, sizeof conf->redis.url, "%s", redis.url);
    snprintf(conf->postgres.url, sizeof conf->postgres.url, "%s", postgres.url);
    snprintf(conf->supervisor.run_dir, sizeof conf->supervisor.run_dir, "%s", redis.dir);
    snprintf(conf->supervisor.state_dir, sizeof conf->supervisor.state_dir, "%s/state", redis.dir);
    return 0;
}

static int close_services(void **state)
{
    (void)state;
    pg_server_close(&postgres);
    redis_server_close(&redis);
    free(conf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preflight_run_good_services_pass),
        cmocka_unit_test(test_preflight_run_eviction_and_missing_schema_fail_and_no_aof_warns),
        cmocka_unit_test(test_preflight_run_absent_services_fail_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, start_services, close_services);
}
