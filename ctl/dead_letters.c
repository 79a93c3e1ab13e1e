/*
 * dead_letters - see dead_letters.h. Payloads are left out while searching: a queue of megabyte letters is listed
 * without moving them. Refuses to hold more than DEAD_LETTERS_MAX at a time.
 */
#include "dead_letters.h"

#include "base64.h"
#include "job_wait.h"
#include "keys.h"

#include <stdio.h>

/* Order of the fields in FIELD_NAMES. */
enum { FIELD_KIND, FIELD_CAUSE, FIELD_FINGERPRINT, FIELD_DIED, FIELD_ERRORS, FIELD_COUNTERS, FIELD_COUNT };
static const char *const FIELD_NAMES[FIELD_COUNT] = {"kind", "cause", "fp", "died", "errs", "n"};

struct page {
    struct session *s;
    const char *queue;
    struct redis_sync *redis;
    size_t n;
    struct dead_letter letters[DEAD_LETTERS_PAGE];
    bool there[DEAD_LETTERS_PAGE];
};

void dead_letters_fini(struct dead_letters *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        json_decref(l->items[i].last_error);
    free(l->items);
    *l = (struct dead_letters){.n = 0};
}

/* Takes the letter over. */
static int keep(struct dead_letters *l, struct dead_letter *letter, struct err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct dead_letter *items = cap > 2 * DEAD_LETTERS_MAX ? NULL : reallocarray(l->items, cap, sizeof *items);
        if (items == NULL)
            return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu dead letters; narrow the filter", cap);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = *letter;
    letter->last_error = NULL;
    return 0;
}

static bool holds(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

static bool passes(const struct dead_filter *f, const struct dead_letter *letter)
{
    if (f->kind != NULL && strcmp(f->kind, letter->kind) != 0)
        return false;
    if (f->cause != NULL && strcmp(f->cause, letter->cause) != 0)
        return false;
    if (f->code != NULL && strcmp(f->code, letter->code) != 0)
        return false;
    if (f->fingerprint != NULL && strcmp(f->fingerprint, letter->fingerprint) != 0)
        return false;
    return f->match == NULL || holds(letter->id, f->match) || holds(json_text(letter->last_error, "message"), f->match);
}

static int pipe_failed(const struct redis_sync *redis, struct err *e)
{
    return err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost while reading dead letters: %s",
                   redis->ctx != NULL ? redis->ctx->errstr : "closed");
}

/* Sends one command per letter that is there, then hands every reply to take. */
static int pipe_page(struct page *p, void (*ask)(struct page *p, size_t i),
                     void (*take)(struct page *p, size_t i, const redisReply *reply), struct err *e)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->there[i])
            ask(p, i);
    for (size_t i = 0; i < p->n; i++) {
        void *reply = NULL;
        if (!p->there[i])
            continue;
        if (redisGetReply(p->redis->ctx, &reply) != REDIS_OK || reply == NULL)
            return pipe_failed(p->redis, e);
        take(p, i, reply);
        freeReplyObject(reply);
    }
    return 0;
}

static char *hash_key(char out[static KEY_MAX], const char *queue, const char *id)
{
    char suffix[JOB_ID_MAX + 8];
    (void)snprintf(suffix, sizeof suffix, "j:%s", id);
    return keys_of(out, queue, suffix);
}

static void ask_fields(struct page *p, size_t i)
{
    char key[KEY_MAX];
    const char *argv[2 + FIELD_COUNT] = {"HMGET", hash_key(key, p->queue, p->letters[i].id)};
    memcpy(&argv[2], FIELD_NAMES, sizeof FIELD_NAMES);
    (void)redisAppendCommandArgv(p->redis->ctx, (int)ARRAY_LEN(argv), argv, NULL);
}

static const char *field_text(const redisReply *reply, size_t field)
{
    const redisReply *value = reply->element[field];
    return value->type == REDIS_REPLY_STRING ? value->str : "";
}

static void take_fields(struct page *p, size_t i, const redisReply *reply)
{
    struct dead_letter *letter = &p->letters[i];
    p->there[i] = reply->type == REDIS_REPLY_ARRAY && reply->elements == FIELD_COUNT &&
                  reply->element[FIELD_KIND]->type == REDIS_REPLY_STRING;
    if (!p->there[i])
        return;
    (void)snprintf(letter->kind, sizeof letter->kind, "%s", field_text(reply, FIELD_KIND));
    (void)snprintf(letter->cause, sizeof letter->cause, "%s", field_text(reply, FIELD_CAUSE));
    (void)snprintf(letter->fingerprint, sizeof letter->fingerprint, "%s", field_text(reply, FIELD_FINGERPRINT));
    letter->errors = strtoll(field_text(reply, FIELD_ERRORS), NULL, 10);
    long long replays = 0; /* epoch,attempts,crashes,handbacks,replays,… */
    if (sscanf(field_text(reply, FIELD_COUNTERS), "%*d,%*d,%*d,%*d,%lld", &replays) == 1)
        letter->replays = replays;
    if (reply->element[FIELD_DIED]->type == REDIS_REPLY_STRING)
        letter->died_ms = strtoll(field_text(reply, FIELD_DIED), NULL, 10);
}

static void ask_error(struct page *p, size_t i)
{
    char key[KEY_MAX], field[32];
    (void)snprintf(field, sizeof field, "err:%lld", (long long)job_wait_last_error_index(p->letters[i].errors));
    const char *argv[] = {"HGET", hash_key(key, p->queue, p->letters[i].id), field};
    (void)redisAppendCommandArgv(p->redis->ctx, (int)ARRAY_LEN(argv), argv, NULL);
}

static void take_error(struct page *p, size_t i, const redisReply *reply)
{
    struct dead_letter *letter = &p->letters[i];
    if (reply->type == REDIS_REPLY_STRING)
        letter->last_error = json_loadb(reply->str, (size_t)reply->len, 0, NULL);
    (void)snprintf(letter->code, sizeof letter->code, "%s", json_text(letter->last_error, "code"));
    if (letter->cause[0] == '\0')
        (void)snprintf(letter->cause, sizeof letter->cause, "%s", json_text(letter->last_error, "cause"));
}

static int load_page(struct page *p, struct err *e)
{
    int rc = pipe_page(p, ask_fields, take_fields, e);
    return rc < 0 ? rc : pipe_page(p, ask_error, take_error, e);
}

static void add_id(struct page *p, const char *queue, const char *id, int64_t died_ms)
{
    struct dead_letter *letter = &p->letters[p->n];
    *letter = (struct dead_letter){.died_ms = died_ms};
    (void)snprintf(letter->queue, sizeof letter->queue, "%s", queue);
    (void)snprintf(letter->id, sizeof letter->id, "%s", id);
    p->there[p->n++] = true;
}

/* The ids of one page, in order of death. */
static int read_ids(struct page *p, const struct dead_filter *f, size_t offset, struct err *e)
{
    char key[KEY_MAX], from[32] = "-inf", to[32] = "+inf", skip[24], count[24];
    if (f->since_ms > 0)
        (void)snprintf(from, sizeof from, "%lld", (long long)f->since_ms);
    if (f->until_ms > 0)
        (void)snprintf(to, sizeof to, "%lld", (long long)f->until_ms);
    (void)snprintf(skip, sizeof skip, "%zu", offset);
    (void)snprintf(count, sizeof count, "%d", (int)DEAD_LETTERS_PAGE);
    const char *argv[] = {f->newest_first ? "ZREVRANGEBYSCORE" : "ZRANGEBYSCORE",
                          keys_of(key, p->queue, "dead"),
                          f->newest_first ? to : from,
                          f->newest_first ? from : to,
                          "WITHSCORES",
                          "LIMIT",
                          skip,
                          count};
    redisReply *reply = NULL;
    int rc = redis_sync_argv(p->redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i + 1 < reply->elements && p->n < DEAD_LETTERS_PAGE; i += 2)
        add_id(p, p->queue, reply->element[i]->str, (int64_t)strtod(reply->element[i + 1]->str, NULL));
    freeReplyObject(reply);
    return 0;
}

static int keep_page(struct page *p, const struct dead_filter *f, struct dead_letters *l, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool wanted = rc == 0 && p->there[i] && l->n < f->limit && passes(f, &p->letters[i]);
        if (wanted && f->bare) {
            json_decref(p->letters[i].last_error);
            p->letters[i].last_error = NULL;
        }
        if (wanted)
            rc = keep(l, &p->letters[i], e);
        json_decref(p->letters[i].last_error);
        p->letters[i].last_error = NULL;
    }
    return rc;
}

static int find_in(struct page *p, const struct dead_filter *f, struct dead_letters *l, struct err *e)
{
    int rc = 0;
    for (size_t offset = 0; rc == 0 && l->n < f->limit; offset += DEAD_LETTERS_PAGE) {
        p->n = 0;
        rc = read_ids(p, f, offset, e);
        if (rc == 0 && p->n == 0)
            return 0;
        if (rc == 0)
            rc = load_page(p, e);
        int kept = keep_page(p, f, l, e);
        rc = rc < 0 ? rc : kept;
        if (p->n < DEAD_LETTERS_PAGE)
            break;
    }
    return rc;
}

int dead_letters_find(struct session *s, const struct dead_filter *f, struct dead_letters *ret_letters, struct err *e)
{
    struct queue_list list;
    struct dead_letters letters = {.n = 0};
    AUTO_FREE struct page *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a page of dead letters");
    p->s = s;
    int rc = queue_list_resolve(s, f->queue, &list, e);
    if (rc == 0)
        rc = session_redis(s, &p->redis, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        p->queue = list.names[i];
        rc = find_in(p, f, &letters, e);
    }
    if (rc == 0)
        *ret_letters = letters;
    else
        dead_letters_fini(&letters);
    return rc;
}

/* One id: found where stint_job knows it, then read as find does. */
static int find_id(struct page *p, const char *queue, const char *id, struct dead_letters *l, struct err *e)
{
    static const struct dead_filter everything = {.limit = DEAD_LETTERS_MAX};
    char found[QUEUE_MAX], state[32];
    json_t *job = NULL;
    int rc = queue_list_find_job(p->s, queue, id, found, &job, e);
    if (rc < 0)
        return rc;
    (void)snprintf(state, sizeof state, "%s", json_text(job, "state"));
    json_decref(job);
    if (strcmp(state, "dead") != 0)
        return err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is no dead letter; it is %s", id, state);
    p->queue = found;
    p->n = 0;
    add_id(p, found, id, 0);
    rc = load_page(p, e);
    int kept = keep_page(p, &everything, l, e);
    return rc < 0 ? rc : kept;
}

int dead_letters_by_id(struct session *s, const struct args *a, struct dead_letters *ret_letters, struct err *e)
{
    struct dead_letters letters = {.n = 0};
    AUTO_FREE struct page *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a page of dead letters");
    p->s = s;
    int rc = session_redis(s, &p->redis, e);
    for (size_t i = 0; rc == 0 && i < a->n_positionals; i++)
        rc = find_id(p, args_text(a, "queue", NULL), a->positionals[i], &letters, e);
    if (rc == 0)
        *ret_letters = letters;
    else
        dead_letters_fini(&letters);
    return rc;
}

static json_t *record_of(const struct dead_letter *letter, const redisReply *reply)
{
    json_t *fields = json_object(), *raw = json_object();
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const char *name = reply->element[i]->str;
        const redisReply *value = reply->element[i + 1];
        json_t *text = json_stringn(value->str, (size_t)value->len);
        AUTO_FREE char *encoded = text == NULL ? base64_encode(value->str, (size_t)value->len) : NULL;
        if (text != NULL)
            (void)json_object_set_new(fields, name, text);
        else
            (void)json_object_set_new(raw, name, json_string(encoded));
    }
    json_t *record = json_pack("{s:i, s:s, s:s, s:I, s:o}", "v", 1, "queue", letter->queue, "id", letter->id, "died_ms",
                               (json_int_t)letter->died_ms, "fields", fields);
    if (record != NULL && json_object_size(raw) > 0)
        (void)json_object_set(record, "fields_b64", raw);
    json_decref(raw);
    return record;
}

int dead_letters_export(struct session *s, const struct dead_letter *letter, json_t **ret_record, struct err *e)
{
    char key[KEY_MAX];
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = session_redis(s, &redis, e);
    if (rc == 0) {
        const char *argv[] = {"HGETALL", hash_key(key, letter->queue, letter->id)};
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    }
    if (rc < 0)
        return rc;
    json_t *record = reply->elements == 0 ? NULL : record_of(letter, reply);
    bool gone = reply->elements == 0;
    freeReplyObject(reply);
    if (record == NULL)
        return err_set(e, gone ? ERR_NOT_FOUND : ERR_OUT_OF_MEMORY, "dead letter %s %s", letter->id,
                       gone ? "is gone" : "does not fit in memory");
    *ret_record = record;
    return 0;
}
