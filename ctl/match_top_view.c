/*
 * match_top_view - see match_top_view.h. Refuses to draw small numbers as exact ones: a bar is as wide as the estimate
 * is uncertain, and a group of fewer than 20 has no number.
 */
#include "match_top_view.h"

#include "match_pools.h"
#include "match_words.h"
#include "queue_call.h"
#include "queue_rows.h"

#include <math.h>
#include <stdio.h>

enum {
    NAME = 10,
    NAME_WIDE = 34,
    WAITING = 8,
    MATCHED = 6,
    BAND = 16,
    BAR_LEAST = 10,
    BAR_MOST = 80,
    LABEL = 12,
    WIDE = 110,
    EVENTS_ONCE = 10
};

/* Columns of the table of sides. */
struct sides {
    size_t name, band_at, bar_at, bar; /* bar 0: no room for bars */
    double scale_s;                    /* right end of the bars */
};

/* -- the sides -------------------------------------------------------------------------------------------------------
 */

char *match_top_band(char out[static 32], double p50_s, double p90_s)
{
    char low[16], high[16];
    if (p50_s < 0 || p90_s < 0) {
        (void)snprintf(out, 32, "-");
    } else if (p90_s < 5) {
        (void)snprintf(out, 32, "<5 s");
    } else if (p90_s < 100) {
        (void)snprintf(out, 32, "%.0f-%.0f s", p50_s, p90_s);
    } else {
        (void)snprintf(low, sizeof low, p50_s >= 6 && p50_s < 180 ? "%.1f" : "%.0f", p50_s / 60);
        (void)snprintf(high, sizeof high, p90_s < 180 ? "%.1f" : "%.0f", p90_s / 60);
        (void)snprintf(out, 32, p50_s >= MATCH_WAIT_MAX_S ? "20+ min" : "%s-%s%s min", low,
                       p90_s >= MATCH_WAIT_MAX_S ? "20" : high, p90_s >= MATCH_WAIT_MAX_S ? "+" : "");
    }
    return out;
}

static bool is_whole(const json_t *cell)
{
    return !json_is_array(json_object_get(cell, "seeking"));
}

static struct sides measure(const struct canvas *c, const json_t *estimates)
{
    static const double ends[] = {30, 60, 120, 300, 600};
    struct sides s = {.name = c->columns >= WIDE ? NAME_WIDE : NAME, .scale_s = MATCH_WAIT_MAX_S};
    double longest = 0;
    for (size_t i = 0; i < json_array_size(estimates); i++)
        longest = fmax(longest, match_pools_number(json_array_get(estimates, i), "p90_s", 0));
    for (size_t i = ARRAY_LEN(ends); i-- > 0;)
        s.scale_s = longest <= ends[i] ? ends[i] : s.scale_s;
    s.bar_at = s.name + WAITING + MATCHED + 2;
    s.bar = c->columns > s.bar_at + BAND + BAR_LEAST ? MIN_OF(c->columns - s.bar_at - BAND, (size_t)BAR_MOST) : 0;
    s.band_at = s.bar > 0 ? s.bar_at + s.bar + 2 : s.bar_at;
    return s;
}

static void draw_titles(const struct sides *s, struct canvas *c)
{
    char end[32];
    canvas_tab(c, s->name);
    canvas_put(c, TINT_BOLD, "%*s%*s", WAITING, "WAITING", MATCHED, "EVER");
    canvas_tab(c, s->bar_at);
    if (s->bar > 0) {
        (void)snprintf(end, sizeof end, s->scale_s < 60 ? "%.0f s" : "%.0f min",
                       s->scale_s < 60 ? s->scale_s : s->scale_s / 60);
        canvas_put(c, TINT_DIM, "0");
        canvas_tab(c, s->bar_at + s->bar - strlen(end));
        canvas_put(c, TINT_DIM, "%s", end);
        canvas_tab(c, s->band_at);
    }
    canvas_put(c, TINT_BOLD, "THE WAIT");
    canvas_end(c);
}

/* From half within to nine in ten within: blocks, after dots. */
static void draw_bar(const struct sides *s, const json_t *cell, struct canvas *c)
{
    char bar[CANVAS_COLUMNS_MOST * 3 + 1] = "", before[CANVAS_COLUMNS_MOST * 3 + 1] = "";
    double p50 = match_pools_number(cell, "p50_s", -1), p90 = match_pools_number(cell, "p90_s", -1);
    size_t from = (size_t)(fmin(fmax(p50, 0) / s->scale_s, 1) * (double)(s->bar - 1));
    size_t to = (size_t)(fmin(fmax(p90, 0) / s->scale_s, 1) * (double)(s->bar - 1));
    if (p50 < 0)
        return;
    for (size_t i = 0; i < from; i++)
        (void)strcat(before, "·");
    for (size_t i = from; i <= to && i < s->bar; i++)
        (void)strcat(bar, "█");
    bool low = strcmp(json_text(cell, "confidence"), "ok") != 0;
    canvas_put(c, TINT_DIM, "%s", before);
    canvas_put(c, low ? TINT_DIM : TINT_GREEN, "%s", bar);
}

static void draw_side(const struct sides *s, const json_t *cell, struct canvas *c)
{
    char band[32], name[96], number[32], ever[16] = "-";
    AUTO_FREE char *sought = queue_rows_words(json_object_get(cell, "seeking"));
    double share = match_pools_number(cell, "matched", -1);
    bool low = strcmp(json_text(cell, "confidence"), "ok") != 0;
    (void)snprintf(name, sizeof name, "%s%s%.60s", json_text(cell, "gender"), is_whole(cell) ? "" : " > ",
                   is_whole(cell) || sought == NULL ? "" : sought);
    (void)match_pools_waiting(cell, number);
    if (share >= 0)
        (void)snprintf(ever, sizeof ever, "%.0f %%", 100 * share);
    size_t bytes, width;
    bytes = out_fit(name, s->name, &width);
    canvas_put(c, TINT_NONE, "%.*s", (int)bytes, name);
    canvas_tab(c, s->name);
    canvas_put(c, TINT_NONE, "%*s%*s", WAITING, number, MATCHED, ever);
    canvas_tab(c, s->bar_at);
    if (s->bar > 0)
        draw_bar(s, cell, c);
    canvas_tab(c, s->band_at);
    (void)match_top_band(band, match_pools_number(cell, "p50_s", -1), match_pools_number(cell, "p90_s", -1));
    canvas_put(c, low ? TINT_DIM : TINT_NONE, "%s%s", band, low ? " ?" : "");
    canvas_end(c);
}

static void draw_sides(const json_t *estimates, struct canvas *c)
{
    enum { ROWS_FOR_SEEKERS = 30 };
    struct sides s = measure(c, estimates);
    if (json_array_size(estimates) == 0) {
        canvas_put(c, TINT_DIM, "no estimate yet: fewer than 20 people of any gender have come");
        canvas_end(c);
        return;
    }
    draw_titles(&s, c);
    for (size_t i = 0; i < json_array_size(estimates); i++)
        if (is_whole(json_array_get(estimates, i)))
            draw_side(&s, json_array_get(estimates, i), c);
    for (size_t i = 0; i < json_array_size(estimates) && c->rows >= ROWS_FOR_SEEKERS && c->columns >= WIDE; i++)
        if (!is_whole(json_array_get(estimates, i)) && canvas_rows_left(c) > ROWS_FOR_SEEKERS / 2)
            draw_side(&s, json_array_get(estimates, i), c);
}

/* -- the rest --------------------------------------------------------------------------------------------------------
 */

static void draw_head(const struct match_top_state *state, struct canvas *c)
{
    char source[160], when[32], of[32] = "", average[32], longest[32];
    const json_t *queue = json_object_get(state->stats, "queue"), *health = json_object_get(state->stats, "health");
    bool stale = match_pools_stale(state->stats);
    if (state->n > 1)
        (void)snprintf(of, sizeof of, " (%zu of %zu)", state->index + 1, state->n);
    (void)out_time(when, state->now_ms);
    canvas_put(c, TINT_BOLD, "pool %s%s", json_text(state->stats, "pool"), of);
    canvas_put(c, TINT_NONE, "  %s  ", strlen(when) > 11 ? when + 11 : when);
    canvas_put(c, stale ? TINT_RED : TINT_DIM, "%s%s", stale ? "OLD: " : "", match_pools_source(state->stats, source));
    canvas_end(c);
    canvas_put(c, TINT_BOLD, "%lld waiting", (long long)json_number(queue, "total", 0));
    canvas_put(c, TINT_NONE, ", average %s, longest %s, %lld over a minute",
               out_ms(average, json_number(queue, "averageWaitSeconds", 0) * 1000),
               out_ms(longest, json_number(queue, "maxWaitSeconds", 0) * 1000),
               (long long)json_number(queue, "usersWaitingOver60s", 0));
    canvas_end(c);
    if (state->trouble != NULL)
        canvas_put(c, TINT_RED, "%s", state->trouble);
    else
        canvas_put(c, strcmp(json_text(health, "status"), "ok") == 0 ? TINT_GREEN : TINT_YELLOW, "%s",
                   json_text(health, "message"));
    canvas_end(c);
    canvas_end(c);
}

/* "last 12 min" of so many steps. */
static void draw_history(const char *label, const struct history *h, size_t skip, const char *now, struct canvas *c)
{
    char bars[HISTORY_BARS_MAX];
    size_t room = c->columns > LABEL + 22 ? c->columns - LABEL - 22 : 0, steps = MIN_OF(room, (size_t)HISTORY_STEPS);
    canvas_put(c, TINT_NONE, "%-*s%6s  ", LABEL, label, now);
    if (h != NULL && steps > 0 && history_count(h, steps) > skip + 1) {
        canvas_put(c, TINT_GREEN, "%s", history_bars(h, steps, skip, bars));
        canvas_put(c, TINT_DIM, "  %zu min", steps * HISTORY_STEP_MS / 60000);
    }
    canvas_end(c);
}

static void draw_balance(const json_t *stats, struct canvas *c)
{
    const json_t *balance = json_object_get(stats, "balance"), *rates = json_object_get(balance, "arrivalsPerMinute");
    double men = match_pools_number(rates, "male", -1), women = match_pools_number(rates, "female", -1);
    double wanted = match_pools_number(balance, "recommendedScarcePerMinute", -1);
    const char *scarce = json_text(balance, "scarce");
    char a[32], b[32], w[32];
    canvas_put(c, TINT_NONE, "%-*s", LABEL, "balance");
    if (men < 0 || women < 0)
        canvas_put(c, TINT_DIM, "not told: fewer than 20 men or women have come");
    else
        canvas_put(c, TINT_NONE, "%s men, %s women a minute", match_words_rate(a, men), match_words_rate(b, women));
    if (*scarce != '\0' && wanted > match_pools_number(rates, scarce, 0) * 1.02)
        canvas_put(c, TINT_NONE, "; %s %s would do for %lld s", match_words_rate(w, wanted), match_words_people(scarce),
                   (long long)json_number(balance, "targetWaitSeconds", 60));
    canvas_end(c);
}

static void draw_calibration(const json_t *stats, struct canvas *c)
{
    const json_t *calibration = json_object_get(stats, "calibration"), *estimates = json_object_get(stats, "estimates");
    bool any = false;
    canvas_put(c, TINT_NONE, "%-*s", LABEL, "come true");
    for (size_t i = 0; i < json_array_size(estimates); i++) {
        const char *gender = json_text(json_array_get(estimates, i), "gender");
        double half = match_pools_number(json_object_get(calibration, "coverage50"), gender, -1);
        double most = match_pools_number(json_object_get(calibration, "coverage90"), gender, -1);
        double resolved = match_pools_number(json_object_get(calibration, "resolved"), gender, -1);
        if (!is_whole(json_array_get(estimates, i)) || half < 0 || most < 0 || match_words_early(resolved))
            continue;
        canvas_put(c, match_words_drifts(half, most) ? TINT_YELLOW : TINT_NONE, "%s%s %.0f/%.0f %%", any ? ", " : "",
                   gender, 100 * half, 100 * most);
        any = true;
    }
    canvas_put(c, TINT_DIM, "%s", any ? " (50/90 is perfect)" : "too few waits have ended to say");
    canvas_end(c);
}

static void draw_event(const struct match_event *event, bool ids, struct canvas *c)
{
    char when[32];
    (void)out_time(when, event->at_ms);
    canvas_put(c, TINT_DIM, "%s  ", strlen(when) > 11 ? when + 11 : when);
    canvas_put(c, strcmp(event->word, "matched") == 0 ? TINT_GREEN : TINT_YELLOW, "%-8s", event->word);
    canvas_put(c, TINT_NONE, "  %s%s%s", ids ? event->whose : "", ids ? ": " : "", event->what);
    canvas_end(c);
}

static void draw_events(const struct match_top_state *state, struct canvas *c)
{
    size_t room = canvas_rows_left(c) > 2 ? canvas_rows_left(c) - 2 : 0;
    const struct match_events *m = state->events;
    size_t n = MIN_OF(m->n, state->live ? room : (size_t)EVENTS_ONCE);
    if (n == 0)
        return;
    canvas_end(c);
    canvas_put(c, TINT_BOLD, "newest events");
    canvas_end(c);
    for (size_t i = 0; i < n; i++)
        draw_event(&m->newest[m->n - 1 - i], state->ids, c);
}

static void draw_footer(const struct match_top_state *state, struct canvas *c)
{
    while (canvas_rows_left(c) > 0)
        canvas_end(c);
    c->rows++; /* the line kept for it */
    if (state->paused)
        canvas_put(c, TINT_YELLOW, "paused, p goes on  ");
    canvas_put(c, TINT_DIM, "q quits%s%s", state->paused ? "" : "  p pauses", state->n > 1 ? "  space: next pool" : "");
    canvas_end(c);
}

void match_top_view(const struct match_top_state *state, struct canvas *c)
{
    const json_t *queue = json_object_get(state->stats, "queue"), *rate = json_object_get(state->stats, "matchRate");
    char waiting[32], matches[32];
    (void)snprintf(waiting, sizeof waiting, "%lld", (long long)json_number(queue, "total", 0));
    (void)match_words_rate(matches, match_pools_number(rate, "matchesPerMinute", 0));
    if (state->live)
        c->rows--; /* the last line is the footer's, however small the terminal */
    draw_head(state, c);
    draw_sides(json_object_get(state->stats, "estimates"), c);
    canvas_end(c);
    draw_history("waiting", state->waiting, 0, waiting, c);
    draw_history("matches/min", &state->events->matched, 1, matches, c);
    draw_balance(state->stats, c);
    draw_calibration(state->stats, c);
    draw_events(state, c);
    if (state->live)
        draw_footer(state, c);
}
