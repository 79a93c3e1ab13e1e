/*
 * verb_match_balance - `stint match balance`: the two sides of a pool in sentences an organiser can act on. Refuses to
 * recommend a priority: a pair takes one of each side, so only more people of the scarce one shorten the other's wait.
 */
#include "gender.h"
#include "match_ask.h"
#include "match_groups.h"
#include "match_pools.h"
#include "match_words.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

enum { TARGET_MS = 60000, TARGET_LEAST_MS = 1000 };

const struct arg_spec verb_match_balance_options[] = {
    {"target", ARG_DURATION, "60s", "median wait of the abundant side to aim at; default 60s", NULL, TARGET_LEAST_MS,
     (int64_t)MATCH_WAIT_MAX_S * 1000},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

/* The balance of a pool, what is known of both sides. */
struct balance {
    const json_t *stats, *balance; /* borrowed */
    const char *many, *few;        /* genders; NULL: not both known */
    double many_rate, few_rate;    /* a minute */
    double target_s, wanted;       /* of the scarce side a minute; -1: unknown */
};

static double of(const struct balance *b, const char *member, const char *gender)
{
    return match_pools_number(json_object_get(b->balance, member), gender, -1);
}

static struct balance read_balance(const json_t *stats, const json_t *told)
{
    struct balance b = {.stats = stats, .balance = told};
    const char *scarce = json_text(told, "scarce");
    b.target_s = match_pools_number(told, "targetWaitSeconds", TARGET_MS / 1000.0);
    b.wanted = match_pools_number(told, "recommendedScarcePerMinute", -1);
    if (strcmp(scarce, "male") == 0 || strcmp(scarce, "female") == 0) {
        b.few = strcmp(scarce, "male") == 0 ? "male" : "female";
        b.many = strcmp(scarce, "male") == 0 ? "female" : "male";
        b.many_rate = of(&b, "arrivalsPerMinute", b.many);
        b.few_rate = of(&b, "arrivalsPerMinute", b.few);
    }
    return b;
}

static bool has_cell(const json_t *stats, const char *gender)
{
    const json_t *estimates = json_object_get(stats, "estimates");
    for (size_t i = 0; i < json_array_size(estimates); i++)
        if (strcmp(json_text(json_array_get(estimates, i), "gender"), gender) == 0)
            return true;
    return false;
}

/* One side is too small to be told: that it is says what matters. */
static void say_unknown(const struct balance *b, json_t *sentences)
{
    bool men = has_cell(b->stats, "male"), women = has_cell(b->stats, "female");
    if (men != women)
        match_words_say(sentences,
                        "Fewer than 20 %s have come lately: they are the scarce side, and too few for numbers.",
                        men ? "women" : "men");
    else
        match_words_say(sentences,
                        "Fewer than 20 men and fewer than 20 women have come lately: there is no balance to tell.");
}

static void say_now(const struct balance *b, json_t *sentences)
{
    char many[32], few[32];
    double ratio = b->few_rate > 0 ? b->many_rate / b->few_rate : -1;
    (void)match_words_rate(many, b->many_rate);
    (void)match_words_rate(few, b->few_rate);
    if (ratio >= 1.1)
        match_words_say(sentences, "%s %s and %s %s come a minute: %.1f %s for each %s.", many,
                        match_words_people(b->many), few, match_words_people(b->few), ratio,
                        match_words_people(b->many), strcmp(b->few, "male") == 0 ? "man" : "woman");
    else
        match_words_say(sentences, "%s %s and %s %s come a minute: the sides are even.", many,
                        match_words_people(b->many), few, match_words_people(b->few));
}

static void say_shares(const struct balance *b, json_t *sentences)
{
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        double share = of(b, "matchedShare", gender_name(g));
        if (share >= 0)
            match_words_say(sentences, "%.0f %% of %s are matched; the others leave before.", 100 * share,
                            match_words_people(gender_name(g)));
    }
}

/* Each group's wait, and the fluid wait of those too many for the others. */
static void say_waits(const struct balance *b, json_t *sentences)
{
    const json_t *estimates = json_object_get(b->stats, "estimates");
    char range[MATCH_WORDS_MAX], group[MATCH_WORDS_MAX], wait[32];
    for (size_t i = 0; i < json_array_size(estimates); i++) {
        const json_t *cell = json_array_get(estimates, i);
        (void)match_words_range(range, match_pools_number(cell, "p50_s", -1), match_pools_number(cell, "p90_s", -1));
        match_words_say(sentences, "%s: %s.", match_words_group(group, cell), range);
    }
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        double fluid = of(b, "fluidWaitSeconds", gender_name(g));
        if (fluid >= 0)
            match_words_say(
                sentences,
                "If it goes on like this, %s who are matched will have waited about %s: the queue is as long as "
                "their patience.",
                match_words_people(gender_name(g)), match_words_wait(wait, fluid));
    }
}

/* What everybody of a gender finds, and what would help them; of about the last hour. */
static void say_class(const json_t *class, double target_s, json_t *sentences)
{
    char rate[32], seek[32], median[32], more[32], target[32], help[MATCH_WORDS_MAX] = "";
    const char *people = match_words_people(json_text(class, "gender")), *helps = json_text(class, "helps"),
               *scarce = json_text(class, "scarce");
    double share = match_pools_number(class, "matchedShare", -1),
           extra = match_pools_number(class, "extraPerMinute", -1);
    (void)match_words_rate(rate, match_pools_number(class, "arrivalsPerMinute", 0));
    (void)match_words_rate(seek, match_pools_number(class, "seekersPerMinute", 0));
    (void)match_words_exact(target, (int64_t)(target_s * 1000));
    (void)match_words_rate(more, extra);
    if (share < 0) {
        match_words_say(sentences, "%s %s come a minute; too few of them have been matched or gone to say more.", rate,
                        people);
        return;
    }
    if (helps[0] != '\0' && extra >= 0)
        (void)snprintf(help, sizeof help, " %s more %s a minute would bring that down to %s.", more,
                       match_words_people(helps), target);
    else if (extra < 0 && scarce[0] != '\0')
        (void)snprintf(help, sizeof help, " They lack %s.", match_words_people(scarce));
    match_words_say(
        sentences,
        "%s %s come a minute, and %s people a minute who fit one of them; %.0f %% are matched, half of those "
        "who stay within %s.%s",
        rate, people, seek, 100 * share, match_words_wait(median, match_pools_number(class, "medianWaitSeconds", -1)),
        help);
}

static void say_classes(const struct balance *b, json_t *sentences)
{
    const json_t *classes = json_object_get(b->balance, "classes");
    for (size_t i = 0; i < json_array_size(classes); i++)
        say_class(json_array_get(classes, i), b->target_s, sentences);
}

static void say_advice(const struct balance *b, json_t *sentences)
{
    char target[32], wanted[32], now[32], more[32];
    const char *few = b->few == NULL ? "" : match_words_people(b->few);
    if (b->few == NULL)
        return;
    if (b->wanted < 0) {
        match_words_say(sentences,
                        "How many %s are needed is not known yet: too few of them have been matched or gone.", few);
        return;
    }
    (void)match_words_exact(target, (int64_t)(b->target_s * 1000));
    (void)match_words_rate(wanted, b->wanted);
    (void)match_words_rate(now, b->few_rate);
    (void)match_words_rate(more, b->wanted - b->few_rate);
    if (b->wanted > b->few_rate * 1.02)
        match_words_say(sentences,
                        "For half of the %s to be matched within %s, %s %s a minute should come: %s more than now.",
                        match_words_people(b->many), target, wanted, few, more);
    else
        match_words_say(sentences,
                        "Enough %s come for half of the %s to be matched within %s: %s a minute would do, %s come.",
                        few, match_words_people(b->many), target, wanted, now);
    match_words_say(sentences, "Serving one side first cannot do it: a pair takes one of each.");
}

static void tell(json_t *told, const char *heading, const struct balance *b,
                 void (*words)(const struct balance *b, json_t *sentences))
{
    json_t *sentences = json_array();
    words(b, sentences);
    match_words_told(told, heading, sentences);
}

static void show(struct session *s, const struct balance *b)
{
    json_t *told = json_array();
    char source[160];
    tell(told, "now", b, b->few != NULL ? say_now : say_unknown);
    tell(told, "matched", b, say_shares);
    tell(told, "waits", b, say_waits);
    tell(told, "target", b, say_advice);
    if (json_array_size(json_object_get(b->balance, "classes")) > 0)
        tell(told, "last hour", b, say_classes);
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:O, s:o}", "pool", json_text(b->stats, "pool"), "balance", b->balance,
                                   "sentences", match_words_object(told));
        out_json(&s->out, record);
        json_decref(record);
    } else {
        out_tinted(&s->out, TINT_BOLD, "pool %s", json_text(b->stats, "pool"));
        out_tinted(&s->out, match_pools_stale(b->stats) ? TINT_RED : TINT_DIM, "%s",
                   match_pools_source(b->stats, source));
        match_words_print(told, &s->out);
    }
    json_decref(told);
}

/* The balance for the target asked for: what is published is for one target only, so another is asked of the
 * supervisor. */
static int for_target(struct session *s, const struct match_pools *pools, json_t *stats, struct err *e)
{
    json_t *published = json_object_get(stats, "balance"), *asked = NULL;
    int64_t target_ms = args_int(&s->args, "target", TARGET_MS);
    struct err why = {.code = 0};
    bool same = (double)target_ms / 1000 == match_pools_number(published, "targetWaitSeconds", -1);
    int rc = same ? 0 : match_ask_balance(s, pools->queue, json_text(stats, "pool"), target_ms, &asked, &why);
    if (rc < 0)
        return err_set(e, rc, "another target than the published %.0f s needs the supervisor of this host: %.600s",
                       match_pools_number(published, "targetWaitSeconds", TARGET_MS / 1000.0), why.message);
    if (asked != NULL)
        match_groups_hide_balance(asked, published);
    struct balance b = read_balance(stats, asked != NULL ? asked : published);
    show(s, &b);
    json_decref(asked);
    return 0;
}

int verb_match_balance(struct session *s)
{
    struct err e = {.code = 0};
    int rc = match_pools_each(s, args_positional(&s->args, 0), for_target, &e);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
