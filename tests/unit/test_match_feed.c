/*
 * Why: what matchers tell the wait model leaves the database. A ticket's id may be in it only when that ticket asked to
 * be told, and all of it must be what the model's reader takes. Refuses to: look at the order of fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "match_feed.h"
#include "match_people.h"
#include "ticket_hash.h"
#include "wait_feed.h"

/* What was told of asker and silent, the latest. */
static struct {
    size_t n;
    struct wait_event asker, silent, mark;
    bool silent_named; /* its id, or the exact place, was in some text */
} told;

static void take(void *arg, size_t n, const char *const fields[])
{
    struct wait_event ev;
    size_t lens[FEED_FIELDS_MAX];
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        lens[i] = strlen(fields[i]);
        told.silent_named |= strstr(fields[i], "silent") != NULL || strstr(fields[i], "51.5123") != NULL;
    }
    assert_int_equal(wait_feed_parse(n, fields, lens, &ev), 0);
    told.n++;
    if (ev.who.hash == ticket_hash("p", "asker@1"))
        told.asker = ev;
    if (ev.who.hash == ticket_hash("p", "silent"))
        told.silent = ev;
    if (ev.type == WAIT_MARK)
        told.mark = ev;
}

static void test_feed_names_only_who_asked(void **state)
{
    (void)state;
    static struct world w;
    uint32_t cursor = 0;
    world_init(&w, MATCH_GREEDY);
    world_begin(&w);
    world_person(&w, "asker@1", "male", "female", 30, "\"consent\":{\"notify\":true}");
    world_person(&w, "silent", "male", "female", 30,
                 "\"consent\":{\"relax\":true},\"lat\":51.5123,\"lon\":-0.1234,\"max_km\":20");
    memset(&told, 0, sizeof told);
    match_feed_round(&w.round, take, NULL);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.asker.type, WAIT_JOIN);
    assert_string_equal(told.asker.id, "asker@1");
    assert_int_equal(told.silent.type, WAIT_JOIN);
    assert_string_equal(told.silent.id, "");
    world_end(&w);
    w.now_ms += FEED_HERE_EVERY_MS;
    match_feed_here(w.ix, "p", w.now_ms, &cursor, take, NULL);
    assert_int_equal(told.n, 4);
    assert_int_equal(told.asker.type, WAIT_HERE);
    assert_string_equal(told.asker.id, "asker@1");
    assert_string_equal(told.silent.id, "");
    world_begin(&w);
    (void)world_op(&w, "{\"v\":1,\"op\":\"leave\",\"pool\":\"p\",\"id\":\"asker@1\"}");
    match_feed_round(&w.round, take, NULL);
    assert_int_equal(told.asker.type, WAIT_LEAVE);
    assert_string_equal(told.asker.id, "");
    assert_false(told.silent_named);
    world_end(&w);
    world_fini(&w);
}

static void test_feed_mark_counts_people_and_trouble(void **state)
{
    (void)state;
    static struct world w;
    struct match_trouble trouble = {.conflicts = 3, .stale = 2};
    world_init(&w, MATCH_GREEDY);
    world_begin(&w);
    world_person(&w, "one", "male", "female", 30, "");
    world_end(&w);
    memset(&told, 0, sizeof told);
    match_feed_mark(w.ix, "p", w.now_ms, &trouble, take, NULL);
    assert_int_equal(told.mark.waiting[0], 1);
    assert_int_equal(told.mark.conflicts, 3);
    assert_int_equal(told.mark.stale, 2);
    trouble = (struct match_trouble){0};
    match_feed_mark(w.ix, "p", w.now_ms, &trouble, take, NULL);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.mark.conflicts, 0);
    assert_int_equal(told.mark.stale, 0);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed_names_only_who_asked),
        cmocka_unit_test(test_feed_mark_counts_people_and_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
