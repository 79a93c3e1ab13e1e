/*
 * dead_page - see dead_page.h. Two pipelined questions a page: first what decides most filters, then the last error of
 * those that are left. Refuses to go on after a lost reply: the connection is closed.
 */
#include "dead_page.h"

#include "dead_record.h"
#include "keys.h"

#include <stdio.h>

#define FIELDS(X) X(kind) X(cause) X(fp) X(died) X(errs) X(n) X(edits) X(state)
enum {
#define X(name) FIELD_##name,
    FIELDS(X)
#undef X
        FIELD_COUNT
};

void dead_page_add(struct dead_page *p, const char *queue, const char *id, int64_t died_ms)
{
    assert(p->n < DEAD_LETTERS_PAGE);
    struct dead_letter *letter = &p->letters[p->n];
    *letter = (struct dead_letter){.died_ms = died_ms};
    (void)snprintf(letter->queue, sizeof letter->queue, "%s", queue);
    (void)snprintf(letter->id, sizeof letter->id, "%s", id);
    p->there[p->n++] = true;
}

void dead_page_clear(struct dead_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        json_decref(p->letters[i].last_error);
    p->n = 0;
}

/* Sends one command per letter that is there (all are of one queue), then hands every reply to take. */
static int pipe_page(struct dead_page *p, struct redis_sync *redis, const struct dead_filter *f,
                     void (*ask)(redisContext *ctx, const struct dead_letter *letter),
                     bool (*take)(struct dead_letter *letter, const redisReply *reply, const struct dead_filter *f),
                     struct err *e)
{
    int rc = p->n > 0 ? redis_sync_at(redis, p->letters[0].queue, e) : 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < p->n; i++)
        if (p->there[i])
            ask(redis->ctx, &p->letters[i]);
    for (size_t i = 0; i < p->n; i++) {
        void *reply = NULL;
        if (!p->there[i])
            continue;
        if (redisGetReply(redis->ctx, &reply) != REDIS_OK || reply == NULL) {
            rc = err_set(e, ERR_REDIS_UNAVAILABLE,
                             "the connection to Redis was lost while reading dead letters: %s", redis->ctx->errstr);
            redis_sync_close(redis);
            return rc;
        }
        p->there[i] = take(&p->letters[i], reply, f);
        freeReplyObject(reply);
    }
    return 0;
}

static char *hash_key(char out[static KEY_MAX], const struct dead_letter *letter)
{
    char suffix[JOB_ID_MAX + 8];
    (void)snprintf(suffix, sizeof suffix, "j:%s", letter->id);
    return keys_of(out, letter->queue, suffix);
}

static void ask_fields(redisContext *ctx, const struct dead_letter *letter)
{
    static const char *const names[] = {
#define X(name) #name,
        FIELDS(X)
#undef X
    };
    char key[KEY_MAX];
    const char *argv[2 + FIELD_COUNT] = {"HMGET", hash_key(key, letter)};
    memcpy(&argv[2], names, sizeof names);
    (void)redisAppendCommandArgv(ctx, (int)ARRAY_LEN(argv), argv, NULL);
}

static const char *field_text(const redisReply *reply, size_t field)
{
    const redisReply *value = reply->element[field];
    return value->type == REDIS_REPLY_STRING ? value->str : "";
}

static bool take_fields(struct dead_letter *letter, const redisReply *reply, const struct dead_filter *f)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELD_COUNT ||
        strcmp(field_text(reply, FIELD_state), "dead") != 0)
        return false;
    (void)snprintf(letter->kind, sizeof letter->kind, "%s", field_text(reply, FIELD_kind));
    (void)snprintf(letter->cause, sizeof letter->cause, "%s", field_text(reply, FIELD_cause));
    (void)snprintf(letter->fingerprint, sizeof letter->fingerprint, "%s", field_text(reply, FIELD_fp));
    letter->died_ms = strtoll(field_text(reply, FIELD_died), NULL, 10);
    letter->errors = strtoll(field_text(reply, FIELD_errs), NULL, 10);
    letter->edits = strtoll(field_text(reply, FIELD_edits), NULL, 10);
    long long replays = 0; /* epoch,attempts,crashes,handbacks,replays,… */
    if (sscanf(field_text(reply, FIELD_n), "%*d,%*d,%*d,%*d,%lld", &replays) == 1)
        letter->replays = replays;
    return dead_filter_passes(f, letter, false);
}

static void ask_error(redisContext *ctx, const struct dead_letter *letter)
{
    char key[KEY_MAX], field[32];
    (void)snprintf(field, sizeof field, "err:%lld", (long long)dead_record_last_index(letter->errors));
    const char *argv[] = {"HGET", hash_key(key, letter), field};
    (void)redisAppendCommandArgv(ctx, (int)ARRAY_LEN(argv), argv, NULL);
}

static bool take_error(struct dead_letter *letter, const redisReply *reply, const struct dead_filter *f)
{
    if (reply->type == REDIS_REPLY_STRING)
        letter->last_error = json_loadb(reply->str, (size_t)reply->len, 0, NULL);
    (void)snprintf(letter->code, sizeof letter->code, "%s", json_text(letter->last_error, "code"));
    if (letter->cause[0] == '\0')
        (void)snprintf(letter->cause, sizeof letter->cause, "%s", json_text(letter->last_error, "cause"));
    return dead_filter_passes(f, letter, true);
}

int dead_page_load(struct dead_page *p, struct redis_sync *redis, const struct dead_filter *f, struct err *e)
{
    if (redis->ctx == NULL)
        return err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost; say the same again");
    int rc = pipe_page(p, redis, f, ask_fields, take_fields, e);
    return rc < 0 ? rc : pipe_page(p, redis, f, ask_error, take_error, e);
}
