/*
 * match_commit - a round from what was read to what is committed and told.
 *
 * One transaction holds the pool's row, the changed tickets, the pairs, the events and the outcome of every job. It
 * refuses to commit when any row is not as it was read or any job was taken from this worker: then everything is rolled
 * back and played again.
 */
#include "match_turn_impl.h"

#include "alloc.h"
#include "killpoint.h"
#include "log.h"
#include "match_result.h"

/* -- commit ----------------------------------------------------------------------------------------------------------
 */

static enum match_tell_cycle cycle_played(const struct match_turn *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].op.type == MATCH_CYCLE && t->items[i].reply.expired >= MATCH_EXPIRE_MAX)
            return MATCH_TELL_CYCLE_LEFT;
    return t->cycle ? MATCH_TELL_CYCLE : MATCH_TELL_NO_CYCLE;
}

static void on_committed(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_turn *t = arg;
    (void)results;
    (void)n;
    if (e) {
        match_turn_failed(t, e);
        return;
    }
    KILL_POINT("match.committed");
    t->cache->mark = (struct match_mark){.version = t->head.version + 1, .id = MATCH_MARK_END};
    match_round_committed(&t->round, t->head.version + 1);
    t->cache->sweep = t->round.sweep;
    for (size_t i = 0; i < t->n; i++)
        t->cache->trouble.stale += t->items[i].reply.verdict == MATCH_V_STALE;
    match_turn_release(t);
    match_tell_round(&t->tell, t->ctx, t->sent, t->cache, &t->round, cycle_played(t));
    KILL_POINT("match.told");
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].run)
            job_run_done(t->items[i].run, t->items[i].result);
    match_turn_end(t);
}

/* Jobs whose outcome this delivery may not write: they end by themselves, the others are played again without them. */
static bool drop_fenced(struct match_turn *t, PGresult *const results[])
{
    const PGresult *applied = results[t->outcomes];
    size_t lost = 0;
    if (outcome_applied_all(applied, t->n))
        return false;
    struct job_run **runs = alloc_zero(t->n + 1, sizeof(struct job_run *));
    for (size_t i = 0; i < t->n; i++) {
        if (outcome_applied_to(applied, t->items[i].run))
            continue;
        runs[lost++] = t->items[i].run;
        t->items[i].run = NULL;
    }
    if (lost > 0)
        match_turn_release(t);
    for (size_t i = 0; i < lost; i++)
        outcome_resolve(runs[i]);
    free(runs);
    return lost > 0;
}

static void forget_ended(struct match_turn *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i].run) {
            t->items[kept++] = t->items[i];
            continue;
        }
        match_op_fini(&t->items[i].op);
        free(t->items[i].result);
    }
    memmove(t->items + kept, t->items + t->n, t->n_after * sizeof *t->items);
    t->n = kept;
}

static void on_written(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct match_turn *t = arg;
    (void)n;
    if (e) {
        match_turn_failed(t, e);
        return;
    }
    const char *why = match_store_conflict(&t->writes, results);
    if (why) {
        log_warn("match round conflict", KV_S("pool", t->cache->pool), KV_S("why", why));
        match_turn_conflict(t, why);
        return;
    }
    if (drop_fenced(t, results)) {
        forget_ended(t);
        match_turn_conflict(t, "jobs were taken from this worker");
        return;
    }
    if (t->writes.purge != SIZE_MAX)
        t->cache->overgrown = match_store_left(&t->writes, results);
    if (t->writes.events != SIZE_MAX)
        match_tell_numbers(&t->tell, results[t->writes.events]);
    KILL_POINT("match.written");
    struct pg_batch *b = pg_batch_new();
    int rc = b ? pg_batch_add(b, "COMMIT", 0, NULL) : -ENOMEM;
    if (rc < 0) {
        pg_batch_free(b);
        match_turn_fail_code(t, rc, "commit");
        return;
    }
    pg_conn_send(t->conn, b, on_committed, t);
}

/* -- play ------------------------------------------------------------------------------------------------------------
 */

static int play(struct match_turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct job *job = t->items[i].run->job;
        int64_t asked_ms = MAX_OF(job->created_ms, job->due_ms);
        int rc = match_round_apply(&t->round, &t->items[i].op, (uint32_t)i, asked_ms, &t->items[i].reply);
        if (rc < 0)
            return rc;
    }
    int rc = match_round_finish(&t->round);
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        free(t->items[i].result);
        t->items[i].result =
            match_result_json(&t->round, t->cache->published, &t->items[i].op, (uint32_t)i, &t->items[i].reply);
        if (!t->items[i].result)
            rc = -ENOMEM;
    }
    return rc;
}

static int write_outcomes(const struct match_turn *t, struct pg_batch *b)
{
    AUTO_FREE struct outcome_row *rows = calloc(t->n, sizeof *rows);
    if (!rows)
        return -ENOMEM;
    for (size_t i = 0; i < t->n; i++)
        rows[i] = (struct outcome_row){t->items[i].run, t->items[i].result};
    return outcome_add_all(b, rows, t->n, t->tries == 1);
}

static int write_batch(struct match_turn *t, struct pg_batch *b)
{
    size_t purge = (t->cycle ? MATCH_PURGE : 0) + (t->cache->overgrown ? 2 * t->n : 0);
    int rc =
        match_store_write(b, &t->round, t->head.version + 1, t->round.watch_from_ms, purge, t->ctx->queue, &t->writes);
    t->outcomes = pg_batch_len(b);
    return rc < 0 ? rc : write_outcomes(t, b);
}

void match_turn_play(struct match_turn *t)
{
    int rc = play(t);
    struct pg_batch *b = rc == 0 ? pg_batch_new() : NULL;
    if (rc == 0)
        rc = b ? write_batch(t, b) : -ENOMEM;
    if (rc < 0) {
        pg_batch_free(b);
        match_turn_fail_code(t, rc, "round");
        return;
    }
    KILL_POINT("match.played");
    pg_conn_send(t->conn, b, on_written, t);
}
