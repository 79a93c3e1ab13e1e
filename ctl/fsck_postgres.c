/*
 * fsck_postgres - see fsck_postgres.h. An effect commits before Redis is told, so a job that Redis calls done and
 * PostgreSQL does not know has lost its effect (a restored backup, a table emptied by hand). Refuses to mend that: what was
 * lost is for people to judge.
 */
#include "fsck_postgres.h"

#include "buf.h"

#include <stdio.h>

enum { CLAIMS_PAGE = 1000, SCAN_PAGE_MAX = 4096 };

/* The kinds whose handlers write an outcome with their effect. */
static const char *const EFFECT_KINDS[] = {"match", "pdf-parse"};

static bool has_effect(const redisReply *fields)
{
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2 || fields->element[0]->type != REDIS_REPLY_STRING ||
        fields->element[1]->type != REDIS_REPLY_STRING || strcmp(fields->element[0]->str, "done") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(EFFECT_KINDS); i++)
        if (strcmp(fields->element[1]->str, EFFECT_KINDS[i]) == 0)
            return true;
    return false;
}

/* The ids of the page that are done with an effect, as a PostgreSQL array. */
static int done_ids(struct fsck_walk *w, const redisReply *keys, size_t skip, struct buf *ids, struct err *e)
{
    struct redis_sync *redis;
    int rc = session_redis(w->s, &redis, e);
    (void)buf_adds(ids, "{");
    for (size_t i = 0; rc == 0 && i < keys->elements; i++) {
        const char *name = keys->element[i]->str, *id = name + skip + 2;
        redisReply *fields = NULL;
        const char *const argv[] = {"HMGET", name, "state", "kind"};
        if ((size_t)keys->element[i]->len <= skip + 2 || strncmp(name + skip, "j:", 2) != 0 ||
            strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") != strlen(id))
            continue;
        rc = redis_sync_argv(redis, &fields, e, (int)ARRAY_LEN(argv), argv, NULL);
        if (rc == 0 && has_effect(fields))
            (void)buf_addf(ids, "%s\"%s\"", ids->len > 1 ? "," : "", id);
        if (rc == ERR_REDIS_REFUSED)
            rc = 0; /* a key of the wrong type is named by the other walk */
        freeReplyObject(fields);
    }
    (void)buf_adds(ids, "}");
    return rc < 0 || !ids->failed ? rc : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the ids of a page");
}

int fsck_postgres_keys(struct fsck_walk *w, const redisReply *keys, size_t skip, struct fsck_findings *f,
                       struct err *e)
{
    static const char sql[] = "SELECT id FROM unnest($2::text[]) AS id WHERE NOT EXISTS (SELECT FROM stint.job_outcome o"
                              " WHERE o.queue = $1 AND o.job_id = id AND o.state = 'done')";
    struct buf ids;
    PGresult *rows = NULL;
    buf_init(&ids, (size_t)SCAN_PAGE_MAX * (JOB_ID_MAX + 4));
    int rc = done_ids(w, keys, skip, &ids, e);
    if (rc == 0 && ids.len > 2) {
        const char *const params[] = {w->queue, ids.data};
        rc = session_sql(w->s, sql, (int)ARRAY_LEN(params), params, &rows, e);
    }
    for (int i = 0; rc == 0 && rows != NULL && i < PQntuples(rows); i++) {
        const char *id = PQgetvalue(rows, i, 0);
        rc = fsck_findings_add(f, FSCK_outcome_missing, w->queue, "postgres", id, strlen(id), id,
                               "done in Redis; stint.job_outcome has no row that says so: its effect may be lost", e);
    }
    PQclear(rows);
    buf_fini(&ids);
    return rc;
}

/* 1 when Redis knows the job, 0 when not, or an error. */
static int known_job(struct session *s, const char *queue, const char *id, struct err *e)
{
    struct queue_call c;
    json_t *job = NULL;
    queue_call_init(&c, "stint_job", queue);
    queue_call_add(&c, id);
    int rc = queue_call_json(&s->stores, &c, &job, e);
    json_decref(job);
    return rc == 0 ? 1 : rc == ERR_NOT_FOUND || rc == ERR_BAD_ARGUMENT ? 0 : rc;
}

int fsck_postgres_claims(struct fsck_walk *w, struct fsck_findings *f, struct err *e)
{
    static const char sql[] =
        "SELECT job_id, epoch FROM stint.job_outcome o WHERE queue = $1 AND state = 'claimed' AND job_id > $2"
        " AND claimed_at < now() - interval '1 hour'"
        " AND NOT EXISTS (SELECT FROM stint.dead_archive a WHERE a.queue = o.queue AND a.job_id = o.job_id)"
        " ORDER BY job_id LIMIT $3::int";
    char last[JOB_ID_MAX] = "", page[16];
    int rc = 0, n = CLAIMS_PAGE;
    (void)snprintf(page, sizeof page, "%d", (int)CLAIMS_PAGE);
    while (rc >= 0 && n == CLAIMS_PAGE) {
        const char *const params[] = {w->queue, last, page};
        PGresult *rows = NULL;
        rc = session_sql(w->s, sql, (int)ARRAY_LEN(params), params, &rows, e);
        n = rc < 0 ? 0 : PQntuples(rows);
        for (int i = 0; rc >= 0 && i < n; i++) {
            const char *id = PQgetvalue(rows, i, 0);
            w->looked++;
            rc = known_job(w->s, w->queue, id, e);
            if (rc == 0)
                rc = fsck_findings_add(f, FSCK_outcome_orphan, w->queue, "postgres", id, strlen(id), id,
                                       "claimed for more than an hour; Redis knows no such job", e);
            if (rc == 0 && f->n > 0 && f->beyond == 0)
                (void)snprintf(f->items[f->n - 1].value, FSCK_VALUE_MAX, "%.20s", PQgetvalue(rows, i, 1));
            (void)snprintf(last, sizeof last, "%s", id);
        }
        PQclear(rows);
    }
    return rc < 0 ? rc : 0;
}

int fsck_postgres_mend(struct session *s, const struct fsck_finding *it, const char **ret_text, struct err *e)
{
    static const char sql[] =
        "DELETE FROM stint.job_outcome WHERE queue = $1 AND job_id = $2 AND state = 'claimed' AND epoch = $3::bigint";
    int rc = known_job(s, it->queue, it->subject, e);
    if (rc != 0) {
        *ret_text = "Redis knows the job by now";
        return rc < 0 ? rc : 0;
    }
    const char *const params[] = {it->queue, it->subject, it->value};
    PGresult *rows = NULL;
    rc = session_sql(s, sql, (int)ARRAY_LEN(params), params, &rows, e);
    int deleted = rc < 0 ? 0 : atoi(PQcmdTuples(rows));
    PQclear(rows);
    *ret_text = deleted > 0 ? "the claim was deleted" : "it was claimed anew";
    return rc < 0 ? rc : deleted;
}
