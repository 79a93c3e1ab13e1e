/*
 * Replays in virtual time: a trace's outcomes are known to the byte under first come, first served; the same seed
 * repeats itself; what is no trace is refused at its line.
 */
#include "outcome_file.h"
#include "replay_summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define TRACES "/tests/support/traces/"

static const struct conf_match settings = {.preset = "speed",
                                           .policy = "greedy",
                                           .duplicate = "replace",
                                           .relax_after = 60000,
                                           .relax_every = 30000,
                                           .presence = 30000,
                                           .pending_release = 60000,
                                           .round_deadline = 30000,
                                           .candidates_max = 4096};

static void path_of(char path[static 512], const char *name)
{
    const char *source = getenv("STINT_SOURCE");
    (void)snprintf(path, 512, "%s%s%s", source ? source : ".", TRACES, name);
}

static void load(struct trace *t)
{
    char path[512];
    struct err e = {.code = 0};
    path_of(path, "mixed.jsonl");
    if (trace_read(path, t, &e) < 0)
        fail_msg("%s", e.message);
}

static void play(const struct trace *t, const char *policy, int64_t refresh_ms, struct replay_result *r)
{
    struct err e = {.code = 0};
    struct replay_options o = {.refresh_ms = refresh_ms, .seed = 1, .again_ms = 60000, .would = true};
    assert_int_equal(replay_rules(&settings, policy, &o.rules, &e), 0);
    if (replay_run(t, &o, r, &e) < 0)
        fail_msg("%s", e.message);
}

static char *slurp(FILE *f)
{
    char *text = calloc(1, 1 << 20);
    rewind(f);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = '\0';
    return text;
}

/* The expected file was written by another program, in another language, from the same rule. */
static void first_come_first_served_is_known_to_the_byte(void **state)
{
    (void)state;
    char path[512];
    struct trace t;
    struct replay_result r;
    load(&t);
    play(&t, "fcfs", 0, &r);
    FILE *out = tmpfile();
    assert_int_equal(outcome_file_write(out, &t, &r), 0);
    path_of(path, "mixed.fcfs.jsonl");
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    char *got = slurp(out), *expected = slurp(in);
    assert_true(strlen(expected) > 1000);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    (void)fclose(out);
    (void)fclose(in);
    replay_result_fini(&r);
    trace_fini(&t);
}

/* Whoever is matched has one partner, who says so too, was there, and nobody waits a negative time. */
static void check_pairs(const struct trace *t, const struct replay_result *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const struct replay_outcome *o = &r->outcomes[i];
        assert_true(o->wait_ms >= 0);
        if (o->end != REPLAY_MATCHED)
            continue;
        const struct replay_outcome *other = &r->outcomes[o->partner];
        assert_int_equal(other->partner, i);
        assert_int_equal(t->persons[i].join_ms + o->wait_ms, t->persons[o->partner].join_ms + other->wait_ms);
        assert_true(t->persons[i].leave_ms == TRACE_STAYS ||
                    t->persons[i].join_ms + o->wait_ms <= t->persons[i].leave_ms);
    }
}

/* Under first come, first served a wider wish never makes anybody wait longer. */
static void check_wish(const struct replay_outcome *o, int64_t would_ms, bool fcfs)
{
    if (!o->queued)
        assert_int_equal(would_ms, REPLAY_NO_WAIT);
    else if (fcfs && o->virtual_ms != REPLAY_NO_WAIT)
        assert_true(would_ms >= 0 && would_ms <= o->virtual_ms);
}

static void every_policy_pairs_soundly_and_foretells_everybody_who_waits(void **state)
{
    (void)state;
    static const char *const policies[] = {"greedy", "fcfs", "max"};
    struct trace t;
    load(&t);
    for (size_t k = 0; k < ARRAY_LEN(policies); k++) {
        struct replay_result r;
        struct replay_summary sum;
        play(&t, policies[k], 1000, &r);
        check_pairs(&t, &r);
        assert_int_equal(replay_summarise(&t, &r, &sum), 0);
        assert_int_equal(sum.all.joined, t.n_persons);
        assert_int_equal(sum.all.joined, sum.all.matched + sum.all.left + sum.all.waiting);
        assert_true(sum.all.matched > 0 && sum.all.left > 0);
        for (uint32_t i = 0; i < r.n; i++) {
            const struct wait_curve_summary *w = &r.predictions[i].told.wait;
            assert_int_equal(r.predictions[i].made, r.outcomes[i].queued);
            for (int wish = 0; wish < REPLAY_WISHES; wish++)
                check_wish(&r.outcomes[i], r.outcomes[i].would_ms[wish], strcmp(policies[k], "fcfs") == 0);
            assert_true(w->p50_s >= 0 && w->p50_s <= w->p90_s && w->p90_s <= WAIT_HORIZON_S);
        }
        replay_result_fini(&r);
    }
    trace_fini(&t);
}

static void the_same_seed_repeats_itself(void **state)
{
    (void)state;
    struct trace t;
    struct replay_result a, b;
    load(&t);
    play(&t, "greedy", 1000, &a);
    play(&t, "greedy", 1000, &b);
    FILE *x = tmpfile(), *y = tmpfile();
    assert_int_equal(prediction_file_write(x, &t, &a, (struct outcome_also){true, true, true}), 0);
    assert_int_equal(prediction_file_write(y, &t, &b, (struct outcome_also){true, true, true}), 0);
    char *first = slurp(x), *second = slurp(y);
    assert_non_null(strstr(first, "\"again\""));
    assert_string_equal(first, second);
    free(first);
    free(second);
    (void)fclose(x);
    (void)fclose(y);
    replay_result_fini(&a);
    replay_result_fini(&b);
    trace_fini(&t);
}

#define HEADER "{\"ev\":\"header\",\"horizon_ms\":1000}\n"
#define JOIN(t, id, more)                                                                                              \
    "{\"ev\":\"join\",\"t\":" t ",\"id\":" id                                                                          \
    ",\"g\":0,\"seek\":2,\"age\":30,\"amin\":20,\"amax\":40,\"x\":1,\"y\":2,\"maxd\":100" more "}\n"

static const struct {
    const char *text, *complaint;
} wrong[] = {
    {"", "is empty: a trace begins with its header"},
    {"\n\n", "is empty: a trace begins with its header"},
    {JOIN("1", "1", ""), "line 1: the first line must be the header"},
    {"[]\n", "line 1: not a JSON object"},
    {"nonsense\n", "line 1: "},
    {"{\"ev\":\"header\"}\n", "line 1: \"horizon_ms\" is missing"},
    {"{\"ev\":\"header\",\"horizon_ms\":0}\n", "line 1: \"horizon_ms\" is not right; needed: a whole number from 1"},
    {HEADER HEADER, "line 2: a second header"},
    {HEADER "{\"ev\":\"jump\",\"t\":1,\"id\":1}\n", "line 2: \"ev\" is not right; needed: join or leave"},
    {HEADER "{\"ev\":\"join\",\"t\":1,\"id\":1}\n", "line 2: \"g\" is missing; needed: a whole number from 0 to 4"},
    {HEADER JOIN("2000", "1", ""), "line 2: \"t\" is not right; needed: a whole number from 0 to 1000"},
    {HEADER JOIN("1.5", "1", ""), "line 2: \"t\" is not right"},
    {HEADER JOIN("5", "1", "") JOIN("4", "2", ""), "line 3: \"t\" goes back"},
    {HEADER JOIN("5", "1", "") JOIN("6", "1", ""), "line 3: this id has joined before"},
    {HEADER JOIN("5", "1", ",\"hist\":7"), "line 2: \"hist\" is not right"},
    {HEADER JOIN("5", "1", ",\"hist\":[\"a\"]"), "line 2: \"hist\" holds something that is no id"},
    {HEADER JOIN("5", "1", ",\"t\":6"), "line 2: duplicate object key"},
    {HEADER "{\"ev\":\"leave\",\"t\":5,\"id\":9}\n", "line 2: somebody leaves who has not joined"},
    {HEADER JOIN("5", "1", "") "{\"ev\":\"leave\",\"t\":6,\"id\":1}\n{\"ev\":\"leave\",\"t\":6,\"id\":1}\n",
     "line 4: this id has left before"},
};

static void expect_refused(const char *path, const char *complaint)
{
    struct trace t;
    struct err e = {.code = 0};
    assert_int_equal(trace_read(path, &t, &e), ERR_BAD_ARGUMENT);
    assert_null(t.persons);
    if (!strstr(e.message, complaint))
        fail_msg("\"%s\" does not say \"%s\"", e.message, complaint);
}

static void what_is_no_trace_is_refused_at_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char path[] = "/tmp/test_replay_XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, wrong[i].text, strlen(wrong[i].text)), strlen(wrong[i].text));
        (void)close(fd);
        expect_refused(path, wrong[i].complaint);
        (void)unlink(path);
    }
}

static void a_line_without_end_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/test_replay_XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    (void)fputs(HEADER, f);
    for (int i = 0; i < TRACE_LINE_MAX + 10; i++)
        (void)fputc(' ', f);
    (void)fclose(f);
    expect_refused(path, "line 2: longer than 65536 bytes");
    (void)unlink(path);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    struct trace t;
    struct err e = {.code = 0};
    assert_int_equal(trace_read("/nonexistent/trace", &t, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "/nonexistent/trace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_come_first_served_is_known_to_the_byte),
        cmocka_unit_test(every_policy_pairs_soundly_and_foretells_everybody_who_waits),
        cmocka_unit_test(the_same_seed_repeats_itself),
        cmocka_unit_test(what_is_no_trace_is_refused_at_its_line),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
