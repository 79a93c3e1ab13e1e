/*
 * outcome - why: "delivered twice, applied once" is this one statement. Refuses to hide a refusal: a handler that gets no row must
 * not commit.
 */
#include "outcome.h"

#include "buf.h"
#include "job_batch.h"

#include <jansson.h>
#include <stdio.h>

/* $1 queue, $2 kind, $3 rows. Sorted, so that two transactions never wait for each other crosswise. */
static const char DONE_ALL_SQL[] =
    "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind, result, finished_at)"
    " SELECT $1, x.id, x.epoch, 'done', $2, x.result, now()"
    " FROM jsonb_to_recordset($3::jsonb) AS x(id text, epoch bigint, result jsonb) ORDER BY x.id"
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

static int add_row(struct buf *text, const struct outcome_row *row)
{
    json_t *id = json_string(row->run->job->id);
    AUTO_FREE char *quoted = id ? json_dumps(id, JSON_ENCODE_ANY) : NULL;
    json_decref(id);
    if (!quoted)
        return -ENOMEM;
    int rc = buf_addf(text, "%s{\"id\":%s,\"epoch\":%llu,\"result\":", text->len ? "," : "[", quoted,
                      (unsigned long long)row->run->job->epoch);
    rc = rc < 0 ? rc : buf_adds(text, row->result_json);
    return rc < 0 ? rc : buf_adds(text, "}");
}

int outcome_add_all(struct pg_batch *b, const struct outcome_row rows[], size_t n)
{
    const struct job_run *first = rows[0].run;
    struct buf text;
    buf_init(&text, PG_BATCH_TEXT_MAX_BYTES);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_row(&text, &rows[i]);
    rc = rc < 0 ? rc : buf_adds(&text, "]");
    if (rc == 0)
        rc = pg_batch_add(b, DONE_ALL_SQL, 3,
                          (const char *const[]){first->ctx->queue, first->job->kind, text.data});
    buf_fini(&text);
    return rc;
}

bool outcome_applied_to(const PGresult *result, const struct job_run *run)
{
    for (int row = 0; row < PQntuples(result); row++)
        if (strcmp(PQgetvalue(result, row, 0), run->job->id) == 0)
            return true;
    return false;
}
