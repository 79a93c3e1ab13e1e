/*
 * simulate_jobs_uv - see simulate_jobs_uv.h. It looks at the oldest unanswered jobs first and at no more than LOOK_MAX
 * at a time: when the workers are behind, asking for all of them would only put them further behind.
 */
#include "simulate_jobs_uv.h"

#include "alloc.h"
#include "keys.h"
#include "queue_call.h"

#include <stdio.h>

enum { LOOK_MAX = 512, CALLS_MAX = 8, LOOK_EVERY_TURNS = 3 };

struct job {
    struct job *next;
    struct simulate_jobs *jobs;
    enum simulate_op op;
    uint32_t of;
    bool answer, ended;
    char id[SIMULATE_JOB_MAX];
    char *payload; /* owned; NULL once acknowledged */
};

struct list {
    struct job *first, **last;
    size_t n;
};

/* One call of stint_enqueue_bulk that is under way. */
struct call {
    struct simulate_jobs *jobs;
    struct list batch;
};

struct simulate_jobs {
    struct redis_uv *redis;
    char queue[QUEUE_MAX], key[KEY_MAX], options[320]; /* options: what follows the id */
    simulate_jobs_fn fn;
    void *arg;
    struct list unsent, waiting;
    size_t in_calls, calls, looks, sent, refused;
    unsigned turn;
};

static void list_init(struct list *l)
{
    *l = (struct list){.last = &l->first};
}

static void list_add(struct list *l, struct job *job)
{
    job->next = NULL;
    *l->last = job;
    l->last = &job->next;
    l->n++;
}

static struct job *list_take(struct list *l)
{
    struct job *job = l->first;
    l->first = job->next;
    if (l->first == NULL)
        l->last = &l->first;
    l->n--;
    return job;
}

static void job_free(struct job *job)
{
    free(job->payload);
    free(job);
}

static void list_fini(struct list *l)
{
    while (l->first != NULL)
        job_free(list_take(l));
}

struct simulate_jobs *simulate_jobs_new(struct redis_uv *redis, const char *queue, const char *actor,
                                        simulate_jobs_fn fn, void *arg)
{
    struct simulate_jobs *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->redis = redis;
    j->fn = fn;
    j->arg = arg;
    list_init(&j->unsent);
    list_init(&j->waiting);
    (void)snprintf(j->queue, sizeof j->queue, "%s", queue);
    (void)keys_prefix(j->key, queue);
    json_t *options = json_pack("{s:s}", "actor", actor);
    AUTO_FREE char *text = alloc_must(json_dumps(options, JSON_COMPACT));
    json_decref(options);
    (void)snprintf(j->options, sizeof j->options, ",%s", text + 1); /* ,"actor":"…"} */
    return j;
}

void simulate_jobs_send(struct simulate_jobs *j, enum simulate_op op, uint32_t of, const char *id, char *payload,
                        bool answer)
{
    struct job *job = alloc_zero(1, sizeof *job);
    *job = (struct job){.jobs = j, .op = op, .of = of, .answer = answer, .payload = alloc_must(payload)};
    (void)snprintf(job->id, sizeof job->id, "%s", id);
    list_add(&j->unsent, job);
}

/* -- sending ---------------------------------------------------------------------------------------------------------
 */

/* Back to the front of what is to be sent, in order. */
static void send_again(struct simulate_jobs *j, struct list *batch)
{
    if (batch->first == NULL)
        return;
    *batch->last = j->unsent.first;
    if (j->unsent.first == NULL)
        j->unsent.last = batch->last;
    j->unsent.first = batch->first;
    j->unsent.n += batch->n;
}

static void acknowledged(struct simulate_jobs *j, struct job *job, const redisReply *reply)
{
    json_t *answer = reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, (size_t)reply->len, 0, NULL) : NULL;
    bool refused = answer == NULL || strcmp(json_text(answer, "state"), "refused") == 0;
    if (refused) {
        j->refused++;
        j->fn(j->arg, job->op, job->of, job->id, "refused", answer);
    } else {
        j->sent++;
    }
    json_decref(answer);
    free(job->payload);
    job->payload = NULL;
    if (refused || !job->answer)
        job_free(job);
    else
        list_add(&j->waiting, job);
}

static void on_enqueued(void *arg, const redisReply *reply, const struct err *e)
{
    struct call *c = arg;
    struct simulate_jobs *j = c->jobs;
    (void)e;
    j->calls--;
    j->in_calls -= c->batch.n;
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == c->batch.n)
        for (size_t i = 0; i < reply->elements; i++)
            acknowledged(j, list_take(&c->batch), reply->element[i]);
    else
        send_again(j, &c->batch);
    free(c);
}

static bool send_batch(struct simulate_jobs *j)
{
    const char *argv[4 + 2 * QUEUE_CALL_BATCH_MAX] = {"FCALL", "stint_enqueue_bulk", "1", j->key};
    char options[QUEUE_CALL_BATCH_MAX][SIMULATE_JOB_MAX + 400];
    struct call *c = alloc_zero(1, sizeof *c);
    c->jobs = j;
    list_init(&c->batch);
    for (size_t i = 0; i < QUEUE_CALL_BATCH_MAX && j->unsent.first != NULL; i++) {
        struct job *job = list_take(&j->unsent);
        (void)snprintf(options[i], sizeof options[i], "{\"kind\":\"match\",\"id\":\"%s\"%s", job->id, j->options);
        argv[4 + 2 * i] = options[i];
        argv[5 + 2 * i] = job->payload;
        list_add(&c->batch, job);
    }
    if (redis_uv_argv(j->redis, on_enqueued, c, (int)(4 + 2 * c->batch.n), argv, NULL) < 0) {
        send_again(j, &c->batch);
        free(c);
        return false;
    }
    j->calls++;
    j->in_calls += c->batch.n;
    return true;
}

/* -- answers ---------------------------------------------------------------------------------------------------------
 */

static void on_look(void *arg, const redisReply *reply, const struct err *e)
{
    struct job *job = arg;
    struct simulate_jobs *j = job->jobs;
    (void)e;
    j->looks--;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return;
    const char *state = reply->element[0]->str;
    if (strcmp(state, "done") != 0 && strcmp(state, "dead") != 0 && strcmp(state, "cancelled") != 0 &&
        strcmp(state, "expired") != 0)
        return;
    const redisReply *text = reply->element[1];
    json_t *result = text->type == REDIS_REPLY_STRING ? json_loadb(text->str, (size_t)text->len, 0, NULL) : NULL;
    job->ended = true;
    j->fn(j->arg, job->op, job->of, job->id, state, result);
    json_decref(result);
}

static void forget_ended(struct list *l)
{
    struct job **link = &l->first;
    while (*link != NULL) {
        struct job *job = *link;
        if (!job->ended) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        l->n--;
        job_free(job);
    }
    l->last = link;
}

static void look(struct simulate_jobs *j)
{
    size_t n = 0;
    if (j->looks > 0)
        return;
    forget_ended(&j->waiting);
    for (struct job *job = j->waiting.first; job != NULL && n < LOOK_MAX; job = job->next, n++) {
        char key[KEY_MAX], suffix[SIMULATE_JOB_MAX + 2];
        (void)snprintf(suffix, sizeof suffix, "j:%s", job->id);
        const char *argv[] = {"HMGET", keys_of(key, j->queue, suffix), "state", "result"};
        if (redis_uv_argv(j->redis, on_look, job, (int)ARRAY_LEN(argv), argv, NULL) < 0)
            return;
        j->looks++;
    }
}

void simulate_jobs_turn(struct simulate_jobs *j)
{
    while (j->unsent.first != NULL && j->calls < CALLS_MAX && send_batch(j)) {
    }
    if (++j->turn % LOOK_EVERY_TURNS == 0)
        look(j);
}

size_t simulate_jobs_unsent(const struct simulate_jobs *j)
{
    return j->unsent.n + j->in_calls;
}

size_t simulate_jobs_unanswered(const struct simulate_jobs *j)
{
    size_t n = 0;
    for (const struct job *job = j->waiting.first; job != NULL; job = job->next)
        n += !job->ended;
    return n;
}

size_t simulate_jobs_sent(const struct simulate_jobs *j)
{
    return j->sent;
}

size_t simulate_jobs_refused(const struct simulate_jobs *j)
{
    return j->refused;
}

void simulate_jobs_give_up(struct simulate_jobs *j, size_t most)
{
    for (struct job *job = j->waiting.first; job != NULL && most > 0; job = job->next)
        if (!job->ended) {
            most--;
            j->fn(j->arg, job->op, job->of, job->id, "", NULL);
        }
}

void simulate_jobs_free(struct simulate_jobs *j)
{
    if (j == NULL)
        return;
    list_fini(&j->unsent);
    list_fini(&j->waiting);
    free(j);
}
