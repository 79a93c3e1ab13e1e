/*
 * restore_guard - see restore.h. Refuses to restore under somebody's feet, and over jobs that are there.
 */
#include "restore.h"

#include "clock.h"
#include "keys.h"

#include <stdio.h>

static const char *const stage_names[] = {"", "begun", "keys", "settle", "done"};

const char *restore_stage_name(enum restore_stage stage)
{
    return stage_names[stage];
}

static enum restore_stage stage_of(const char *name)
{
    for (size_t i = RESTORE_BEGUN; i < ARRAY_LEN(stage_names); i++)
        if (strcmp(stage_names[i], name) == 0)
            return (enum restore_stage)i;
    return RESTORE_BEGUN;
}

static const char *backup_id(const struct restore *r)
{
    return json_text(r->archive->manifest, "id");
}

int restore_mark(struct restore *r, struct restore_queue *q, enum restore_stage stage, struct err *e)
{
    char key[KEY_MAX], now[24];
    struct redis_sync *redis;
    redisReply *reply = NULL;
    (void)snprintf(now, sizeof now, "%lld", (long long)clock_wall_ms());
    const char *const argv[] = {"HSET",           keys_of(key, q->name, "restoring"),
                                "backup",         backup_id(r),
                                "from",           r->archive->path,
                                "stage",          restore_stage_name(stage),
                                "actor",          r->to->stores.actor,
                                "since_ms",       now,
                                "postgres",       r->postgres_there ? "1" : "0",
                                "force",          r->force_redis ? "1" : "0",
                                "force_postgres", r->force_postgres ? "1" : "0"};
    int rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc == 0) {
        freeReplyObject(reply);
        q->stage = stage;
    }
    return rc;
}

int restore_unmark(struct restore *r, struct restore_queue *q, struct err *e)
{
    char key[KEY_MAX];
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &reply, e, "DEL %s", keys_of(key, q->name, "restoring"));
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

/* -- who is alive
 * ----------------------------------------------------------------------------------------------------------- */

static int check_alive(struct restore *r, const char *queue, struct err *e)
{
    char key[KEY_MAX], from[24];
    struct redis_sync *redis;
    redisReply *time = NULL, *alive = NULL;
    int rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &time, e, "TIME");
    if (rc < 0)
        return rc;
    long long now = strtoll(time->element[0]->str, NULL, 10) * 1000;
    freeReplyObject(time);
    (void)snprintf(from, sizeof from, "(%lld", now);
    rc = redis_sync_cmd(redis, &alive, e, "ZRANGEBYSCORE %s %s +inf WITHSCORES", keys_of(key, queue, "i"), from);
    if (rc < 0)
        return rc;
    if (alive->elements >= 2)
        rc = err_set(e, ERR_REFUSED,
                     "supervisor %.100s is alive on queue %s: stop every supervisor of these stores first (\"systemctl "
                     "stop stint-supervisor\", "
                     "\"stint drain\"); one that was killed counts as alive for %lld s more",
                     alive->element[0]->str, queue, (strtoll(alive->element[1]->str, NULL, 10) - now) / 1000 + 1);
    freeReplyObject(alive);
    return rc;
}

/* -- what is there
 * ---------------------------------------------------------------------------------------------------------- */

static const char *hash_text(const redisReply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        if (strcmp(hash->element[i]->str, name) == 0)
            return hash->element[i + 1]->str;
    return "";
}

static int read_mark(struct restore *r, struct restore_queue *q, struct err *e)
{
    char key[KEY_MAX];
    struct redis_sync *redis;
    redisReply *mark = NULL;
    int rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &mark, e, "HGETALL %s", keys_of(key, q->name, "restoring"));
    if (rc < 0)
        return rc;
    if (mark->elements > 0 && strcmp(hash_text(mark, "backup"), backup_id(r)) == 0) {
        q->stage = stage_of(hash_text(mark, "stage"));
        r->force_redis = r->force_redis || hash_text(mark, "force")[0] == '1'; /* it was said once */
        r->force_postgres = r->force_postgres || hash_text(mark, "force_postgres")[0] == '1';
        r->postgres_there = r->postgres_there || hash_text(mark, "postgres")[0] == '1';
    } else if (mark->elements > 0 && !r->force_redis) {
        rc = err_set(e, ERR_REFUSED,
                     "queue %s is half restored from another backup (%.300s): run that restore again to finish it, or "
                     "--force-redis to begin anew "
                     "with this one",
                     q->name, hash_text(mark, "from"));
    }
    freeReplyObject(mark);
    return rc;
}

static int look(struct restore *r, struct restore_queue *q, struct err *e)
{
    struct queue_call c;
    json_t *stats = NULL;
    if (q->of_host)
        return 0;
    int rc = read_mark(r, q, e);
    if (rc == 0)
        rc = check_alive(r, q->name, e);
    queue_call_init(&c, "stint_stats", q->name);
    if (rc == 0)
        rc = queue_call_json(&r->to->stores, &c, &stats, e);
    q->enqueued = json_number(stats, "enqueued", 0);
    json_decref(stats);
    return rc;
}

/* Marks are taken away only when every queue is done: one that has none is done when all that have one are. */
static bool was_done(const struct restore *r)
{
    bool done = false;
    for (size_t i = 0; i < r->n_queues; i++) {
        if (r->queues[i].stage != RESTORE_NONE && r->queues[i].stage != RESTORE_DONE)
            return false;
        done = done || r->queues[i].stage == RESTORE_DONE;
    }
    return done;
}

static int check_redis(struct restore *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++)
        rc = look(r, &r->queues[i], e);
    bool done = rc == 0 && was_done(r);
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        struct restore_queue *q = &r->queues[i];
        if (done)
            q->stage = RESTORE_DONE;
        if (q->enqueued > 0 && q->stage < RESTORE_KEYS && !r->force_redis)
            rc = err_set(e, ERR_REFUSED,
                         "queue %s of the target Redis holds jobs already (%lld were ever enqueued): restore into an "
                         "empty Redis, or with "
                         "--force-redis, which removes the queue first",
                         q->name, (long long)q->enqueued);
    }
    return rc;
}

/* An older PostgreSQL under a Redis that went on: effects of jobs that Redis calls done would be gone for good. */
static int check_older_postgres(struct restore *r, struct err *e)
{
    const struct conf *conf;
    const char *names[CONF_POOL_MAX];
    int rc = session_conf(r->to, &conf, e);
    size_t n = rc == 0 ? conf_queues(conf, names, ARRAY_LEN(names)) : 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct queue_call c;
        json_t *stats = NULL;
        rc = check_alive(r, names[i], e);
        queue_call_init(&c, "stint_stats", names[i]);
        if (rc == 0)
            rc = queue_call_json(&r->to->stores, &c, &stats, e);
        if (rc == 0 && json_number(stats, "enqueued", 0) > 0 && !r->force_postgres)
            rc = err_set(e, ERR_REFUSED,
                         "Redis holds queue %s, which is younger than this backup's PostgreSQL: what its jobs did "
                         "since would be lost. Restore both "
                         "stores, or insist with --force-postgres",
                         names[i]);
        json_decref(stats);
    }
    return rc;
}

static int check_postgres(struct restore *r, struct err *e)
{
    int rc = restore_postgres_rows(r->to, &r->rows_there, e);
    if (rc < 0 || r->postgres_there || r->rows_there <= 0 || r->force_postgres)
        return rc;
    const json_t *tables = json_object_get(json_object_get(r->archive->manifest, "postgres"), "tables"), *count;
    const char *name;
    int64_t backed_up = 0;
    bool resumed = false;
    json_object_foreach((json_t *)(uintptr_t)tables, name, count) if (strcmp(name, "migrations") != 0) backed_up +=
        json_integer_value(count);
    for (size_t i = 0; i < r->n_queues; i++)
        resumed = resumed || r->queues[i].stage != RESTORE_NONE;
    if (resumed && backed_up == r->rows_there) {
        r->postgres_there = true; /* killed between PostgreSQL's commit and the note of it */
        return 0;
    }
    return err_set(e, ERR_REFUSED,
                   "schema stint of the target PostgreSQL holds %lld rows already: restore into an empty database, or "
                   "with --force-postgres, which "
                   "drops the schema first",
                   (long long)r->rows_there);
}

int restore_guard(struct restore *r, struct err *e)
{
    int rc = r->with_redis ? check_redis(r, e) : check_older_postgres(r, e);
    return rc == 0 && r->with_postgres ? check_postgres(r, e) : rc;
}
