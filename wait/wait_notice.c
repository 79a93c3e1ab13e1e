/*
 * wait_notice - see wait_notice.h. Refuses to tell of noise: a new reason must stay, "soon" has two thresholds, and an
 * estimate that comes true as time passes has not moved.
 */
#include "wait_notice.h"

#include <math.h>

#define MOVED_LEAST_S 30.0
#define MOVED_SHARE   0.25
#define SOON_FROM     0.5  /* P(matched within 30 s) */
#define SOON_UNTIL    0.35 /* … below which it may be told again */

enum { NOTICE_GAP_MS = 10000, REASON_STAYS_MS = 15000, WATCHED_MIN = 64 };

struct watched {
    char id[WAIT_TICKET_MAX];
    bool said; /* the fields below are filled */
    bool soon;
    uint8_t reason, next_reason; /* enum wait_reason: said; seen since next_reason_ms */
    int64_t said_ms, next_reason_ms;
    double p50_s, p90_s;
};

struct wait_notice {
    uint64_t *hashes;        /* owned; beside watched: looked through for every event */
    struct watched *watched; /* owned; dense */
    size_t n, cap, cursor;
    double tokens;
    int64_t tokens_ms;
    uint64_t untold;
};

struct wait_notice *wait_notice_new(void)
{
    return calloc(1, sizeof(struct wait_notice));
}

void wait_notice_free(struct wait_notice *n)
{
    if (n == NULL)
        return;
    free(n->hashes);
    free(n->watched);
    free(n);
}

/* -- who is watched --------------------------------------------------------------------------------------------------
 */

static size_t find(const struct wait_notice *n, uint64_t hash)
{
    size_t i = 0;
    while (i < n->n && n->hashes[i] != hash)
        i++;
    return i;
}

static bool grow(struct wait_notice *n)
{
    size_t cap = MIN_OF(MAX_OF(n->cap * 2, (size_t)WATCHED_MIN), (size_t)WAIT_NOTICE_MAX);
    if (cap == n->cap)
        return false;
    uint64_t *hashes = realloc(n->hashes, cap * sizeof *hashes);
    if (hashes == NULL)
        return false;
    n->hashes = hashes;
    struct watched *watched = realloc(n->watched, cap * sizeof *watched);
    if (watched == NULL)
        return false;
    n->watched = watched;
    n->cap = cap;
    return true;
}

static void watch(struct wait_notice *n, const struct wait_event *ev)
{
    if (find(n, ev->who.hash) < n->n)
        return;
    if (n->n == n->cap && !grow(n)) {
        n->untold++;
        return;
    }
    n->hashes[n->n] = ev->who.hash;
    n->watched[n->n] = (struct watched){.said = false};
    memcpy(n->watched[n->n].id, ev->id, sizeof ev->id);
    n->n++;
}

static void unwatch(struct wait_notice *n, size_t at)
{
    n->n--;
    n->hashes[at] = n->hashes[n->n];
    n->watched[at] = n->watched[n->n];
}

void wait_notice_event(struct wait_notice *n, const struct wait_event *ev)
{
    bool begins = ev->type == WAIT_JOIN || ev->type == WAIT_HERE,
         ends = ev->type == WAIT_LEAVE || ev->type == WAIT_MATCH || ev->type == WAIT_GONE;
    if (begins && ev->id[0] != '\0') {
        watch(n, ev);
        return;
    }
    size_t at = begins || ends ? find(n, ev->who.hash) : n->n; /* a ticket replaced may no longer consent */
    if (at < n->n)
        unwatch(n, at);
}

size_t wait_notice_watched(const struct wait_notice *n, uint64_t *ret_untold)
{
    *ret_untold = n->untold;
    return n->n;
}

void wait_notice_restart(struct wait_notice *n)
{
    for (size_t i = 0; i < n->n; i++)
        n->watched[i].said = false;
}

/* -- what changed ----------------------------------------------------------------------------------------------------
 */

static bool moved(const struct watched *w, const struct wait_estimate *now, int64_t now_ms)
{
    if (w->p50_s >= WAIT_HORIZON_S && now->wait.p50_s >= WAIT_HORIZON_S)
        return false; /* "more than 20 minutes", as before */
    double by_s = fabs((double)(now_ms - w->said_ms) / 1000 + now->wait.p50_s - w->p50_s);
    return by_s > MOVED_LEAST_S && by_s > MOVED_SHARE * w->p50_s;
}

/* A reason that was not said, and stays. */
static bool reason_is_new(struct watched *w, enum wait_reason reason, int64_t now_ms)
{
    if (reason != w->next_reason) {
        w->next_reason = (uint8_t)reason;
        w->next_reason_ms = now_ms;
    }
    return reason != w->reason && now_ms - w->next_reason_ms >= REASON_STAYS_MS;
}

static void note(struct watched *w, const struct wait_estimate *now, int64_t now_ms)
{
    w->reason = w->next_reason = (uint8_t)now->reason;
    w->said_ms = w->next_reason_ms = now_ms;
    w->p50_s = now->wait.p50_s;
    w->p90_s = now->wait.p90_s;
    w->said = true;
}

/* Who is looked at first is told nothing but that a match is near: the rest was answered when asked. */
static unsigned changes_of(struct watched *w, const struct wait_estimate *now, int64_t now_ms)
{
    bool known = w->said;
    if (!known)
        note(w, now, now_ms);
    unsigned changes = 0;
    w->soon = w->soon && now->wait.within[0] >= SOON_UNTIL;
    if (!w->soon && now->wait.within[0] >= SOON_FROM)
        changes |= WAIT_CHANGE_SOON;
    if (reason_is_new(w, now->reason, now_ms))
        changes |= WAIT_CHANGE_REASON;
    if (moved(w, now, now_ms))
        changes |= WAIT_CHANGE_MOVED;
    return known && now_ms - w->said_ms < NOTICE_GAP_MS ? 0 : changes;
}

static void tell_one(struct wait_notice *n, struct watched *w, const struct wait_estimate *now, int64_t now_ms,
                     wait_notice_tell_fn tell, void *arg)
{
    unsigned changes = changes_of(w, now, now_ms);
    if (changes == 0)
        return;
    double gone_s = (double)(now_ms - w->said_ms) / 1000;
    const struct wait_news news = {.id = w->id,
                                   .changes = changes,
                                   .at_ms = now_ms,
                                   .now = *now,
                                   .was_p50_s = fmax(0, w->p50_s - gone_s),
                                   .was_p90_s = fmax(0, w->p90_s - gone_s)};
    tell(arg, &news);
    n->tokens -= 1;
    w->soon = w->soon || (changes & WAIT_CHANGE_SOON) != 0;
    note(w, now, now_ms);
}

static void refill(struct wait_notice *n, int64_t now_ms)
{
    double gone_s = fmax(0, (double)(now_ms - n->tokens_ms) / 1000);
    n->tokens = fmin(WAIT_NOTICE_PER_S, n->tokens + gone_s * WAIT_NOTICE_PER_S);
    n->tokens_ms = now_ms;
}

size_t wait_notice_step(struct wait_notice *n, int64_t now_ms, size_t looks, wait_notice_ask_fn ask,
                        wait_notice_tell_fn tell, void *arg)
{
    size_t looked = 0, all = n->n;
    refill(n, now_ms);
    for (; looked < looks && looked < all && n->n > 0 && n->tokens >= 1; looked++) {
        struct wait_estimate now;
        size_t at = n->cursor < n->n ? n->cursor : 0;
        n->cursor = at;
        if (!ask(arg, n->hashes[at], now_ms, &now)) {
            unwatch(n, at); /* another takes its place: looked at next */
            continue;
        }
        tell_one(n, &n->watched[at], &now, now_ms, tell, arg);
        n->cursor++;
    }
    return looked;
}
