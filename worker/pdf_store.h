/*
 * pdf_store - a parsed document in PostgreSQL: its events, its calendar with their revisions, its result and the job's outcome, in one transaction.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks.
 *
 *   (turn's transaction, or BEGIN) ─► owner's lock ─► events, piece by piece ─► calendar ─► result, cache, outcome ─► COMMIT
 */
#pragma once

#include "ics_zone.h"
#include "kind.h"
#include "outcome.h"
#include "pdf_cache.h"
#include "pdf_request.h"

enum { PDF_ANSWER_MAX = 48 << 20 /* bytes of a whole answer, calendar included; one batch carries it (pg_batch.h) */ };

/* What is stored together. Borrowed until on_end. */
struct pdf_stored {
    json_t *result; /* pdf_result's; completed here: "imported", "ics", warnings, "duration_ms" */
    const struct pdf_request *request;
    const struct ics_zone *zone; /* NULL: no calendar is asked for */
    const char *sha256;
    const struct pdf_cache_key *key; /* NULL: not to be kept (a password was given) */
    struct pdf_cache_row row;        /* to keep under key; reply NULL: it came from there */
    struct pg_conn *turn;            /* taken; its transaction holds the document's turn; NULL: none */
    uint64_t started_ms;             /* of the job, monotonic */
    bool cached;
};
/* Stores and ends the run: done with the result, failed as the database says, or resolved when another delivery was first. on_end is called
 * just before the run ends, for the handler to free what it keeps. */
void pdf_store_save(struct job_run *run, struct pdf_stored *stored, void (*on_end)(void *arg), void *arg);
