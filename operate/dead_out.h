/*
 * dead_out - dead letters that leave: archived, drained to a file, or removed; batch by batch, over any number of them.
 *
 * Runs in: ctl, console. Blocks. Each batch is kept where it goes before it is removed: killed at any step, nothing is
 * lost, and saying the same again goes on.
 */
#pragma once

#include "dead_file.h"
#include "dead_letters.h"

/* X(way, audit action) */
#define DEAD_OUT_WAYS(X)                                                                                               \
    X(ARCHIVE, "archive") /* to PostgreSQL, then removed */                                                            \
    X(DRAIN, "drain")     /* to the file, then removed (unless keep) */                                                \
    X(PURGE, "purge")     /* removed; from the archive when the filter is archived */

enum dead_out_way {
#define X(way, action) DEAD_OUT_##way,
    DEAD_OUT_WAYS(X)
#undef X
};

/* done of total letters, now and then */
typedef void (*dead_out_progress_fn)(void *arg, size_t done, size_t total);

struct dead_out {
    enum dead_out_way way;
    struct dead_filter filter;        /* its limit is the most letters; borrowed */
    struct dead_file *file;           /* DRAIN: borrowed */
    bool keep;                        /* DRAIN: remove nothing */
    bool note;                        /* archived before they are purged: the audit says purge */
    const char *reason, *words;       /* for the audit log; words: the filter as given; borrowed */
    dead_out_progress_fn on_progress; /* NULL: nobody looks */
    void *arg;
    /* results */
    size_t written, removed, changed; /* changed: replayed, edited or gone meanwhile, left alone */
};

/* Moves every letter of the filter. What was done before an error is in the counts. */
int dead_out_run(struct stores *s, struct dead_out *o, struct err *e);
/* How many letters the filter names, at most its limit. on_progress may be NULL. */
int dead_out_count(struct stores *s, const struct dead_filter *f, dead_out_progress_fn on_progress, void *arg,
                   size_t *ret_n, struct err *e);
