/*
 * restore_guard - see restore.h. Refuses to restore under somebody's feet, and over jobs that are there.
 */
#include "restore.h"

#include "clock.h"
#include "keys.h"
#include "queue_find.h"

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

int restore_ask(struct restore *r, const char *queue, const char *suffix, redisReply **ret, const char *command,
                struct err *e)
{
    char key[KEY_MAX];
    struct redis_sync *redis;
    int rc = session_redis(r->to, &redis, e);
    return rc < 0 ? rc : redis_sync_cmd(redis, ret, e, command, keys_of(key, queue, suffix));
}

int restore_unmark(struct restore *r, struct restore_queue *q, struct err *e)
{
    redisReply *reply = NULL;
    int rc = restore_ask(r, q->name, "restoring", &reply, "DEL %s", e);
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
    redisReply *alive = NULL;
    int64_t now = 0;
    int rc = stores_redis_now(&r->to->stores, &now, e);
    (void)snprintf(from, sizeof from, "(%lld", (long long)now);
    if (rc == 0)
        rc = session_redis(r->to, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &alive, e, "ZRANGEBYSCORE %s %s +inf WITHSCORES", keys_of(key, queue, "i"), from);
    if (rc < 0)
        return rc;
    if (alive->elements >= 2)
        rc = err_set(e, ERR_REFUSED,
                     "supervisor %.100s is alive on queue %s: stop every supervisor of these stores first (\"systemctl "
                     "stop stint-supervisor\", "
                     "\"stint drain\"); one that was killed counts as alive for %lld s more",
                     alive->element[0]->str, queue,
                     (strtoll(alive->element[1]->str, NULL, 10) - (long long)now) / 1000 + 1);
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
    redisReply *mark = NULL;
    int rc = restore_ask(r, q->name, "restoring", &mark, "HGETALL %s", e);
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

/* Of a queue whose keys are being copied, or are: who is known there is known by the backup. Whoever else was has been
 * removed with what the target held, after nobody was found alive; and nobody can beat while the mark is there. */
static int check_queue_alive(struct restore *r, const struct restore_queue *q, struct err *e)
{
    return q->of_host || q->stage >= RESTORE_KEYS ? 0 : check_alive(r, q->name, e);
}

static int look(struct restore *r, struct restore_queue *q, struct err *e)
{
    struct queue_call c;
    json_t *stats = NULL;
    if (q->of_host)
        return 0;
    int rc = read_mark(r, q, e);
    if (rc == 0)
        rc = check_queue_alive(r, q, e);
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
    bool anew = r->force_redis; /* said now, not by the mark */
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        rc = look(r, &r->queues[i], e);
        if (anew && r->queues[i].stage == RESTORE_KEYS)
            r->queues[i].stage = RESTORE_BEGUN; /* somebody wrote there meanwhile, it may be */
    }
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

int restore_check_alive(struct restore *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++)
        rc = check_queue_alive(r, &r->queues[i], e);
    return rc;
}

static bool is_restored(const struct restore *r, const char *queue)
{
    for (size_t i = 0; i < r->n_queues; i++)
        if (strcmp(r->queues[i].name, queue) == 0)
            return true;
    return false;
}

/* An older PostgreSQL under a queue that went on: effects of jobs that Redis calls done would be gone for good. */
static int check_older(struct restore *r, const char *queue, struct err *e)
{
    struct queue_call c;
    json_t *stats = NULL;
    int rc = check_alive(r, queue, e);
    queue_call_init(&c, "stint_stats", queue);
    if (rc == 0)
        rc = queue_call_json(&r->to->stores, &c, &stats, e);
    bool holds_jobs = json_number(stats, "enqueued", 0) > 0;
    json_decref(stats);
    if (rc < 0 || !holds_jobs)
        return rc;
    if (r->force_postgres) {
        out_remark(&r->to->out, "queue %s is not in what is restored: what its jobs did since is gone from PostgreSQL",
                   queue);
        return 0;
    }
    return err_set(
        e, ERR_REFUSED,
        "Redis holds queue %s, which is younger than this backup's PostgreSQL: what its jobs did since would "
        "be lost. %s insist with --force-postgres",
        queue, r->with_redis ? "The backup does not hold it:" : "Restore both stores, or");
}

/* Every queue of the target that stays as it is. */
static int check_others(struct restore *r, struct err *e)
{
    AUTO_FREE struct queue_list *all = malloc(sizeof *all);
    if (all == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of queues");
    int rc = queue_find_all(r->to, all, e);
    for (size_t i = 0; rc == 0 && i < all->n; i++)
        if (all->names[i][0] != '_' && !is_restored(r, all->names[i]))
            rc = check_older(r, all->names[i], e);
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
    int rc = r->with_redis ? check_redis(r, e) : 0;
    if (rc == 0 && r->with_postgres)
        rc = check_others(r, e);
    return rc == 0 && r->with_postgres ? check_postgres(r, e) : rc;
}
