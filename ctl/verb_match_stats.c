/*
 * verb_match_stats - `stint match stats`: a pool's published numbers as a table, and whether its estimates come true.
 * Refuses to judge the estimates by their values: only what became of the people who were told them counts.
 */
#include "gender.h"
#include "match_pools.h"
#include "match_words.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_match_stats_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

/* A number of a gender in an object of "calibration" or "balance"; -1: not known, or not told. */
static double of_gender(const json_t *object, const char *member, const char *gender)
{
    return match_pools_number(json_object_get(object, member), gender, -1);
}

static const json_t *whole_cell(const json_t *stats, const char *gender)
{
    const json_t *estimates = json_object_get(stats, "estimates");
    for (size_t i = 0; i < json_array_size(estimates); i++) {
        const json_t *cell = json_array_get(estimates, i);
        if (!json_is_array(json_object_get(cell, "seeking")) && strcmp(json_text(cell, "gender"), gender) == 0)
            return cell;
    }
    return NULL;
}

static void set_share(struct table *t, size_t column, double share)
{
    if (share < 0)
        table_set(t, column, "-");
    else
        table_set(t, column, "%.0f %%", 100 * share);
}

static void set_loss(struct table *t, size_t column, double seconds)
{
    if (seconds < 0)
        table_set(t, column, "-");
    else
        table_set(t, column, "%.1f s", seconds);
}

static void side_row(struct table *t, const json_t *stats, const char *gender)
{
    const json_t *cell = whole_cell(stats, gender), *balance = json_object_get(stats, "balance");
    const json_t *calibration = json_object_get(stats, "calibration");
    double cover50 = of_gender(calibration, "coverage50", gender),
           cover90 = of_gender(calibration, "coverage90", gender);
    double share = of_gender(balance, "matchedShare", gender), resolved = of_gender(calibration, "resolved", gender);
    char rate[32], waiting[32];
    if (cell == NULL || table_row(t) < 0)
        return;
    table_set(t, 0, "%s", gender);
    table_set(t, 1, "%s", match_pools_waiting(cell, waiting));
    table_set(t, 2, "%s", match_words_rate(rate, of_gender(balance, "arrivalsPerMinute", gender)));
    set_share(t, 3, share);
    set_share(t, 4, cover50);
    set_share(t, 5, cover90);
    set_loss(t, 6, of_gender(calibration, "pinballSeconds", gender));
    set_loss(t, 7, of_gender(calibration, "pinballKaplanMeierSeconds", gender));
    table_set(t, 8, "%s", match_words_verdict(cover50, cover90, resolved));
    table_tint(t, 8, match_words_drifts(cover50, cover90) && !match_words_early(resolved) ? TINT_YELLOW : TINT_NONE);
}

static void print_sides(struct session *s, const json_t *stats)
{
    static const char *const titles[] = {"SIDE",      ">WAITING", ">COME/MIN",  ">MATCHED",      ">50 % WAS",
                                         ">90 % WAS", "?->LOSS",  "?->KM LOSS", "|THE ESTIMATE", NULL};
    struct table t;
    table_init(&t, titles);
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        side_row(&t, stats, gender_name(g));
    if (t.n_rows > 0)
        out_line(&s->out, "%s", "");
    else
        out_line(&s->out, "sides        fewer than 20 people of any gender have come");
    table_print(&t, &s->out);
    table_fini(&t);
}

/* What each side's loss means beside that of the simplest model. */
static void print_loss(struct session *s, const json_t *stats)
{
    const json_t *calibration = json_object_get(stats, "calibration");
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        double ours = of_gender(calibration, "pinballSeconds", gender_name(g));
        double theirs = of_gender(calibration, "pinballKaplanMeierSeconds", gender_name(g));
        if (whole_cell(stats, gender_name(g)) == NULL || ours < 0 || theirs <= 0)
            continue;
        out_tinted(&s->out, ours <= theirs ? TINT_NONE : TINT_YELLOW,
                   "%s: the estimate's error is %.0f %% of that of yesterday's average curve (Kaplan-Meier)%s",
                   gender_name(g), 100 * ours / theirs, ours <= theirs ? "" : ": the curve would do better");
    }
}

static void print_stats(struct session *s, const json_t *stats)
{
    const json_t *queue = json_object_get(stats, "queue"), *rate = json_object_get(stats, "matchRate");
    const json_t *health = json_object_get(stats, "health");
    char source[160], average[32], longest[32], ratio[64] = "";
    bool stale = match_pools_stale(stats);
    double per_woman = match_pools_number(json_object_get(stats, "genderDistribution"), "ratio", -1);
    if (per_woman >= 0)
        (void)snprintf(ratio, sizeof ratio, "; %.1f men wait for each woman", per_woman);
    out_tinted(&s->out, TINT_BOLD, "pool %s: %s", json_text(stats, "pool"), json_text(health, "message"));
    out_tinted(&s->out, stale ? TINT_RED : TINT_DIM, "%s%s", match_pools_source(stats, source),
               stale ? ": too old to be believed, is the supervisor well?" : "");
    out_line(&s->out, "waiting      %lld%s", (long long)json_number(queue, "total", 0), ratio);
    out_line(&s->out, "waits now    average %s, longest %s, %lld over a minute",
             out_ms(average, json_number(queue, "averageWaitSeconds", 0) * 1000),
             out_ms(longest, json_number(queue, "maxWaitSeconds", 0) * 1000),
             (long long)json_number(queue, "usersWaitingOver60s", 0));
    out_line(&s->out, "matches      %.1f a minute, %lld in the last hour",
             match_pools_number(rate, "matchesPerMinute", 0), (long long)json_number(rate, "matchesLastHour", 0));
    print_sides(s, stats);
    print_loss(s, stats);
}

static int show_stats(struct session *s, const struct match_pools *pools, json_t *stats, struct err *e)
{
    (void)pools;
    (void)e;
    if (s->out.json)
        out_json(&s->out, stats);
    else
        print_stats(s, stats);
    return 0;
}

int verb_match_stats(struct session *s)
{
    struct err e = {.code = 0};
    if (match_pools_each(s, args_positional(&s->args, 0), show_stats, &e) < 0)
        return session_fail(s, &e);
    out_remark(&s->out,
               "MATCHED: of those gone; 50 %% WAS, 90 %% WAS: the part really matched within what 50 %% and 90 %% were "
               "told; <20, 40+ or -: the number would tell of a group of fewer than 20");
    return EXIT_DONE;
}
