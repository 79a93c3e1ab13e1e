/*
 * dead_batch - see dead_batch.h. Refuses to remove what it did not read: a letter that was replayed, edited or died again
 * meanwhile has another token and stays.
 */
#include "dead_batch.h"

#include "keys.h"

#include <stdio.h>

enum { FIXED_ARGS = 9 };

void dead_batch_fini(struct dead_batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n; i++)
        json_decref(b->records[i]);
    b->n = 0;
}

static int lost(struct redis_sync *redis, struct err *e)
{
    int rc = err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost while reading dead letters: %s",
                     redis->ctx != NULL ? redis->ctx->errstr : "closed");
    redis_sync_close(redis); /* replies may be outstanding: it must not be used again */
    return rc;
}

static char *hash_key(char out[static KEY_MAX], const char *queue, const char *id)
{
    char suffix[JOB_ID_MAX + 8];
    (void)snprintf(suffix, sizeof suffix, "j:%s", id);
    return keys_of(out, queue, suffix);
}

static int next_reply(struct redis_sync *redis, redisReply **ret_reply, struct err *e)
{
    void *reply = NULL;
    if (redisGetReply(redis->ctx, &reply) != REDIS_OK || reply == NULL)
        return lost(redis, e);
    *ret_reply = reply;
    return 0;
}

/* How many of the letters fit the bound, by what Redis says they take. */
static int count_fitting(struct redis_sync *redis, const char *queue, const char *const ids[], size_t n,
                         int64_t max_bytes, size_t *ret_n, int64_t *ret_bytes, struct err *e)
{
    int64_t bytes = 0;
    size_t fit = 0;
    for (size_t i = 0; i < n; i++) {
        char key[KEY_MAX];
        const char *argv[] = {"HGET", hash_key(key, queue, ids[i]), "bytes"};
        (void)redisAppendCommandArgv(redis->ctx, (int)ARRAY_LEN(argv), argv, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        redisReply *reply = NULL;
        int rc = next_reply(redis, &reply, e);
        if (rc < 0)
            return rc;
        if (fit == i && (i == 0 || bytes < max_bytes)) {
            bytes += reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
            fit++;
        }
        freeReplyObject(reply);
    }
    *ret_n = fit;
    *ret_bytes = bytes;
    return 0;
}

static int add(struct dead_batch *b, const char *id, const redisReply *hash)
{
    json_t *record = dead_record_new(b->queue, id, 0, hash);
    if (record == NULL)
        return ERR_OUT_OF_MEMORY;
    const char *died = dead_record_text(record, "died"), *edits = dead_record_text(record, "edits");
    if (strcmp(dead_record_text(record, "state"), "dead") != 0) {
        json_decref(record);
        return 0;
    }
    (void)json_object_set_new(record, "died_ms", json_integer(strtoll(died, NULL, 10)));
    (void)snprintf(b->ids[b->n], sizeof b->ids[b->n], "%s", id);
    (void)snprintf(b->tokens[b->n], sizeof b->tokens[b->n], "%.20s:%.20s", died, *edits != '\0' ? edits : "0");
    b->records[b->n++] = record;
    return 0;
}

int dead_batch_read(struct dead_batch *b, struct redis_sync *redis, const char *queue, const char *const ids[], size_t n,
                    int64_t max_bytes, size_t *ret_taken, struct err *e)
{
    size_t fit = 0;
    b->queue = queue;
    b->n = 0;
    b->bytes = 0;
    assert(n >= 1 && n <= DEAD_BATCH_MAX);
    if (redis->ctx == NULL)
        return err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost; open it again");
    int rc = redis_sync_at(redis, queue, e);
    rc = rc < 0 ? rc : count_fitting(redis, queue, ids, n, MIN_OF(max_bytes, (int64_t)DEAD_BATCH_MAX_BYTES), &fit, &b->bytes, e);
    for (size_t i = 0; rc == 0 && i < fit; i++) {
        char key[KEY_MAX];
        const char *argv[] = {"HGETALL", hash_key(key, queue, ids[i])};
        (void)redisAppendCommandArgv(redis->ctx, (int)ARRAY_LEN(argv), argv, NULL);
    }
    for (size_t i = 0; rc == 0 && i < fit; i++) {
        redisReply *reply = NULL;
        rc = next_reply(redis, &reply, e);
        if (rc == 0 && reply != NULL && reply->type == REDIS_REPLY_ARRAY && add(b, ids[i], reply) < 0) {
            rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for a dead letter");
            redis_sync_close(redis);
        }
        freeReplyObject(reply);
    }
    if (rc == 0)
        *ret_taken = fit;
    return rc;
}

int dead_batch_remove(const struct dead_batch *b, struct redis_sync *redis, const struct dead_removal *r,
                      int64_t *ret_removed, struct err *e)
{
    char key[KEY_MAX];
    const char *argv[FIXED_ARGS + 2 * DEAD_BATCH_MAX] = {
        "FCALL",  "stint_dead_remove", "1",       keys_prefix(key, b->queue), r->action,
        r->actor, r->reason,           r->filter, r->run};
    int argc = FIXED_ARGS;
    redisReply *reply = NULL;
    *ret_removed = 0;
    if (b->n == 0)
        return 0;
    for (size_t i = 0; i < b->n; i++) {
        argv[argc++] = b->ids[i];
        argv[argc++] = b->tokens[i];
    }
    int rc = redis_sync_argv(redis, &reply, e, argc, argv, NULL);
    if (rc < 0)
        return rc;
    if (reply->type == REDIS_REPLY_INTEGER)
        *ret_removed = reply->integer;
    else
        rc = err_set(e, ERR_PROTOCOL, "stint_dead_remove answered no number");
    freeReplyObject(reply);
    return rc;
}
