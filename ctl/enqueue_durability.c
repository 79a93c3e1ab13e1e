/*
 * enqueue_durability - see enqueue_durability.h. Refuses to call "appendfsync everysec" safe: a second of acknowledged
 * jobs can be lost with the host, and no command of Redis 7.0 tells which.
 */
#include "enqueue_durability.h"

#include "redis_check.h"

#include <stdio.h>

enum { WAIT_SHARE_NUM = 3, WAIT_SHARE_DEN = 4 }; /* of the command timeout: Redis must answer before we give up */

int enqueue_durability_plan(struct session *s, enum durability_kept *ret_plan, struct err *e)
{
    struct redis_sync *redis;
    struct redis_info info;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_check_info(redis, &info, e);
    if (rc < 0)
        return rc;
    bool waitaof = info.major > 7 || (info.major == 7 && info.minor >= 2); /* Valkey says 7.2 */
    if (waitaof && info.aof) {
        *ret_plan = DURABILITY_FSYNC;
        return 0;
    }
    if (info.replicas > 0) {
        *ret_plan = DURABILITY_REPLICA;
        return 0;
    }
    return err_set(e, ERR_REFUSED,
                   "--durability safe: nothing was enqueued, for this Redis (%s, %s append-only file, no replica) cannot "
                   "confirm that a job is on disk; that needs Redis 7.2 or newer with appendonly yes, or a replica. With "
                   "--durability fast the last second's jobs can be lost when its host dies",
                   info.version, info.aof ? "with an" : "without");
}

/* WAITAOF answers [on disk here, on disk at replicas], WAIT a number of replicas. */
static bool confirmed(const redisReply *reply, enum durability_kept plan)
{
    if (plan == DURABILITY_FSYNC)
        return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->integer >= 1;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 1;
}

int enqueue_durability_confirm(struct session *s, enum durability_kept plan, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    if (plan == DURABILITY_MEMORY)
        return 0;
    int rc = session_redis(s, &redis, e);
    if (rc < 0)
        return rc;
    long long wait_ms = (long long)s->conf->redis.command_timeout * WAIT_SHARE_NUM / WAIT_SHARE_DEN;
    rc = plan == DURABILITY_FSYNC ? redis_sync_cmd(redis, &reply, e, "WAITAOF 1 0 %lld", wait_ms)
                                  : redis_sync_cmd(redis, &reply, e, "WAIT 1 %lld", wait_ms);
    if (rc < 0)
        return rc;
    bool good = confirmed(reply, plan);
    freeReplyObject(reply);
    if (good)
        return 0;
    return err_set(e, ERR_TIMED_OUT, "enqueued, but within %lld ms %s; it may be lost if Redis dies now", wait_ms,
                   plan == DURABILITY_FSYNC ? "Redis did not write it to its disk" : "no replica had it");
}

const char *enqueue_durability_name(enum durability_kept kept)
{
    static const char *const names[DURABILITY_KEPT_COUNT] = {
#define X(id, name) name,
        DURABILITY_KEPT(X)
#undef X
    };
    assert((unsigned)kept < DURABILITY_KEPT_COUNT);
    return names[kept];
}
