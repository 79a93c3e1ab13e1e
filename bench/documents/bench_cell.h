/*
 * bench_cell - documents through parsers and cells as workers drive them: zygote, sealed memory file, cell, reply read.
 *
 * Runs in: stint-bench-pdf. Blocks. A document that fails ends the program: a bench of errors is worth nothing.
 */
#pragma once

#include "samples.h"

struct bench_cell {
    const char *path, *expect;
    unsigned workers; /* processes, each with a parser of its own */
    bool pin;         /* each with all that it starts on one processor of its own */
};

enum { BENCH_WORKERS_MAX = 16 };

/* Runs the plan in each worker at once; all their documents together are the measurement. */
void bench_cell_run(const struct bench_cell *b, const struct samples_plan *plan, struct samples *s);
/* n documents, one after the other through one parser; prints {"after","zygote_rss_mib","zygote_pss_mib","own_rss_mib"} before the first
 * and after every `every`. */
void bench_cell_long(const struct bench_cell *b, size_t n, size_t every);
