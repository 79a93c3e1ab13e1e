/*
 * wait_ahead - the hour-of-week prior where the model looks ahead: docs/wait-model.md §2, "Hour of the week".
 *
 * Without history every ratio is exactly 1 and nothing is touched.
 */
#include "wait_model_impl.h"

void wait_ahead_refresh(struct wait_model *m, double now_s)
{
    double grid[CURVE_STEPS + 1];
    for (int k = 0; k <= CURVE_STEPS; k++)
        grid[k] = curve_grid(k);
    week_look(&m->week, now_s);
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        struct ahead *a = &m->sides[g].ahead;
        a->known = week_forecast(&m->week, g, now_s, grid, CURVE_STEPS + 1, a->ratio);
    }
}

void wait_ahead_bend(const struct ahead *a, const double before[static CURVE_STEPS + 1],
                     double hazard[static CURVE_STEPS + 1])
{
    double last = hazard[0] - before[0], sum = last;
    for (int k = 1; k <= CURVE_STEPS; k++) {
        double added = hazard[k] - before[k];
        sum += (added - last) * (a->ratio[k - 1] + a->ratio[k]) / 2;
        last = added;
        hazard[k] = before[k] + sum;
    }
}
