/*
 * queue_lost_uv - see queue_link_uv.h. Whoever is gone: hosts whose lease ended, and this host's own earlier supervisors,
 * of which there is proof. Refuses to declare anybody gone by itself: a lease is Redis' word, a proof the caller's.
 */
#include "queue_link_impl.h"

#include "clock.h"
#include "job.h"
#include "killpoint.h"
#include "log.h"
#include <jansson.h>
#include <stdio.h>

#define LOST_CRASHES "2" /* crash limit for jobs of a lost host whose kind our configuration does not know */

enum {
    LAPSE_AFTER_MS = 2, /* past the end of a lease: two clocks are rounded */
};

/* It is not known here whose kind the jobs of a lost host are: {"<kind>":["<policy>",<crash limit>], …} of all kinds we
 * know. NULL without memory. */
static char *lost_rules(const struct queue_link *q)
{
    const struct conf *conf = q->owner->conf;
    json_t *rules = json_object();
    for (size_t i = 0; i < conf->n_kinds; i++) {
        const struct conf_kind *kind = &conf->kinds[i];
        enum cause_policy policy = CAUSE_ONCE;
        (void)cause_policy_of(kind, "worker_lost", &policy);
        (void)json_object_set_new(rules, kind->name,
                                  json_pack("[s,I]", cause_policy_name(policy), (json_int_t)kind->crashes));
    }
    char *text = json_dumps(rules, JSON_COMPACT);
    json_decref(rules);
    return text;
}

/* The error record of a job whose worker went with its host. The caller's; NULL without memory. */
static char *lost_json(const char *message, const char *instance, const char *detail)
{
    const struct job_evidence lost = {
        .code = ERR_WORKER_LOST,
        .cause = "worker_lost",
        .message = message,
        .instance = instance,
        .wall_ms = -1,
        .cpu_ms = -1,
        .rss_bytes = -1,
        .exit_status = -1,
        .detail = detail,
    };
    return job_error_json(&lost);
}

/* -- a lease that ended ----------------------------------------------------------------------------------------------
 */

static void on_lapse(uv_timer_t *timer)
{
    struct queue_link *q = timer->data;
    q->lapsed = true;
    queue_sweep(q);
}

void queue_lost_init(struct queue_link *q)
{
    (void)uv_timer_init(q->owner->loop, &q->lapse);
    q->lapse.data = q;
}

/* Each beat sets it anew, and leases are renewed long before they end: it fires only when somebody did not. */
void queue_lapse_at(struct queue_link *q, int64_t lapse_ms)
{
    if (lapse_ms < 0) {
        (void)uv_timer_stop(&q->lapse);
        return;
    }
    int64_t left = lapse_ms - ((int64_t)clock_mono_ms() + q->offset_ms) + LAPSE_AFTER_MS;
    (void)uv_timer_start(&q->lapse, on_lapse, (uint64_t)MAX_OF(left, INT64_C(1)), 0);
}

static void on_swept(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->sweeping = false;
    if (!queue_reply_is(q, "stint_sweep", r, 2))
        return;
    int64_t moved = queue_reply_number(r->element[0]), remaining = queue_reply_number(r->element[1]);
    if (moved > 0 || remaining > 0)
        log_warn("a host's lease ended: its jobs were moved on", KV_S("queue", q->name), KV_I("jobs", moved),
                 KV_I("remaining", remaining));
    queue_wake_for(q, r->element[0]);
    if (remaining > 0)
        queue_sweep(q);
    else if (q->lapsed)
        queue_links_beat(q->owner, q->index); /* when does the next lease end? */
    q->lapsed = false;
}

void queue_sweep(struct queue_link *q)
{
    if (q->sweeping)
        return;
    AUTO_FREE char *json = lost_json("the host that ran the job is gone: its lease ended", NULL, NULL);
    AUTO_FREE char *rules = lost_rules(q);
    const char *args[] = {json != NULL ? json : "{}", LOST_CRASHES, rules != NULL ? rules : "{}"};
    KILL_POINT("supervisor_sweep");
    q->sweeping = queue_call(q, "stint_sweep", on_swept, ARRAY_LEN(args), args);
}

/* -- instances proven gone -------------------------------------------------------------------------------------------
 */

static struct gone_instance *find_gone(struct queue_links *l, const char *instance)
{
    for (size_t i = 0; i < l->n_gone; i++)
        if (strcmp(l->gone[i].instance, instance) == 0)
            return &l->gone[i];
    return NULL;
}

static bool was_told(const struct gone_instance *gone, uint32_t queue)
{
    return (gone->told[queue / 64] >> queue % 64 & 1) != 0;
}

/* The queue has nothing of the instance any more; when no queue has, the hook hears it. */
static void gone_from(struct queue_link *q, const char *instance)
{
    struct queue_links *l = q->owner;
    struct gone_instance *gone = find_gone(l, instance);
    if (gone == NULL)
        return;
    gone->told[q->index / 64] |= UINT64_C(1) << q->index % 64;
    for (uint32_t i = 0; i < l->n; i++)
        if (!was_told(gone, i))
            return;
    struct gone_instance done = *gone;
    *gone = l->gone[--l->n_gone];
    l->hooks.on_gone(l->hooks.arg, done.instance);
}

static void on_gone_told(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    q->ending = false;
    if (r == NULL)
        return; /* told again when Redis is back */
    if (!queue_reply_is(q, "stint_gone", r, 2)) {
        (void)uv_timer_start(&q->again, queue_link_again, TELL_AGAIN_MS, 0);
        return;
    }
    int64_t moved = queue_reply_number(r->element[0]);
    log_warn("an earlier supervisor of this host is gone: its jobs were moved on without waiting for its lease",
             KV_S("queue", q->name), KV_S("predecessor", q->ending_instance), KV_I("jobs", moved));
    queue_wake_for(q, r->element[0]);
    if (queue_reply_number(r->element[1]) == 0)
        gone_from(q, q->ending_instance);
    queue_gone_next(q);
}

void queue_gone_next(struct queue_link *q)
{
    struct queue_links *l = q->owner;
    const struct gone_instance *next = NULL;
    for (size_t i = 0; i < l->n_gone && next == NULL; i++)
        if (!was_told(&l->gone[i], q->index))
            next = &l->gone[i];
    if (next == NULL || q->ending)
        return;
    char detail[INSTANCE_MAX + 32];
    (void)snprintf(detail, sizeof detail, "{\"successor\":\"%s\"}", l->instance);
    AUTO_FREE char *json =
        lost_json("supervisor restarted: the one whose worker ran the job is gone, and its workers with it", next->instance,
                  detail);
    AUTO_FREE char *rules = lost_rules(q);
    (void)snprintf(q->ending_instance, sizeof q->ending_instance, "%s", next->instance);
    const char *args[] = {q->ending_instance, json != NULL ? json : "{}", LOST_CRASHES, rules != NULL ? rules : "{}"};
    KILL_POINT("supervisor_gone");
    q->ending = queue_call(q, "stint_gone", on_gone_told, ARRAY_LEN(args), args);
}

bool queue_links_gone(struct queue_links *l, const char *instance)
{
    if (find_gone(l, instance) != NULL)
        return true;
    if (l->n_gone == GONE_MAX)
        return false;
    struct gone_instance *gone = &l->gone[l->n_gone++];
    *gone = (struct gone_instance){0};
    (void)snprintf(gone->instance, sizeof gone->instance, "%s", instance);
    for (uint32_t i = 0; i < l->n; i++)
        queue_gone_next(&l->links[i]);
    return true;
}
