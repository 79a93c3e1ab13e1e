/*
 * history - see history.h. Refuses to draw a zero where it does not know.
 */
#include "history.h"

void history_init(struct history *h)
{
    h->newest = 0;
    for (size_t i = 0; i < HISTORY_STEPS; i++)
        h->values[i] = -1;
}

/* Moves on to the step of at_ms; false when it is older than what is kept. */
static bool reach(struct history *h, int64_t at_ms)
{
    int64_t step = at_ms / HISTORY_STEP_MS;
    if (h->newest == 0 || step - h->newest >= HISTORY_STEPS) {
        history_init(h);
        h->newest = step;
    }
    while (h->newest < step)
        h->values[++h->newest % HISTORY_STEPS] = -1;
    return step > h->newest - HISTORY_STEPS;
}

static double *value_of(struct history *h, int64_t at_ms)
{
    return &h->values[at_ms / HISTORY_STEP_MS % HISTORY_STEPS];
}

void history_set(struct history *h, int64_t at_ms, double value)
{
    if (reach(h, at_ms))
        *value_of(h, at_ms) = value;
}

void history_add(struct history *h, int64_t at_ms, double amount)
{
    if (!reach(h, at_ms))
        return;
    double *value = value_of(h, at_ms);
    *value = (*value > 0 ? *value : 0) + amount;
}

void history_known(struct history *h, int64_t from_ms, int64_t now_ms)
{
    int64_t oldest = MAX_OF(from_ms, now_ms - (int64_t)(HISTORY_STEPS - 1) * HISTORY_STEP_MS);
    for (int64_t at_ms = oldest; at_ms <= now_ms; at_ms += HISTORY_STEP_MS)
        history_add(h, at_ms, 0);
    history_add(h, now_ms, 0);
}

/* The value so many steps before the newest; -1: not known. */
static double before(const struct history *h, size_t steps)
{
    int64_t step = h->newest - (int64_t)steps;
    return h->newest == 0 || steps >= HISTORY_STEPS || step < 0 ? -1 : h->values[step % HISTORY_STEPS];
}

size_t history_count(const struct history *h, size_t n)
{
    size_t known = 0;
    for (size_t i = 0; i < MIN_OF(n, (size_t)HISTORY_STEPS); i++)
        known += before(h, i) >= 0;
    return known;
}

char *history_bars(const struct history *h, size_t n, size_t skip, char out[static HISTORY_BARS_MAX])
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t steps = MIN_OF(n, (size_t)HISTORY_STEPS - MIN_OF(skip, (size_t)HISTORY_STEPS)), used = 0;
    double most = 0;
    for (size_t i = 0; i < steps; i++)
        most = MAX_OF(most, before(h, i + skip));
    for (size_t i = steps; i-- > 0;) {
        double value = before(h, i + skip);
        size_t height = most > 0 && value > 0 ? (size_t)(value / most * (double)(ARRAY_LEN(bars) - 1) + 0.5) : 0;
        const char *bar = value < 0 ? " " : bars[MIN_OF(height, ARRAY_LEN(bars) - 1)];
        memcpy(out + used, bar, strlen(bar));
        used += strlen(bar);
    }
    out[used] = '\0';
    return out;
}
