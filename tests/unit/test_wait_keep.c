/*
 * Why: a restarted supervisor must know at once what it knew, what it keeps must say nothing of a person, and what
 * somebody else wrote there must not be believed. Refuses to: compare texts where numbers are meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "buf.h"
#include "place.h"
#include "ticket_hash.h"
#include "wait_feed.h"
#include "wait_json.h"

#include <jansson.h>
#include <math.h>

#define T0 INT64_C(1700000000000)

enum { PEOPLE = 400 };

static int64_t at(int number)
{
    return T0 + number * INT64_C(2000);
}

static struct wait_event event(enum wait_event_type type, int number, int64_t at_ms)
{
    char id[32];
    (void)snprintf(id, sizeof id, "ticket-%d", number);
    struct wait_event ev = {.type = type, .pool = "p", .at_ms = at_ms};
    ev.who = (struct wait_person){.hash = ticket_hash("p", id),
                                  .joined_ms = at(number),
                                  .key_ms = at(number),
                                  .gender = (uint8_t)(number % 2),
                                  .seeking = (uint8_t)(number % 2 ? 1 : 2),
                                  .age = 33,
                                  .age_min = 18,
                                  .age_max = 99,
                                  .placed = true,
                                  .max_chord = 25,
                                  .n_regions = 1,
                                  .regions = {0xabcdef}};
    (void)snprintf(ev.id, sizeof ev.id, "%s", id);
    place_of(51.5123, -0.1234, ev.who.pos);
    return ev;
}

/* Men and women in turn, each matched or gone after 8 to 67 s. */
static struct wait_model *played(uint64_t seed)
{
    struct wait_model *m = wait_model_new(seed);
    assert_non_null(m);
    for (int i = 0; i < PEOPLE + 40; i++) {
        if (i < PEOPLE) {
            const struct wait_event ev = event(WAIT_JOIN, i, at(i));
            wait_model_event(m, &ev);
        }
        if (i % 3 == 0)
            wait_model_refresh(m, at(i));
        for (int k = MAX_OF(0, i - 33); k < MIN_OF(i - 3, PEOPLE); k++)
            if (i - k == 4 + k * 7 % 30) {
                const struct wait_event ev = event(k % 5 ? WAIT_MATCH : WAIT_LEAVE, k, at(i));
                wait_model_event(m, &ev);
            }
    }
    return m;
}

static char *kept_of(const struct wait_model *m)
{
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(wait_model_export(m, "1700000800000-7", at(PEOPLE + 40), &b), 0);
    char *text = buf_take(&b);
    assert_non_null(text);
    return text;
}

static void test_keep_a_new_model_knows_what_the_old_one_knew(void **state)
{
    (void)state;
    struct wait_model *m = played(1), *n = wait_model_new(1);
    char *text = kept_of(m), last[ENTRY_ID_MAX] = "";
    struct wait_balance before, after;
    assert_int_equal(wait_model_import(n, at(PEOPLE + 40), text, last), 0);
    assert_string_equal(last, "1700000800000-7");
    wait_model_balance(m, at(PEOPLE + 40), 60, &before);
    wait_model_balance(n, at(PEOPLE + 40), 60, &after);
    for (int g = 0; g < 2; g++) {
        assert_true(after.rate_per_s[g] > 0.1);
        assert_true(fabs(before.rate_per_s[g] - after.rate_per_s[g]) < 1e-6);
    }
    char *again = kept_of(n); /* rates, patience, levels: all of it is there */
    assert_string_equal(text, again);
    assert_non_null(strstr(text, "\"level50\":0."));
    assert_null(strstr(text, "\"level50\":0.500000,\"level90\":0.900000,\"arrivals\":200"));
    free(again);
    free(text);
    wait_model_free(m);
    wait_model_free(n);
}

static void test_keep_levels_are_not_forgotten_by_the_first_refresh(void **state)
{
    (void)state;
    struct wait_model *m = played(1), *n = wait_model_new(1);
    char *text = kept_of(m), last[ENTRY_ID_MAX];
    assert_int_equal(wait_model_import(n, at(PEOPLE + 40), text, last), 0);
    for (int i = 0; i < 5; i++)
        wait_model_refresh(n, at(PEOPLE + 41 + i));
    char *again = kept_of(n);
    *strstr(again, ",\"week\"") = *strstr(text, ",\"week\"") = '\0'; /* the hour goes on */
    assert_string_equal(text, again);
    free(again);
    free(text);
    wait_model_free(m);
    wait_model_free(n);
}

static void test_keep_holds_nothing_of_a_person(void **state)
{
    (void)state;
    struct wait_model *m = played(1);
    for (int i = PEOPLE; i < PEOPLE + 5; i++) { /* some wait still */
        const struct wait_event ev = event(WAIT_JOIN, i, at(i));
        wait_model_event(m, &ev);
    }
    char *text = kept_of(m);
    for (int i = 0; i < PEOPLE + 5; i++) {
        char id[32], hex[20], decimal[24];
        uint64_t hash = event(WAIT_JOIN, i, at(i)).who.hash;
        (void)snprintf(id, sizeof id, "ticket-%d\"", i);
        (void)snprintf(hex, sizeof hex, "%016llx", (unsigned long long)hash);
        (void)snprintf(decimal, sizeof decimal, "%llu", (unsigned long long)hash);
        assert_null(strstr(text, id));
        assert_null(strstr(text, hex));
        assert_null(strstr(text, decimal));
    }
    static const char *const places[] = {"51.5", "-0.1", "abcdef", "11259375", "ticket", "lat", "pos", "hash", "id\""};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        assert_null(strstr(text, places[i]));
    /* And it is of one size, however many came. */
    struct wait_model *empty = wait_model_new(1);
    char *nothing = kept_of(empty);
    json_t *a = json_loads(text, 0, NULL), *b = json_loads(nothing, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(a, "sides")), json_array_size(json_object_get(b, "sides")));
    assert_int_equal(json_object_size(json_array_get(json_object_get(a, "sides"), 0)),
                     json_object_size(json_array_get(json_object_get(b, "sides"), 0)));
    json_decref(a);
    json_decref(b);
    free(nothing);
    free(text);
    wait_model_free(empty);
    wait_model_free(m);
}

/* Replaces the first `what` of a kept text. */
static char *bent(const char *text, const char *what, const char *by)
{
    const char *found = strstr(text, what);
    assert_non_null(found);
    size_t size = strlen(text) + strlen(by) + 1;
    char *out = malloc(size);
    assert_non_null(out);
    (void)snprintf(out, size, "%.*s%s%s", (int)(found - text), text, by, found + strlen(what));
    return out;
}

static void test_keep_foreign_bytes_change_nothing(void **state)
{
    (void)state;
    static const char *const bends[][2] = {
        {"\"v\":1", "\"v\":0"},
        {"\"v\":1", "\"v\":\"1\""},
        {"\"last\":\"1700000800000-7\"", "\"last\":\"now\""},
        {"\"last\":\"1700000800000-7\"", "\"last\":\"17000008000000000000000-7\""},
        {"\"last\":\"1700000800000-7\"", "\"last\":\"1700000800000-\""},
        {"\"slow\":", "\"slow\":-"},
        {"\"slow\":", "\"slow\":1e300,\"x\":"},
        {"\"leaves\":[", "\"leaves\":[1,"},
        {"\"seconds\":[", "\"seconds\":[\"x\","},
        {"\"level50\":0.", "\"level50\":9."},
        {"\"level90\":0.", "\"level90\":0.0"},
        {"\"at_s\":1", "\"at_s\":9"},
        {"\"sides\":[{", "\"sides\":[{},{"},
        {"\"week\":{", "\"week\":[],\"x\":{"},
        {"\"week\":{", "\"week\":null,\"x\":{"},
        {"\"week\":{\"at_s\":1", "\"week\":{\"at_s\":9"},
        {"\"hour_s\":", "\"hour_s\":9"},
        {"\"looked\":[0,", "\"looked\":[19000,"},
        {"\"looked\":[0,", "\"looked\":[0,0,"},
        {"\"hour\":", "\"hour\":-"},
        {"\"week\":[0,", "\"week\":[-1,"},
        {"\"week\":[0,", "\"week\":[1e300,"},
        {"\"arrivals\":[{", "\"arrivals\":[{},{"},
    };
    struct wait_model *m = played(1), *n = wait_model_new(1);
    char *text = kept_of(m), *untouched = kept_of(n), last[ENTRY_ID_MAX] = "before";
    for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
        char *bad = bent(text, bends[i][0], bends[i][1]);
        assert_int_equal(wait_model_import(n, at(PEOPLE + 40), bad, last), -EBADMSG);
        free(bad);
    }
    static const char *const nonsense[] = {"", "nonsense", "{\"v\":1}", "[1]", "null", "{\"v\":1,\"v\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++)
        assert_int_equal(wait_model_import(n, at(PEOPLE + 40), nonsense[i], last), -EBADMSG);
    for (size_t len = 0; len < strlen(text); len += 7) { /* cut anywhere */
        char *cut = strndup(text, len);
        assert_int_equal(wait_model_import(n, at(PEOPLE + 40), cut, last), -EBADMSG);
        free(cut);
    }
    char *newer = bent(text, "\"v\":1", "\"v\":2");
    assert_int_equal(wait_model_import(n, at(PEOPLE + 40), newer, last), -EPROTONOSUPPORT);
    char *after = kept_of(n);
    assert_string_equal(untouched, after);
    assert_string_equal(last, "before");
    free(newer);
    free(after);
    free(untouched);
    free(text);
    wait_model_free(m);
    wait_model_free(n);
}

static void test_keep_of_an_older_build_is_taken_without_a_week(void **state)
{
    (void)state;
    struct wait_model *m = played(1), *n = wait_model_new(1);
    char *text = kept_of(m), *older = bent(text, ",\"week\":", ",\"not yet\":"), last[ENTRY_ID_MAX] = "";
    struct wait_balance after;
    assert_int_equal(wait_model_import(n, at(PEOPLE + 40), older, last), 0);
    wait_model_balance(n, at(PEOPLE + 40), 60, &after);
    assert_true(after.rate_per_s[0] > 0.1);
    char *again = kept_of(n);
    assert_non_null(strstr(again, "\"hour_s\":0,"));
    free(again);
    free(older);
    free(text);
    wait_model_free(m);
    wait_model_free(n);
}

/* KEPT_MAX of supervisor/wait_kept.c, and nobody who hardly ever came. */
static void test_keep_a_full_week_is_small_enough_and_tells_of_no_few(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    for (int64_t hour = 0; hour < 3 * 168; hour++)
        for (int i = 0; i < 30; i++) {
            struct wait_event ev = event(WAIT_JOIN, (int)(hour * 30) + i, T0 + hour * 3600000 + i * INT64_C(120000));
            ev.who.gender = (uint8_t)(hour == 7 && i < 19 ? GENDER_OTHER : i % (GENDER_COUNT - 2));
            ev.who.joined_ms = ev.at_ms;
            wait_model_event(m, &ev);
            ev.type = WAIT_MATCH;
            wait_model_event(m, &ev);
        }
    char *text = kept_of(m);
    assert_true(strlen(text) < 32768);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *week = json_object_get(root, "week"), *arrivals = json_object_get(week, "arrivals");
    double seen[2] = {0, 0};
    assert_int_equal(json_array_size(json_object_get(week, "looked")), 168);
    for (size_t h = 0; h < 168; h++) {
        seen[0] += json_number_value(json_array_get(json_object_get(json_array_get(arrivals, 0), "week"), h));
        seen[1] +=
            json_number_value(json_array_get(json_object_get(json_array_get(arrivals, GENDER_OTHER), "week"), h));
    }
    assert_true(seen[0] > 1000);
    assert_true(seen[1] == 0); /* 19 came */
    json_decref(root);
    free(text);
    wait_model_free(m);
}

static void test_keep_who_is_gone_already_is_not_counted_again(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    struct wait_event ev = event(WAIT_HERE, 1, at(1));
    struct wait_stats st;
    wait_model_event(m, &ev);
    ev = event(WAIT_GONE, 1, at(2));
    wait_model_event(m, &ev);
    wait_model_stats(m, at(3), &st);
    assert_int_equal(st.waiting_total, 0);
    assert_int_equal(st.arrivals[GENDER_FEMALE] + st.matched[GENDER_FEMALE] + st.left[GENDER_FEMALE], 0);
    wait_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_a_new_model_knows_what_the_old_one_knew),
        cmocka_unit_test(test_keep_levels_are_not_forgotten_by_the_first_refresh),
        cmocka_unit_test(test_keep_holds_nothing_of_a_person),
        cmocka_unit_test(test_keep_foreign_bytes_change_nothing),
        cmocka_unit_test(test_keep_of_an_older_build_is_taken_without_a_week),
        cmocka_unit_test(test_keep_a_full_week_is_small_enough_and_tells_of_no_few),
        cmocka_unit_test(test_keep_who_is_gone_already_is_not_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
