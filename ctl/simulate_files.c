/*
 * simulate_files - see simulate_files.h. It refuses to write times of the trace's clock: whoever plays the files again
 * must meet the world the service met.
 */
#include "simulate_files.h"

#include "alloc.h"
#include "outcome_file.h"
#include "trace_file.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

/* The run in the terms of a replay. Persons are those who joined. */
struct lived {
    struct trace trace;          /* persons owned, the rest borrowed */
    struct replay_result result; /* owned */
};

static struct wait_curve_summary summary_of(const struct simulate_told *told)
{
    struct wait_curve_summary s = {
        .p50_s = told->p50, .p90_s = told->p90, .mean_s = told->mean, .matched = told->matched};
    for (int i = 0; i < WAIT_WITHIN; i++)
        s.within[i] = told->within[i];
    return s;
}

static struct replay_outcome outcome_of(const struct simulate_run *r, const struct simulate_case *c, uint32_t person,
                                        const uint32_t place[])
{
    static const enum replay_end ends[] = {[SIMULATE_CASE_MATCH] = REPLAY_MATCHED,
                                           [SIMULATE_CASE_LEAVE] = REPLAY_LEFT,
                                           [SIMULATE_CASE_END] = REPLAY_STILL_WAITS};
    int64_t partner = r->books.records[person].partner;
    return (struct replay_outcome){.end = ends[c->ended],
                                   .queued = c->queued,
                                   .partner = partner == SIMULATE_NOBODY ? REPLAY_NOBODY : place[partner],
                                   .wait_ms = (int64_t)llround(c->wait_s * 1000 / r->setup.speed),
                                   .virtual_ms = c->ended == SIMULATE_CASE_MATCH
                                                     ? (int64_t)llround(c->wait_s * 1000 / r->setup.speed)
                                                     : REPLAY_NO_WAIT};
}

/* A match is one moment for both: the run saw it through two clocks, some milliseconds apart. */
static void agree(struct lived *l)
{
    for (uint32_t i = 0; i < l->result.n; i++) {
        struct replay_outcome *a = &l->result.outcomes[i];
        struct replay_outcome *b = a->partner != REPLAY_NOBODY ? &l->result.outcomes[a->partner] : NULL;
        if (b == NULL || b->partner != i || l->trace.persons[i].join_ms < l->trace.persons[a->partner].join_ms)
            continue;
        b->wait_ms = l->trace.persons[i].join_ms + a->wait_ms - l->trace.persons[a->partner].join_ms;
        b->virtual_ms = b->wait_ms;
    }
}

static void live_again(const struct simulate_run *r, struct lived *l)
{
    const struct trace *t = r->crowd.trace;
    struct simulate_case *cases;
    uint32_t *of;
    size_t n = simulate_run_cases(r, &cases, &of);
    AUTO_FREE uint32_t *place = alloc_zero((size_t)t->n_persons + 1, sizeof *place);
    *l = (struct lived){.trace = *t};
    l->trace.persons = alloc_zero(n + 1, sizeof *l->trace.persons);
    l->trace.n_persons = (uint32_t)n;
    l->trace.horizon_ms = r->horizon_ms;
    double share = r->interrupted ? (double)r->horizon_ms / (double)t->horizon_ms : 1 / r->setup.speed;
    l->trace.score_from_ms = (int64_t)((double)t->score_from_ms * share);
    l->trace.score_to_ms = MIN_OF((int64_t)((double)t->score_to_ms * share), r->horizon_ms);
    l->result.n = (uint32_t)n;
    l->result.outcomes = alloc_zero(n + 1, sizeof *l->result.outcomes);
    l->result.predictions = alloc_zero(n + 1, sizeof *l->result.predictions);
    for (size_t i = 0; i < n; i++) {
        struct trace_person *p = &l->trace.persons[i];
        *p = t->persons[of[i]];
        place[of[i]] = (uint32_t)i;
        p->join_ms = r->books.records[of[i]].joined_ms;
        p->leave_ms = p->leave_ms == TRACE_STAYS ? TRACE_STAYS
                                                 : MAX_OF((int64_t)((double)p->leave_ms / r->setup.speed), p->join_ms);
    }
    for (size_t i = 0; i < n; i++) {
        const struct simulate_told *told = &r->told[SIMULATE_SOURCE_PERSON][of[i]];
        l->result.outcomes[i] = outcome_of(r, &cases[i], of[i], place);
        l->result.predictions[i].made = !isnan(told->p50);
        l->result.predictions[i].told.wait = summary_of(told);
    }
    agree(l);
    free(cases);
    free(of);
}

static int open_file(const char *dir, const char *name, FILE **ret, struct err *e)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    *ret = fopen(path, "we");
    return *ret != NULL ? 0 : err_set_errno(e, errno, "%s cannot be written", path);
}

static int close_file(FILE *f, int rc, const char *dir, const char *name, struct err *e)
{
    if (fclose(f) != 0 && rc == 0)
        rc = -errno;
    return rc < 0 ? err_set_errno(e, rc > -4096 ? -rc : EIO, "%s/%s cannot be written", dir, name) : 0;
}

static int write_trace(FILE *f, const struct lived *l, const json_t *report)
{
    (void)report;
    return trace_file_write(f, &l->trace);
}

static int write_outcomes(FILE *f, const struct lived *l, const json_t *report)
{
    (void)report;
    return outcome_file_write(f, &l->trace, &l->result);
}

static int write_predictions(FILE *f, const struct lived *l, const json_t *report)
{
    (void)report;
    return prediction_file_write(f, &l->trace, &l->result, (struct outcome_also){.reason = false});
}

static int write_report(FILE *f, const struct lived *l, const json_t *report)
{
    (void)l;
    return json_dumpf(report, f, JSON_INDENT(1)) == 0 && fputc('\n', f) != EOF ? 0 : -EIO;
}

int simulate_files_write(const struct simulate_run *r, const json_t *report, const char *dir, struct err *e)
{
    static const struct {
        const char *name;
        int (*write)(FILE *f, const struct lived *l, const json_t *report);
    } files[] = {{"trace.jsonl", write_trace},
                 {"outcomes.jsonl", write_outcomes},
                 {"predictions.jsonl", write_predictions},
                 {"report.json", write_report}};
    struct lived l;
    int rc = 0;
    live_again(r, &l);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(files); i++) {
        FILE *f;
        rc = open_file(dir, files[i].name, &f, e);
        if (rc == 0)
            rc = close_file(f, files[i].write(f, &l, report), dir, files[i].name, e);
    }
    free(l.trace.persons);
    free(l.result.outcomes);
    free(l.result.predictions);
    return rc;
}

int simulate_files_prepare(const char *dir, struct err *e)
{
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return err_set_errno(e, errno, "--out: the folder %.400s cannot be made", dir);
    if (access(dir, W_OK | X_OK) < 0)
        return err_set_errno(e, errno, "--out: no files can be written into %.400s", dir);
    return 0;
}
