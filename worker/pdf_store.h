/*
 * pdf_store - parsed documents in PostgreSQL: the cache, the result, the events and the job's outcome.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks.
 */
#pragma once

#include "kind.h"
#include "outcome.h"
#include <jansson.h>

/* ret_result: the stored answer, the callee's to json_decref, or NULL when there is none or it could not be asked (then e says why). */
typedef void (*pdf_found_fn)(void *arg, json_t *result, const struct err *e);
/* Looks for an answer to the same bytes with the same options. on_found is called once. */
void pdf_store_find(struct job_run *run, const char *sha256, const char *options_hash, pdf_found_fn on_found, void *arg);

/* What is stored together, in one transaction with the outcome. Borrowed for the call. */
struct pdf_stored {
    const json_t *result;      /* complete answer */
    const char *owner;         /* "" : the job is its own owner */
    const char *sha256;
    const char *options_hash;  /* NULL: not to be answered from the cache (a password was given) */
    bool cached;
};
/* Stores and ends the run: done with the result, failed as the database says, or resolved when another delivery was first. on_end is called
 * just before the run ends, for the handler to free what it keeps. */
void pdf_store_save(struct job_run *run, const struct pdf_stored *stored, void (*on_end)(void *arg), void *arg);
