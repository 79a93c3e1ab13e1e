/*
 * fsck_findings - the faults that one look at a queue found: kept, put in order of mending, shown.
 *
 * Runs in: ctl. Pure but for printing. Owner: the verb's. At most FSCK_FINDINGS_MAX are kept; what is beyond is counted.
 */
#pragma once

#include "session.h"
#include "fsck_fault_table.h"

enum { FSCK_FINDINGS_MAX = 100000, FSCK_PLACE_MAX = 64, FSCK_VALUE_MAX = 80 };

enum fsck_fault_id {
#define X(name, ...) FSCK_##name,
    FSCK_FAULT_TABLE(X)
#undef X
        FSCK_FAULTS
};

/* One row of the table. */
struct fsck_fault {
    const char *name, *meaning, *mend;
    bool settles;
};

struct fsck_finding {
    enum fsck_fault_id fault;
    char queue[QUEUE_MAX];
    char place[FSCK_PLACE_MAX];
    char value[FSCK_VALUE_MAX]; /* what a mend needs beside the subject; mostly "" */
    char *subject;              /* owned; with its place what a second look asks about */
    size_t subject_len;
    char *id;   /* owned, harmless; "" when it is about no job */
    char *seen; /* owned, harmless */
};

struct fsck_findings {
    size_t n, cap, beyond; /* beyond: found, not kept */
    struct fsck_finding *items;
};

/* The row of a fault. Static storage. */
const struct fsck_fault *fsck_fault_row(enum fsck_fault_id fault);
/* A fault by name; -1 when there is none. */
int fsck_fault_find(const char *name);
/* Keeps a finding; subject may hold any bytes. 0 or ERR_OUT_OF_MEMORY. */
int fsck_findings_add(struct fsck_findings *f, enum fsck_fault_id fault, const char *queue, const char *place,
                      const char *subject, size_t subject_len, const char *id, const char *seen, struct err *e);
/* Removes those whose `keep` is false. */
void fsck_findings_keep(struct fsck_findings *f, const bool keep[]);
/* In the order in which they are mended. */
void fsck_findings_sort(struct fsck_findings *f);
/* A table for people (at most `most` rows, then how many more), a record each under --json. plan: what --repair would
 * do is shown instead of what was seen. */
void fsck_findings_print(struct session *s, const struct fsck_findings *f, size_t most, bool plan);
/* Frees; NULL-safe, may be used again. */
void fsck_findings_fini(struct fsck_findings *f);
