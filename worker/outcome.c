/*
 * outcome - why: "delivered twice, applied once" is this one statement. Refuses to hide a refusal: a handler that gets no row must
 * not commit.
 */
#include "outcome.h"

#include "job_batch.h"

#include <stdio.h>

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
