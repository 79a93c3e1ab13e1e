/*
 * job_result - see job_result.h. Reads stint.job_outcome, the one place a large result is kept; never writes.
 */
#include "job_result.h"

#include "queue_call.h"

static bool is_elsewhere(const json_t *job)
{
    return strcmp(json_text(json_object_get(job, "result"), "stored_in"), "postgres") == 0;
}

int job_result_complete(struct session *s, const char *queue, json_t *job, struct err *e)
{
    static const char sql[] =
        "SELECT result FROM stint.job_outcome WHERE queue = $1 AND job_id = $2 AND state = 'done'";
    const char *const params[] = {queue, json_text(job, "id")};
    PGresult *rows = NULL;
    if (!is_elsewhere(job))
        return 0;
    int rc = session_sql(s, sql, 2, params, &rows, e);
    if (rc < 0)
        return rc;
    json_t *result = PQntuples(rows) == 1 ? json_loads(PQgetvalue(rows, 0, 0), JSON_DECODE_ANY, NULL) : NULL;
    PQclear(rows);
    if (result == NULL)
        return err_set(e, ERR_NOT_FOUND, "the result of job %s is not in PostgreSQL", params[1]);
    (void)json_object_set_new(job, "result", result);
    return 0;
}

void job_result_show(struct session *s, const char *queue, json_t *job)
{
    struct err e = {.code = 0};
    if (job_result_complete(s, queue, job, &e) < 0)
        out_remark(&s->out, "only a reference to the result can be shown: %s", e.message);
}
