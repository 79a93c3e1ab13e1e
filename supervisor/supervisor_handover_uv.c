/*
 * supervisor_handover_uv - see supervisor_uv.h. What a hand-over means for workers, sockets and the service manager;
 * both sides of it. Refuses to tell the manager of a successor that has not taken over.
 */
#include "supervisor_uv.h"

#include "clock.h"
#include "control_uv.h"
#include "handover_note.h"
#include "killpoint.h"
#include "log.h"
#include "metrics_thread.h"
#include <stdio.h>

enum {
    PATIENCE_MS = 10000, /* for another life to end, beyond our own drain */
    MANAGER_MS = 5000,   /* for the service manager to have room for the one message that must reach it */
};

/* -- the one that hands over -----------------------------------------------------------------------------------------
 */

static json_t *pool_note(const struct supervisor *s, const struct pool *p)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:b,s:b}", "name", p->name, "desired", (int)p->desired, "workers",
                     (int)p->conf->workers, "ready", (int)slots_in_state(s->slots, p, SLOT_READY), "quiet", p->quiet,
                     "manual", p->manual);
}

static json_t *hello(void *arg)
{
    const struct supervisor *s = arg;
    json_t *pools = json_array();
    for (size_t i = 0; i < s->slots->n_pools; i++)
        (void)json_array_append_new(pools, pool_note(s, &s->slots->pools[i]));
    return json_pack("{s:s,s:I,s:b,s:o}", "notify", s->notify.fd >= 0 ? s->notify.path : "", "watchdog_ms",
                     (json_int_t)s->notify.watchdog_ms, "quiet", s->mode == SUPERVISOR_QUIET, "pools", pools);
}

static int listen_fd(void *arg)
{
    const struct supervisor *s = arg;
    return s->metrics != NULL ? metrics_thread_listen_fd(s->metrics) : -1;
}

/* The manager hears of its new main process from the old one, whom it still listens to; then we say nothing more. */
static void on_given(void *arg)
{
    struct supervisor *s = arg;
    char text[32];
    (void)snprintf(text, sizeof text, "MAINPID=%d", (int)s->handover.peer.pid);
    int rc = notify_send_within(&s->notify, MANAGER_MS, text); /* unheard, our end would be the unit's */
    if (rc < 0)
        log_error("the service manager takes no message: it ends the successor with this supervisor",
                  KV_S("error", err_text(rc)));
    s->notify.muted = true;
    s->given_ms = clock_mono_ms();
    control_yield(s->control);
    metrics_thread_yield(s->metrics);
    supervisor_drain(s);
}

static void on_killed(void *arg)
{
    supervisor_stop(arg);
}

int supervisor_upgrade(struct supervisor *s, uint64_t timeout_ms, struct err *e)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        return err_set(e, ERR_REFUSED, "not handed over: the supervisor is %s", supervisor_mode_name(s->mode));
    return handover_begin(&s->handover, timeout_ms, e);
}

/* -- the one that takes over -----------------------------------------------------------------------------------------
 */

/* The predecessor's word of a pool; NULL: it has none of that name. */
static const json_t *note_of(const struct supervisor *s, const char *pool)
{
    const json_t *pools = s->birth != NULL ? json_object_get(s->birth->hello, "pools") : NULL;
    for (size_t i = 0; i < json_array_size(pools); i++)
        if (strcmp(handover_note_text(json_array_get(pools, i), "name"), pool) == 0)
            return json_array_get(pools, i);
    return NULL;
}

void supervisor_inherit(struct supervisor *s)
{
    if (s->birth == NULL)
        return;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        struct pool *pool = &s->slots->pools[i];
        const json_t *note = note_of(s, pool->name);
        int64_t desired = handover_note_number(note, "desired", -1);
        pool->quiet = json_is_true(json_object_get(note, "quiet"));
        pool->manual = json_is_true(json_object_get(note, "manual"));
        if (desired < 0 || desired == handover_note_number(note, "workers", -1))
            continue; /* as the file said then; so it is now */
        pool->desired = (uint32_t)MIN_OF(desired, (int64_t)pool_workers_max(pool));
        log_info("scaled as at the predecessor", KV_S("pool", pool->name), KV_I("desired", pool->desired));
    }
    if (json_is_true(json_object_get(s->birth->hello, "quiet"))) {
        s->mode = SUPERVISOR_QUIET;
        s->procs.quiet = true;
    }
}

/* Every pool that worked at the predecessor has a worker that is ready. */
static bool is_ready(void *arg, char ret_waits[static HANDOVER_WORDS_MAX], bool *ret_hopeless)
{
    const struct supervisor *s = arg;
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *pool = &s->slots->pools[i];
        if (handover_note_number(note_of(s, pool->name), "ready", 0) == 0 || pool->desired == 0 ||
            slots_in_state(s->slots, pool, SLOT_READY) > 0)
            continue;
        (void)snprintf(ret_waits, HANDOVER_WORDS_MAX, "pool %s has no worker that is ready%s%.500s", pool->name,
                       pool->error[0] != '\0' ? ": " : "", pool->error);
        *ret_hopeless = pool->stopped;
        return false;
    }
    return true;
}

static int on_take(void *arg, struct err *e)
{
    struct supervisor *s = arg;
    int rc = control_take(s->control, e);
    if (rc == 0)
        metrics_thread_serve(s->metrics);
    return rc;
}

static void on_ours(void *arg)
{
    struct supervisor *s = arg;
    s->notify.muted = false;
    s->told_ready = false; /* told once more: what was said so far was not heard */
    if (s->notify.watchdog_ms > 0)
        notify_send(&s->notify, "WATCHDOG=1");
    supervisor_tell(s);
}

static void on_alone(void *arg)
{
    struct supervisor *s = arg;
    predecessors_look(&s->past);
    supervisor_tell(s);
}

static void on_end(void *arg, const char *why)
{
    log_error("this successor does not take over, and leaves", KV_S("why", why));
    supervisor_drain(arg);
}

/* -- both ------------------------------------------------------------------------------------------------------------
 */

int supervisor_handover_open(struct supervisor *s, struct err *e)
{
    const struct handover_hooks hooks = {
        .arg = s,
        .hello = hello,
        .listen_fd = listen_fd,
        .on_given = on_given,
        .on_killed = on_killed,
        .is_ready = is_ready,
        .on_take = on_take,
        .on_ours = on_ours,
        .on_alone = on_alone,
        .on_end = on_end,
    };
    return handover_init(&s->handover, &s->loop, s->conf, s->instance, s->birth, &hooks, e);
}

static uint32_t jobs_in_hand(const struct supervisor *s)
{
    uint32_t jobs = 0;
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->slots->table[i];
        struct score_now now;
        if (slot_state_live(slot->state) && score_read(slots_cell(s->slots, slot), &now))
            jobs += now.running;
    }
    return jobs;
}

void supervisor_handover_look(struct supervisor *s)
{
    if (s->handover.state != HANDOVER_NONE)
        handover_look(&s->handover, slots_live(s->slots), jobs_in_hand(s));
}

bool supervisor_handover_holds(const struct supervisor *s, uint64_t now_ms)
{
    return handover_holds(&s->handover) && now_ms < s->give_up_ms + PATIENCE_MS;
}
