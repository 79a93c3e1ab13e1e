/*
 * preflight_redis - is this Redis one that keeps jobs? It reads INFO, which managed services allow, and never CONFIG; it
 * loads nothing.
 */
#include "preflight.h"

#include "clock.h"
#include "redis_functions.h"
#include "restore_seen.h"
#include "redis_check.h"
#include "shard.h"

#include <stdio.h>

enum { ROUND_TRIPS = 15, SLOW_US = 2000, REDIS_MAJOR_MIN = 7 };

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void check_round_trip(struct preflight *p, struct redis_sync *redis)
{
    uint64_t us[ROUND_TRIPS];
    for (size_t i = 0; i < ROUND_TRIPS; i++) {
        redisReply *reply = NULL;
        uint64_t began = clock_mono_ns();
        if (redis_sync_cmd(redis, &reply, NULL, "PING") < 0)
            return;
        us[i] = (clock_mono_ns() - began) / 1000;
        freeReplyObject(reply);
    }
    qsort(us, ROUND_TRIPS, sizeof us[0], by_size);
    uint64_t median = us[ROUND_TRIPS / 2];
    preflight_add(
        p, "Redis round trip", median > SLOW_US ? FINDING_WARN : FINDING_OK,
        "every job waits for it at least once: run Redis in the same rack, or on this host over a Unix socket",
        "%.2f ms median of %d", (double)median / 1000.0, ROUND_TRIPS);
}

static void check_functions(struct preflight *p, struct redis_sync *redis)
{
    redisReply *reply = NULL;
    struct err e = {.code = 0};
    int ours = redis_functions_version();
    int rc = redis_sync_cmd(redis, &reply, &e, "FUNCTION LIST LIBRARYNAME %s", "stint");
    if (rc < 0) {
        preflight_add(p, "Redis Functions", FINDING_FAIL, "allow FUNCTION and FCALL to the user of redis.url", "%s",
                      e.message);
        return;
    }
    bool loaded = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    freeReplyObject(reply);
    if (!loaded) {
        preflight_add(p, "Redis Functions", FINDING_OK, "", "none yet; the first program to connect loads version %d",
                      ours);
        return;
    }
    rc = redis_sync_cmd(redis, &reply, &e, "FCALL stint_version 0");
    long long theirs = rc == 0 ? reply->integer : -1;
    if (rc == 0)
        freeReplyObject(reply);
    if (rc < 0)
        preflight_add(p, "Redis Functions", FINDING_FAIL, "remove the foreign library: FUNCTION DELETE stint", "%s",
                      e.message);
    else
        preflight_add(p, "Redis Functions", theirs > ours ? FINDING_WARN : FINDING_OK,
                      "it was loaded by a newer stint and is kept: upgrade this host soon",
                      "version %lld, this build has %d", theirs, ours);
}

/* Fails with what is seen and its remedy when the fault is there. */
static void check_fault(struct preflight *p, const char *what, const struct redis_info *info, enum redis_info_fault fault)
{
    char seen[FINDING_TEXT_MAX];
    bool bad = redis_info_has(info, fault);
    (void)redis_info_seen(info, fault, seen, sizeof seen);
    preflight_add(p, what, bad ? FINDING_FAIL : FINDING_OK, redis_info_remedy(fault), "%s", seen);
    p->away = p->away || (bad && (fault == REDIS_INFO_FULL || fault == REDIS_INFO_REPLICA));
}

static void check_info(struct preflight *p, const struct redis_info *info)
{
    preflight_add(p, "Redis version", info->major >= REDIS_MAJOR_MIN ? FINDING_OK : FINDING_FAIL,
                  "stint needs Functions: Redis 7.0 or newer", "%s%s", info->version, info->valkey ? " (Valkey)" : "");
    check_fault(p, "Redis eviction", info, REDIS_INFO_EVICTS);
    if (redis_info_has(info, REDIS_INFO_FULL))
        check_fault(p, "Redis memory", info, REDIS_INFO_FULL);
    if (info->aof)
        check_fault(p, "Redis persistence", info, REDIS_INFO_NOT_SAVING);
    else
        preflight_add(p, "Redis persistence", FINDING_WARN,
                      "jobs since the last snapshot are lost when Redis dies: set appendonly yes", "no append-only file");
    check_fault(p, "Redis role", info, REDIS_INFO_REPLICA);
}

/* Said only when it is so. */
static void check_restore(struct preflight *p, struct redis_sync *redis)
{
    const char *queues[QUEUES_MAX];
    size_t n = conf_queues(p->conf, queues, ARRAY_LEN(queues));
    for (size_t i = 0; i < n; i++) {
        struct err e;
        if (restore_seen(redis, queues[i], &e) != ERR_REFUSED)
            continue;
        preflight_add(p, "Redis restore", FINDING_FAIL, "run the same \"stint restore\" again", "%s", e.message);
        return;
    }
}

static int check_all(struct preflight *p, struct redis_sync *redis, struct err *e)
{
    redisReply *reply = NULL;
    struct redis_info info;
    int rc = redis_sync_cmd(redis, &reply, e, "PING"); /* LOADING, NOAUTH, BUSY and MISCONF are said here */
    if (rc < 0)
        return rc;
    freeReplyObject(reply);
    rc = redis_check_info(redis, &info, e);
    if (rc < 0)
        return rc;
    check_info(p, &info);
    check_round_trip(p, redis);
    check_functions(p, redis);
    check_restore(p, redis);
    return 0;
}

void preflight_redis(struct preflight *p)
{
    struct redis_sync redis;
    struct err e = {.code = 0};
    int rc = redis_sync_open(&redis, &p->conf->redis, &e);
    if (rc == 0)
        rc = check_all(p, &redis, &e);
    if (rc < 0)
        preflight_add_away(p, "Redis", "start it (\"stint up\" brings its own), or set redis.url or STINT_REDIS_URL",
                           e.message);
    redis_sync_close(&redis);
}
