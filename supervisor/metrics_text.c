/*
 * metrics_text - see metrics_text.h. One function per subject; names are public and stay.
 */
#include "metrics_text.h"

#include "build_info.h"
#include "keys.h"

static void metrics_text_jobs(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    static const char *const outcomes[METRICS_OUTCOME_COUNT] = {
#define X(member, name) name,
        METRICS_OUTCOMES(X)
#undef X
    };
    metrics_family(w, "stint_jobs_finished", METRICS_COUNTER, "Runs that ended in this host's workers, by outcome.");
    for (size_t i = 0; i < s->n_kinds; i++)
        for (size_t k = 0; k < METRICS_OUTCOME_COUNT; k++)
            METRICS_SAMPLE(w, (double)s->kinds[i].outcomes[k], {"queue", s->kinds[i].queue}, {"kind", s->kinds[i].kind},
                           {"outcome", outcomes[k]});
    metrics_family(w, "stint_bad_replies", METRICS_COUNTER,
                   "Replies of a child (a parser's cell) that were refused: BAD_REPLY.");
    for (size_t i = 0; i < s->n_kinds; i++)
        METRICS_SAMPLE(w, (double)s->kinds[i].bad_replies, {"queue", s->kinds[i].queue}, {"kind", s->kinds[i].kind});
    metrics_family(w, "stint_job_duration_seconds", METRICS_HISTOGRAM, "Wall time of a handler's run.");
    for (size_t i = 0; i < s->n_kinds; i++)
        METRICS_HISTOGRAM_SAMPLE(w, &s->kinds[i].run, {"queue", s->kinds[i].queue}, {"kind", s->kinds[i].kind});
    metrics_family(w, "stint_job_wait_seconds", METRICS_HISTOGRAM, "From a job being due to its run's start.");
    for (size_t i = 0; i < s->n_waits; i++)
        for (int band = 0; band < BAND_COUNT; band++)
            METRICS_HISTOGRAM_SAMPLE(w, &s->waits[i].bands[band], {"queue", s->waits[i].queue},
                                     {"band", band_name((enum band)band)});
}

static bool metrics_known(const struct queue_stats *q)
{
    return q->json != NULL;
}

static void metrics_text_depth(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    metrics_family(w, "stint_queue_depth", METRICS_GAUGE,
                   "Jobs in the queue: ready and active by band, scheduled, parked, dead.");
    for (size_t i = 0; i < s->n_queues; i++) {
        const struct queue_stats *q = &s->queues[i];
        if (!metrics_known(q))
            continue;
        for (int band = 0; band < BAND_COUNT; band++) {
            const char *name = band_name((enum band)band);
            METRICS_SAMPLE(w, (double)q->bands[band].ready, {"queue", q->queue}, {"band", name}, {"state", "ready"});
            METRICS_SAMPLE(w, (double)q->bands[band].active, {"queue", q->queue}, {"band", name}, {"state", "active"});
        }
        METRICS_SAMPLE(w, (double)q->scheduled, {"queue", q->queue}, {"band", ""}, {"state", "scheduled"});
        METRICS_SAMPLE(w, (double)q->parked, {"queue", q->queue}, {"band", ""}, {"state", "parked"});
        METRICS_SAMPLE(w, (double)q->dead, {"queue", q->queue}, {"band", ""}, {"state", "dead"});
    }
    metrics_family(w, "stint_queue_oldest_age_seconds", METRICS_GAUGE,
                   "Age of the oldest ready job; 0 when none is ready.");
    for (size_t i = 0; i < s->n_queues; i++)
        for (int band = 0; band < BAND_COUNT && metrics_known(&s->queues[i]); band++)
            METRICS_SAMPLE(w, (double)s->queues[i].bands[band].oldest_ms / 1e3, {"queue", s->queues[i].queue},
                           {"band", band_name((enum band)band)});
}

/* Families with one sample per queue: name, type, value, help. */
static void metrics_text_queues(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    static const struct {
        const char *name;
        enum metrics_type type;
        const char *help;
    } rows[] = {
        {"stint_jobs_enqueued", METRICS_COUNTER, "Jobs ever enqueued."},
        {"stint_ledger_drift", METRICS_GAUGE, "Jobs enqueued minus jobs accounted for; anything but 0 is a bug."},
        {"stint_queue_paused", METRICS_GAUGE, "1 while the queue is paused."},
        {"stint_queue_paused_kinds", METRICS_GAUGE, "Kinds that are paused in the queue."},
        {"stint_queue_instances", METRICS_GAUGE, "Supervisors with a lease on the queue."},
        {"stint_queue_stats_age_seconds", METRICS_GAUGE, "Time since Redis last told this queue's numbers."},
    };
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        metrics_family(w, rows[row].name, rows[row].type, rows[row].help);
        for (size_t i = 0; i < s->n_queues; i++) {
            const struct queue_stats *q = &s->queues[i];
            const double values[ARRAY_LEN(rows)] = {
                (double)q->enqueued,       (double)q->drift,     q->paused,
                (double)q->n_paused_kinds, (double)q->instances, (double)(s->taken_ms - q->read_ms) / 1e3};
            if (metrics_known(q))
                METRICS_SAMPLE(w, values[row], {"queue", q->queue});
        }
    }
}

/* A counter that appears with its first count has not increased, to Prometheus: those that alerts watch are told as 0
 * from the start. */
static void metrics_text_moves(struct metrics_writer *w, const struct queue_stats *q)
{
    static const char *const watched[] = {"done", "died", "retried", "crashed"};
    for (size_t k = 0; k < q->n_counters; k++)
        METRICS_SAMPLE(w, (double)q->counters[k].value, {"queue", q->queue}, {"move", q->counters[k].name});
    for (size_t i = 0; i < ARRAY_LEN(watched) && metrics_known(q); i++) {
        bool told = false;
        for (size_t k = 0; k < q->n_counters && !told; k++)
            told = strcmp(q->counters[k].name, watched[i]) == 0;
        if (!told)
            METRICS_SAMPLE(w, 0, {"queue", q->queue}, {"move", watched[i]});
    }
}

static void metrics_text_counts(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    metrics_family(w, "stint_dead_jobs", METRICS_GAUGE, "Dead letters, by cause of death.");
    for (size_t i = 0; i < s->n_queues; i++)
        for (size_t k = 0; k < s->queues[i].n_causes; k++)
            METRICS_SAMPLE(w, (double)s->queues[i].causes[k].value, {"queue", s->queues[i].queue},
                           {"cause", s->queues[i].causes[k].name});
    metrics_family(w, "stint_queue_moves", METRICS_COUNTER,
                   "The ledger's counters: every move of a job, over all hosts.");
    for (size_t i = 0; i < s->n_queues; i++)
        metrics_text_moves(w, &s->queues[i]);
}

/* Families with one sample per pool: name, value, help. */
static void metrics_text_scaling(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    static const struct {
        const char *name, *help;
        bool scaled; /* only of pools with a target_wait */
    } rows[] = {
        {"stint_workers_desired",
         "Workers that all hosts together should have for the pool's queue by its target_wait; without one, those of this host.", false},
        {"stint_pool_workers_wanted", "Workers this host wants in the pool now.", false},
        {"stint_pool_workers_min", "Fewest workers this host may have in the pool.", true},
        {"stint_pool_workers_max", "Most workers this host may have in the pool.", false},
        {"stint_pool_target_wait_seconds", "The wait the pool's workers are scaled for.", true},
        {"stint_pool_predicted_wait_seconds", "How long a job waits that arrives now, with the workers there are.", true},
    };
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        metrics_family(w, rows[row].name, METRICS_GAUGE, rows[row].help);
        for (size_t i = 0; i < s->n_pools; i++) {
            const struct metrics_pool *p = &s->pools[i];
            const double values[ARRAY_LEN(rows)] = {p->demand, p->desired, p->min, p->max, (double)p->target_wait_ms / 1e3, (double)p->wait_us / 1e6};
            if ((p->scaled || !rows[row].scaled) && values[row] >= 0)
                METRICS_SAMPLE(w, values[row], {"pool", p->name});
        }
    }
}

static void metrics_text_pools(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    metrics_family(w, "stint_workers", METRICS_GAUGE,
                   "Worker processes by what they do; backoff: waiting to be started again.");
    for (size_t i = 0; i < s->n_pools; i++)
        for (size_t state = 0; state < METRICS_STATE_COUNT; state++)
            METRICS_SAMPLE(w, s->pools[i].states[state], {"pool", s->pools[i].name},
                           {"state", metrics_state_name(state)});
    metrics_text_scaling(w, s);
    metrics_family(w, "stint_pool_stopped", METRICS_GAUGE,
                   "1 when the pool was given up after repeated boot failures.");
    for (size_t i = 0; i < s->n_pools; i++)
        METRICS_SAMPLE(w, s->pools[i].stopped, {"pool", s->pools[i].name});
    metrics_family(w, "stint_worker_memory_bytes", METRICS_GAUGE, "Resident memory of the pool's workers together.");
    for (size_t i = 0; i < s->n_pools; i++)
        METRICS_SAMPLE(w, (double)s->pools[i].rss_bytes, {"pool", s->pools[i].name});
    metrics_family(w, "stint_worker_restarts", METRICS_COUNTER,
                   "Workers started in the place of one that ended, by cause.");
    for (size_t i = 0; i < s->n_pools; i++)
        for (size_t k = 0; k < s->pools[i].n_restarts; k++)
            METRICS_SAMPLE(w, (double)s->pools[i].restarts[k].count, {"pool", s->pools[i].name},
                           {"cause", s->pools[i].restarts[k].cause});
}

static void metrics_text_process(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    metrics_family(w, "stint_build_info", METRICS_GAUGE, "Always 1; the version and build as labels.");
    METRICS_SAMPLE(w, 1, {"version", STINT_VERSION}, {"build", STINT_BUILD}, {"instance_id", s->instance});
    metrics_family(w, "stint_redis_up", METRICS_GAUGE, "1 while the metrics thread's connection to Redis stands.");
    metrics_sample(w, NULL, 0, s->redis_ready);
    if (s->redis_info != NULL && s->redis_info->known) {
        metrics_family(w, "stint_redis_memory_bytes", METRICS_GAUGE, "Memory Redis uses, as it says.");
        metrics_sample(w, NULL, 0, (double)s->redis_info->used_bytes);
        metrics_family(w, "stint_redis_memory_max_bytes", METRICS_GAUGE, "Its maxmemory; 0: it has no limit.");
        metrics_sample(w, NULL, 0, (double)s->redis_info->max_bytes);
    }
    metrics_family(w, "stint_redis_commands", METRICS_COUNTER,
                   "Commands sent to Redis by workers and the metrics thread.");
    metrics_sample(w, NULL, 0, (double)s->redis_commands);
    metrics_family(w, "stint_redis_roundtrip_seconds", METRICS_HISTOGRAM, "From sending a command to its answer.");
    metrics_histogram(w, NULL, 0, &s->redis_rtt);
}

void metrics_text(struct metrics_writer *w, const struct metrics_snapshot *s)
{
    metrics_text_process(w, s);
    metrics_text_jobs(w, s);
    metrics_text_depth(w, s);
    metrics_text_queues(w, s);
    metrics_text_counts(w, s);
    metrics_text_pools(w, s);
}
