/*
 * pdf_cache - what the parser answered to the same bytes under the same options, and whose turn it is to parse them when nobody has yet.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks.
 *
 *   find ──► there ──────────────────────────────► HIT, FAILED
 *     └────► not there ─► turn ─► mine ──────────► LEAD: a transaction that holds the turn; parse, then write in it and commit
 *                          └────► somebody else's: waited for a moment ─► there ─► HIT, FAILED
 *                                                            └─► not yet ─► BUSY: come back later
 *
 * A turn is a lock of PostgreSQL's that ends with its transaction: with the commit that makes the answer visible, with the worker's death, or by
 * the server's own timer when the whole host is gone. So identical documents at once are parsed once, on however many hosts.
 */
#pragma once

#include "kind.h"
#include <jansson.h>

struct pdf_cache_key {
    char sha256[65], options[65];
    char limits[48]; /* a document that was too much under some limits may not be under others */
};

/* What is kept of a document: the cell's reply, or why there is none. */
struct pdf_cache_row {
    const char *reply; /* JSON text; NULL: code says why */
    int64_t pages, parse_us;
    int code;
    const char *message;
};

enum pdf_cache_how { PDF_CACHE_HIT, PDF_CACHE_FAILED, PDF_CACHE_LEAD, PDF_CACHE_BUSY, PDF_CACHE_ERROR };

struct pdf_cached {
    enum pdf_cache_how how;
    json_t *reply;         /* HIT: the callee's to json_decref */
    int64_t pages, parse_us;
    struct err e;          /* FAILED: of the document; ERROR: of the database */
    struct pg_conn *conn;  /* LEAD: the callee's, to be used for writing and released */
    int64_t busy_ms;       /* BUSY: for so long somebody else has parsed it */
};
/* Called once, never from inside pdf_cache_find. */
typedef void (*pdf_cached_fn)(void *arg, const struct pdf_cached *found);
void pdf_cache_find(struct job_run *run, const struct pdf_cache_key *key, pdf_cached_fn on_found, void *arg);
/* Adds the statement that keeps row, or nothing when it is larger than a sixteenth of the cache. 0 or a negative code of pg_batch_add. Borrows until the
 * batch is done. */
int pdf_cache_put(struct pg_batch *b, const struct conf_pdf *conf, const struct pdf_cache_key *key, const struct pdf_cache_row *row);
/* Adds the statement that says that a row was used. */
int pdf_cache_touch(struct pg_batch *b, const struct pdf_cache_key *key);
/* Keeps row in the turn's transaction, commits and releases conn (taken); on_done once, later, whether it worked or not: the row is an economy. */
void pdf_cache_note(struct job_run *run, struct pg_conn *conn, const struct pdf_cache_key *key, const struct pdf_cache_row *row,
                    void (*on_done)(void *arg), void *arg);
/* Removes what is too old or too much, by a statement of its own that nobody waits for. */
void pdf_cache_prune(const struct worker_ctx *ctx);
