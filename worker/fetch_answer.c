/*
 * fetch_answer - see fetch_impl.h. Refuses to take an answer for more than it says: a part without one may have been
 * carried out, and what it claimed then is looked for by name.
 */
#include "fetch_impl.h"

#include "clock.h"
#include "job_end.h"
#include "job_entry.h"
#include "killpoint.h"
#include "log.h"
#include "redis_reply.h"
#include "retry_policy.h"
#include "worker.h"

#include <stdio.h>

/* The items this part of the turn was to tell are untold again. */
static void forget_items(struct worker *w, uint32_t part, bool maybe_carried_out)
{
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (item->part != part || (item->state != JOB_TELLING && item->state != JOB_RETURNING))
            continue;
        item->told_before = item->told_before || maybe_carried_out;
        job_batch_move(&w->batch, item, JOB_EV_LOST);
    }
}

static bool claims(const struct fetch *f, enum fetch_part part)
{
    return part == PART_FETCH || part == PART_READ || part == PART_ADOPT ||
           (part == PART_FINISH && f->call == CALL_FINISH && f->n_parts == 1);
}

/* A part went without an answer that says what it did. */
static void forget_part(struct worker *w, uint32_t at)
{
    struct fetch *f = &w->fetch;
    f->streak.open = false;
    forget_items(w, at, true);
    if (f->parts[at] == PART_ADOPT)
        f->n_odd = 0; /* reclaimed with all else that is not in the batch */
    if (f->asked > 0 && claims(f, f->parts[at])) {
        f->orphans = true;
        f->late_ms = clock_mono_ms() + FETCH_LATE_MS;
        shard_turn_lost(&w->turn);
    }
}

void fetch_part_unsent(struct worker *w, enum fetch_part part)
{
    forget_items(w, w->fetch.n_parts, false);
    if (redis_uv_ready(w->redis)) /* one node of several is away: nothing else says when it is back to stay */
        w->fetch.retry_at_ms = clock_mono_ms() + FETCH_RETRY_FIRST_MS;
    if (part == PART_FINISH || part == PART_FETCH || part == PART_READ)
        w->fetch.streak.open = false;
}

static void stop_fatally(struct worker *w)
{
    w->exit_code = WORKER_EXIT_FATAL;
    fetch_stop(w);
}

/* The next call is made later, and later still when it fails again. */
static void put_off(struct worker *w, const char *why)
{
    struct fetch *f = &w->fetch;
    int64_t wait = FETCH_RETRY_FIRST_MS;
    for (uint32_t i = 0; i < f->failures && wait < FETCH_RETRY_MAX_MS; i++)
        wait *= 2;
    f->failures++;
    f->retry_at_ms = clock_mono_ms() + (uint64_t)MIN_OF(wait, (int64_t)FETCH_RETRY_MAX_MS);
    if (complaint_news(&f->complaint, why, clock_mono_ms()))
        log_warn("Redis refuses calls; they are made again and again", KV_S("why", why), KV_I("in_ms", wait));
}

static void on_refusal(struct worker *w, const char *text)
{
    struct err e;
    (void)redis_reply_error(text, &e);
    put_off(w, e.message);
    switch (fetch_refusal_of(text)) {
    case REFUSAL_LATER:
        break;
    case REFUSAL_RECONNECT:
        w->fetch.reset_due = true;
        break;
    case REFUSAL_BUG:
        log_error("this build and the Functions library disagree; the worker stops", KV_S("why", text));
        stop_fatally(w);
        break;
    }
}

/* A kind this worker does not run: another worker may, or a newer one soon will. */
static void refuse_kind(struct worker *w, struct job_core *item)
{
    const struct conf_kind *fallback = conf_kind_of(w->boot.conf, "default");
    struct retry_decision decision =
        retry_policy_unknown(item->job.handbacks, fallback ? fallback->unknown_grace : FETCH_UNKNOWN_GRACE_MS);
    if (decision.verdict == RETRY_AGAIN) {
        log_job(item->job.id, item->job.kind, item->job.traceparent);
        log_warn("handing back a job of a kind this pool does not run", KV_S("knows", kind_known_names()),
                 KV_I("delay_ms", decision.delay_ms));
        log_job(NULL, NULL, NULL);
        job_end_return(item, decision.delay_ms, "unknown_kind");
        return;
    }
    struct err e;
    err_set(&e, ERR_UNKNOWN_KIND, "no worker of queue %s runs kind \"%s\"; this build knows %s, pool %s runs %s",
            w->boot.queue, item->job.kind, kind_known_names(), w->boot.pool_name, w->boot.pool->kinds);
    job_end_fail(item, &e, NULL, NULL);
}

static struct job_core *new_item(struct worker *w)
{
    struct job_core *item = job_batch_add(&w->batch);
    assert(item && "Redis gave more jobs than were asked for");
    item->worker = w;
    return item;
}

static void take_item(struct worker *w, struct job_core *item)
{
    item->kind = kind_set_find(&w->kinds, item->job.kind);
    if (!item->kind)
        refuse_kind(w, item);
}

/* Its entry holds its payload and no count of earlier runs: only such a one is ready from the ms it was made in. */
static bool first_run_in_entry(const struct job *j)
{
    return j->epoch == 1 && j->created_ms == j->due_ms && j->payload_len <= FETCH_INLINE_MAX;
}

/* The last of them; NULL: there is none, or one cannot be read. */
static const struct job_core *take_jobs(struct worker *w, const redisReply *jobs)
{
    struct job_core *item = NULL;
    job_batch_make_room(&w->batch);
    for (size_t i = 0; i < jobs->elements; i++) {
        struct err e;
        item = new_item(w);
        int rc = job_from_reply(&item->job, jobs->element[i], &e);
        if (rc < 0) {
            log_error("cannot read a fetched job; the worker stops", KV_S("why", e.message));
            job_batch_take_back(&w->batch, item);
            stop_fatally(w);
            return NULL;
        }
        item->plain = first_run_in_entry(&item->job);
        take_item(w, item);
    }
    if (item) /* an empty fetch claims nothing that a death could leave */
        KILL_POINT("after_fetch");
    return item;
}

static uint64_t count_fetch(struct worker *w)
{
    uint64_t now_ms = clock_mono_ms();
    struct score_cell *cell = w->boot.cell;
    atomic_fetch_add_explicit(&cell->fetches, 1, memory_order_relaxed);
    atomic_store_explicit(&cell->last_fetch_ms, now_ms, memory_order_relaxed);
    return now_ms;
}

static void on_fetched(struct worker *w, const struct fetched *got)
{
    struct fetch *f = &w->fetch;
    const struct job_core *last = NULL;
    uint64_t now_ms = count_fetch(w);
    if (f->asked == 0)
        return;
    f->streak.fetched_ms = now_ms;
    if (got->status != FETCHED_FENCED)
        f->fenced = 0;
    switch (got->status) {
    case FETCHED_OK:
        last = take_jobs(w, got->jobs);
        f->streak.open = got->gate && last;
        if (f->streak.open) {
            f->streak.band = last->job.band;
            (void)snprintf(f->args.tag, sizeof f->args.tag, "%s", got->tag);
        }
        (void)shard_turn_fetched(&w->turn, true);
        f->said_idle = false;
        break;
    case FETCHED_EMPTY:
    case FETCHED_PAUSED:
        (void)take_jobs(w, got->jobs);
        f->parked = shard_turn_fetched(&w->turn, got->jobs->elements > 0) && got->jobs->elements == 0 && !f->woken;
        break;
    case FETCHED_LIMITED:
        (void)take_jobs(w, got->jobs);
        f->retry_at_ms = now_ms + FETCH_LIMITED_MS;
        shard_turn_leave(&w->turn);
        break;
    case FETCHED_FENCED:
        f->retry_at_ms = now_ms + (f->fenced == 0 ? FETCH_FENCED_FIRST_MS : FETCH_FENCED_MS);
        f->fenced++;
        shard_turn_leave(&w->turn);
        supervisor_link_say(w, IPC_FENCED, "");
        break;
    case FETCHED_STATUS_COUNT:
        break;
    }
    f->woken = false;
}

/* ---- a batch read by XREADGROUP ---- */

static void take_entry(struct worker *w, enum band band, const redisReply *entry)
{
    struct fetch *f = &w->fetch;
    struct job job;
    if (job_entry_read(&job, band, f->args.tag, entry)) {
        struct job_core *item = new_item(w);
        item->job = job;
        item->plain = true;
        take_item(w, item);
        return;
    }
    assert(f->n_odd < f->odd_cap && "Redis gave more entries than were asked for");
    f->odd[f->n_odd].band = band;
    (void)snprintf(f->odd[f->n_odd].entry, sizeof f->odd->entry, "%s", entry->element[0]->str);
    f->n_odd++;
}

/* 0 and the band's entries of one stream's part of the answer. */
static int stream_read(const redisReply *stream, enum band *ret_band, const redisReply **ret_entries, struct err *e)
{
    const char *name = NULL;
    if (stream->type == REDIS_REPLY_ARRAY && stream->elements == 2 && stream->element[0]->type == REDIS_REPLY_STRING &&
        stream->element[1]->type == REDIS_REPLY_ARRAY)
        name = strrchr(stream->element[0]->str, ':');
    int band = name ? band_by_name(name + 1) : -1;
    if (band < 0)
        return err_set(e, ERR_PROTOCOL, "Redis answered XREADGROUP with something else than a band's entries");
    *ret_band = (enum band)band;
    *ret_entries = stream->element[1];
    for (size_t i = 0; i < stream->element[1]->elements; i++) {
        const redisReply *entry = stream->element[1]->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
            return err_set(e, ERR_PROTOCOL, "Redis answered XREADGROUP with an entry that has no id");
    }
    return 0;
}

static int on_read(struct worker *w, const redisReply *reply, struct err *e)
{
    struct fetch *f = &w->fetch;
    size_t seen = 0, of_band = 0;
    uint64_t now_ms = count_fetch(w);
    job_batch_make_room(&w->batch);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *entries = NULL;
        enum band band = f->streak.band;
        int rc = stream_read(reply->element[i], &band, &entries, e);
        if (rc < 0)
            return rc;
        for (size_t at = 0; at < entries->elements; at++)
            take_entry(w, band, entries->element[at]);
        seen += entries->elements;
        of_band += band == f->streak.band ? entries->elements : 0;
    }
    if (of_band < f->asked)
        f->streak.open = false;
    if (f->n_odd > seen / FETCH_ODD_SHARE)
        f->streak.shy_until_ms = now_ms + FETCH_SHY_MS;
    if (seen > 0) {
        (void)shard_turn_fetched(&w->turn, true);
        f->said_idle = false;
        KILL_POINT("after_fetch");
    }
    return 0;
}

/* It claimed nothing. Without a gate that is how it should be: the fetch that follows says why. Anything else comes
 * again: it is not tried for a while, and the fetches say what it is. */
static void on_read_refused(struct worker *w, const char *text)
{
    struct fetch *f = &w->fetch;
    f->streak.open = false;
    if (strncmp(text, "NOGROUP", strlen("NOGROUP")) == 0)
        return;
    f->streak.shy_until_ms = clock_mono_ms() + FETCH_SHY_MS;
    if (complaint_news(&f->complaint, text, clock_mono_ms()))
        log_warn("Redis refuses to read a band; jobs are fetched through the Functions alone, which is slower",
                 KV_S("why", text));
}

/* ---- answers ---- */

/* The items a call was about leave the batch. One told before may be fenced by its own earlier call, which was carried
 * out but not answered: that is no news. */
static void answer_items(struct worker *w, enum job_state asked, uint32_t part, const redisReply *fenced_entries)
{
    for (size_t i = 0; i < w->batch.n; i++) {
        struct job_core *item = &w->batch.items[i];
        if (item->state != asked || item->part != part)
            continue;
        bool fenced = !item->told_before && fenced_has(fenced_entries, item);
        if (fenced && asked == JOB_TELLING)
            log_warn("an end was refused: the job had been taken from this worker", KV_S("job_id", item->job.id),
                     KV_S("kind", item->job.kind), KV_I("epoch", item->job.epoch),
                     KV_S("outcome", finish_op_name(item->op)));
        job_end_count(item, fenced);
        job_batch_move(&w->batch, item, JOB_EV_ANSWER);
    }
}

static void on_told(struct worker *w, uint32_t part, const redisReply *fenced)
{
    KILL_POINT("after_finish");
    answer_items(w, JOB_TELLING, part, fenced);
    w->fetch.first_end_ms = w->batch.count[JOB_ENDED] ? clock_mono_ms() : 0;
    if (job_batch_held(&w->batch) == 0)
        job_batch_clear(&w->batch);
}

static int on_finished(struct worker *w, uint32_t part, const redisReply *reply, struct err *e)
{
    const redisReply *fenced;
    struct fetched got;
    int rc = finished_read(reply, &fenced, &got, e);
    if (rc < 0)
        return rc;
    on_told(w, part, fenced);
    if (w->fetch.n_parts == 1)
        on_fetched(w, &got);
    return 0;
}

static int on_short(struct worker *w, uint32_t part, const redisReply *reply, struct err *e)
{
    const redisReply *fenced;
    int rc = short_read(reply, &fenced, e);
    if (rc == 0)
        on_told(w, part, fenced);
    return rc;
}

static int on_adopted(struct worker *w, const redisReply *reply, struct err *e)
{
    struct fetch *f = &w->fetch;
    struct fetched got;
    int rc = fetched_read(reply, &got, e);
    if (rc < 0)
        return rc;
    f->n_odd -= f->n_adopting;
    memmove(f->odd, f->odd + f->n_adopting, f->n_odd * sizeof *f->odd);
    (void)take_jobs(w, got.jobs);
    return 0;
}

static int on_reclaimed(struct worker *w, const redisReply *reply, struct err *e)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_INTEGER)
        return err_set(e, ERR_PROTOCOL, "Redis answered stint_crash with no [moved, remaining]");
    w->fetch.orphans = reply->element[1]->integer > 0;
    if (reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements)
        log_warn("jobs of a call that was never answered were handed back", KV_I("jobs", reply->element[0]->elements));
    return 0;
}

static int on_answer(struct worker *w, uint32_t at, const redisReply *reply, struct err *e)
{
    struct fetched got;
    int rc = 0;
    switch (w->fetch.parts[at]) {
    case PART_FETCH:
        if ((rc = fetched_read(reply, &got, e)) == 0)
            on_fetched(w, &got);
        return rc;
    case PART_READ:
        return on_read(w, reply, e);
    case PART_FINISH:
        return on_finished(w, at, reply, e);
    case PART_SHORT:
        return on_short(w, at, reply, e);
    case PART_HANDBACK:
        answer_items(w, JOB_RETURNING, at, NULL);
        return 0;
    case PART_RECLAIM:
        return on_reclaimed(w, reply, e);
    case PART_ADOPT:
        return on_adopted(w, reply, e);
    }
    return 0;
}

static void on_lost(struct worker *w, uint32_t at, const struct err *lost)
{
    const char *why = lost ? lost->message : "connection lost";
    if (complaint_news(&w->fetch.complaint, why, clock_mono_ms()))
        log_warn("Redis did not answer; what was asked is asked again", KV_S("why", why));
    forget_part(w, at);
}

/* A cluster's word that the slot is elsewhere, or on its way: nothing was done, and the supervisor says so in the log. A
 * part that cannot be fetched from counts as one that gave nothing: others may, and a wake-up or the new map ends the wait. */
static void on_elsewhere(struct worker *w, uint32_t at)
{
    struct fetch *f = &w->fetch;
    f->streak.open = false;
    forget_items(w, at, false);
    if (f->asked > 0 && claims(f, f->parts[at]))
        f->parked = shard_turn_fetched(&w->turn, false) && !f->woken && job_batch_held(&w->batch) == 0;
    f->woken = false;
    f->retry_at_ms = clock_mono_ms() + FETCH_RETRY_FIRST_MS;
}

static void on_error(struct worker *w, uint32_t at, const char *text)
{
    if (redis_reply_elsewhere(text)) {
        on_elsewhere(w, at);
        return;
    }
    if (w->fetch.parts[at] == PART_READ) {
        on_read_refused(w, text);
        return;
    }
    forget_part(w, at);
    on_refusal(w, text);
}

static void on_success(struct worker *w, uint32_t at, const redisReply *reply)
{
    struct fetch *f = &w->fetch;
    struct err e;
    if (on_answer(w, at, reply, &e) == 0) {
        f->failures = 0;
        if (complaint_over(&f->complaint))
            log_info0("Redis answers calls again");
        return;
    }
    forget_part(
        w, at); /* somebody else's Functions: connecting anew looks at the library, and says what is wrong with it */
    put_off(w, e.message);
    f->reset_due = true;
}

void fetch_on_reply(void *arg, const redisReply *reply, const struct err *lost)
{
    struct worker *w = arg;
    struct fetch *f = &w->fetch;
    uint32_t at = f->n_answered++;
    if (!reply)
        on_lost(w, at, lost);
    else if (reply->type == REDIS_REPLY_ERROR)
        on_error(w, at, reply->str);
    else
        on_success(w, at, reply);
    if (f->n_answered < f->n_parts)
        return;
    f->call = CALL_NONE;
    if (f->reset_due)
        redis_uv_reset(w->redis);
    f->reset_due = false;
    fetch_pump(w);
}
