/*
 * metrics_match - see metrics_match.h. Sums over people only; labels are queues, pools and genders, never a ticket.
 */
#include "metrics_match.h"

#include "gender.h"

/* One pool's numbers, taken once for all families. */
struct match_row {
    const char *queue, *pool;
    struct wait_stats stats;
    struct wait_cell cells[WAIT_CELL_MAX];
    size_t n_cells;
};

enum { MATCH_ROWS_MAX = WAIT_QUEUES_MAX * 16 };

static size_t match_rows(const struct wait_queues *waits, int64_t now_ms, struct match_row *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < waits->n; i++)
        for (size_t k = 0; k < waits->queues[i].pools.n && n < MATCH_ROWS_MAX; k++, n++) {
            const struct wait_pool *pool = &waits->queues[i].pools.pools[k];
            rows[n].queue = waits->queues[i].queue;
            rows[n].pool = pool->name;
            wait_model_stats(pool->model, now_ms, &rows[n].stats);
            rows[n].n_cells = wait_model_cells(pool->model, rows[n].cells, WAIT_CELL_MAX);
        }
    return n;
}

static void match_people(struct metrics_writer *w, const struct match_row *rows, size_t n)
{
    metrics_family(w, "stint_match_waiting", METRICS_GAUGE, "People waiting, by gender.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++)
            METRICS_SAMPLE(w, (double)rows[i].stats.waiting[g], {"queue", rows[i].queue}, {"pool", rows[i].pool},
                           {"class", gender_name(g)});
    metrics_family(w, "stint_match_wait_seconds", METRICS_GAUGE, "How long those waiting now have waited, on average.");
    for (size_t i = 0; i < n; i++)
        METRICS_SAMPLE(w, rows[i].stats.average_wait_s, {"queue", rows[i].queue}, {"pool", rows[i].pool},
                       {"class", "all"});
    metrics_family(w, "stint_match_arrived", METRICS_COUNTER, "People who joined, by gender.");
    for (size_t i = 0; i < n; i++)
        for (unsigned g = 0; g < GENDER_COUNT; g++)
            METRICS_SAMPLE(w, (double)rows[i].stats.arrivals[g], {"queue", rows[i].queue}, {"pool", rows[i].pool},
                           {"class", gender_name(g)});
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
        const uint64_t *waiting = rows[i].stats.waiting;
        if (waiting[GENDER_FEMALE] != 0)
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

void metrics_match(struct metrics_writer *w, const struct wait_queues *waits, int64_t now_ms)
{
    AUTO_FREE struct match_row *rows = calloc(MATCH_ROWS_MAX, sizeof *rows);
    if (rows == NULL) { /* a cut text must not pass for a whole one */
        w->out->failed = true;
        return;
    }
    size_t n = match_rows(waits, now_ms, rows);
    match_people(w, rows, n);
    match_estimates(w, rows, n);
    match_calibration(w, rows, n);
}
