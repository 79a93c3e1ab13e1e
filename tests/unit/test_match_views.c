/* What people see of a pool: no small group by any sum, no number more exact than it is, no line wider than the
 * terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "match_groups.h"
#include "match_pools.h"
#include "match_top_view.h"
#include "match_words.h"

#include <locale.h>
#include <stdio.h>

#define NOW_MS INT64_C(1795353876000)

/* A published record; counts of waiting men, women, others; women who seek men, and who seek anybody. */
static json_t *record(int men, int women, int others, int seek_men, int seek_any)
{
    json_t *stats =
        json_pack("{s:s, s:{s:i, s:i, s:i}, s:{s:i, s:i, s:i, s:i, s:f}}", "pool", "za", "queue", "total",
                  men + women + others, "averageWaitSeconds", 40, "maxWaitSeconds", 200, "genderDistribution", "male",
                  men, "female", women, "other", others, "unknown", 0, "ratio", 2.0);
    const char *const cell = "{s:s, s:n, s:i, s:f, s:f, s:f, s:s}", *const seekers =
                                                                        "{s:s, s:[s], s:i, s:f, s:f, s:f, s:s}";
    json_t *estimates = json_array();
    (void)json_array_append_new(estimates, json_pack(cell, "gender", "male", "seeking", "waiting", men, "p50_s", 150.0,
                                                     "p90_s", 480.0, "matched", 0.4, "confidence", "ok"));
    (void)json_array_append_new(estimates, json_pack(cell, "gender", "female", "seeking", "waiting", women, "p50_s",
                                                     2.0, "p90_s", 30.0, "matched", 0.96, "confidence", "low"));
    (void)json_array_append_new(estimates,
                                json_pack(seekers, "gender", "female", "seeking", "male", "waiting", seek_men, "p50_s",
                                          2.0, "p90_s", 30.0, "matched", 0.96, "confidence", "low"));
    (void)json_array_append_new(estimates,
                                json_pack(seekers, "gender", "female", "seeking", "other", "waiting", seek_any, "p50_s",
                                          2.0, "p90_s", 30.0, "matched", 0.96, "confidence", "low"));
    (void)json_object_set_new(stats, "estimates", estimates);
    (void)json_object_set_new(stats, "balance",
                              json_pack("{s:{s:f, s:f, s:f}, s:f, s:s, s:i, s:f}", "arrivalsPerMinute", "male", 12.0,
                                        "female", 5.0, "nonbinary", 0.3, "femalePerMale", 0.42, "scarce", "female",
                                        "targetWaitSeconds", 60, "recommendedScarcePerMinute", 7.4));
    (void)json_object_set_new(stats, "calibration",
                              json_pack("{s:{s:f, s:f}, s:{s:f, s:f}}", "coverage50", "male", 0.51, "female", -1.0,
                                        "coverage90", "male", 0.91, "female", -1.0));
    (void)json_object_set_new(stats, "age_ms", json_integer(900));
    assert_non_null(estimates);
    return stats;
}

static bool told(const json_t *stats, size_t cell)
{
    return json_is_number(json_object_get(json_array_get(json_object_get(stats, "estimates"), cell), "waiting"));
}

static bool distribution_told(const json_t *stats, const char *gender)
{
    return json_is_number(json_object_get(json_object_get(stats, "genderDistribution"), gender));
}

/* -- groups ----------------------------------------------------------------------------------------------------------
 */

static void test_match_groups_shown_no_small_group_follows_from_the_others(void **state)
{
    (void)state;
    static const struct {
        int64_t counts[3];
        bool shown[3];
    } rows[] = {
        {{30, 40, 50}, {true, true, true}},    {{30, 0, 0}, {true, false, false}},
        {{30, 5, 0}, {false, false, false}},   /* everybody minus the men is five */
        {{30, 25, 5}, {true, false, false}},   /* the smallest of the others goes with the five */
        {{30, 12, 8}, {true, false, false}},   /* twenty together */
        {{19, 19, 19}, {false, false, false}}, /* nothing to show, nothing to hide */
        {{20, -1, 20}, {true, false, true}},   /* no such group */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool shown[3];
        match_groups_shown(rows[i].counts, 3, shown);
        for (size_t k = 0; k < 3; k++)
            if (shown[k] != rows[i].shown[k])
                fail_msg("row %zu, group %zu", i, k);
    }
}

static void test_match_groups_from_leaves_the_others_room(void **state)
{
    (void)state;
    static const struct {
        int64_t counts[3], from[3];
    } rows[] = {
        {{62, 7, 0}, {40, 0, -1}},  /* "60+" would leave 9 others at most */
        {{40, 1, -1}, {20, 0, -1}},
        {{25, 5, 100}, {-1, -1, -1}}, /* "20+" would leave 10 others at most, though there are 130 in all */
        {{19, 19, 0}, {-1, -1, -1}},  /* twice "<20" of 38 would be twice 19 */
        {{30, 40, 50}, {-1, -1, -1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(match_groups_from(rows[i].counts, 3, k), rows[i].from[k]);
}

static void test_match_groups_hide_small_gender_hides_what_would_tell_it(void **state)
{
    (void)state;
    char text[32];
    json_t *stats = record(62, 7, 0, 5, 1);
    match_groups_hide(stats);
    assert_false(distribution_told(stats, "male") || distribution_told(stats, "female") || told(stats, 0) ||
                 told(stats, 1));
    assert_true(json_is_null(json_object_get(json_object_get(stats, "genderDistribution"), "ratio")));
    const json_t *estimates = json_object_get(stats, "estimates");
    assert_string_equal(match_pools_waiting(json_array_get(estimates, 0), text), "40+");
    assert_string_equal(match_pools_waiting(json_array_get(estimates, 1), text), "<20");
    match_groups_hide(stats); /* hiding again changes nothing */
    assert_string_equal(match_pools_waiting(json_array_get(estimates, 0), text), "40+");
    json_decref(stats);
}

static void test_match_groups_hide_who_seeks_what_is_hidden_by_the_rest(void **state)
{
    (void)state;
    json_t *stats = record(50, 60, 0, 30, 25); /* five women seek something else */
    match_groups_hide(stats);
    assert_true(told(stats, 0) && told(stats, 1) && told(stats, 2));
    assert_false(told(stats, 3));
    json_decref(stats);
    stats = record(50, 60, 0, 30, 30);
    match_groups_hide(stats);
    assert_true(told(stats, 2) && told(stats, 3));
    json_decref(stats);
}

static void test_match_groups_hide_rates_of_who_hardly_came(void **state)
{
    (void)state;
    json_t *stats = record(50, 60, 0, 30, 30);
    json_t *balance = json_object_get(stats, "balance"), *asked = json_deep_copy(balance);
    match_groups_hide(stats);
    const json_t *rates = json_object_get(balance, "arrivalsPerMinute");
    assert_true(json_is_null(json_object_get(rates, "nonbinary")));
    assert_true(json_is_number(json_object_get(rates, "female")));
    match_groups_hide_balance(asked, balance);
    assert_true(json_is_null(json_object_get(json_object_get(asked, "arrivalsPerMinute"), "nonbinary")));
    assert_string_equal(json_string_value(json_object_get(asked, "scarce")), "female");
    json_decref(asked);
    (void)json_array_remove(json_object_get(stats, "estimates"), 1);
    match_groups_hide(stats);
    assert_true(json_is_null(json_object_get(balance, "scarce")));
    json_decref(stats);
}

static size_t classes_of(const json_t *balance)
{
    return json_array_size(json_object_get(balance, "classes"));
}

static void test_match_groups_hide_classes_of_who_hardly_came(void **state)
{
    (void)state;
    json_t *stats = record(50, 60, 0, 30, 30), *balance = json_object_get(stats, "balance");
    (void)json_object_set_new(
        balance, "classes",
        json_pack("[{s:s}, {s:s}, {s:s}, i]", "gender", "female", "gender", "nonbinary", "gender", "who", 7));
    json_t *asked = json_deep_copy(balance);
    match_groups_hide(stats);
    assert_int_equal(classes_of(balance), 1);
    assert_int_equal(classes_of(asked), 4);
    match_groups_hide_balance(asked, balance);
    assert_int_equal(classes_of(asked), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(asked, "classes"), 0), "gender")), "female");
    json_decref(asked);
    json_decref(stats);
}

static void test_match_groups_hide_anything_is_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "{\"estimates\":7,\"balance\":[],\"genderDistribution\":\"x\"}",
                                        "{\"estimates\":[1,{\"gender\":9},{\"gender\":\"no\"}]}",
                                        ("{\"estimates\":[{\"gender\":\"male\",\"seeking\":[7],\"waiting\":\"x\"}],"
                                         "\"balance\":{\"scarce\":{\"male\":1}}}")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_t *stats = json_loads(texts[i], 0, NULL);
        assert_non_null(stats);
        match_groups_hide(stats);
        json_decref(stats);
    }
}

/* -- words -----------------------------------------------------------------------------------------------------------
 */

static void test_match_words_wait_is_as_rough_as_it_is_known(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *words;
    } rows[] = {{-1, "-"},        {0, "a few seconds"},    {5, "a few seconds"}, {6, "10 s"},    {41, "50 s"},
                {51, "1 min"},    {61, "1 min 30 s"},      {180, "3 min"},       {181, "4 min"}, {660.5, "12 min"},
                {1199, "20 min"}, {1199.5, "over 20 min"}, {1200, "over 20 min"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        assert_string_equal(match_words_wait(text, rows[i].seconds), rows[i].words);
    }
}

static void test_match_words_range_never_a_point(void **state)
{
    (void)state;
    static const struct {
        double p50, p90;
        const char *words;
    } rows[] = {{150, 470, "about 2 min 30 s, most likely under 8 min"},
                {0, 100, "a few seconds, most likely under 2 min"},
                {1, 3, "most likely under 5 s"},
                {28, 30, "most likely under 30 s"},
                {400, 1200, "about 7 min, perhaps more than 20 min"},
                {1200, 1200, "more than 20 min"},
                {-1, -1, "unknown"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[MATCH_WORDS_MAX];
        assert_string_equal(match_words_range(text, rows[i].p50, rows[i].p90), rows[i].words);
    }
}

static void test_match_words_verdict_says_which_way_it_errs(void **state)
{
    (void)state;
    assert_non_null(strstr(match_words_verdict(0.5, 0.9, -1), "comes true"));
    assert_non_null(strstr(match_words_verdict(0.3, 0.9, 100), "promises too much"));
    assert_non_null(strstr(match_words_verdict(0.5, 0.97, 600), "too careful"));
    assert_non_null(strstr(match_words_verdict(0.3, 0.97, 100), "range"));
    assert_non_null(strstr(match_words_verdict(-1, -1, 0), "too few"));
    assert_non_null(strstr(match_words_verdict(0.3, 0.97, 80), "too early"));
    assert_non_null(strstr(match_words_verdict(0.5, 0.9, 0), "too early"));
    assert_false(match_words_drifts(-1, -1));
}

/* Whether any sentence under the heading holds the text. */
static bool says(const json_t *told_parts, const char *heading, const char *text)
{
    json_t *all = match_words_object(told_parts);
    const json_t *sentences = json_object_get(all, heading);
    bool found = false;
    for (size_t i = 0; i < json_array_size(sentences); i++)
        found = found || strstr(json_string_value(json_array_get(sentences, i)), text) != NULL;
    json_decref(all);
    return found;
}

static void test_match_words_person_says_why_and_what_helps(void **state)
{
    (void)state;
    json_t *stats = record(50, 60, 0, 30, 30), *parts = json_array();
    json_t *wait = json_loads(
        "{\"position\":13,\"estimate\":{\"p50_s\":150.2,\"p90_s\":470,\"matched\":0.41,\"within\":{\"30\":0.1,\"60\":0."
        "2,"
        "\"120\":0.4,\"300\":0.7}},\"reason\":{\"name\":\"distance\",\"saves_s\":95,\"arrivals_per_minute\":2.1,"
        "\"competing\":11.7},\"confidence\":\"ok\"}",
        0, NULL);
    match_words_person(wait, stats, parts);
    assert_true(says(parts, "estimate", "about 3 min, most likely under 8 min"));
    assert_true(says(parts, "estimate", "Position 13"));
    assert_true(says(parts, "why", "2.1 people a minute come who fit; about 12"));
    assert_true(says(parts, "why", "2.4 men come for each woman"));
    assert_true(says(parts, "would help", "Looking twice as far would save about 1 min 30 s."));
    (void)json_object_set_new(
        wait, "alternatives",
        json_loads("[{\"name\":\"age\",\"saves_s\":44},{\"name\":\"genders\",\"saves_s\":14},{\"name\":\"x\"}]", 0,
                   NULL));
    (void)json_object_set_new(wait, "confidence", json_string("low"));
    (void)json_array_clear(parts);
    match_words_person(wait, NULL, parts);
    assert_true(says(parts, "would help", "would save about 40 s"));
    assert_false(says(parts, "would help", "any gender"));
    assert_true(says(parts, "how sure", "Low confidence"));
    json_decref(parts);
    json_decref(wait);
    parts = json_array();
    wait = json_object(); /* an answer that says nothing */
    match_words_person(wait, NULL, parts);
    assert_true(says(parts, "estimate", "unknown"));
    json_decref(wait);
    json_decref(parts);
    json_decref(stats);
}

/* -- the live view ---------------------------------------------------------------------------------------------------
 */

static void test_history_bars_unknown_is_not_zero(void **state)
{
    (void)state;
    char bars[HISTORY_BARS_MAX];
    struct history h;
    history_init(&h);
    assert_string_equal(history_bars(&h, 3, 0, bars), "   ");
    history_set(&h, NOW_MS, 4);
    history_set(&h, NOW_MS + 2 * HISTORY_STEP_MS, 8);
    assert_string_equal(history_bars(&h, 4, 0, bars), " ▅ █");
    assert_int_equal(history_count(&h, 4), 2);
    history_known(&h, NOW_MS, NOW_MS + 3 * HISTORY_STEP_MS);
    assert_string_equal(history_bars(&h, 4, 0, bars), "▅▁█▁");
    assert_string_equal(history_bars(&h, 3, 1, bars), "▅▁█");
    history_add(&h, NOW_MS - INT64_C(2) * HISTORY_STEPS * HISTORY_STEP_MS, 5); /* too old to matter */
    assert_string_equal(history_bars(&h, 3, 1, bars), "▅▁█");
    history_set(&h, NOW_MS + INT64_C(2) * HISTORY_STEPS * HISTORY_STEP_MS, 1); /* a night later */
    assert_int_equal(history_count(&h, HISTORY_STEPS), 1);
}

static void test_match_events_take_repetition_is_counted_once(void **state)
{
    (void)state;
    AUTO_FREE struct match_events *m = calloc(1, sizeof *m);
    char id[32];
    match_events_init(m, "match", "za");
    assert_string_equal(m->key, "stint:{match}:match:za");
    (void)snprintf(id, sizeof id, "%lld-0", (long long)NOW_MS);
    const char *matched =
        "{\"t\":\"matched\",\"a\":\"ann\",\"b\":\"bob\",\"km\":3.4,\"wait_a_ms\":12000,\"wait_b_ms\":40}";
    match_events_take(m, id, "7", matched);
    match_events_take(m, id, "7", matched);
    match_events_take(m, id, "8", "{\"t\":\"expired\",\"id\":\"cy\\u001b[2J\",\"reason\":\"offline\"}");
    match_events_take(m, id, "9", "no JSON");
    match_events_take(m, id, "10", "{\"t\":\"of tomorrow\"}");
    assert_int_equal(m->n, 2);
    assert_string_equal(m->newest[0].what, "waited 12 s and 0 s, 3 km apart");
    assert_string_equal(m->newest[0].whose, "ann with bob");
    assert_null(strchr(m->newest[1].whose, '\033'));
    assert_string_equal(m->newest[1].word, "gone");
    for (int i = 0; i < 2 * MATCH_EVENTS_KEPT; i++) {
        char seq[16];
        (void)snprintf(seq, sizeof seq, "%d", 100 + i);
        match_events_take(m, id, seq, matched);
    }
    assert_int_equal(m->n, MATCH_EVENTS_KEPT);
}

static void test_match_top_band_is_short(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(match_top_band(text, 30, 90), "30-90 s");
    assert_string_equal(match_top_band(text, 0, 4), "<5 s");
    assert_string_equal(match_top_band(text, 2, 150), "0-2.5 min");
    assert_string_equal(match_top_band(text, 150, 480), "2.5-8 min");
    assert_string_equal(match_top_band(text, 600, 1200), "10-20+ min");
    assert_string_equal(match_top_band(text, 1200, 1200), "20+ min");
    assert_string_equal(match_top_band(text, -1, -1), "-");
}

/* Draws at that size; every line must fit, and the height be kept. */
static char *drawn(json_t *stats, struct match_events *m, size_t columns, size_t rows, bool ids)
{
    struct canvas c;
    struct history waiting;
    history_init(&waiting);
    for (int i = 0; i < 40; i++)
        history_set(&waiting, NOW_MS + (int64_t)i * HISTORY_STEP_MS, i);
    const struct match_top_state state = {.stats = stats,
                                          .index = 1,
                                          .n = 3,
                                          .waiting = &waiting,
                                          .events = m,
                                          .now_ms = NOW_MS,
                                          .ids = ids,
                                          .live = true};
    canvas_init(&c, columns, rows, false);
    match_top_view(&state, &c);
    char *text = buf_take(&c.text);
    size_t n = 0;
    for (const char *p = text; *p != '\0'; n++) {
        size_t len = strcspn(p, "\n");
        char line[4096];
        (void)snprintf(line, sizeof line, "%.*s", (int)len, p);
        if (out_width(line) > columns)
            fail_msg("at %zu columns a line takes %zu: %s", columns, out_width(line), line);
        p += len + 1;
    }
    if (n > rows)
        fail_msg("at %zu rows there are %zu lines", rows, n);
    if (strstr(text, "q quits") == NULL && columns > 40)
        fail_msg("no footer at %zu x %zu:\n%s", columns, rows, text);
    canvas_fini(&c);
    return text;
}

static void test_match_top_view_fits_every_terminal(void **state)
{
    (void)state;
    AUTO_FREE struct match_events *m = calloc(1, sizeof *m);
    json_t *stats = record(62, 7, 0, 5, 1);
    char id[32];
    match_groups_hide(stats);
    match_events_init(m, "match", "za");
    for (int i = 0; i < 30; i++) {
        char seq[16];
        (void)snprintf(id, sizeof id, "%lld-%d", (long long)NOW_MS, i);
        (void)snprintf(seq, sizeof seq, "%d", i);
        match_events_take(
            m, id, seq,
            "{\"t\":\"matched\",\"a\":\"ann\",\"b\":\"bob\",\"km\":3.4,\"wait_a_ms\":12000,\"wait_b_ms\":40}");
    }
    for (size_t columns = 20; columns <= 220; columns += 7)
        for (size_t rows = 1; rows <= 60; rows += 3)
            free(drawn(stats, m, columns, rows, false));
    AUTO_FREE char *usual = drawn(stats, m, 80, 24, false);
    static const char *const wanted[] = {"pool za (2 of 3)", "40+",     "<20",       "2.5-8 min", "·",
                                         "newest events",    "51/91 %", "7.4 women", "space"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strstr(usual, wanted[i]) == NULL)
            fail_msg("\"%s\" is missing in\n%s", wanted[i], usual);
    assert_null(strstr(usual, "ann"));
    AUTO_FREE char *named = drawn(stats, m, 80, 24, true);
    assert_non_null(strstr(named, "ann with bob"));
    AUTO_FREE char *narrow = drawn(stats, m, 40, 24, false);
    assert_non_null(strstr(narrow, "2.5-8 min"));
    assert_null(strstr(narrow, "·")); /* no room for bars */
    json_decref(stats);
}

int main(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_groups_shown_no_small_group_follows_from_the_others),
        cmocka_unit_test(test_match_groups_from_leaves_the_others_room),
        cmocka_unit_test(test_match_groups_hide_small_gender_hides_what_would_tell_it),
        cmocka_unit_test(test_match_groups_hide_who_seeks_what_is_hidden_by_the_rest),
        cmocka_unit_test(test_match_groups_hide_rates_of_who_hardly_came),
        cmocka_unit_test(test_match_groups_hide_classes_of_who_hardly_came),
        cmocka_unit_test(test_match_groups_hide_anything_is_taken),
        cmocka_unit_test(test_match_words_wait_is_as_rough_as_it_is_known),
        cmocka_unit_test(test_match_words_range_never_a_point),
        cmocka_unit_test(test_match_words_verdict_says_which_way_it_errs),
        cmocka_unit_test(test_match_words_person_says_why_and_what_helps),
        cmocka_unit_test(test_history_bars_unknown_is_not_zero),
        cmocka_unit_test(test_match_events_take_repetition_is_counted_once),
        cmocka_unit_test(test_match_top_band_is_short),
        cmocka_unit_test(test_match_top_view_fits_every_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
