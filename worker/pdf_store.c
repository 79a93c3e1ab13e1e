/*
 * pdf_store - see pdf_store.h. Result, events and outcome commit together or not at all: a document delivered twice is stored once.
 */
#include "pdf_store.h"

#include "alloc.h"
#include "killpoint.h"
#include <stdio.h>

#define PDF_FIND_SQL "SELECT result FROM stint.pdf_document WHERE input_sha256 = $1 AND options_hash = $2"
#define PDF_CACHE_SQL                                                                                                  \
    "INSERT INTO stint.pdf_document(input_sha256, options_hash, layout, pages, result) VALUES($1, $2, $3, $4::integer, $5::jsonb)" \
    " ON CONFLICT (input_sha256, options_hash) DO NOTHING"
#define PDF_RESULT_SQL                                                                                                 \
    "INSERT INTO stint.pdf_result(queue, job_id, owner, input_sha256, type, pages, rows_seen, rows_parsed, events, warnings, cached)" \
    " VALUES($1, $2, $3, $4, $5, $6::integer, $7::integer, $8::integer, $9::integer, $10::jsonb, $11::boolean)"        \
    " ON CONFLICT (queue, job_id) DO UPDATE SET owner = excluded.owner, input_sha256 = excluded.input_sha256,"         \
    " type = excluded.type, pages = excluded.pages, rows_seen = excluded.rows_seen, rows_parsed = excluded.rows_parsed," \
    " events = excluded.events, warnings = excluded.warnings, cached = excluded.cached, stored_at = now()"
/* The rows are taken in the order of their key, so that two imports of one owner cannot lock each other out. */
#define PDF_EVENTS_SQL                                                                                                 \
    "INSERT INTO stint.pdf_event(owner, uid, queue, job_id, kind, module, day, date, starts, ends, event)"             \
    " SELECT $1, x->>'uid', $2, $3, x->>'kind', x->>'module', x->>'day', (x->>'date')::date, (x->>'start')::time,"     \
    " (x->>'end')::time, x FROM jsonb_array_elements($4::jsonb) AS x ORDER BY x->>'uid'"                               \
    " ON CONFLICT (owner, uid) DO UPDATE SET queue = excluded.queue, job_id = excluded.job_id, kind = excluded.kind,"  \
    " module = excluded.module, day = excluded.day, date = excluded.date, starts = excluded.starts, ends = excluded.ends," \
    " event = excluded.event, updated_at = now()"

struct pdf_find {
    struct job_run *run;
    struct pg_conn *conn;
    char sha256[65], options[65];
    pdf_found_fn on_found;
    void *arg;
};

struct pdf_save {
    struct job_run *run;
    struct pg_conn *conn;
    struct pg_batch *batch; /* NULL once sent */
    size_t outcome_at;      /* the outcome statement's place in the batch */
    char *text;             /* the answer */
    void (*on_end)(void *arg);
    void *arg;
};

static void store_found(struct pdf_find *f, json_t *result, const struct err *e)
{
    struct pdf_find done = *f;
    if (f->conn != NULL)
        pg_pool_release(f->run->ctx->pg, f->conn);
    free(f);
    done.on_found(done.arg, result, e);
}

static void store_on_found(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    json_t *result = NULL;
    if (e == NULL && n == 1 && PQntuples(results[0]) == 1)
        result = json_loads(PQgetvalue(results[0], 0, 0), 0, NULL);
    store_found(arg, result, e);
}

static void store_on_find_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct pdf_find *f = arg;
    f->conn = conn;
    if (conn == NULL) {
        store_found(f, NULL, e);
        return;
    }
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (pg_batch_add(b, PDF_FIND_SQL, 2, (const char *const[]){f->sha256, f->options}) < 0)
        alloc_failed();
    pg_conn_send(conn, b, store_on_found, f);
}

void pdf_store_find(struct job_run *run, const char *sha256, const char *options_hash, pdf_found_fn on_found, void *arg)
{
    struct pdf_find *f = alloc_zero(1, sizeof *f);
    f->run = run;
    f->on_found = on_found;
    f->arg = arg;
    (void)snprintf(f->sha256, sizeof f->sha256, "%s", sha256);
    (void)snprintf(f->options, sizeof f->options, "%s", options_hash);
    pg_pool_acquire(run->ctx->pg, store_on_find_conn, f);
}

/* Frees everything and ends the run: how == NULL: done. resolve: another delivery was first. */
static void store_end(struct pdf_save *s, const struct err *how, bool resolve)
{
    struct job_run *run = s->run;
    AUTO_FREE char *text = TAKE(s->text);
    struct err e = {0};
    if (how != NULL)
        e = *how;
    if (s->conn != NULL)
        pg_pool_release(run->ctx->pg, s->conn);
    pg_batch_free(s->batch);
    s->on_end(s->arg);
    free(s);
    if (how != NULL)
        job_run_fail(run, &e, NULL);
    else if (resolve)
        outcome_resolve(run);
    else
        job_run_done(run, text);
}

static void store_on_committed(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    (void)results;
    (void)n;
    KILL_POINT("pdf_committed");
    store_end(arg, e, false);
}

static void store_on_written(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct pdf_save *s = arg;
    if (e != NULL) {
        store_end(s, e, false);
        return;
    }
    if (n <= s->outcome_at || !outcome_applied(results[s->outcome_at])) {
        store_end(s, NULL, true); /* the release rolls back */
        return;
    }
    struct pg_batch *commit = alloc_must(pg_batch_new());
    if (pg_batch_add(commit, "COMMIT", 0, NULL) < 0)
        alloc_failed();
    KILL_POINT("pdf_before_commit");
    pg_conn_send(s->conn, commit, store_on_committed, s);
}

static void store_on_save_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct pdf_save *s = arg;
    s->conn = conn;
    if (conn == NULL) {
        store_end(s, e, false);
        return;
    }
    pg_conn_send(conn, TAKE(s->batch), store_on_written, s);
}

static const char *store_int(const json_t *result, const char *name, char out[static 24])
{
    (void)snprintf(out, 24, "%lld", (long long)json_integer_value(json_object_get(result, name)));
    return out;
}

static char *store_json(const json_t *value)
{
    return alloc_must(value != NULL ? json_dumps(value, JSON_COMPACT) : strdup("[]"));
}

static int store_statements(struct pdf_save *s, const struct pdf_stored *p)
{
    const struct job_run *run = s->run;
    const json_t *events = json_object_get(p->result, "events");
    AUTO_FREE char *events_json = store_json(events), *warnings_json = store_json(json_object_get(p->result, "warnings"));
    char pages[24], seen[24], parsed[24], n_events[24], owner[JOB_ID_MAX + 8];
    (void)snprintf(n_events, sizeof n_events, "%zu", json_array_size(events));
    (void)snprintf(owner, sizeof owner, "job:%s", run->job->id);
    const char *whose = p->owner[0] != '\0' ? p->owner : owner, *type = json_string_value(json_object_get(p->result, "type"));
    (void)store_int(p->result, "pages", pages);
    int rc = pg_batch_add(s->batch, "BEGIN", 0, NULL);
    if (rc == 0 && p->options_hash != NULL && !p->cached)
        rc = pg_batch_add(s->batch, PDF_CACHE_SQL, 5, (const char *const[]){p->sha256, p->options_hash, type, pages, s->text});
    if (rc == 0)
        rc = pg_batch_add(s->batch, PDF_RESULT_SQL, 11,
                          (const char *const[]){run->ctx->queue, run->job->id, whose, p->sha256, type, pages,
                                                store_int(p->result, "rows_seen", seen), store_int(p->result, "rows_parsed", parsed),
                                                n_events, warnings_json, p->cached ? "true" : "false"});
    if (rc == 0 && json_array_size(events) > 0)
        rc = pg_batch_add(s->batch, PDF_EVENTS_SQL, 4, (const char *const[]){whose, run->ctx->queue, run->job->id, events_json});
    s->outcome_at = pg_batch_len(s->batch);
    return rc == 0 ? outcome_add(s->batch, run, s->text) : rc;
}

void pdf_store_save(struct job_run *run, const struct pdf_stored *stored, void (*on_end)(void *arg), void *arg)
{
    struct pdf_save *s = alloc_zero(1, sizeof *s);
    struct err e;
    s->run = run;
    s->on_end = on_end;
    s->arg = arg;
    s->text = store_json(stored->result);
    s->batch = alloc_must(pg_batch_new());
    int rc = store_statements(s, stored);
    if (rc < 0) {
        (void)err_set(&e, rc, "the result cannot be put into statements: %s", err_text(rc));
        store_end(s, &e, false);
        return;
    }
    KILL_POINT("pdf_before_store");
    pg_pool_acquire(run->ctx->pg, store_on_save_conn, s);
}
