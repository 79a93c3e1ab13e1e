/*
 * metrics_match - see metrics_match.h. Sums over people only; labels are queues, pools and genders, never a ticket.
 */
#include "metrics_match.h"

#include "clock.h"
#include "gender.h"
#include "wait_groups.h"

/* One pool's numbers, taken once for all families. */
struct match_row {
    const char *queue, *pool;
    const struct wait_desk *desk;
    struct wait_stats stats;
    struct wait_shown shown; /* people waiting, groups too small merged */
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n_cells;
};

static size_t match_pools(const struct wait_queues *waits)
{
    size_t n = 0;
    for (size_t i = 0; i < waits->n; i++)
        n += waits->queues[i].pools.n;
    return n;
}

static void match_rows(const struct wait_queues *waits, int64_t now_ms, struct match_row *row)
{
    for (size_t i = 0; i < waits->n; i++)
        for (size_t k = 0; k < waits->queues[i].pools.n; k++, row++) {
            const struct wait_pool *pool = &waits->queues[i].pools.pools[k];
            row->queue = waits->queues[i].queue;
            row->pool = pool->name;
            row->desk = &waits->queues[i].desks[k];
            wait_model_stats(pool->model, now_ms, &row->stats);
            wait_groups_waiting(row->stats.waiting, &row->shown);
            row->n_cells = wait_model_cells(pool->model, row->cells, WAIT_CELL_MAX);
        }
}

static void match_trouble(struct metrics_writer *w, const struct match_row *rows, size_t n)
{
    metrics_family(w, "stint_match_round_conflicts", METRICS_COUNTER,
                   "Rounds that were played again: another worker, or a cache that was behind, stood in their way.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, (double)rows[i].desk->conflicts, {"queue", rows[i].queue}, {"pool", rows[i].pool});
    metrics_family(w, "stint_match_stale_cycles", METRICS_COUNTER,
                   "Cycles that came later than match.round_deadline and were not played.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, (double)rows[i].desk->stale, {"queue", rows[i].queue}, {"pool", rows[i].pool});
}

static void match_people(struct metrics_writer *w, const struct match_row *rows, size_t n)
{
    metrics_family(w, "stint_match_waiting", METRICS_GAUGE,
                   "People waiting, by gender; groups too small to be told apart count as unknown.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++)
            METRICS_SAMPLE(w, (double)rows[i].shown.waiting[g], {"queue", rows[i].queue}, {"pool", rows[i].pool},
                           {"class", gender_name(g)});
    metrics_family(w, "stint_match_wait_seconds", METRICS_GAUGE, "How long those waiting now have waited, on average.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, rows[i].stats.average_wait_s, {"queue", rows[i].queue}, {"pool", rows[i].pool},
                       {"class", "all"});
    metrics_family(w, "stint_match_arrived", METRICS_COUNTER, "People who joined, by gender, in steps of 20.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++)
            METRICS_SAMPLE(w, (double)wait_groups_counter(rows[i].stats.arrivals[g]), {"queue", rows[i].queue},
                           {"pool", rows[i].pool}, {"class", gender_name(g)});
    metrics_family(w, "stint_match_removed", METRICS_COUNTER, "People who stopped waiting, by reason.");
    for (size_t i = 0; i < n; i++) {
        uint64_t matched = 0, left = 0;
        for (unsigned g = 0; g < GENDER_COUNT; g++) {
            matched += rows[i].stats.matched[g];
            left += rows[i].stats.left[g];
        }
        METRICS_SAMPLE(w, (double)matched, {"queue", rows[i].queue}, {"pool", rows[i].pool}, {"reason", "matched"});
        METRICS_SAMPLE(w, (double)left, {"queue", rows[i].queue}, {"pool", rows[i].pool}, {"reason", "left"});
    }
    metrics_family(w, "stint_match_gender_ratio", METRICS_GAUGE, "Men waiting for each woman waiting.");
    for (size_t i = 0; i < n; i++) {
        const uint64_t *waiting = rows[i].shown.waiting;
        if (waiting[GENDER_MALE] != 0 && waiting[GENDER_FEMALE] != 0)
            METRICS_SAMPLE(w, (double)waiting[GENDER_MALE] / (double)waiting[GENDER_FEMALE], {"queue", rows[i].queue},
                           {"pool", rows[i].pool});
    }
}

static void match_estimates(struct metrics_writer *w, const struct match_row *rows, size_t n)
{
    metrics_family(w, "stint_match_wait_estimate_seconds", METRICS_SUMMARY,
                   "Estimated wait of somebody joining now, by gender.");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rows[i].n_cells; k++) {
            const struct wait_cell *cell = &rows[i].cells[k];
            if (cell->seeking != 0)
                continue;
            METRICS_SAMPLE(w, cell->wait.p50_s, {"queue", rows[i].queue}, {"pool", rows[i].pool},
                           {"class", gender_name(cell->gender)}, {"quantile", "0.5"});
            METRICS_SAMPLE(w, cell->wait.p90_s, {"queue", rows[i].queue}, {"pool", rows[i].pool},
                           {"class", gender_name(cell->gender)}, {"quantile", "0.9"});
        }
}

/* Families of what is known by gender only after enough people: -1 is unknown and left out. */
static void match_calibration(struct metrics_writer *w, const struct match_row *rows, size_t n)
{
    metrics_family(w, "stint_match_estimate_coverage", METRICS_SUMMARY,
                   "Share of people matched within their estimate; should be the quantile.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++) {
            const double cover[] = {rows[i].stats.cover50[g], rows[i].stats.cover90[g]};
            static const char *const quantiles[] = {"0.5", "0.9"};
            for (size_t k = 0; k < ARRAY_LEN(cover); k++)
                if (cover[k] >= 0)
                    METRICS_SAMPLE(w, cover[k], {"queue", rows[i].queue}, {"pool", rows[i].pool},
                                   {"class", gender_name(g)}, {"quantile", quantiles[k]});
        }
    metrics_family(w, "stint_match_estimate_loss_seconds", METRICS_GAUGE,
                   "Pinball loss of the estimate, and of a rolling Kaplan-Meier curve on the same people.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++) {
            const double loss[] = {rows[i].stats.pinball[g], rows[i].stats.pinball_km[g]};
            static const char *const models[] = {"estimate", "kaplan_meier"};
            for (size_t k = 0; k < ARRAY_LEN(loss); k++)
                if (loss[k] >= 0 && rows[i].stats.cover50[g] >= 0)
                    METRICS_SAMPLE(w, loss[k], {"queue", rows[i].queue}, {"pool", rows[i].pool},
                                   {"class", gender_name(g)}, {"model", models[k]});
        }
}

/* Who publishes, and whether what is needed for it goes on. */
static void match_desks(struct metrics_writer *w, const struct wait_queues *waits, const struct match_row *rows,
                        size_t n, int64_t now_ms)
{
    uint64_t mono_ms = clock_mono_ms();
    metrics_family(w, "stint_match_publisher", METRICS_GAUGE,
                   "1 when this supervisor publishes the pool's waiting times.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, wait_desk_publishes(waits, rows[i].desk, mono_ms), {"queue", rows[i].queue},
                       {"pool", rows[i].pool});
    metrics_family(w, "stint_match_publication_age_seconds", METRICS_GAUGE,
                   "How long ago the pool's waiting times were published, by whomever.");
    for (size_t i = 0; i < n; i++)
        if (wait_desk_age_ms(rows[i].desk, mono_ms) >= 0)
            METRICS_SAMPLE(w, (double)wait_desk_age_ms(rows[i].desk, mono_ms) / 1000, {"queue", rows[i].queue},
                           {"pool", rows[i].pool});
    metrics_family(w, "stint_match_refresh_age_seconds", METRICS_GAUGE, "How long ago the pool's model was renewed.");
    for (size_t i = 0; i < n; i++)
        if (rows[i].stats.refreshes > 0)
            METRICS_SAMPLE(w, (double)MAX_OF(now_ms - rows[i].stats.refreshed_ms, (int64_t)0) / 1000,
                           {"queue", rows[i].queue}, {"pool", rows[i].pool});
    metrics_family(w, "stint_match_notices", METRICS_COUNTER, "Changes told to people who asked to be told.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, (double)rows[i].desk->notices, {"queue", rows[i].queue}, {"pool", rows[i].pool});
    metrics_family(w, "stint_match_feed_age_seconds", METRICS_GAUGE,
                   "How long ago the matcher's feed was last read to its end.");
    for (size_t i = 0; i < waits->n; i++)
        METRICS_SAMPLE(w, (double)(mono_ms - waits->queues[i].read_ms) / 1000, {"queue", waits->queues[i].queue});
}

void metrics_match(struct metrics_writer *w, const struct wait_queues *waits, int64_t now_ms)
{
    size_t n = match_pools(waits);
    AUTO_FREE struct match_row *rows = calloc(n + 1, sizeof *rows);
    if (rows == NULL) { /* a cut text must not pass for a whole one */
        w->out->failed = true;
        return;
    }
    match_rows(waits, now_ms, rows);
    match_people(w, rows, n);
    match_estimates(w, rows, n);
    match_calibration(w, rows, n);
    match_trouble(w, rows, n);
    match_desks(w, waits, rows, n, now_ms);
}
