/*
 * outcome - why: "delivered twice, applied once" is this one statement. Refuses to hide a refusal: a handler that gets
 * no row must not commit.
 */
#include "outcome.h"

#include "job_batch.h"
#include "pg_array.h"

#include <stdio.h>

/* $1 queue, $2 kind, $3 ids, $4 epochs, $5 results. Sorted, so that two transactions never wait for each other
 * crosswise. */
#define INSERT_ALL_SQL                                                                                                 \
    "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind, result, finished_at)"                            \
    " SELECT $1, x.id, x.epoch, 'done', $2, x.result, now()"                                                           \
    " FROM unnest($3::text[], $4::bigint[], $5::jsonb[]) AS x(id, epoch, result) ORDER BY x.id"

static const char DONE_ALL_SQL[] = INSERT_ALL_SQL
    " ON CONFLICT (queue, job_id) DO UPDATE SET epoch = excluded.epoch, state = 'done', kind = excluded.kind,"
    " result = excluded.result, finished_at = excluded.finished_at"
    " WHERE job_outcome.state = 'claimed' AND job_outcome.epoch <= excluded.epoch RETURNING job_id";

void outcome_params(struct outcome_params *p, const struct job_run *run, const char *result_json)
{
    snprintf(p->epoch, sizeof p->epoch, "%llu", (unsigned long long)run->job->epoch);
    p->at[0] = run->ctx->queue;
    p->at[1] = run->job->id;
    p->at[2] = p->epoch;
    p->at[3] = run->job->kind;
    p->at[4] = result_json;
}

int outcome_add(struct pg_batch *b, const struct job_run *run, const char *result_json)
{
    struct outcome_params p;
    outcome_params(&p, run, result_json);
    return pg_batch_add(b, OUTCOME_DONE_SQL, OUTCOME_PARAMS, p.at);
}

bool outcome_applied(const PGresult *result)
{
    return result && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
}

/* A first delivery finds no row but where it comes too late, or its id was used before: looking for one before each
 * insert costs a fifth of it. */
static const char *done_all_sql(const struct outcome_row rows[], size_t n, bool fresh)
{
    for (size_t i = 0; i < n; i++)
        fresh = fresh && rows[i].run->job->epoch == 1;
    return fresh ? INSERT_ALL_SQL : DONE_ALL_SQL;
}

int outcome_add_all(struct pg_batch *b, const struct outcome_row rows[], size_t n, bool fresh)
{
    const struct job_run *first = rows[0].run;
    struct pg_param params[5] = {{first->ctx->queue, PG_PARAM_TEXT}, {first->job->kind, PG_PARAM_TEXT}};
    struct pg_array ids, epochs, results;
    pg_array_init(&ids, PG_ARRAY_TEXT);
    pg_array_init(&epochs, PG_ARRAY_INT8);
    pg_array_init(&results, PG_ARRAY_JSONB);
    for (size_t i = 0; i < n; i++) {
        pg_array_text(&ids, rows[i].run->job->id);
        pg_array_int8(&epochs, (int64_t)rows[i].run->job->epoch);
        pg_array_text(&results, rows[i].result_json);
    }
    int rc = pg_array_param(&ids, &params[2]);
    rc = rc < 0 ? rc : pg_array_param(&epochs, &params[3]);
    rc = rc < 0 ? rc : pg_array_param(&results, &params[4]);
    rc = rc < 0 ? rc : pg_batch_add_params(b, done_all_sql(rows, n, fresh), (int)ARRAY_LEN(params), params);
    pg_array_fini(&ids);
    pg_array_fini(&epochs);
    pg_array_fini(&results);
    return rc;
}

bool outcome_applied_all(const PGresult *result, size_t n)
{
    return strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10) == n;
}

bool outcome_applied_to(const PGresult *result, const struct job_run *run)
{
    for (int row = 0; row < PQntuples(result); row++)
        if (strcmp(PQgetvalue(result, row, 0), run->job->id) == 0)
            return true;
    return false;
}
