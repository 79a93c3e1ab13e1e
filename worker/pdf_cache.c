/*
 * pdf_cache - see pdf_cache.h. An economy and nothing else: a lost turn or row costs a document parsed twice, never a wrong answer. What is kept is the
 * cell's reply, as foreign as when it came: it is checked again at each use.
 */
#include "pdf_cache.h"

#include "alloc.h"
#include "killpoint.h"
#include <stdio.h>

enum { CACHE_WAIT_MS = 250, CACHE_IDLE_MARGIN_MS = 30000, CACHE_LARGEST_PART = 16 };

#define CACHE_FIND_SQL                                                                                                 \
    "SELECT reply, pages, parse_us, code, message FROM stint.pdf_cache WHERE input_sha256 = $1 AND options_hash = $2"  \
    " AND (code IS NULL OR limits = $3)"                                                                               \
    " AND parsed_at > now() - (CASE WHEN code IS NULL THEN $4 ELSE $5 END)::bigint * interval '1 millisecond'"
#define CACHE_IDLE_SQL "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
#define CACHE_TURN_SQL "SELECT stint.pdf_turn($1, $2, $3::integer)"
#define CACHE_PUT_SQL                                                                                                  \
    "INSERT INTO stint.pdf_cache(input_sha256, options_hash, reply, pages, parse_us, code, message, limits, bytes)"    \
    " VALUES($1, $2, $3, $4::integer, $5::bigint, $6, $7, $8, $9::integer)"                                            \
    " ON CONFLICT (input_sha256, options_hash) DO UPDATE SET reply = excluded.reply, pages = excluded.pages,"          \
    " parse_us = excluded.parse_us, code = excluded.code, message = excluded.message, limits = excluded.limits,"       \
    " bytes = excluded.bytes, parsed_at = now(), used_at = now()"
#define CACHE_TOUCH_SQL                                                                                                \
    "UPDATE stint.pdf_cache SET used_at = now() WHERE input_sha256 = $1 AND options_hash = $2"                         \
    " AND used_at < now() - interval '1 minute'"
/* One at a time; who comes second has nothing to do. */
#define CACHE_PRUNE_SQL                                                                                                \
    "WITH mine AS (SELECT pg_try_advisory_xact_lock(hashtextextended('stint pdf cache prune', 0)) AS yes),"            \
    " ranked AS (SELECT input_sha256, options_hash, row_number() OVER w AS n, sum(bytes) OVER w AS total,"             \
    " code IS NOT NULL AS failed, parsed_at FROM stint.pdf_cache"                                                      \
    " WINDOW w AS (ORDER BY used_at DESC, input_sha256, options_hash))"                                                \
    " DELETE FROM stint.pdf_cache c USING ranked r WHERE (SELECT yes FROM mine)"                                       \
    " AND c.input_sha256 = r.input_sha256 AND c.options_hash = r.options_hash AND (r.n > $1::bigint OR r.total > $2::bigint" \
    " OR r.parsed_at < now() - (CASE WHEN r.failed THEN $4 ELSE $3 END)::bigint * interval '1 millisecond')"

struct cache_ask {
    struct job_run *run;
    struct pg_conn *conn;
    struct pdf_cache_key key;
    pdf_cached_fn on_found;
    void *arg;
    bool turn; /* the second question is under way */
};

static void cache_number(int64_t value, char out[static 24])
{
    (void)snprintf(out, 24, "%lld", (long long)value);
}

/* Tells the asker and forgets the question; the connection is given back unless it is the answer. */
static void cache_end(struct cache_ask *a, const struct pdf_cached *found)
{
    struct cache_ask done = *a;
    if (a->conn != NULL && found->how != PDF_CACHE_LEAD)
        pg_pool_release(a->run->ctx->pg, a->conn);
    free(a);
    done.on_found(done.arg, found);
}

/* True when the row is there and of its form. */
static bool cache_read(const PGresult *r, struct pdf_cached *found)
{
    if (r == NULL || PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
        return false;
    found->pages = strtoll(PQgetvalue(r, 0, 1), NULL, 10);
    found->parse_us = strtoll(PQgetvalue(r, 0, 2), NULL, 10);
    if (!PQgetisnull(r, 0, 3)) {
        int code = err_code_by_name(PQgetvalue(r, 0, 3));
        found->how = PDF_CACHE_FAILED;
        if (code < 0)
            (void)err_set(&found->e, code, "%s", PQgetvalue(r, 0, 4));
        return code < 0;
    }
    found->how = PDF_CACHE_HIT;
    found->reply = json_loadb(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0), JSON_REJECT_DUPLICATES, NULL);
    return found->reply != NULL;
}

static int cache_add_find(struct cache_ask *a, struct pg_batch *b)
{
    const struct conf_pdf *conf = &a->run->ctx->conf->pdf;
    char age[24], failures[24];
    cache_number(conf->cache_age, age);
    cache_number(conf->cache_failures, failures);
    return pg_batch_add(b, CACHE_FIND_SQL, 5, (const char *const[]){a->key.sha256, a->key.options, a->key.limits, age, failures});
}

static void cache_on_answer(void *arg, PGresult *const results[], size_t n, const struct err *e);

/* In a transaction that may lie idle for as long as a cell may run; a host that is gone keeps its turn for no longer. */
static void cache_ask_turn(struct cache_ask *a)
{
    char idle[24], wait[24];
    struct pg_batch *b = alloc_must(pg_batch_new());
    cache_number(a->run->ctx->conf->pdf.timeout + CACHE_IDLE_MARGIN_MS, idle);
    cache_number(CACHE_WAIT_MS, wait);
    a->turn = true;
    if (pg_batch_add(b, "BEGIN", 0, NULL) < 0 || pg_batch_add(b, CACHE_IDLE_SQL, 1, (const char *const[]){idle}) < 0 ||
        pg_batch_add(b, CACHE_TURN_SQL, 3, (const char *const[]){a->key.sha256, a->key.options, wait}) < 0 || cache_add_find(a, b) < 0)
        alloc_failed();
    pg_conn_send(a->conn, b, cache_on_answer, a);
}

static void cache_on_answer(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct cache_ask *a = arg;
    struct pdf_cached found = {.how = PDF_CACHE_ERROR};
    if (e != NULL) {
        found.e = *e;
        cache_end(a, &found);
    } else if (cache_read(results[n - 1], &found)) {
        cache_end(a, &found);
    } else if (!a->turn) {
        cache_ask_turn(a);
    } else {
        found.busy_ms = strtoll(PQgetvalue(results[2], 0, 0), NULL, 10);
        found.how = found.busy_ms == 0 ? PDF_CACHE_LEAD : PDF_CACHE_BUSY;
        found.conn = found.busy_ms == 0 ? a->conn : NULL;
        cache_end(a, &found);
    }
}

static void cache_on_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct cache_ask *a = arg;
    a->conn = conn;
    if (conn == NULL) {
        struct pdf_cached found = {.how = PDF_CACHE_ERROR, .e = *e};
        cache_end(a, &found);
        return;
    }
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (cache_add_find(a, b) < 0)
        alloc_failed();
    pg_conn_send(conn, b, cache_on_answer, a);
}

void pdf_cache_find(struct job_run *run, const struct pdf_cache_key *key, pdf_cached_fn on_found, void *arg)
{
    struct cache_ask *a = alloc_zero(1, sizeof *a);
    a->run = run;
    a->key = *key;
    a->on_found = on_found;
    a->arg = arg;
    pg_pool_acquire(run->ctx->pg, cache_on_conn, a);
}

int pdf_cache_put(struct pg_batch *b, const struct conf_pdf *conf, const struct pdf_cache_key *key, const struct pdf_cache_row *row)
{
    size_t len = row->reply != NULL ? strlen(row->reply) : strlen(row->message);
    char pages[24], parse_us[24], bytes[24];
    if (len > (size_t)conf->cache_bytes / CACHE_LARGEST_PART || len > INT32_MAX)
        return 0;
    cache_number(row->pages, pages);
    cache_number(row->parse_us, parse_us);
    cache_number((int64_t)len, bytes);
    return pg_batch_add(b, CACHE_PUT_SQL, 9,
                        (const char *const[]){key->sha256, key->options, row->reply, pages, parse_us,
                                              row->reply == NULL ? err_name(row->code) : NULL, row->reply == NULL ? row->message : NULL,
                                              key->limits, bytes});
}

int pdf_cache_touch(struct pg_batch *b, const struct pdf_cache_key *key)
{
    return pg_batch_add(b, CACHE_TOUCH_SQL, 2, (const char *const[]){key->sha256, key->options});
}

struct cache_note {
    const struct worker_ctx *ctx;
    struct pg_conn *conn;
    void (*on_done)(void *arg); /* NULL: nobody waits */
    void *arg;
};

static void cache_on_noted(void *arg, PGresult *const results[], size_t n, const struct err *e)
{
    struct cache_note done = *(struct cache_note *)arg;
    (void)results;
    (void)n;
    (void)e;
    KILL_POINT("pdf_noted");
    free(arg);
    pg_pool_release(done.ctx->pg, done.conn);
    if (done.on_done != NULL)
        done.on_done(done.arg);
}

void pdf_cache_note(struct job_run *run, struct pg_conn *conn, const struct pdf_cache_key *key, const struct pdf_cache_row *row,
                    void (*on_done)(void *arg), void *arg)
{
    struct cache_note *note = alloc_zero(1, sizeof *note);
    struct pg_batch *b = alloc_must(pg_batch_new());
    *note = (struct cache_note){.ctx = run->ctx, .conn = conn, .on_done = on_done, .arg = arg};
    if (pdf_cache_put(b, &run->ctx->conf->pdf, key, row) < 0 || pg_batch_add(b, "COMMIT", 0, NULL) < 0)
        alloc_failed();
    KILL_POINT("pdf_before_note");
    pg_conn_send(conn, b, cache_on_noted, note);
}

static void cache_on_prune_conn(void *arg, struct pg_conn *conn, const struct err *e)
{
    struct cache_note *note = arg;
    const struct conf_pdf *conf = &note->ctx->conf->pdf;
    char rows[24], bytes[24], age[24], failures[24];
    (void)e;
    if (conn == NULL) {
        free(note);
        return;
    }
    note->conn = conn;
    cache_number(conf->cache_rows, rows);
    cache_number(conf->cache_bytes, bytes);
    cache_number(conf->cache_age, age);
    cache_number(conf->cache_failures, failures);
    struct pg_batch *b = alloc_must(pg_batch_new());
    if (pg_batch_add(b, CACHE_PRUNE_SQL, 4, (const char *const[]){rows, bytes, age, failures}) < 0)
        alloc_failed();
    pg_conn_send(conn, b, cache_on_noted, note);
}

void pdf_cache_prune(const struct worker_ctx *ctx)
{
    struct cache_note *note = alloc_zero(1, sizeof *note);
    note->ctx = ctx;
    pg_pool_acquire(ctx->pg, cache_on_prune_conn, note);
}
