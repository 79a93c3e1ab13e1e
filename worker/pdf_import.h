/*
 * pdf_import - a document's events into stint.pdf_event, in pieces of bounded size, and what each is now: new, changed, the same, gone.
 *
 * Runs in: worker. Pure but for PostgreSQL's results: fills batches and reads their answers. Thread: the loop's only.
 *
 * Owner: whoever embeds it; borrows everything given to it until pdf_import_fini.
 */
#pragma once

#include "pdf_request.h"
#include "pg_uv.h"

enum { PDF_IMPORT_EVENTS_EACH = 500, PDF_IMPORT_STATEMENTS = 4 };

struct pdf_import {
    const json_t *events;          /* array, may be NULL */
    const json_t *places;          /* of ics_places; NULL: no calendar is asked for */
    const struct pdf_request *request;
    const char *owner, *queue, *job_id;
    bool whole;        /* every row was understood: what is not there is gone */
    size_t at;         /* next event */
    json_t *revisions; /* owned: uid → [sequence, seconds of the last change] */
    size_t added, updated, unchanged, gone;
};

/* Adds the statements of the next piece; the first takes the owner's lock, so that two imports of one owner follow each other. True: with this batch the
 * import is complete. *ret_rc: 0 or a negative code of pg_batch_add. */
bool pdf_import_add(struct pdf_import *i, struct pg_batch *b, int *ret_rc);
/* Reads the answers of such a batch. */
void pdf_import_read(struct pdf_import *i, PGresult *const results[], size_t n);
void pdf_import_fini(struct pdf_import *i);
