/*
 * samples - how long each document of a measurement took, until its time is over; and the one line it comes to.
 *
 * Runs in: stint-bench-pdf. Several processes may add to one: each its own place in memory they share.
 */
#pragma once

#include "base.h"

enum { SAMPLES_MAX = 1 << 20 };

struct samples {
    uint64_t *took_ns; /* owned: memory shared with children, SAMPLES_MAX of them */
    size_t n;
    uint64_t begin_ns, wall_ns, cpu_us; /* cpu_us: of the whole process tree */
    uint64_t peak_bytes;                /* of the largest process that held a document */
};

/* What is measured and for how long. */
struct samples_plan {
    const char *subject, *document;
    unsigned pages; /* of the document */
    double seconds; /* a measurement ends after the document during which they are over */
    size_t least;   /* but not before so many documents */
};

/* Empty; ends the program when there is no memory. Free with samples_free. */
void samples_init(struct samples *s);
void samples_free(struct samples *s);
/* True while another document is to be measured. The first call starts the clock. */
bool samples_more(struct samples *s, const struct samples_plan *plan);
/* One document that began at begin_ns (monotonic) ended now. */
void samples_add(struct samples *s, uint64_t begin_ns);
/* Stops the clock. */
void samples_stop(struct samples *s);
/* Prints {"subject","document","n","docs_s","pages_s","p50_ms","p99_ms","cpu_ms","peak_mib"} on a line. Sorts the samples. */
void samples_emit(struct samples *s, const struct samples_plan *plan);
