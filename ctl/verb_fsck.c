/*
 * verb_fsck - `stint fsck`: proves the ledger and everything around it on a queue that is at work, names what is wrong, and
 * mends it after a yes. Refuses to repair anything whose plan nobody saw.
 */
#include "fsck_repair.h"
#include "fsck_walk.h"
#include "queue_find.h"
#include "restore_seen.h"
#include "verb.h"

#include "clock.h"

#include <stdio.h>

enum { SHOWN_MAX = 50, ROUNDS_MAX = 5 };

const struct arg_spec verb_fsck_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "only this queue; default: every configured queue", NULL, 1, 64},
    {"all", ARG_FLAG, NULL, "every queue that has a key in this Redis, configured or not", NULL, 0, 0},
    {"repair", ARG_FLAG, NULL, "mend what is wrong, after showing the plan", NULL, 0, 0},
    {"yes", ARG_FLAG, NULL, "with --repair: do not ask", NULL, 0, 0},
    {"postgres", ARG_FLAG, NULL, "compare with the outcomes in PostgreSQL too", NULL, 0, 0},
    {.name = NULL},
};

/* What all queues came to. */
struct totals {
    uint64_t looked, calls, slowest_us;
    size_t findings;
    struct fsck_repaired repaired;
};

static int choose_queues(struct session *s, struct queue_list *list, struct err *e)
{
    const char *queue = args_text(&s->args, "queue", NULL);
    if (queue != NULL && args_has(&s->args, "all"))
        return err_set(e, ERR_BAD_ARGUMENT, "--queue and --all exclude one another; give one of them");
    if (args_has(&s->args, "all"))
        return queue_find_all(s, list, e);
    int rc = queue_list_parts(&s->stores, queue, list, e);
    return rc == 0 && queue != NULL ? queue_list_check_known(&s->stores, queue, e) : rc;
}

/* How long work in progress may take to settle what looks wrong: a host is noticed within its lease. */
static int64_t settle_ms(struct session *s)
{
    const struct conf *conf;
    struct err e;
    if (session_conf(s, &conf, &e) < 0)
        return 0;
    return conf->supervisor.lease + 2 * conf->supervisor.heartbeat;
}

static int look(struct session *s, const char *queue, struct totals *sums, struct fsck_findings *f, struct err *e)
{
    struct progress bar;
    progress_init(&bar, &s->out, queue);
    struct fsck_walk w = {.s = s, .queue = queue, .postgres = args_has(&s->args, "postgres"), .bar = &bar};
    int rc = fsck_walk_queue(&w, settle_ms(s), f, e);
    progress_end(&bar);
    sums->looked += w.looked;
    sums->calls += w.calls;
    sums->slowest_us = MAX_OF(sums->slowest_us, w.slowest_us);
    fsck_findings_sort(f);
    return rc;
}

static int agree(struct session *s, const char *queue, const struct fsck_findings *f, struct err *e)
{
    char question[160];
    out_tinted(&s->out, TINT_BOLD, "Plan for queue %s", queue);
    fsck_findings_print(s, f, SHOWN_MAX, true);
    (void)snprintf(question, sizeof question, "Repair %zu fault%s of queue %s?", f->n, f->n == 1 ? "" : "s", queue);
    if (args_has(&s->args, "yes") || session_confirm(s, question))
        return 0;
    return err_set(e, ERR_REFUSED, "%zu fault%s left as found: a repair needs --yes, or a yes on the terminal", f->n,
                   f->n == 1 ? "" : "s");
}

/* Mends, looks again, and mends what the mending uncovered (counters, above all). f becomes what is left. */
static int repair(struct session *s, const char *queue, struct totals *sums, struct fsck_findings *f, struct err *e)
{
    int rc = agree(s, queue, f, e);
    for (int round = 0; rc == 0 && f->n > 0 && round < ROUNDS_MAX; round++) {
        size_t before = sums->repaired.mended + sums->repaired.gone;
        rc = fsck_repair_run(s, f, &sums->repaired, e);
        if (rc < 0)
            break;
        fsck_findings_fini(f);
        rc = look(s, queue, sums, f, e);
        if (sums->repaired.mended + sums->repaired.gone == before)
            break; /* nothing moved: what is left is for people */
    }
    return rc;
}

static int check_queue(struct session *s, const char *queue, struct totals *sums, struct err *e)
{
    struct fsck_findings f = {.n = 0};
    struct redis_sync *redis;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = restore_seen(redis, queue, e);
    if (rc == 0)
        rc = look(s, queue, sums, &f, e);
    if (rc == 0 && f.n > 0) {
        fsck_findings_print(s, &f, SHOWN_MAX, false);
        if (args_has(&s->args, "repair"))
            rc = repair(s, queue, sums, &f, e);
    }
    sums->findings += f.n + f.beyond;
    if (rc == 0 && f.n > 0 && args_has(&s->args, "repair"))
        fsck_findings_print(s, &f, SHOWN_MAX, false);
    fsck_findings_fini(&f);
    return rc;
}

static void report(struct session *s, const struct queue_list *list, const struct totals *t, uint64_t took_ms)
{
    char took[32];
    if (s->out.json) {
        json_t *record = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "queues", (json_int_t)list->n, "looked",
                                   (json_int_t)t->looked, "findings", (json_int_t)t->findings, "mended",
                                   (json_int_t)t->repaired.mended, "left", (json_int_t)t->repaired.left, "ms",
                                   (json_int_t)took_ms, "slices", (json_int_t)t->calls, "slowest_us",
                                   (json_int_t)t->slowest_us);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_tinted(&s->out, t->findings == 0 ? TINT_GREEN : TINT_RED, "%zu fault%s; %llu things looked at in %zu queue%s, %s",
               t->findings, t->findings == 1 ? "" : "s", (unsigned long long)t->looked, list->n,
               list->n == 1 ? "" : "s", out_ms(took, (int64_t)took_ms));
    if (args_has(&s->args, "repair"))
        out_line(&s->out, "%zu mended, %zu right by themselves, %zu left", t->repaired.mended, t->repaired.gone,
                 t->repaired.left);
    else if (t->findings > 0)
        out_line(&s->out, "\"stint fsck --repair\" shows a plan and mends them");
}

int verb_fsck(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_list list = {.n = 0};
    struct totals sums = {.findings = 0};
    uint64_t began = clock_mono_ms();
    int rc = choose_queues(s, &list, &e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc = check_queue(s, list.names[i], &sums, &e);
    if (rc < 0)
        return session_fail(s, &e);
    report(s, &list, &sums, clock_mono_ms() - began);
    return sums.findings == 0 ? EXIT_DONE : EXIT_FAILED;
}
