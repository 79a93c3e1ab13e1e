/*
 * handover_uv - see handover_uv.h. What both sides do: hear, speak, part. Refuses to believe in the other life's end
 * but by the kernel's word: the socket between them is closed.
 */
#include "handover_impl.h"

#include "build_info.h"
#include "clock.h"
#include "handover_note.h"
#include "log.h"
#include <stdio.h>

enum { HEAR_MAX = 64 /* notes taken in one turn of the loop */ };

static bool takes_over(enum handover_state state)
{
    return state == HANDOVER_RISING || state == HANDOVER_OFFERED || state == HANDOVER_TAKEN ||
           state == HANDOVER_LEAVING;
}

bool handover_move(struct handover *h, enum handover_event event)
{
    enum handover_state next = h->state;
    if (handover_fsm_next(h->state, event, &next) < 0) {
        log_debug("hand-over: a word out of turn", KV_S("state", handover_state_name(h->state)),
                  KV_S("event", handover_event_name(event)));
        return false;
    }
    if (next != h->state)
        h->state_ms = clock_mono_ms();
    h->state = next;
    return true;
}

void handover_say(struct handover *h, const char *word, json_t *fields)
{
    if (h->fd < 0) {
        json_decref(fields);
        return;
    }
    int rc = handover_note_send(h->fd, word, fields, -1);
    if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
        log_warn("hand-over: the other supervisor takes no message", KV_S("word", word), KV_S("error", err_text(rc)));
}

void handover_meet(struct handover *h, const json_t *note)
{
    struct handover_peer *p = &h->peer;
    *p = (struct handover_peer){.pid = (pid_t)handover_note_number(note, "pid", 0), .workers = -1, .jobs = -1};
    (void)snprintf(p->instance, sizeof p->instance, "%s", handover_note_text(note, "instance"));
    (void)snprintf(p->version, sizeof p->version, "%s", handover_note_text(note, "version"));
    (void)snprintf(p->build, sizeof p->build, "%s", handover_note_text(note, "build"));
}

/* -- hearing ---------------------------------------------------------------------------------------------------------
 */

static void hear(struct handover *h, const json_t *note)
{
    if (takes_over(h->state))
        handover_take_hear(h, note);
    else
        handover_give_hear(h, note);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct handover *h = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < HEAR_MAX && h->fd >= 0; i++) {
        json_t *note = NULL;
        AUTO_CLOSE int fd = -1;
        int rc = handover_note_receive(h->fd, &note, &fd);
        if (rc == 0)
            return;
        if (rc == -EBADMSG)
            continue;
        if (rc < 0)
            handover_part(h);
        hear(h, note);
        json_decref(note);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

int handover_listen(struct handover *h)
{
    h->poll = calloc(1, sizeof *h->poll);
    int rc = h->poll == NULL ? -ENOMEM : uv_poll_init(h->loop, h->poll, h->fd);
    if (rc < 0) {
        free(TAKE(h->poll));
        return rc;
    }
    h->poll->data = h;
    return uv_poll_start(h->poll, UV_READABLE, on_readable);
}

void handover_part(struct handover *h)
{
    if (h->poll != NULL) {
        (void)uv_poll_stop(h->poll);
        uv_close((uv_handle_t *)h->poll, on_poll_closed);
        h->poll = NULL;
    }
    base_close_fd(&h->fd);
}

/* -- opening and closing ---------------------------------------------------------------------------------------------
 */

static void on_late(uv_timer_t *timer)
{
    handover_give_late(timer->data);
}

void handover_deadline(struct handover *h, uint64_t ms)
{
    (void)uv_timer_stop(&h->timer);
    if (ms > 0)
        (void)uv_timer_start(&h->timer, on_late, ms, 0);
}

int handover_init(struct handover *h, uv_loop_t *loop, const struct conf *conf, const char *instance,
                  struct handover_birth *birth, const struct handover_hooks *hooks, struct err *e)
{
    *h = (struct handover){.loop = loop,
                           .conf = conf,
                           .instance = instance,
                           .argc = h->argc,
                           .argv = h->argv,
                           .hold_fd = h->hold_fd,
                           .hooks = *hooks,
                           .state_ms = clock_mono_ms(),
                           .told_workers = -1,
                           .told_jobs = -1,
                           .fd = -1};
    (void)uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    if (birth == NULL || birth->fd < 0)
        return 0;
    h->is_successor = true;
    h->state = HANDOVER_RISING;
    h->fd = birth->fd;
    birth->fd = -1;
    handover_meet(h, birth->hello);
    int rc = handover_listen(h);
    handover_say(h, "born",
                 json_pack("{s:i,s:s,s:s,s:s}", "pid", (int)getpid(), "instance", h->instance, "version", STINT_VERSION,
                           "build", STINT_BUILD));
    return rc < 0 ? err_set_errno(e, -rc, "cannot listen to the supervisor that hands over") : 0;
}

void handover_close(struct handover *h)
{
    if (h->loop == NULL)
        return;
    handover_part(h);
    uv_close((uv_handle_t *)&h->timer, NULL);
}

/* -- asking ----------------------------------------------------------------------------------------------------------
 */

/* ENDING: systemd kills what is left of a unit when its main process ends, and the successor still finishes its jobs.
 */
bool handover_holds(const struct handover *h)
{
    return h->state == HANDOVER_ENDING || h->state == HANDOVER_TAKEN;
}

static json_t *peer_status(const struct handover *h)
{
    const struct handover_peer *p = &h->peer;
    return json_pack("{s:i,s:s,s:s,s:s,s:I,s:I}", "pid", (int)p->pid, "instance", p->instance, "version", p->version,
                     "build", p->build, "workers", (json_int_t)p->workers, "jobs", (json_int_t)p->jobs);
}

json_t *handover_status(const struct handover *h)
{
    json_t *status =
        json_pack("{s:s,s:b,s:i,s:i,s:i,s:o,s:o,s:I}", "state", handover_state_name(h->state), "successor_of_another",
                  h->is_successor, "attempts", (int)h->attempts, "given", (int)h->given, "failures", (int)h->failures,
                  "error", handover_note_words(h->error), "says", handover_note_words(h->says), "for_ms",
                  (json_int_t)(clock_mono_ms() - h->state_ms));
    if (status != NULL && h->state != HANDOVER_NONE)
        (void)json_object_set_new(status, takes_over(h->state) ? "predecessor" : "successor", peer_status(h));
    return status;
}
