/*
 * handover_take_uv - see handover_uv.h. The side that takes over. Refuses to take anything before its workers are
 * ready, and to be two: told to leave, it leaves.
 */
#include "handover_impl.h"

#include "clock.h"
#include "handover_note.h"
#include "killpoint.h"
#include "log.h"
#include <stdio.h>

void handover_stillborn(struct handover *h, const char *why)
{
    if (h->state == HANDOVER_RISING && handover_move(h, HANDOVER_EVENT_FAIL))
        handover_say(h, "failed", json_pack("{s:o}", "why", handover_note_words(why)));
}

static void leave(struct handover *h, const char *why)
{
    (void)handover_move(h, HANDOVER_EVENT_FAIL);
    handover_say(h, "failed", json_pack("{s:o}", "why", handover_note_words(why)));
    h->hooks.on_end(h->hooks.arg, why);
}

void handover_leave(struct handover *h, const char *why)
{
    if (h->state == HANDOVER_RISING || h->state == HANDOVER_OFFERED)
        leave(h, why);
}

/* Also when it crossed our "taken": the predecessor has given up on us and works on. */
static void on_end(struct handover *h, const char *why)
{
    if (h->state == HANDOVER_RISING || h->state == HANDOVER_OFFERED || h->state == HANDOVER_TAKEN)
        leave(h, why);
}

static int take(struct handover *h)
{
    struct err e = {0};
    int rc = h->hooks.on_take(h->hooks.arg, &e);
    if (rc < 0)
        handover_leave(h, e.message);
    return rc;
}

static void on_take(struct handover *h)
{
    if (h->state != HANDOVER_OFFERED)
        return;
    KILL_POINT("handover_take");
    if (take(h) < 0 || !handover_move(h, HANDOVER_EVENT_TAKE))
        return;
    h->given++;
    handover_say(h, "taken", NULL);
    log_info("taken over; the predecessor finishes what it holds", KV_I("predecessor_pid", h->peer.pid),
             KV_S("predecessor", h->peer.instance), KV_S("version", h->peer.version));
    KILL_POINT("handover_taken");
}

/* The predecessor is no more. Before it gave anything over, it died: what it had is ours all the same. */
static void on_gone(struct handover *h)
{
    enum handover_state was = h->state;
    if (!handover_move(h, HANDOVER_EVENT_GONE) || was == HANDOVER_LEAVING)
        return;
    log_info("the predecessor is gone", KV_I("predecessor_pid", h->peer.pid), KV_S("predecessor", h->peer.instance),
             KV_I("for_ms", clock_mono_ms() - h->state_ms));
    struct err e = {0};
    if (was != HANDOVER_TAKEN && h->hooks.on_take(h->hooks.arg, &e) < 0)
        log_error("the sockets of the dead predecessor cannot be taken over", KV_S("error", e.message));
    h->hooks.on_ours(h->hooks.arg); /* it may have died before it said so */
    h->hooks.on_alone(h->hooks.arg);
}

void handover_take_hear(struct handover *h, const json_t *note)
{
    if (note == NULL) {
        on_gone(h);
        return;
    }
    const char *say = handover_note_text(note, "say");
    if (strcmp(say, "take") == 0) {
        on_take(h);
    } else if (strcmp(say, "yours") == 0) {
        h->hooks.on_ours(h->hooks.arg);
    } else if (strcmp(say, "end") == 0) {
        on_end(h, handover_note_text(note, "why"));
    } else if (strcmp(say, "drains") == 0) {
        h->peer.workers = handover_note_number(note, "workers", -1);
        h->peer.jobs = handover_note_number(note, "jobs", -1);
    }
}

static void tell_waits(struct handover *h, const char *waits)
{
    if (strcmp(h->says, waits) == 0)
        return;
    (void)snprintf(h->says, sizeof h->says, "%s", waits);
    handover_say(h, "waits", json_pack("{s:o}", "for", handover_note_words(waits)));
}

static void look_ready(struct handover *h)
{
    char waits[HANDOVER_WORDS_MAX] = "";
    bool hopeless = false;
    if (h->hooks.is_ready(h->hooks.arg, waits, &hopeless)) {
        h->says[0] = '\0';
        (void)handover_move(h, HANDOVER_EVENT_READY);
        KILL_POINT("handover_ready");
        handover_say(h, "ready", NULL);
    } else if (hopeless) {
        handover_leave(h, waits);
    } else {
        tell_waits(h, waits);
    }
}

void handover_look(struct handover *h, uint32_t workers, uint32_t jobs)
{
    if (h->state == HANDOVER_RISING)
        look_ready(h);
    if (h->state != HANDOVER_GIVEN || (h->told_workers == workers && h->told_jobs == jobs))
        return;
    h->told_workers = workers;
    h->told_jobs = jobs;
    handover_say(h, "drains", json_pack("{s:I,s:I}", "workers", (json_int_t)workers, "jobs", (json_int_t)jobs));
}

void handover_hurry(struct handover *h)
{
    if (h->state != HANDOVER_TAKEN || h->hurried)
        return;
    h->hurried = true;
    handover_say(h, "stop", NULL);
}
