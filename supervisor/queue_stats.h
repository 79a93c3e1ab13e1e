/*
 * queue_stats - what stint_stats said of a queue: read once into numbers, written again as the JSON of /v1/queues.
 *
 * Runs in: supervisor's metrics thread. Thread: its owner's only. Pure: no I/O, no clock.
 * Owner: the caller embeds it; the texts inside are its own.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "kind_defaults.h"

enum {
    QUEUE_STATS_CAUSES_MAX = 48,
    QUEUE_STATS_COUNTERS_MAX = 96,
    QUEUE_STATS_NAME_MAX = 48,
    QUEUE_STATS_PAUSED_MAX = 16
};

/* One counter of the ledger, or one cause of death. */
struct queue_count {
    char name[QUEUE_STATS_NAME_MAX];
    int64_t value;
};

struct queue_stats {
    char queue[QUEUE_MAX]; /* set by the caller, as the next */
    uint64_t resets;       /* how often Redis was seen to have lost this queue's data */
    uint64_t read_ms;      /* monotonic; when the answer came; 0: never */
    uint64_t due_ms;       /* monotonic; asked again then at the latest; 0: not known. The caller's, too */
    int64_t now_ms;        /* Redis time of the answer */
    bool paused;
    size_t n_paused_kinds;
    struct {
        int64_t ready, active, oldest_ms;
    } bands[BAND_COUNT];
    int64_t scheduled, parked, dead, instances, enqueued, drift;
    int64_t next_due_ms;                               /* Redis time; -1: nothing is due */
    struct queue_count causes[QUEUE_STATS_CAUSES_MAX]; /* of the dead letters there are now */
    size_t n_causes;
    struct queue_count counters[QUEUE_STATS_COUNTERS_MAX]; /* ledger counters but dead:<cause> */
    size_t n_counters;
    char *json; /* owned: the answer, checked and in one line; NULL: none yet */
};

struct buf;

/* Reads stint_stats' answer into s; all but `queue` and `resets` is replaced. 0, or ERR_PROTOCOL with e naming what was wrong; s
 * then keeps what it held. Unknown members are kept in `json` and otherwise ignored; causes and counters beyond the
 * maxima only there. */
int queue_stats_read(struct queue_stats *s, const char *text, size_t len, uint64_t now_mono_ms, struct err *e);
/* Frees what it owns. NULL-safe, twice-safe. */
void queue_stats_fini(struct queue_stats *s);
/* The value of a ledger counter, 0 when there is none. */
int64_t queue_stats_counter(const struct queue_stats *s, const char *name);
/* The body of /v1/queues: {"instance","queues":[{"age_ms",…stint_stats' members}]}; queues never read yet are
 * {"queue","age_ms":null}. 0 or -ENOSPC/-ENOMEM as buf says. */
int queue_stats_json(const struct queue_stats *queues, size_t n, const char *instance, uint64_t now_mono_ms,
                     struct buf *out);
