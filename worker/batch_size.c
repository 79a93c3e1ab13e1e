/*
 * batch_size - why: see the header. Refuses to look at a queue's depth: a worker knows only what its own jobs took.
 */
#include "batch_size.h"

static const double WEIGHT = 0.2; /* of the newest run: about the last ten count */

void batch_size_init(struct batch_size *b, uint32_t max, uint64_t target_ms, bool whole)
{
    *b = (struct batch_size){
        .mean_us = -1,
        .max = MAX_OF(1u, MIN_OF(max, (uint32_t)BATCH_SIZE_MAX)),
        .target_us = target_ms * 1000,
        .whole = whole,
    };
}

void batch_size_observe(struct batch_size *b, uint64_t run_us)
{
    double us = (double)MAX_OF(run_us, UINT64_C(1));
    /* one slow job is believed at once, many fast ones only slowly: holding jobs back is the worse mistake */
    if (b->mean_us < 0 || us > 4 * b->mean_us)
        b->mean_us = us;
    else
        b->mean_us += WEIGHT * (us - b->mean_us);
}

uint32_t batch_size_next(struct batch_size *b)
{
    uint32_t size;
    if (b->whole)
        size = b->max;
    else if (b->mean_us < 0)
        size = 1;
    else {
        double fits = (double)b->target_us / b->mean_us;
        size = fits < 1 ? 1 : fits > b->max ? b->max : (uint32_t)fits;
        size = MIN_OF(size, 2 * MAX_OF(b->last, 1u));
    }
    b->last = size;
    return size;
}

uint32_t batch_size_ahead(struct batch_size *b, size_t held)
{
    if (b->whole || b->mean_us < 0)
        return 0;
    double fits = (double)b->target_us / b->mean_us - (double)held;
    uint32_t most = MIN_OF(b->max, 2 * MAX_OF(b->last, 1u));
    uint32_t size = fits < 1 ? 0 : fits > most ? most : (uint32_t)fits;
    if (size < b->last)
        return 0;
    b->last = size;
    return size;
}
