/*
 * kind_defaults - the job kinds every process knows by name, and what holds for each unless [kind.NAME] says otherwise.
 *
 * X(name, queue, batch_max, batch_whole, track, attempts, backoff_ms, timeout_ms, enabled)
 *   queue        default queue of the kind
 *   batch_max    most jobs of the kind a worker claims at once (1: long kind, one at a time)
 *   batch_whole  the handler takes the claimed jobs together as one round (match) rather than one after the other
 *   track        keep a job hash for its status after it is done
 *   attempts     most handler failures before dead;  backoff_ms: first retry delay, doubling, full jitter
 *   timeout_ms   hard timeout
 */
#pragma once

#define KIND_DEFAULTS(X)                                                                                               \
    X("match", "match", 256, true, true, 3, 1000, 30000, true)                                                         \
    X("pdf-parse", "pdf", 1, false, true, 3, 5000, 300000, true)                                                       \
    X("probe", "probe", 64, false, true, 3, 1000, 30000, false)

/* Priority bands in order of importance; express is strict, the others share 6:3:1; and, last, the lane: a ready stream
 * like them that no producer names and only pools with `lane = large` fetch from. Shared with functions/. */
#define BAND_TABLE(X)                                                                                                  \
    X(EXPRESS, "express", 0) X(HIGH, "high", 6) X(NORMAL, "normal", 3) X(LOW, "low", 1) X(LARGE, "large", 0)

enum band {
#define X(id, name, weight) BAND_##id,
    BAND_TABLE(X)
#undef X
        BAND_COUNT
};
