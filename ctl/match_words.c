/*
 * match_words - see match_words.h. Refuses to promise: a range is said, a point in time never, and little data is said
 * to be little.
 */
#include "match_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Coverage outside these deserves a look: twice the spread of a few hundred people. */
#define COVER50_LEAST  0.43
#define COVER50_MOST   0.57
#define COVER90_LEAST  0.865
#define COVER90_MOST   0.945
#define RESOLVED_LEAST 100 /* the spread of fewer is wider than those bounds */
#define SAVING_LEAST_S 15
#define SECONDS_FEW    5

static double number_of(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Steps of 10 s up to a minute, of half a minute up to 3 min, then minutes. */
static void in_steps(char out[static 32], long long s, bool up)
{
    long long step = s < 60 ? 10 : s <= 180 ? 30 : 60;
    s = (s + (up ? step - 1 : 0)) / step * step;
    if (s < 60)
        (void)snprintf(out, 32, "%lld s", s);
    else
        (void)snprintf(out, 32, s % 60 == 0 ? "%lld min" : "%lld min 30 s", s / 60);
}

char *match_words_wait(char out[static 32], double seconds)
{
    if (seconds < 0)
        (void)snprintf(out, 32, "-");
    else if (seconds <= SECONDS_FEW)
        (void)snprintf(out, 32, "a few seconds");
    else if (seconds > MATCH_WAIT_MAX_S - 1)
        (void)snprintf(out, 32, "over 20 min");
    else
        in_steps(out, (long long)ceil(seconds), true);
    return out;
}

char *match_words_range(char out[static MATCH_WORDS_MAX], double p50_s, double p90_s)
{
    char likely[32], most[32];
    (void)match_words_wait(likely, p50_s);
    (void)match_words_wait(most, p90_s);
    const char *about = p50_s <= SECONDS_FEW ? "" : "about ";
    if (p90_s <= SECONDS_FEW && p90_s >= 0)
        (void)snprintf(most, sizeof most, "5 s");
    if (p50_s < 0)
        (void)snprintf(out, MATCH_WORDS_MAX, "unknown");
    else if (p50_s >= MATCH_WAIT_MAX_S)
        (void)snprintf(out, MATCH_WORDS_MAX, "more than 20 min");
    else if (p90_s >= MATCH_WAIT_MAX_S)
        (void)snprintf(out, MATCH_WORDS_MAX, "%s%s, perhaps more than 20 min", about, likely);
    else if (strcmp(likely, most) == 0 || p90_s <= SECONDS_FEW)
        (void)snprintf(out, MATCH_WORDS_MAX, "most likely under %s", most);
    else
        (void)snprintf(out, MATCH_WORDS_MAX, "%s%s, most likely under %s", about, likely, most);
    return out;
}

const char *match_words_people(const char *gender)
{
    static const char *const rows[][2] = {
        {"male", "men"},
        {"female", "women"},
        {"nonbinary", "nonbinary people"},
        {"other", "people of another gender"},
        {"unknown", "people of unknown gender"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(gender, rows[i][0]) == 0)
            return rows[i][1];
    return "people";
}

char *match_words_group(char out[static MATCH_WORDS_MAX], const json_t *cell)
{
    const json_t *seeking = json_object_get(cell, "seeking");
    size_t n = json_array_size(seeking);
    int used = snprintf(out, MATCH_WORDS_MAX, "%s", match_words_people(text_of(cell, "gender")));
    for (size_t i = 0; i < n && used > 0 && used < MATCH_WORDS_MAX; i++) {
        const char *sought = json_string_value(json_array_get(seeking, i));
        used += snprintf(out + used, MATCH_WORDS_MAX - (size_t)used, "%s%s",
                         i == 0      ? " who seek "
                         : i + 1 < n ? ", "
                                     : " or ",
                         match_words_people(sought != NULL ? sought : ""));
    }
    return out;
}

char *match_words_exact(char out[static 32], int64_t ms)
{
    long long s = (long long)((ms + 500) / 1000);
    if (s < 60)
        (void)snprintf(out, 32, "%lld s", s);
    else if (s < 3600)
        (void)snprintf(out, 32, s % 60 == 0 ? "%lld min" : "%lld min %02lld s", s / 60, s % 60);
    else
        (void)out_ms(out, ms);
    return out;
}

char *match_words_rate(char out[static 32], double per_minute)
{
    if (per_minute < 0)
        (void)snprintf(out, 32, "-");
    else if (per_minute < 0.1)
        (void)snprintf(out, 32, "%.2f", per_minute);
    else
        (void)snprintf(out, 32, per_minute < 100 ? "%.1f" : "%.0f", per_minute);
    return out;
}

const char *match_words_help(const char *reason)
{
    static const char *const rows[][2] = {
        {"distance", "Looking twice as far"},
        {"age", "An age range five years wider at both ends"},
        {"genders", "Seeking people of any gender"},
        {"regions", "Any region"},
        {"relax", "Consent to wider age and distance after a while"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(reason, rows[i][0]) == 0)
            return rows[i][1];
    return NULL;
}

bool match_words_drifts(double cover50, double cover90)
{
    bool bad50 = cover50 >= 0 && (cover50 < COVER50_LEAST || cover50 > COVER50_MOST);
    return bad50 || (cover90 >= 0 && (cover90 < COVER90_LEAST || cover90 > COVER90_MOST));
}

bool match_words_early(double resolved)
{
    return resolved >= 0 && resolved < RESOLVED_LEAST;
}

const char *match_words_verdict(double cover50, double cover90, double resolved)
{
    if (cover50 < 0 && cover90 < 0)
        return "too few waits have ended to say";
    if (match_words_early(resolved))
        return "too early to say: fewer than 100 of those told were matched";
    if (!match_words_drifts(cover50, cover90))
        return "comes true as often as it says";
    bool early50 = cover50 >= 0 && cover50 < COVER50_LEAST, early90 = cover90 >= 0 && cover90 < COVER90_LEAST;
    bool late50 = cover50 > COVER50_MOST, late90 = cover90 > COVER90_MOST;
    if ((early50 && late90) || (late50 && early90))
        return "its range is too narrow or too wide";
    return early50 || early90 ? "promises too much: people wait longer" : "too careful: people wait less";
}

void match_words_say(json_t *sentences, const char *format, ...)
{
    char text[MATCH_WORDS_MAX];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)json_array_append_new(sentences, json_string(text));
}

/* Position, range, chances. */
static void say_estimate(const json_t *wait, json_t *sentences)
{
    const json_t *estimate = json_object_get(wait, "estimate"), *within = json_object_get(estimate, "within");
    char range[MATCH_WORDS_MAX];
    double position = number_of(wait, "position", -1), ever = number_of(estimate, "matched", -1);
    (void)match_words_range(range, number_of(estimate, "p50_s", -1), number_of(estimate, "p90_s", -1));
    match_words_say(sentences, "The wait: %s.", range);
    if (number_of(within, "60", -1) >= 0)
        match_words_say(sentences,
                        "Chances for who stays: %.0f %% within half a minute, %.0f %% within one, %.0f %% within two, "
                        "%.0f %% within five.",
                        100 * number_of(within, "30", 0), 100 * number_of(within, "60", 0),
                        100 * number_of(within, "120", 0), 100 * number_of(within, "300", 0));
    if (ever >= 0)
        match_words_say(sentences, "Matched before giving up: %.0f %% of people in this place.", 100 * ever);
    if (position >= 1)
        match_words_say(sentences, "Position %.0f among those who look for the same people.", position);
}

static void say_ratio(const json_t *stats, json_t *sentences)
{
    const json_t *balance = json_object_get(stats, "balance"), *rates = json_object_get(balance, "arrivalsPerMinute");
    double men = number_of(rates, "male", -1), women = number_of(rates, "female", -1);
    char more[32], fewer[32];
    if (men <= 0 || women <= 0)
        return;
    bool more_men = men >= women;
    (void)match_words_rate(more, more_men ? men : women);
    (void)match_words_rate(fewer, more_men ? women : men);
    match_words_say(sentences, "%.1f %s come for each %s (%s and %s a minute).", more_men ? men / women : women / men,
                    more_men ? "men" : "women", more_men ? "woman" : "man", more, fewer);
}

/* The main reason with its numbers: who competes, how many come who fit. */
static void say_reason(const json_t *wait, const json_t *stats, json_t *sentences)
{
    static const char *const mains[][2] = {
        {"none", "Nothing in this ticket makes the wait longer than it must be."},
        {"balance", "The main reason: the pool is lopsided, many look for the same few people."},
        {"quiet", "The main reason: it is quiet, few people come at all just now."},
        {"distance", "The main reason: few people live within the distance asked for."},
        {"age", "The main reason: few people are of the ages asked for."},
        {"genders", "The main reason: few people of the genders sought come."},
        {"regions", "The main reason: few people come in the regions asked for."},
    };
    const json_t *reason = json_object_get(wait, "reason");
    const char *name = text_of(reason, "name");
    char rate[32];
    double supply = number_of(reason, "arrivals_per_minute", -1), competing = number_of(reason, "competing", -1);
    for (size_t i = 0; i < ARRAY_LEN(mains); i++)
        if (strcmp(name, mains[i][0]) == 0)
            match_words_say(sentences, "%s", mains[i][1]);
    if (supply >= 0 && competing < 0) /* not told: fewer than 20 */
        match_words_say(sentences, "%s people a minute come who fit.", match_words_rate(rate, supply));
    else if (supply >= 0 && competing < 0.5)
        match_words_say(sentences,
                        "%s people a minute come who fit; hardly anybody who wants the same people goes first.",
                        match_words_rate(rate, supply));
    else if (supply >= 0)
        match_words_say(sentences, "%s people a minute come who fit; about %.0f who want the same people go first.",
                        match_words_rate(rate, supply), competing);
    say_ratio(stats, sentences);
}

/* What is saved is rounded down: it is a promise. */
static void say_saving(json_t *sentences, const char *help, double saves_s)
{
    char saved[32];
    if (help == NULL || saves_s < SAVING_LEAST_S)
        return;
    in_steps(saved, (long long)saves_s, false);
    match_words_say(sentences, "%s would save about %s.", help, saved);
}

/* What would help, best first, with what each saves. */
static void say_helps(const json_t *wait, json_t *sentences)
{
    const json_t *all = json_object_get(wait, "alternatives"), *reason = json_object_get(wait, "reason");
    size_t before = json_array_size(sentences);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        const char *help = match_words_help(text_of(one, "name"));
        say_saving(sentences, help, number_of(one, "saves_s", 0));
    }
    const char *named = match_words_help(text_of(reason, "name"));
    if (json_array_size(sentences) == before)
        say_saving(sentences, named, number_of(reason, "saves_s", 0));
    if (json_array_size(sentences) == before)
        match_words_say(sentences, "Nothing this person could change would save 15 s.");
}

/* How sure the estimate is, and what it rests on. */
static void say_confidence(const json_t *wait, json_t *sentences)
{
    if (strcmp(text_of(wait, "confidence"), "ok") == 0)
        match_words_say(sentences, "The estimate rests on enough people to be shown.");
    else
        match_words_say(
            sentences,
            "Low confidence: too few people have come or have been matched lately. Say that, not the number.");
}

void match_words_told(json_t *told, const char *heading, json_t *sentences)
{
    (void)json_array_append_new(told, json_pack("[s,o]", heading, sentences));
}

void match_words_print(const json_t *told, struct out *o)
{
    static const char *const titles[] = {"", "|", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(told); i++) {
        const json_t *part = json_array_get(told, i), *sentences = json_array_get(part, 1);
        for (size_t k = 0; k < json_array_size(sentences) && table_row(&t) == 0; k++) {
            table_set(&t, 0, "%s", k == 0 ? json_string_value(json_array_get(part, 0)) : "");
            table_set(&t, 1, "%s", json_string_value(json_array_get(sentences, k)));
        }
    }
    table_print_body(&t, o);
    table_fini(&t);
}

json_t *match_words_object(const json_t *told)
{
    json_t *object = json_object();
    for (size_t i = 0; i < json_array_size(told); i++) {
        const json_t *part = json_array_get(told, i);
        (void)json_object_set(object, json_string_value(json_array_get(part, 0)), json_array_get(part, 1));
    }
    return object;
}

void match_words_person(const json_t *wait, const json_t *stats, json_t *told)
{
    json_t *estimate = json_array(), *why = json_array(), *helps = json_array(), *sure = json_array();
    say_estimate(wait, estimate);
    say_reason(wait, stats, why);
    say_helps(wait, helps);
    say_confidence(wait, sure);
    match_words_told(told, "estimate", estimate);
    match_words_told(told, "why", why);
    match_words_told(told, "would help", helps);
    match_words_told(told, "how sure", sure);
}
