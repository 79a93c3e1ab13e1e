/*
 * Why: which jobs' ends go into one text, and what is said of them, decides whether a status is ever found again; the
 * call is shown word by word. Refuses to: talk to Redis (test_functions_packed does).
 */
#include "fetch_call.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define TAG "0123456789abcde"
enum { CAP = 200 };

static const struct kind_ops plain_ops = {0}, storing_ops = {.stores = true};

struct stage {
    struct job_batch batch;
    struct fetch_args args;
    struct kind_slot probe, other, stores;
};

static void open_stage(struct stage *s, const char *tag)
{
    *s = (struct stage){.probe.ops = &plain_ops, .other.ops = &plain_ops, .stores.ops = &storing_ops};
    job_batch_init(&s->batch, CAP);
    fetch_args_init(&s->args, "q", "", CAP);
    (void)snprintf(s->args.tag, sizeof s->args.tag, "%s", tag);
}

static void close_stage(struct stage *s)
{
    fetch_args_fini(&s->args);
    job_batch_fini(&s->batch);
}

/* n ended jobs of a second, a ms apart, the last of them first. */
static struct job_core *add_jobs(struct stage *s, struct kind_slot *kind, const char *second, int n)
{
    struct job_core *item = NULL;
    for (int i = n - 1; i >= 0; i--) {
        item = job_batch_add(&s->batch);
        item->kind = kind;
        item->job = (struct job){.band = BAND_HIGH, .kind = "probe", .by_entry = true};
        (void)snprintf(item->job.entry, sizeof item->job.entry, "%s%03d-%d", second, i, 7 * i);
        item->op = FINISH_DONE;
        item->plain = true;
        item->retain_ms = 60000;
        item->used = (struct job_used){.wall_ms = i, .cpu_ms = -1, .peak_bytes = 4096};
        job_batch_move(&s->batch, item, JOB_EV_START);
        job_batch_move(&s->batch, item, JOB_EV_END);
    }
    return item;
}

static const char *function_of(struct stage *s)
{
    return fetch_args_short(&s->args, &s->batch, 0) ? s->args.argv[1] : "none";
}

static void test_job_packed_says_each_job(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, TAG);
    struct job_core *first = add_jobs(&s, &s.probe, "1795319276", PACKED_LEAST);
    first->a = strdup("{\"ok\":true}");
    assert_string_equal(function_of(&s), "stint_keep_packed");
    static const char *const words[] = {"FCALL", "stint_keep_packed", "1",        "stint:{q}", "high", "probe",
                                        "60000", "1795319276",        "000-0-031"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_memory_equal(s.args.argv[i], words[i], s.args.lens[i]);
    assert_int_equal(s.args.n, ARRAY_LEN(words) + 1 + PACKED_LEAST);
    static const char begins[] = "031-217 31 - 4096 process \n030-210 30 - 4096 process \n";
    static const char ends[] = "\n001-7 1 - 4096 process \n000-0 0 - 4096 process {\"ok\":true}\n";
    const char *text = s.args.argv[ARRAY_LEN(words)];
    size_t len = s.args.lens[ARRAY_LEN(words)];
    assert_memory_equal(text, begins, sizeof begins - 1);
    assert_memory_equal(text + len - (sizeof ends - 1), ends, sizeof ends - 1);
    assert_string_equal(s.args.argv[s.args.n - 1], "1795319276000-0");
    assert_int_equal(s.batch.count[JOB_TELLING], PACKED_LEAST);
    assert_string_equal(function_of(&s), "none");
    close_stage(&s);
}

static void test_job_packed_a_call_a_second(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, TAG);
    (void)add_jobs(&s, &s.probe, "1795319276", 3);
    (void)add_jobs(&s, &s.probe, "1795319277", PACKED_LEAST);
    (void)add_jobs(&s, &s.other, "1795319278", PACKED_LEAST);
    assert_string_equal(function_of(&s), "stint_keep_packed");
    assert_string_equal(s.args.argv[7], "1795319277");
    assert_string_equal(function_of(&s), "stint_keep_packed");
    assert_string_equal(s.args.argv[7], "1795319278");
    assert_string_equal(function_of(&s), "stint_keep");
    assert_int_equal(s.batch.count[JOB_TELLING], 3 + 2 * PACKED_LEAST);
    close_stage(&s);
}

/* Each alone makes one job too few. */
static void not_named(struct job_core *item)
{
    item->job.by_entry = false;
}
static void with_hash(struct job_core *item)
{
    item->job.has_hash = true;
}
static void long_result(struct job_core *item)
{
    item->a = calloc(1, PACKED_RESULT_MAX + 2);
    memset(item->a, '1', PACKED_RESULT_MAX + 1);
}
static void lined_result(struct job_core *item)
{
    item->a = strdup("[1,\n2]");
}
static void failed(struct job_core *item)
{
    item->op = FINISH_RETRY;
}
static void not_plain(struct job_core *item)
{
    item->plain = false;
}
static void short_entry(struct job_core *item)
{
    (void)snprintf(item->job.entry, sizeof item->job.entry, "179531927600-0");
}
static void other_band(struct job_core *item)
{
    item->job.band = BAND_LOW;
}

static void test_job_packed_leaves_out(void **state)
{
    static void (*const changes[])(struct job_core *) = {not_named, with_hash, long_result, lined_result,
                                                         failed,    not_plain, short_entry, other_band};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct stage s;
        open_stage(&s, TAG);
        changes[i](add_jobs(&s, &s.probe, "1795319276", PACKED_LEAST));
        assert_string_equal(function_of(&s), "stint_keep");
        close_stage(&s);
    }
}

static void test_job_packed_not_without_a_tag_nor_for_effects(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, "");
    (void)add_jobs(&s, &s.probe, "1795319276", PACKED_LEAST);
    assert_string_equal(function_of(&s), "stint_keep");
    close_stage(&s);
    open_stage(&s, TAG);
    (void)add_jobs(&s, &s.stores, "1795319276", PACKED_LEAST);
    assert_string_equal(function_of(&s), "stint_keep");
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_packed_says_each_job),
        cmocka_unit_test(test_job_packed_a_call_a_second),
        cmocka_unit_test(test_job_packed_leaves_out),
        cmocka_unit_test(test_job_packed_not_without_a_tag_nor_for_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
