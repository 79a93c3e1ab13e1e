/*
 * job_wait_many - see job_wait_many.h. Looks at the oldest WINDOW jobs that have not ended: work is done roughly in the
 * order it came, so looking at all of them would only load Redis. Refuses to guess: a job without a kept status is
 * asked for with stint_job before it is called gone.
 */
#include "job_wait_many.h"

#include "clock.h"
#include "job.h"
#include "job_wait.h"
#include "keys.h"
#include "queue_call.h"

#include <poll.h>
#include <stdio.h>

enum { WINDOW = 512, CLOSER_MAX = 128, LOOK_LEAST_MS = 5, LOOK_MOST_MS = 200, HINT_AFTER_MS = 2000 };

static int queue_index(struct job_wait_many *w, const char *queue, uint16_t *ret_index)
{
    for (size_t i = w->n_queues; i-- > 0;)
        if (strcmp(w->queues[i], queue) == 0) {
            *ret_index = (uint16_t)i;
            return 0;
        }
    if (w->n_queues >= UINT16_MAX)
        return ERR_OUT_OF_MEMORY;
    void *queues = reallocarray(w->queues, w->n_queues + 1, sizeof *w->queues);
    if (queues == NULL)
        return ERR_OUT_OF_MEMORY;
    w->queues = queues;
    (void)snprintf(w->queues[w->n_queues], QUEUE_MAX, "%s", queue);
    *ret_index = (uint16_t)w->n_queues++;
    return 0;
}

int job_wait_many_add(struct job_wait_many *w, const char *queue, const char *id, struct err *e)
{
    if (w->n >= JOB_WAIT_MANY_MAX)
        return err_set(e, ERR_REFUSED, "at most %d jobs can be waited for at once", JOB_WAIT_MANY_MAX);
    if (w->n == w->cap) {
        size_t cap = w->cap == 0 ? 256 : w->cap * 2;
        struct job_wait_item *items = reallocarray(w->items, cap, sizeof *items);
        if (items == NULL)
            return err_set(e, ERR_OUT_OF_MEMORY, "no memory to wait for %zu jobs", cap);
        w->items = items;
        w->cap = cap;
    }
    struct job_wait_item item = {.id = strdup(id)};
    if (item.id == NULL || queue_index(w, queue, &item.queue) < 0) {
        free(item.id);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to wait for a job");
    }
    w->items[w->n++] = item;
    return 0;
}

void job_wait_many_fini(struct job_wait_many *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->items[i].id);
    free(w->items);
    free(w->queues);
    w->items = NULL;
    w->queues = NULL;
    w->n = w->cap = w->n_queues = 0;
}

/* What was found out about one of the window's jobs. */
struct finding {
    size_t at;      /* in items */
    char state[16]; /* "": not found out */
    json_t *result; /* owned; NULL: none */
};

/* Reads n pipelined replies. What they hold is the caller's to free. */
static int read_replies(struct session *s, size_t n, redisReply *replies[], struct err *e)
{
    struct redis_sync *redis;
    int rc = session_redis(s, &redis, e);
    if (rc < 0)
        return rc;
    size_t got = 0;
    for (void *reply = NULL; got < n && redisGetReply(redis->ctx, &reply) == REDIS_OK; got++)
        replies[got] = reply;
    if (got == n)
        return 0;
    for (size_t i = 0; i < got; i++)
        freeReplyObject(replies[i]);
    rc = err_set(e, ERR_REDIS_UNAVAILABLE, "Redis went away while jobs were waited for: %s", redis->ctx->errstr);
    redis_sync_close(redis);
    return rc;
}

static json_t *json_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, (size_t)reply->len, JSON_DECODE_ANY, NULL) : NULL;
}

/* By the job hashes: state and result of those that have one. */
static int read_hashes(struct session *s, const struct job_wait_many *w, struct finding found[], size_t n,
                       struct err *e)
{
    struct redis_sync *redis;
    redisReply *replies[WINDOW];
    int rc = session_redis(s, &redis, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char key[KEY_MAX], suffix[JOB_ID_MAX + 2];
        const struct job_wait_item *item = &w->items[found[i].at];
        (void)snprintf(suffix, sizeof suffix, "j:%s", item->id);
        const char *argv[] = {"HMGET", keys_of(key, w->queues[item->queue], suffix), "state", "result"};
        if (!redis->conf.cluster)
            (void)redisAppendCommandArgv(redis->ctx, w->results ? 4 : 3, argv, NULL);
        else if ((rc = redis_sync_argv(redis, &replies[i], e, w->results ? 4 : 3, argv, NULL)) < 0) /* on many servers */
            while (i > 0)
                freeReplyObject(replies[--i]);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && !redis->conf.cluster)
        rc = read_replies(s, n, replies, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const redisReply *h = replies[i];
        bool known = h->type == REDIS_REPLY_ARRAY && h->element[0]->type == REDIS_REPLY_STRING;
        (void)snprintf(found[i].state, sizeof found[i].state, "%s", known ? h->element[0]->str : "");
        found[i].result = known && w->results && job_wait_ended(found[i].state) ? json_of(h->element[1]) : NULL;
        freeReplyObject(replies[i]);
    }
    return rc;
}

/* stint_job's answer; NULL: on a cluster each is asked alone. Any error but "no such job" is asked for again alone: that loads a lost library, or says what it
 * is. */
static int take_answer(struct session *s, const struct job_wait_many *w, const redisReply *reply, struct finding *found,
                       struct err *e)
{
    const struct job_wait_item *item = &w->items[found->at];
    bool gone = reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "STINT_NOTFOUND", 14) == 0;
    json_t *job = reply != NULL ? json_of(reply) : NULL;
    if (job == NULL && !gone) {
        struct queue_call c;
        queue_call_init(&c, "stint_job", w->queues[item->queue]);
        queue_call_add(&c, item->id);
        int rc = queue_call_json(&s->stores, &c, &job, e);
        gone = rc == ERR_NOT_FOUND;
        if (rc < 0 && !gone)
            return rc;
    }
    (void)snprintf(found->state, sizeof found->state, "%s", gone ? "gone" : json_text(job, "state"));
    json_t *result = w->results ? json_object_get(job, "result") : NULL;
    found->result = json_is_null(result) ? NULL : json_incref(result);
    json_decref(job);
    return 0;
}

/* The oldest of those without a hash, by stint_job: still in their streams, done with a status beside others', or gone.
 */
static int look_closer(struct session *s, const struct job_wait_many *w, struct finding found[], size_t n,
                       struct err *e)
{
    struct redis_sync *redis;
    redisReply *replies[CLOSER_MAX] = {NULL};
    struct finding *asked[CLOSER_MAX];
    size_t n_asked = 0;
    int rc = session_redis(s, &redis, e);
    for (size_t i = 0; rc == 0 && i < n && n_asked < CLOSER_MAX; i++) {
        char key[KEY_MAX];
        const struct job_wait_item *item = &w->items[found[i].at];
        if (found[i].state[0] != '\0')
            continue;
        const char *argv[] = {"FCALL_RO", "stint_job", "1", keys_prefix(key, w->queues[item->queue]), item->id};
        if (!redis->conf.cluster)
            (void)redisAppendCommandArgv(redis->ctx, ARRAY_LEN(argv), argv, NULL);
        asked[n_asked++] = &found[i];
    }
    if (rc == 0 && !redis->conf.cluster)
        rc = read_replies(s, n_asked, replies, e);
    bool answered = rc == 0;
    for (size_t i = 0; i < n_asked && rc == 0; i++)
        rc = take_answer(s, w, replies[i], asked[i], e);
    for (size_t i = 0; i < n_asked && answered; i++)
        freeReplyObject(replies[i]);
    return rc;
}

static void count(struct job_wait_many *w, const char *state)
{
    size_t *counter = strcmp(state, "done") == 0        ? &w->done
                      : strcmp(state, "dead") == 0      ? &w->dead
                      : strcmp(state, "cancelled") == 0 ? &w->cancelled
                      : strcmp(state, "expired") == 0   ? &w->expired
                                                        : &w->gone;
    (*counter)++;
    w->ended++;
}

static void end_item(struct job_wait_many *w, const struct finding *found)
{
    struct job_wait_item *item = &w->items[found->at];
    count(w, found->state);
    if (w->on_end != NULL)
        w->on_end(w->arg, item->id, found->state, found->result);
    free(item->id);
    item->id = NULL;
}

/* One look at the window. */
static int look(struct session *s, struct job_wait_many *w, struct err *e)
{
    struct finding found[WINDOW];
    size_t n = 0;
    while (w->first < w->n && w->items[w->first].id == NULL)
        w->first++;
    for (size_t i = w->first; i < w->n && n < WINDOW; i++)
        if (w->items[i].id != NULL)
            found[n++] = (struct finding){.at = i};
    int rc = read_hashes(s, w, found, n, e);
    if (rc == 0)
        rc = look_closer(s, w, found, n, e);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && job_wait_ended(found[i].state))
            end_item(w, &found[i]);
        json_decref(found[i].result);
    }
    return rc;
}

static int too_long(const struct job_wait_many *w, int64_t ms, const char *what, struct err *e)
{
    return err_set(
        e, ERR_TIMEOUT,
        "%zu of %zu jobs have not ended %s %lld ms; they go on: \"stint status\" shows them, \"stint job wait "
        "ID\" waits for one",
        w->n - w->ended, w->n, what, (long long)ms);
}

int job_wait_many_run(struct session *s, struct job_wait_many *w, int64_t timeout_ms, int64_t stall_ms, struct err *e)
{
    struct progress bar;
    uint64_t start = clock_mono_ms(), moved = start;
    int rc = 0, delay = LOOK_LEAST_MS;
    bool hinted = false;
    progress_init(&bar, &s->out, "wait");
    for (;;) {
        size_t before = w->ended;
        rc = look(s, w, e);
        if (rc < 0 || w->ended == w->n)
            break;
        uint64_t now = clock_mono_ms();
        delay = w->ended > before ? LOOK_LEAST_MS : MIN_OF(delay * 3 / 2 + 1, LOOK_MOST_MS);
        moved = w->ended > before ? now : moved;
        progress_update(&bar, w->ended, w->n);
        if (!hinted && now - moved >= HINT_AFTER_MS) {
            progress_end(&bar);
            hinted = true;
            job_wait_hint(s, w->queues[w->items[w->first].queue]);
        }
        if (timeout_ms > 0 && now - start >= (uint64_t)timeout_ms)
            rc = too_long(w, timeout_ms, "after", e);
        else if (stall_ms > 0 && now - moved >= (uint64_t)stall_ms)
            rc = too_long(w, stall_ms, "and none did for", e);
        if (rc < 0)
            break;
        if (w->ended == before)
            (void)poll(NULL, 0, delay);
    }
    progress_end(&bar);
    return rc;
}

int job_wait_many_report(struct session *s, const struct job_wait_many *w)
{
    size_t bad = w->n - w->done - w->gone;
    out_tinted(&s->out, bad == 0 ? TINT_GREEN : TINT_RED, "%zu done, %zu dead, %zu cancelled, %zu expired",
               w->done + w->gone, w->dead, w->cancelled, w->expired);
    if (w->dead > 0)
        out_line(&s->out, "\"stint dlq triage\" groups the dead and names the next step");
    return bad == 0 ? EXIT_DONE : EXIT_FAILED;
}
