/*
 * pdf_store - see pdf_store.h. Events, result and outcome commit together or not at all: a document delivered twice is stored once. The calendar is
 * written between them, for what it says of an event's revision is known only once the event is stored.
 */
#include "pdf_store.h"

#include "alloc.h"
#include "clock.h"
#include "ics.h"
#include "killpoint.h"
#include "pdf_import.h"
#include "pg_conn_uv.h"
#include <stdio.h>

#define PDF_RESULT_SQL                                                                                                 \
    "INSERT INTO stint.pdf_result(queue, job_id, owner, input_sha256, type, pages, rows_seen, rows_parsed, events, warnings, cached)" \
    " VALUES($1, $2, $3, $4, $5, $6::integer, $7::integer, $8::integer, $9::integer, $10::jsonb, $11::boolean)"        \
    " ON CONFLICT (queue, job_id) DO UPDATE SET owner = excluded.owner, input_sha256 = excluded.input_sha256,"         \
    " type = excluded.type, pages = excluded.pages, rows_seen = excluded.rows_seen, rows_parsed = excluded.rows_parsed," \
    " events = excluded.events, warnings = excluded.warnings, cached = excluded.cached, stored_at = now()"

struct pdf_save {
    struct job_run *run;
    struct pg_conn *conn;
    struct pdf_stored *stored;
    struct pdf_import import;
    json_t *places; /* owned */
    char owner[PDF_OWNER_MAX + JOB_ID_MAX]; /* the payload's, or job:<id> */
    bool complete;     /* the events are in the transaction */
    size_t outcome_at; /* the outcome statement's place in its batch */
    char *text;        /* the answer */
    void (*on_end)(void *arg);
    void *arg;
};

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
    pdf_import_fini(&s->import);
    json_decref(s->places);
    s->on_end(s->arg);
    free(s);
    if (how != NULL)
        job_run_fail(run, &e, NULL);
    else if (resolve)
        outcome_resolve(run);
    else
        job_run_done(run, text);
}

/* An answer too large is the document's failure, and said as such. */
static void store_fail(struct pdf_save *s, int rc)
{
    struct err e;
    if (rc == -ENOSPC)
        (void)err_set(&e, ERR_DECOMPRESSION_LIMIT, "the answer to this document is larger than %d MiB; ask for less with include_groups or emit",
                      PDF_ANSWER_MAX >> 20);
    else
        (void)err_set(&e, rc, "the result cannot be put into statements: %s", err_text(rc));
    store_end(s, &e, false);
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

static struct ics_input store_calendar_input(const struct pdf_save *s)
{
    return (struct ics_input){.events = json_object_get(s->stored->result, "events"), .request = s->stored->request, .zone = s->stored->zone,
                              .revisions = s->import.revisions, .stamp_s = clock_wall_ms() / 1000};
}

static int store_calendar(struct pdf_save *s, struct err *e)
{
    const struct ics_input input = store_calendar_input(s);
    struct buf text;
    buf_init(&text, PDF_ANSWER_MAX);
    int rc = ics_write(&input, &text, json_object_get(s->stored->result, "warnings"), e);
    if (rc == 0 && json_object_set_new(s->stored->result, "ics", json_string(text.data)) < 0)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for the calendar");
    buf_fini(&text);
    return rc;
}

/* The answer's text, complete. */
static int store_answer(struct pdf_save *s, struct err *e)
{
    json_t *result = s->stored->result;
    const struct pdf_import *i = &s->import;
    int rc = s->stored->zone != NULL ? store_calendar(s, e) : 0;
    if (rc < 0)
        return rc;
    if (json_object_get(result, "events") != NULL)
        (void)json_object_set_new(result, "imported",
                                  json_pack("{s:I,s:I,s:I,s:I}", "added", (json_int_t)i->added, "updated", (json_int_t)i->updated, "unchanged",
                                            (json_int_t)i->unchanged, "gone", (json_int_t)i->gone));
    (void)json_object_set_new(result, "duration_ms", json_integer((json_int_t)(clock_mono_ms() - s->stored->started_ms)));
    s->text = json_dumps(result, JSON_COMPACT);
    if (s->text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the answer");
    return 0;
}

static const char *store_int(const json_t *result, const char *name, char out[static 24])
{
    (void)snprintf(out, 24, "%lld", (long long)json_integer_value(json_object_get(result, name)));
    return out;
}

static int store_statements(struct pdf_save *s, struct pg_batch *b)
{
    const struct job_run *run = s->run;
    const struct pdf_stored *p = s->stored;
    AUTO_FREE char *warnings = alloc_must(json_dumps(json_object_get(p->result, "warnings"), JSON_COMPACT));
    char pages[24], seen[24], parsed[24], n_events[24];
    (void)snprintf(n_events, sizeof n_events, "%zu", s->import.at);
    int rc = strlen(s->text) <= PDF_ANSWER_MAX ? 0 : -ENOSPC;
    if (rc == 0)
        rc = pg_batch_add(b, PDF_RESULT_SQL, 11,
                          (const char *const[]){run->ctx->queue, run->job->id, s->owner, p->sha256,
                                                json_string_value(json_object_get(p->result, "type")), store_int(p->result, "pages", pages),
                                                store_int(p->result, "rows_seen", seen), store_int(p->result, "rows_parsed", parsed),
                                                n_events, warnings, p->cached ? "true" : "false"});
    if (rc == 0 && p->key != NULL && p->cached)
        rc = pdf_cache_touch(b, p->key);
    if (rc == 0 && p->key != NULL && p->row.reply != NULL)
        rc = pdf_cache_put(b, &run->ctx->conf->pdf, p->key, &p->row);
    s->outcome_at = pg_batch_len(b);
    return rc == 0 ? outcome_add(b, run, s->text) : rc;
}

static void store_rest(struct pdf_save *s)
{
    struct err e;
    if (store_answer(s, &e) < 0) {
        store_end(s, &e, false);
        return;
    }
    struct pg_batch *b = alloc_must(pg_batch_new());
    int rc = store_statements(s, b);
    if (rc < 0) {
        pg_batch_free(b);
        store_fail(s, rc);
        return;
    }
    KILL_POINT("pdf_events_written");
    pg_conn_send(s->conn, b, store_on_written, s);
}

static void store_piece(struct pdf_save *s, struct pg_batch *b);

static void store_on_piece(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct pdf_save *s = arg;
    if (e != NULL) {
        store_end(s, e, false);
        return;
    }
    pdf_import_read(&s->import, results, n);
    if (s->complete)
        store_rest(s);
    else
        store_piece(s, alloc_must(pg_batch_new()));
}

static void store_piece(struct pdf_save *s, struct pg_batch *b)
{
    int rc;
    s->complete = pdf_import_add(&s->import, b, &rc);
    if (rc < 0) {
        pg_batch_free(b);
        store_fail(s, rc);
        return;
    }
    pg_conn_send(s->conn, b, store_on_piece, s);
}

static void store_begin(struct pdf_save *s, bool in_transaction)
{
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (!in_transaction && pg_batch_add(b, "BEGIN", 0, NULL) < 0)
        alloc_failed();
    store_piece(s, b);
}

static void store_on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct pdf_save *s = arg;
    s->conn = conn;
    if (conn == NULL)
        store_end(s, e, false);
    else
        store_begin(s, false);
}

void pdf_store_save(struct job_run *run, struct pdf_stored *stored, void (*on_end)(void *arg), void *arg)
{
    struct pdf_save *s = alloc_zero(1, sizeof *s);
    const json_t *result = stored->result;
    s->run = run;
    s->stored = stored;
    s->on_end = on_end;
    s->arg = arg;
    (void)snprintf(s->owner, sizeof s->owner, stored->request->owner[0] != '\0' ? "%s" : "job:%s",
                   stored->request->owner[0] != '\0' ? stored->request->owner : run->job->id);
    s->import = (struct pdf_import){.events = json_object_get(result, "events"), .request = stored->request, .owner = s->owner,
                                    .queue = run->ctx->queue, .job_id = run->job->id,
                                    .whole = json_equal(json_object_get(result, "rows_seen"), json_object_get(result, "rows_parsed"))};
    if (stored->zone != NULL) {
        const struct ics_input input = store_calendar_input(s);
        s->places = alloc_must(ics_places(&input));
        s->import.places = s->places;
    }
    KILL_POINT("pdf_before_store");
    struct pg_conn *turn = TAKE(stored->turn);
    if (turn != NULL && pg_conn_in_transaction(turn)) {
        s->conn = turn;
        store_begin(s, true);
        return;
    }
    if (turn != NULL) /* its session ended meanwhile, and the turn with it */
        pg_pool_release(run->ctx->pg, turn);
    pg_pool_acquire(run->ctx->pg, store_on_conn, s);
}
