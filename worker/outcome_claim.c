/*
 * outcome_claim - why: a worker that was thought dead may still commit. Once a newer epoch has claimed the row, the old one's
 * outcome statement changes nothing, so its transaction is rolled back by its own handler. Refuses to start a redelivered job
 * before that claim stands.
 */
#include "outcome_claim.h"

#include "alloc.h"
#include "job_end.h"
#include "job_run.h"
#include "log.h"
#include "outcome.h"
#include "worker.h"

#include <stdio.h>

static const char CLAIM_SQL[] =
    "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind) VALUES($1, $2, $3::bigint, 'claimed', $4)"
    " ON CONFLICT (queue, job_id) DO UPDATE SET epoch = excluded.epoch"
    " WHERE job_outcome.state = 'claimed' AND job_outcome.epoch < excluded.epoch RETURNING epoch";
static const char READ_SQL[] = "SELECT state, epoch, result::text FROM stint.job_outcome WHERE queue = $1 AND job_id = $2";

enum { CLAIM_PARAMS = 4, READ_PARAMS = 2, FENCED_AGAIN_MS = 1000 };

/* One claim or one resolve under way; owns its array, borrows the items. */
struct claim {
    struct worker *worker;
    struct pg_conn *conn;
    bool resolving; /* outcome_resolve: read only, the run is over either way */
    size_t n;
    struct job_core *items[];
};

static bool redelivered(const struct job_core *item)
{
    return item->job.epoch > 1;
}

static void fail_all(struct claim *c, const struct err *e)
{
    for (size_t i = 0; i < c->n; i++)
        job_run_fail(&c->items[i]->run, e, NULL);
    free(c);
}

/* What the stored row says about this delivery. True: its run is over. */
static bool settle(struct job_core *item, const PGresult *row, bool resolving)
{
    if (!row || PQntuples(row) == 0) {
        if (resolving) /* the row was removed by retention between two statements: ask again from the start */
            job_end_snooze(item, FENCED_AGAIN_MS, "outcome_gone");
        return resolving;
    }
    if (strcmp(PQgetvalue(row, 0, 0), "done") == 0) {
        log_job(item->job.id, item->job.kind, item->job.traceparent);
        log_info("effect was applied by an earlier delivery", KV_I("epoch", item->job.epoch),
                 KV_S("applied_by_epoch", PQgetvalue(row, 0, 1)));
        log_job(NULL, NULL, NULL);
        job_end_done(item, PQgetisnull(row, 0, 2) ? NULL : PQgetvalue(row, 0, 2));
        return true;
    }
    bool ours = strtoull(PQgetvalue(row, 0, 1), NULL, 10) <= item->job.epoch;
    if (!ours || resolving)
        job_end_snooze(item, FENCED_AGAIN_MS, "fenced"); /* every delivery has a higher epoch: it catches up, or was a zombie's */
    return !ours || resolving;
}

static void on_rows(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct claim *c = arg;
    struct worker *w = c->worker;
    pg_pool_release(w->pg, c->conn);
    if (e) {
        fail_all(c, e);
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->resolving && !redelivered(c->items[i]))
            continue;
        bool claimed = !c->resolving && outcome_applied(results[at++]);
        assert(at < n);
        const PGresult *row = results[at++];
        if (!claimed)
            (void)settle(c->items[i], row, c->resolving);
    }
    if (!c->resolving)
        job_runner_settled(w, c->items, c->n);
    free(c);
}

static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct claim *c = arg;
    if (!conn) {
        fail_all(c, e);
        return;
    }
    c->conn = conn;
    struct pg_batch *b = alloc_must(pg_batch_new());
    for (size_t i = 0; i < c->n; i++) {
        const struct job *job = &c->items[i]->job;
        char epoch[24];
        snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)job->epoch);
        const char *params[CLAIM_PARAMS] = {c->worker->boot.queue, job->id, epoch, job->kind};
        if (!c->resolving && !redelivered(c->items[i]))
            continue;
        if (!c->resolving && pg_batch_add(b, CLAIM_SQL, CLAIM_PARAMS, params) < 0)
            alloc_failed();
        if (pg_batch_add(b, READ_SQL, READ_PARAMS, params) < 0)
            alloc_failed();
    }
    pg_conn_send(conn, b, on_rows, c);
}

static struct claim *claim_new(struct worker *w, struct job_core *const items[], size_t n)
{
    struct claim *c = alloc_zero(1, sizeof *c + n * sizeof c->items[0]);
    c->worker = w;
    c->n = n;
    memcpy(c->items, items, n * sizeof items[0]);
    return c;
}

void outcome_claim(struct worker *w, struct job_core *const group[], size_t n)
{
    pg_pool_acquire(w->pg, on_conn, claim_new(w, group, n));
}

void outcome_resolve(struct job_run *run)
{
    struct claim *c = claim_new(run->core->worker, &run->core, 1);
    c->resolving = run->core->resolving = true;
    pg_pool_acquire(c->worker->pg, on_conn, c);
}
