/*
 * match_stage.h - the stage of tests of the kind match: a Redis, a PostgreSQL with the schema, and words for what
 * happens there.
 *
 * Runs in: tests. One stage a program; every wait has the harness's deadline.
 */
#pragma once

#include "clock.h"
#include "migrate.h"
#include "pg_server.h"
#include "redis_server.h"
#include "worker_harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct redis_server redis;
static struct pg_server pg;

static inline int open_servers(void **state)
{
    struct err e = {0};
    (void)state;
    if (redis_server_start(&redis, &(struct redis_server_options){.aof = true}) < 0 || pg_server_start(&pg) < 0)
        return -1;
    PGconn *conn = pg_server_connect(&pg);
    int rc = migrate_run(conn, false, NULL, NULL, &e);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", e.message);
    PQfinish(conn);
    return rc < 0 ? -1 : 0;
}

static inline int close_servers(void **state)
{
    (void)state;
    pg_server_close(&pg);
    redis_server_close(&redis);
    return 0;
}

static inline int64_t query(const char *format, ...) PRINTF_LIKE(1, 2);
static inline int64_t query(const char *format, ...)
{
    char sql[1024], text[64];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    assert_true(pg_server_query(&pg, sql, text, sizeof text));
    return strtoll(text, NULL, 10);
}

static inline int64_t waiting(const char *pool)
{
    return query("SELECT count(*) FROM stint.match_ticket WHERE pool = '%s' AND state = 'waiting'", pool);
}

static inline int64_t pairs(const char *pool)
{
    return query("SELECT count(*) FROM stint.match_pair WHERE pool = '%s' AND state = 'pending'", pool);
}

/* Every matched ticket in exactly one pending pair, and the other way round. */
static inline void check_pairs(const char *pool)
{
    assert_int_equal(query("SELECT count(*) FROM stint.match_ticket WHERE pool = '%s' AND state = 'matched'", pool),
                     2 * pairs(pool));
    assert_int_equal(
        query(
            "SELECT count(*) FROM (SELECT x FROM (SELECT live_a AS x FROM stint.match_pair WHERE pool = '%s' UNION ALL"
            " SELECT live_b FROM stint.match_pair WHERE pool = '%s') s WHERE x IS NOT NULL GROUP BY x HAVING count(*) "
            "> 1) d",
            pool, pool),
        0);
}

static inline void ini_for(char out[static 2048], const char *queue, const char *more)
{
    (void)snprintf(out, 2048, "[postgres]\nurl = %s\n[pool.match]\nkinds = match\nqueue = %s\n%s", pg.url, queue, more);
}

static inline void begin(struct worker_harness *h, const char *queue, const char *more)
{
    char ini[2048];
    harness_open(h, redis.url, queue);
    ini_for(ini, queue, more);
    harness_start(h, "match", ini, NULL);
    harness_expect(h, IPC_IDLE, 1);
}

static inline void send_op(struct worker_harness *h, const char *job, const char *payload)
{
    char options[128];
    (void)snprintf(options, sizeof options, "{\"kind\":\"match\",\"id\":\"%s\"}", job);
    harness_enqueue(h, options, payload);
}

static inline void submit(struct worker_harness *h, const char *pool, const char *id, const char *gender,
                          const char *seeking)
{
    char payload[512], job[80];
    (void)snprintf(job, sizeof job, "s-%s", id);
    (void)snprintf(
        payload, sizeof payload,
        "{\"v\":1,\"op\":\"submit\",\"pool\":\"%s\",\"id\":\"%s\",\"gender\":\"%s\",\"seeking\":[\"%s\"],\"age\":25,"
        "\"presence_ms\":600000}",
        pool, id, gender, seeking);
    send_op(h, job, payload);
}

static inline void crowd(struct worker_harness *h, const char *pool, const char *gender, const char *seeking, int from,
                         int n)
{
    char id[64];
    for (int i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "%c%d", gender[0], from + i);
        submit(h, pool, id, gender, seeking);
    }
    for (int i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "s-%c%d", gender[0], from + i);
        harness_wait_state(h, id, "done");
    }
}

/* n men who wait since long ago, without a job of theirs. */
static inline void seed(const char *queue, const char *pool, int n)
{
    (void)query("INSERT INTO stint.match_pool(pool, queue, version) VALUES ('%s', '%s', 1); SELECT 0", pool, queue);
    (void)query(
        "INSERT INTO stint.match_ticket(pool, id, state, version, created_ms, key_ms, touched_ms, presence_ms,"
        " expires_ms, changed_ms, body) SELECT '%s', 'w' || lpad(i::text, 6, '0'), 'waiting', 1, n - i, n - i, n, 0,"
        " n + 86400000, n, jsonb_build_object('id', 'w' || lpad(i::text, 6, '0'), 'gender', 'male', 'seeking',"
        " '[\"female\"]'::jsonb, 'age', 25) FROM generate_series(1, %d) i, (SELECT stint.now_ms() AS n) t; SELECT 0",
        pool, n);
}
