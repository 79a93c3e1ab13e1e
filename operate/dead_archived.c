/*
 * dead_archived - see dead_archived.h. One WHERE for every filter: a parameter that is NULL filters nothing. Refuses to
 * hold a transaction open while a person reads: each page begins after the last letter seen.
 */
#include "dead_archived.h"

#include "base64.h"
#include "buf.h"
#include "dead_record.h"

#include <stdio.h>

/* $1 … $11 as filter_params fills them. */
#define FILTER_SQL                                                                                                     \
    " WHERE ($1::text IS NULL OR queue = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR cause = $3)" \
    " AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR fingerprint = $5)"                                  \
    " AND ($6::bigint IS NULL OR died_ms >= $6) AND ($7::bigint IS NULL OR died_ms <= $7)"                             \
    " AND ($8::text IS NULL OR position(lower($8) IN lower(job_id)) > 0 OR position(lower($8) IN lower(message)) > 0)" \
    " AND ($9::text IS NULL OR build = $9) AND ($10::text IS NULL OR host = $10 OR starts_with(host, $10 || '-'))"     \
    " AND ($11::text[] IS NULL OR job_id = ANY($11))"
#define LETTER_SQL                                                                                                     \
    "SELECT queue, job_id, died_ms, kind, cause, code, fingerprint, errors, replays, message, build, host"             \
    " FROM stint.dead_letter" FILTER_SQL
#define PAGE_SQL(order, after)                                                                                         \
    LETTER_SQL " AND ($12::bigint IS NULL OR (died_ms, queue, job_id) " after " ($12, $13, $14))"                      \
               " ORDER BY died_ms " order ", queue " order ", job_id " order " LIMIT 500"

enum { FILTER_PARAMS = 11, PAGE_PARAMS = 14, ARRAY_MAX_BYTES = 16 << 20 };

struct params {
    const char *v[PAGE_PARAMS];
    char since[24], until[24];
    struct buf ids;
};

struct dead_archived {
    struct stores *s;
    const struct dead_filter *f;
    struct params params;
    PGresult *page; /* owned */
    int at;
    char last_ms[24], last_queue[QUEUE_MAX], last_id[JOB_ID_MAX];
    struct dead_letter letter;
};

/* A text array literal; ids hold no character that needs quoting there but are quoted all the same. */
static int put_ids(struct buf *out, const struct dead_filter *f)
{
    int rc = buf_adds(out, "{");
    for (size_t i = 0; rc >= 0 && i < f->n_ids; i++)
        if (strpbrk(f->ids[i], "\"\\") == NULL)
            rc = buf_addf(out, "%s\"%s\"", out->len > 1 ? "," : "", f->ids[i]);
    return rc < 0 ? rc : buf_adds(out, "}");
}

static int filter_params(struct params *p, const struct dead_filter *f, struct err *e)
{
    const char *const texts[] = {f->queue, f->kind, f->cause, f->code, f->fingerprint};
    memset(p->v, 0, sizeof p->v);
    memcpy(p->v, texts, sizeof texts);
    (void)snprintf(p->since, sizeof p->since, "%lld", (long long)f->since_ms);
    (void)snprintf(p->until, sizeof p->until, "%lld", (long long)f->until_ms);
    p->v[5] = f->since_ms > 0 ? p->since : NULL;
    p->v[6] = f->until_ms > 0 ? p->until : NULL;
    p->v[7] = f->match;
    p->v[8] = f->build;
    p->v[9] = f->host;
    buf_init(&p->ids, ARRAY_MAX_BYTES);
    if (f->n_ids > 0 && put_ids(&p->ids, f) < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", f->n_ids);
    p->v[10] = f->n_ids > 0 ? p->ids.data : NULL;
    return 0;
}

int dead_archived_open(struct stores *s, const struct dead_filter *f, struct dead_archived **ret, struct err *e)
{
    struct dead_archived *a = calloc(1, sizeof *a);
    if (a == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a search of the archive");
    a->s = s;
    a->f = f;
    int rc = filter_params(&a->params, f, e);
    if (rc < 0)
        dead_archived_close(a);
    else
        *ret = a;
    return rc;
}

void dead_archived_close(struct dead_archived *a)
{
    if (a == NULL)
        return;
    json_decref(a->letter.last_error);
    PQclear(a->page);
    buf_fini(&a->params.ids);
    free(a);
}

static int next_page(struct dead_archived *a, struct err *e)
{
    PQclear(a->page);
    a->page = NULL;
    a->at = 0;
    if (a->last_ms[0] != '\0') {
        a->params.v[11] = a->last_ms;
        a->params.v[12] = a->last_queue;
        a->params.v[13] = a->last_id;
    }
    const char *sql = a->f->newest_first ? PAGE_SQL("DESC", "<") : PAGE_SQL("ASC", ">");
    return stores_sql(a->s, sql, PAGE_PARAMS, a->params.v, &a->page, e);
}

static void read_letter(struct dead_letter *l, const PGresult *rows, int i)
{
    json_decref(l->last_error);
    *l = (struct dead_letter){.died_ms = strtoll(PQgetvalue(rows, i, 2), NULL, 10),
                              .errors = strtoll(PQgetvalue(rows, i, 7), NULL, 10),
                              .replays = strtoll(PQgetvalue(rows, i, 8), NULL, 10)};
    (void)snprintf(l->queue, sizeof l->queue, "%s", PQgetvalue(rows, i, 0));
    (void)snprintf(l->id, sizeof l->id, "%s", PQgetvalue(rows, i, 1));
    (void)snprintf(l->kind, sizeof l->kind, "%s", PQgetvalue(rows, i, 3));
    (void)snprintf(l->cause, sizeof l->cause, "%s", PQgetvalue(rows, i, 4));
    (void)snprintf(l->code, sizeof l->code, "%s", PQgetvalue(rows, i, 5));
    (void)snprintf(l->fingerprint, sizeof l->fingerprint, "%s", PQgetvalue(rows, i, 6));
    l->last_error =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", l->code, "cause", l->cause, "message", PQgetvalue(rows, i, 9),
                  "build", PQgetvalue(rows, i, 10), "instance", PQgetvalue(rows, i, 11));
}

int dead_archived_next(struct dead_archived *a, const struct dead_letter **ret_letter, struct err *e)
{
    if (a->page == NULL || a->at == PQntuples(a->page)) {
        if (a->page != NULL && PQntuples(a->page) == 0)
            return 0;
        int rc = next_page(a, e);
        if (rc < 0)
            return rc;
        if (PQntuples(a->page) == 0)
            return 0;
    }
    read_letter(&a->letter, a->page, a->at++);
    (void)snprintf(a->last_ms, sizeof a->last_ms, "%lld", (long long)a->letter.died_ms);
    (void)snprintf(a->last_queue, sizeof a->last_queue, "%s", a->letter.queue);
    (void)snprintf(a->last_id, sizeof a->last_id, "%s", a->letter.id);
    *ret_letter = &a->letter;
    return 1;
}

int dead_archived_count(struct stores *s, const struct dead_filter *f, int64_t most, int64_t *ret_n, struct err *e)
{
    struct params p;
    char limit[24];
    PGresult *rows = NULL;
    int rc = filter_params(&p, f, e);
    (void)snprintf(limit, sizeof limit, "%lld", (long long)most);
    p.v[11] = limit;
    if (rc == 0)
        rc = stores_sql(s, "SELECT count(*) FROM (SELECT 1 FROM stint.dead_letter" FILTER_SQL " LIMIT $12::bigint) l",
                        FILTER_PARAMS + 1, p.v, &rows, e);
    if (rc == 0)
        *ret_n = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    buf_fini(&p.ids);
    return rc;
}

/* A row of: queue, job_id, died_ms, fields, fields_b64, payload in base64. */
static json_t *record_of(const PGresult *rows)
{
    json_t *record = json_pack("{s:s, s:i, s:s, s:s, s:I, s:o*, s:o*}", "format", DEAD_RECORD_FORMAT, "v",
                               DEAD_RECORD_VERSION, "queue", PQgetvalue(rows, 0, 0), "id", PQgetvalue(rows, 0, 1),
                               "died_ms", (json_int_t)strtoll(PQgetvalue(rows, 0, 2), NULL, 10), "fields",
                               json_loads(PQgetvalue(rows, 0, 3), 0, NULL), "fields_b64",
                               PQgetisnull(rows, 0, 4) ? NULL : json_loads(PQgetvalue(rows, 0, 4), 0, NULL));
    char *payload = NULL;
    size_t len = 0;
    const char *encoded = PQgetvalue(rows, 0, 5);
    bool good = record != NULL && json_object_get(record, "fields") != NULL &&
                base64_decode(encoded, strlen(encoded), &payload, &len) == 0 &&
                dead_record_set(record, "payload", payload, len) == 0;
    free(payload);
    if (good)
        return record;
    json_decref(record);
    return NULL;
}

static int ask_record(struct stores *s, const char *sql, int n, const char *const params[], const char *id,
                      json_t **ret_record, struct err *e)
{
    PGresult *rows = NULL;
    int rc = stores_sql(s, sql, n, params, &rows, e);
    if (rc < 0)
        return rc;
    bool there = PQntuples(rows) > 0;
    json_t *record = there ? record_of(rows) : NULL;
    PQclear(rows);
    if (!there)
        return err_set(e, ERR_NOT_FOUND, "job \"%.128s\" is not in the archive", id);
    if (record == NULL)
        return err_set(e, ERR_PROTOCOL, "the archive's row of job \"%.128s\" cannot be read", id);
    *ret_record = record;
    return 0;
}

/* encode() breaks lines; they are no part of base64. */
#define RECORD_SQL                                                                                                     \
    "SELECT queue, job_id, died_ms, fields, fields_b64, translate(encode(payload, 'base64'), E'\\n', '')"              \
    " FROM stint.dead_letter "

int dead_archived_record(struct stores *s, const struct dead_letter *letter, json_t **ret_record, struct err *e)
{
    char died[24];
    (void)snprintf(died, sizeof died, "%lld", (long long)letter->died_ms);
    const char *const params[] = {letter->queue, letter->id, died};
    return ask_record(s, RECORD_SQL "WHERE queue = $1 AND job_id = $2 AND died_ms = $3", (int)ARRAY_LEN(params), params,
                      letter->id, ret_record, e);
}

static json_t *errors_of(const json_t *record)
{
    json_t *errors = json_array();
    for (int i = 1; i <= 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "err:%d", i);
        json_t *error = json_loads(dead_record_text(record, name), 0, NULL);
        if (error != NULL)
            (void)json_array_append_new(errors, error);
    }
    return errors;
}

int dead_archived_job(struct stores *s, const char *queue, const char *id, json_t **ret_job, struct err *e)
{
    const char *const params[] = {id, queue};
    json_t *record = NULL;
    int rc =
        ask_record(s, RECORD_SQL "WHERE job_id = $1 AND ($2::text IS NULL OR queue = $2) ORDER BY died_ms DESC LIMIT 1",
                   (int)ARRAY_LEN(params), params, id, &record, e);
    if (rc < 0)
        return rc;
    long long n[7] = {0};
    (void)sscanf(dead_record_text(record, "n"), "%lld,%lld,%lld,%lld,%lld,%lld,%lld", &n[0], &n[1], &n[2], &n[3], &n[4],
                 &n[5], &n[6]);
    json_t *job = json_pack(
        "{s:O, s:O, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:s, s:s, s:I, s:o, s:O?, s:o*}", "queue",
        json_object_get(record, "queue"), "id", json_object_get(record, "id"), "kind", dead_record_text(record, "kind"),
        "band", dead_record_text(record, "band"), "state", "archived", "epoch", (json_int_t)n[0], "attempts",
        (json_int_t)n[1], "crashes", (json_int_t)n[2], "handbacks", (json_int_t)n[3], "replays", (json_int_t)n[4],
        "created_ms", (json_int_t)n[6], "died_ms", json_object_get(record, "died_ms"), "cause",
        dead_record_text(record, "cause"), "fingerprint", dead_record_text(record, "fp"), "errors_total",
        (json_int_t)strtoll(dead_record_text(record, "errs"), NULL, 10), "errors", errors_of(record), "payload",
        json_object_get(json_object_get(record, "fields"), "payload"), "options",
        json_loads(dead_record_text(record, "o"), 0, NULL));
    json_decref(record);
    if (job == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to show job \"%.128s\"", id);
    *ret_job = job;
    return 0;
}

int dead_archived_delete(struct stores *s, const struct dead_letter *letters, size_t n, int64_t *ret_n, struct err *e)
{
    struct buf sql;
    const char *params[2 * DEAD_LETTERS_PAGE];
    PGresult *rows = NULL;
    assert(n >= 1 && n <= DEAD_LETTERS_PAGE);
    buf_init(&sql, ARRAY_MAX_BYTES);
    int rc = buf_adds(&sql, "DELETE FROM stint.dead_letter WHERE (queue, job_id, died_ms) IN (");
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        params[2 * i] = letters[i].queue;
        params[2 * i + 1] = letters[i].id;
        rc = buf_addf(&sql, "%s($%zu::text,$%zu::text,%lld)", i > 0 ? "," : "", 2 * i + 1, 2 * i + 2,
                      (long long)letters[i].died_ms);
    }
    if (rc >= 0)
        rc = buf_adds(&sql, ")");
    rc = rc < 0 ? err_set(e, ERR_OUT_OF_MEMORY, "no memory to delete %zu letters", n)
                : stores_sql(s, sql.data, (int)(2 * n), params, &rows, e);
    if (rc == 0)
        *ret_n = strtoll(PQcmdTuples(rows), NULL, 10);
    PQclear(rows);
    buf_fini(&sql);
    return rc;
}
