/*
 * preflight_redis - is this Redis one that keeps jobs? It reads INFO, which managed services allow, and never CONFIG.
 */
#include "preflight.h"

#include "clock.h"
#include "redis_functions.h"
#include "redis_sync.h"

#include <stdio.h>

enum { ROUND_TRIPS = 15, SLOW_US = 2000, REDIS_MAJOR_MIN = 7 };

/* Value of "name:value" in INFO's text into out; "" when it is not there. */
static const char *info_value(const char *info, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            (void)snprintf(out, size, "%.*s", (int)strcspn(line + len + 1, "\r\n"), line + len + 1);
            break;
        }
    }
    return out;
}

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

static void check_info(struct preflight *p, const char *info)
{
    char value[64], limit[64];
    int major = atoi(info_value(info, "redis_version", value, sizeof value));
    preflight_add(p, "Redis version", major >= REDIS_MAJOR_MIN ? FINDING_OK : FINDING_FAIL,
                  "stint needs Functions: Redis 7.0 or newer", "%s", value);

    (void)info_value(info, "maxmemory_policy", value, sizeof value);
    preflight_add(p, "Redis eviction", strcmp(value, "noeviction") == 0 ? FINDING_OK : FINDING_FAIL,
                  "a full Redis would delete jobs unasked: set maxmemory-policy noeviction",
                  "maxmemory-policy %s, maxmemory %s", value[0] ? value : "unknown",
                  info_value(info, "maxmemory_human", limit, sizeof limit));

    bool aof = strcmp(info_value(info, "aof_enabled", value, sizeof value), "1") == 0;
    (void)info_value(info, "aof_last_write_status", value, sizeof value);
    bool writes = !aof || strcmp(value, "ok") == 0;
    preflight_add(p, "Redis persistence",
                  !writes ? FINDING_FAIL
                  : aof   ? FINDING_OK
                          : FINDING_WARN,
                  writes ? "jobs since the last snapshot are lost when Redis dies: set appendonly yes"
                         : "Redis cannot write its append-only file: free space on its disk",
                  aof ? "append-only file, last write %s" : "no append-only file%.0s", value);

    (void)info_value(info, "role", value, sizeof value);
    preflight_add(p, "Redis role", strcmp(value, "master") == 0 ? FINDING_OK : FINDING_FAIL,
                  "a replica takes no writes: let redis.url name the primary", "%s", value);
}

void preflight_redis(struct preflight *p)
{
    struct redis_sync redis;
    struct err e = {.code = 0};
    redisReply *reply = NULL;
    int rc = redis_sync_open(&redis, &p->conf->redis, &e);
    if (rc == 0)
        rc = redis_sync_cmd(&redis, &reply, &e, "INFO");
    if (rc < 0) {
        preflight_add(p, "Redis", FINDING_FAIL,
                      "start it (\"stint up\" brings its own), or set redis.url or STINT_REDIS_URL", "%s", e.message);
        redis_sync_close(&redis);
        return;
    }
    check_info(p, reply->str);
    freeReplyObject(reply);
    check_round_trip(p, &redis);
    check_functions(p, &redis);
    redis_sync_close(&redis);
}
