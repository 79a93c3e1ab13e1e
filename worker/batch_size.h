/*
 * batch_size - how many jobs to claim at once, so that a batch runs about as long as it should.
 *
 * Runs in: worker. Thread: loop only. Pure: no I/O, no clock.
 * Claiming many spares round trips; claiming too many keeps jobs from idle workers and makes a crash move more of them.
 * The size follows an exponentially weighted mean of run times: it shrinks at once and grows at most twofold a fetch.
 */
#pragma once

#include "base.h"

struct batch_size {
    double mean_us;     /* of one job's run; negative: nothing seen yet */
    uint32_t last;      /* size given last time; 0: none yet */
    uint32_t max;       /* bound, 1 … BATCH_SIZE_MAX */
    uint64_t target_us; /* run time a batch should take */
    bool whole;         /* rounds: always the bound */
};

enum { BATCH_SIZE_MAX = 1000 };

/* max is clamped to 1 … BATCH_SIZE_MAX. */
void batch_size_init(struct batch_size *b, uint32_t max, uint64_t target_ms, bool whole);
/* One job ran for run_us. */
void batch_size_observe(struct batch_size *b, uint64_t run_us);
/* The number to ask for next; 1 … max. */
uint32_t batch_size_next(struct batch_size *b);
/* The number to ask for while held jobs are not yet run: as batch_size_next, as long as all of them together take no
 * more time than a batch should. 0: it would be less than the last time; ask when those are done. */
uint32_t batch_size_ahead(struct batch_size *b, size_t held);
