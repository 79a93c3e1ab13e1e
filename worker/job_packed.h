/*
 * job_packed - the statuses of many jobs as one text, for stint_keep_packed (docs/protocol.md, K:r:<second>).
 *
 * Runs in: worker (and tests). Pure. Owner: struct fetch_args owns the text.
 * Packed are jobs that are found by their entries (job_entry.h), done in their first run, without a hash, with a short
 * result, of a kind without an effect of its own in PostgreSQL: at least PACKED_LEAST of one second, kind and band.
 */
#pragma once

#include "buf.h"
#include "job_batch.h"

enum {
    PACKED_LEAST = 32,            /* fewer are cheaper found one by one than kept together */
    PACKED_RESULT_MAX = 256,      /* bytes; a longer result has a hash of its own */
    PACKED_LOOKS = 4,             /* seconds looked at for enough jobs */
    PACKED_TEXT_MAX = 1000 * 512, /* bytes: as many lines as a call has ends, none longer */
};

struct packed_text {
    struct buf text;             /* owned */
    char second[11];             /* of the entries: the first ten digits of each */
    const char *first;           /* borrowed: the entry with the least ms */
    unsigned first_ms, last_ms;  /* within the second */
    char span[ENTRY_ID_MAX + 8]; /* packed_text_span */
};

/* The first ended job of a group that is worth a call, NULL when there is none; and whether another goes with it. */
const struct job_core *job_packed_first(const struct job_batch *batch);
bool job_packed_beside(const struct job_core *first, const struct job_core *item);

/* An empty text for the job's second; then each job of it, that one too. Jobs are borrowed until the span was told. */
void packed_text_begin(struct packed_text *t, const struct job_core *first);
void packed_text_add(struct packed_text *t, const struct job_core *item);
/* "<ms>-<sequence> of the first entry, -<ms> of the last"; lives as long as t. */
const char *packed_text_span(struct packed_text *t);
void packed_text_fini(struct packed_text *t);
