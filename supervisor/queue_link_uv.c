/*
 * queue_link_uv - see queue_link_uv.h. Every move of a job is a Function's; this only says when. Refuses to forget a
 * death while Redis is away, and to send a second command of a kind for a queue before the first one is answered.
 */
#include "queue_link_impl.h"

#include "clock.h"
#include "job.h"
#include "killpoint.h"
#include "log.h"
#include "redis_functions.h"
#include "redis_reply.h"
#include <stdio.h>

enum {
    FCALL_ARGS_MAX = 12,
    SILENT_BEATS = 3,  /* heartbeats that may be missing before the watchdog is no longer fed */
};

static void tell_next(struct queue_link *q);

/* FCALL function 1 prefix args… False when Redis is away: on_reply will not be called. */
static bool fcall_as(struct queue_link *q, const char *function, redis_uv_reply_fn on_reply, void *arg, int n,
                     const char *const args[])
{
    const char *argv[FCALL_ARGS_MAX] = {"FCALL", function, "1", q->prefix};
    size_t lens[FCALL_ARGS_MAX];
    int argc = 4;
    assert(n + argc <= FCALL_ARGS_MAX);
    for (int i = 0; i < n; i++)
        argv[argc++] = args[i];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    return redis_uv_argv(q->owner->redis, on_reply, arg, argc, argv, lens) == 0;
}

bool queue_call(struct queue_link *q, const char *function, redis_uv_reply_fn on_reply, int n, const char *const args[])
{
    return fcall_as(q, function, on_reply, q, n, args);
}

bool queue_reply_is(struct queue_link *q, const char *function, const redisReply *r, size_t n)
{
    if (r == NULL)
        return false;
    if (r->type == REDIS_REPLY_ARRAY && r->elements >= n) {
        if (complaint_over(&q->complaint))
            log_info("Redis takes calls again", KV_S("queue", q->name), KV_S("function", function));
        return true;
    }
    if (r->type == REDIS_REPLY_ERROR) {
        struct err e;
        (void)redis_reply_error(r->str, &e);
        if (complaint_news(&q->complaint, e.message, clock_mono_ms()))
            log_warn("Redis refuses calls; they are made again in time", KV_S("queue", q->name), KV_S("function", function),
                     KV_S("why", e.message));
    } else {
        log_error("Redis answered what the protocol does not allow", KV_S("queue", q->name), KV_S("function", function),
                  KV_S("answer", "not the expected array"));
    }
    return false;
}

int64_t queue_reply_number(const redisReply *r)
{
    if (r->type == REDIS_REPLY_INTEGER)
        return r->integer;
    if (r->type == REDIS_REPLY_ARRAY)
        return (int64_t)r->elements;
    if (r->type == REDIS_REPLY_STRING)
        return strtoll(r->str, NULL, 10);
    return 0;
}

void queue_wake_for(struct queue_link *q, const redisReply *moved)
{
    if (moved->type == REDIS_REPLY_ARRAY && moved->elements > 0)
        q->owner->hooks.on_moved(q->owner->hooks.arg, q->index, (uint32_t)moved->elements);
}

/* -- deaths ----------------------------------------------------------------------------------------------------------
 */

static void log_moved(const struct queue_link *q, const char *consumer, const redisReply *moved)
{
    if (moved->type != REDIS_REPLY_ARRAY)
        return;
    for (size_t i = 0; i < moved->elements; i++) {
        const redisReply *m = moved->element[i];
        if (m->type == REDIS_REPLY_ARRAY && m->elements >= 2 && m->element[0]->str != NULL &&
            m->element[1]->str != NULL)
            log_info("job of a dead worker moved on", KV_S("queue", q->name), KV_S("job", m->element[0]->str),
                     KV_S("outcome", m->element[1]->str), KV_S("consumer", consumer));
    }
}

void queue_link_again(uv_timer_t *timer)
{
    tell_next(timer->data);
    queue_gone_next(timer->data);
}

static void told_in_vain(struct queue_link *q, const redisReply *r)
{
    const struct crash_report *report = crash_queue_peek(&q->deaths);
    const char *next = report->refusals == 0
                           ? "it is told again in a plainer form"
                           : "it is told again; is another build's Functions library loaded? `stint preflight` compares them";
    struct err e;
    (void)redis_reply_error(r->str, &e);
    if (complaint_news(&q->complaint, e.message, clock_mono_ms()) || report->refusals <= 1)
        log_error("Redis refused a death's report", KV_S("queue", q->name), KV_S("consumer", report->consumer),
              KV_S("answer", e.message), KV_S("blame", report->blame), KV_S("error", report->error_json),
              KV_I("refusals", report->refusals + 1), KV_S("next", next));
    uint64_t ms = crash_queue_refused(&q->deaths, strncmp(r->str, "STINT_BADARG", strlen("STINT_BADARG")) == 0);
    (void)uv_timer_start(&q->again, queue_link_again, ms, 0);
}

static void on_told(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->telling = false;
    if (r == NULL)
        return; /* told again when Redis is back */
    if (r->type == REDIS_REPLY_ERROR) {
        told_in_vain(q, r);
        return;
    }
    if (!queue_reply_is(q, "stint_crash", r, 2)) {
        (void)uv_timer_start(&q->again, queue_link_again, TELL_AGAIN_MS, 0);
        return;
    }
    KILL_POINT("supervisor_crash_told");
    queue_wake_for(q, r->element[0]);
    log_moved(q, crash_queue_peek(&q->deaths)->consumer, r->element[0]);
    if (queue_reply_number(r->element[1]) == 0) {
        queue_ghosts_add(q, crash_queue_peek(&q->deaths)->consumer);
        crash_queue_pop(&q->deaths);
    }
    tell_next(q);
}

static void tell_next(struct queue_link *q)
{
    const struct crash_report *report = crash_queue_peek(&q->deaths);
    if (report == NULL || q->telling)
        return;
    char limit[16], delay[24];
    (void)snprintf(limit, sizeof limit, "%u", report->crash_limit);
    (void)snprintf(delay, sizeof delay, "%lld", (long long)report->delay_ms);
    const char *args[] = {report->consumer, report->blame, report->error_json, report->fingerprint,
                          limit,            delay,         cause_policy_name(report->policy)};
    KILL_POINT("supervisor_crash");
    q->telling = queue_call(q, "stint_crash", on_told, 7, args);
}

void queue_links_death(struct queue_links *l, uint32_t queue, const struct crash_report *report)
{
    struct queue_link *q = &l->links[queue];
    if (crash_queue_push(&q->deaths, report) < 0) {
        log_error("too many deaths wait to be told: this one is left to the end of the lease", KV_S("queue", q->name),
                  KV_S("consumer", report->consumer));
        free(report->error_json);
        return;
    }
    tell_next(q);
}

bool queue_links_call(struct queue_links *l, uint32_t queue, const char *function, redis_uv_reply_fn on_reply, void *arg, int n,
                      const char *const args[])
{
    struct queue_link *q = &l->links[queue];
    return l->redis != NULL && l->ready && crash_queue_peek(&q->deaths) == NULL &&
           fcall_as(q, function, on_reply, arg, n, args);
}

bool queue_links_room(const struct queue_links *l, uint32_t queue)
{
    return !crash_queue_full(&l->links[queue].deaths);
}

size_t queue_links_untold(const struct queue_links *l)
{
    size_t n = 0;
    for (uint32_t i = 0; i < l->n; i++)
        n += l->links[i].deaths.n;
    return n;
}

/* -- farewell --------------------------------------------------------------------------------------------------------
 */

static void on_bye(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->leaving = false;
    q->left = true;
    q->clean = r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 0;
    if (r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer > 0)
        log_warn("left a queue with jobs still claimed: they move on when the lease ends", KV_S("queue", q->name),
                 KV_I("jobs", r->integer));
}

void queue_links_bye(struct queue_links *l)
{
    (void)uv_timer_stop(&l->heartbeat);
    for (uint32_t i = 0; i < l->n; i++) {
        struct queue_link *q = &l->links[i];
        const char *args[] = {l->instance};
        KILL_POINT("supervisor_bye");
        if (!q->left && !q->leaving)
            q->leaving = queue_call(q, "stint_bye", on_bye, 1, args);
        q->left = q->left || !q->leaving;
    }
}

bool queue_links_left(const struct queue_links *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (!l->links[i].left)
            return false;
    return true;
}

bool queue_links_clean(const struct queue_links *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (!l->links[i].clean)
            return false;
    return true;
}

bool queue_links_alive(const struct queue_links *l, uint64_t now_ms)
{
    if (!l->ready)
        return true;
    uint64_t patience =
        SILENT_BEATS * (uint64_t)l->conf->supervisor.heartbeat + (uint64_t)l->conf->redis.command_timeout;
    for (uint32_t i = 0; i < l->n; i++) {
        uint64_t since = MAX_OF(l->links[i].heard_ms, l->started_ms);
        bool reached = redis_uv_reaches(l->redis, l->links[i].name); /* of a cluster, one node may be away alone */
        if (!l->links[i].left && reached && now_ms - since > patience + queue_beat_pause_ms(&l->links[i]))
            return false;
    }
    return true;
}

bool queue_links_lost(const struct queue_links *l, uint64_t now_ms)
{
    return !l->ready && now_ms - l->away_ms >= (uint64_t)l->conf->supervisor.lease;
}

/* -- the connection --------------------------------------------------------------------------------------------------
 */

/* Enqueue decides in Redis whether a kind's status is kept, and for how long: what this host's configuration says is
 * told to the queue, on connecting and after a reload. An error is not heard: at maxmemory the fields stay as they were,
 * and the next connection tells again. */
void queue_tell_kinds(struct queue_link *q)
{
    const struct conf *conf = q->owner->conf;
    for (size_t i = 0; i < conf->n_kinds; i++) {
        const struct conf_kind *kind = &conf->kinds[i];
        const char *queue = conf_queue_of_kind(conf, kind->name);
        if (queue == NULL || strcmp(queue, q->owner->hooks.whole(q->owner->hooks.arg, q->index)) != 0)
            continue;
        char track[KIND_MAX + 8], retain[KIND_MAX + 8], retain_ms[24];
        (void)snprintf(track, sizeof track, "track:%s", kind->name);
        (void)snprintf(retain, sizeof retain, "retain:%s", kind->name);
        (void)snprintf(retain_ms, sizeof retain_ms, "%lld", (long long)kind->retain);
        const char *track_args[] = {track, kind->track != 0 ? "1" : "0", q->owner->instance};
        const char *retain_args[] = {retain, retain_ms, q->owner->instance};
        (void)queue_call(q, "stint_config", NULL, 3, track_args);
        (void)queue_call(q, "stint_config", NULL, 3, retain_args);
    }
}

void queue_links_tell_kinds(struct queue_links *l)
{
    for (uint32_t i = 0; l->ready && i < l->n; i++) {
        queue_tell_kinds(&l->links[i]);
        queue_shards_ask(&l->links[i]);
    }
}

static void init_link(struct queue_links *l, uint32_t i, const char *name)
{
    struct queue_link *q = &l->links[i];
    q->owner = l; /* the rest is zero, and most of it (deaths, ghosts) memory that is never touched */
    q->index = i;
    q->name = name;
    q->next_due_ms = -1;
    (void)keys_prefix(q->prefix, name);
    (void)uv_timer_init(l->loop, &q->due);
    (void)uv_timer_init(l->loop, &q->again);
    q->due.data = q->again.data = q;
    queue_lost_init(q);
}

/* What a queue is told when Redis can be reached. */
static void greet_link(struct queue_link *q)
{
    q->beat_ms = q->heard_ms = 0;
    q->greeted = q->resting = false;
    queue_tell_kinds(q);
    queue_shards_ask(q);
    tell_next(q);
    queue_gone_next(q);
    queue_beat(q);
}

void queue_links_add(struct queue_links *l, const char *name)
{
    assert(l->n < QUEUES_MAX);
    init_link(l, l->n, name);
    l->started_ms = clock_mono_ms(); /* the watchdog's patience begins anew */
    if (l->ready)
        greet_link(&l->links[l->n]);
    l->n++;
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    struct queue_links *l = arg;
    const char *why = ready ? "" : e != NULL ? e->message : "the connection to Redis was lost";
    if (l->ready && !ready)
        l->away_ms = clock_mono_ms();
    bool news = ready != l->ready || strcmp(why, l->error) != 0; /* an attempt that fails as the last one did is none */
    l->ready = ready;
    (void)snprintf(l->error, sizeof l->error, "%s", why);
    if (ready) {
        l->started_ms = clock_mono_ms();
        if (redis_uv_library(l->redis) > redis_functions_version())
            log_warn("a newer stint loaded its Functions into Redis; they are kept and used: upgrade this host soon",
                     KV_I("theirs", redis_uv_library(l->redis)), KV_I("ours", redis_functions_version()));
        for (uint32_t i = 0; i < l->n; i++)
            greet_link(&l->links[i]);
    }
    if (news)
        l->hooks.on_state(l->hooks.arg, ready, l->error);
}

int queue_links_open(struct queue_links *l, uv_loop_t *loop, const struct conf *conf, const char *instance,
                     const char (*names)[QUEUE_MAX], uint32_t n, const struct queue_links_hooks *hooks, struct err *e)
{
    *l = (struct queue_links){
        .loop = loop, .conf = conf, .instance = instance, .hooks = *hooks, .n = n, .started_ms = clock_mono_ms()};
    l->away_ms = l->started_ms;
    l->links = calloc(QUEUES_MAX, sizeof *l->links); /* links have handles: they must not move when one is added */
    if (l->links == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %u queues", n);
    for (uint32_t i = 0; i < n; i++)
        init_link(l, i, names[i]);
    (void)uv_timer_init(loop, &l->heartbeat);
    l->heartbeat.data = l;
    l->redis = redis_uv_new(loop, &conf->redis, "stint-supervisor", 0, on_state, l);
    if (l->redis == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the connection to Redis");
    for (uint32_t i = 0; i < n; i++)
        (void)redis_uv_reaches(l->redis, names[i]);
    queue_beats_open(l);
    return 0;
}

void queue_links_close(struct queue_links *l)
{
    uv_close((uv_handle_t *)&l->heartbeat, NULL);
    for (uint32_t i = 0; i < l->n; i++) {
        uv_close((uv_handle_t *)&l->links[i].due, NULL);
        uv_close((uv_handle_t *)&l->links[i].again, NULL);
        uv_close((uv_handle_t *)&l->links[i].lapse, NULL);
    }
    redis_uv_close(l->redis, NULL, NULL);
    l->redis = NULL;
}

void queue_links_fini(struct queue_links *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        crash_queue_fini(&l->links[i].deaths);
    free(l->links);
    l->links = NULL;
    l->n = 0;
}
