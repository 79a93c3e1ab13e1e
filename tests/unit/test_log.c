/* Every line is one write, one line and, as JSON, one object, whatever it is asked to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static int pipe_fds[2];

static int set_up(void **arg)
{
    (void)arg;
    return pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK);
}

static int tear_down(void **arg)
{
    (void)arg;
    log_job(NULL, NULL, NULL);
    log_init("test", STDERR_FILENO, LOG_INFO, LOG_JSON);
    (void)close(pipe_fds[0]);
    return close(pipe_fds[1]);
}

/* What was written so far; one line has at most LOG_LINE_MAX bytes. */
static const char *written(void)
{
    static char text[LOG_LINE_MAX * 4];
    ssize_t n = read(pipe_fds[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static json_t *written_json(void)
{
    const char *text = written();
    assert_int_equal(strcspn(text, "\n") + 1, strlen(text));
    json_t *o = json_loads(text, 0, NULL);
    assert_non_null(o);
    return o;
}

static void assert_text(const json_t *o, const char *key, const char *want)
{
    assert_non_null(json_string_value(json_object_get(o, key)));
    assert_string_equal(json_string_value(json_object_get(o, key)), want);
}

static void test_log_write_json_holds_message_and_fields(void **arg)
{
    (void)arg;
    log_init("worker", pipe_fds[1], LOG_INFO, LOG_JSON);
    log_info("job \"done\"\n", KV_S("path", "a\\b\x01"), KV_I("n", -5), KV_D("d", 0.5), KV_D("inf", HUGE_VAL),
             KV_S("none", NULL));
    json_t *o = written_json();
    assert_text(o, "msg", "job \"done\"\n");
    assert_text(o, "path", "a\\b\x01");
    assert_text(o, "level", "info");
    assert_text(o, "program", "worker");
    assert_int_equal(json_integer_value(json_object_get(o, "n")), -5);
    assert_true(json_is_real(json_object_get(o, "d")));
    assert_true(json_is_null(json_object_get(o, "inf")));
    assert_null(json_object_get(o, "none"));
    json_decref(o);
}

static void test_log_write_below_level_writes_nothing(void **arg)
{
    (void)arg;
    log_init("worker", pipe_fds[1], LOG_WARN, LOG_JSON);
    log_info0("quiet");
    assert_string_equal(written(), "");
    log_set_level(LOG_DEBUG);
    log_debug("loud", KV_I("n", 1));
    assert_non_null(strstr(written(), "loud"));
}

static void test_log_write_too_long_is_cut_and_stays_json(void **arg)
{
    (void)arg;
    char text[LOG_LINE_MAX * 2];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof text; i += 7)
        text[i] = '"';
    text[sizeof text - 1] = '\0';
    log_init("worker", pipe_fds[1], LOG_INFO, LOG_JSON);
    log_info("long", KV_S("text", text), KV_S("after", text), KV_I("last", 1));
    json_t *o = written_json();
    const char *value = json_string_value(json_object_get(o, "text"));
    assert_non_null(value);
    assert_string_equal(value + strlen(value) - 3, "\xe2\x80\xa6");
    json_decref(o);
    log_write(LOG_INFO, text, NULL, 0);
    json_decref(written_json());
}

static void test_log_write_bytes_that_are_not_utf8_are_replaced(void **arg)
{
    (void)arg;
    log_init("worker", pipe_fds[1], LOG_INFO, LOG_JSON);
    log_info("bytes", KV_S("t", "a\xff\xc3(\xed\xa0\x80\xf0\x9f\x98\x80"
                                "e\xcc"));
    json_t *o = written_json();
    assert_non_null(strstr(json_string_value(json_object_get(o, "t")), "\xf0\x9f\x98\x80"
                                                                       "e\xef\xbf\xbd"));
    json_decref(o);
}

static void test_log_job_is_on_every_line_of_its_thread_only(void **arg)
{
    (void)arg;
    log_init("worker", pipe_fds[1], LOG_INFO, LOG_JSON);
    log_job("j-1", "probe", "00-abc-def-01");
    log_info0("in");
    json_t *o = written_json();
    assert_text(o, "job", "j-1");
    assert_text(o, "kind", "probe");
    assert_text(o, "trace", "00-abc-def-01");
    json_decref(o);
    log_job(NULL, NULL, NULL);
    log_info0("out");
    o = written_json();
    assert_null(json_object_get(o, "job"));
    json_decref(o);
}

static void test_log_write_text_is_readable_and_harmless(void **arg)
{
    (void)arg;
    log_init("ctl", pipe_fds[1], LOG_INFO, LOG_TEXT);
    log_warn("slow", KV_S("who", "a b"), KV_S("esc", "\x1b[31m"), KV_I("ms", 12));
    const char *text = written();
    assert_non_null(strstr(text, "warn "));
    assert_non_null(strstr(text, "slow who=\"a b\""));
    assert_non_null(strstr(text, " ms=12\n"));
    assert_null(strchr(text, 0x1b));
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 20; i++)
        log_info("from a thread", KV_S("pad", arg));
    return NULL;
}

static void test_log_write_threads_do_not_mix_lines(void **arg)
{
    (void)arg;
    log_init("worker", pipe_fds[1], LOG_INFO, LOG_JSON);
    pthread_t threads[4];
    char pad[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, pad), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    static char all[65536];
    ssize_t n = read(pipe_fds[0], all, sizeof all - 1);
    assert_true(n > 0);
    all[n] = '\0';
    size_t lines = 0;
    for (char *line = all, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        json_t *o = json_loads(line, 0, NULL);
        assert_non_null(o);
        json_decref(o);
        lines++;
    }
    assert_int_equal(lines, 80);
}

static void test_log_level_by_name_unknown_is_minus_one(void **arg)
{
    (void)arg;
    assert_int_equal(log_level_by_name("warn"), LOG_WARN);
    assert_int_equal(log_level_by_name("verbose"), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_log_write_json_holds_message_and_fields),     T(test_log_write_below_level_writes_nothing),
        T(test_log_write_too_long_is_cut_and_stays_json),    T(test_log_write_bytes_that_are_not_utf8_are_replaced),
        T(test_log_job_is_on_every_line_of_its_thread_only), T(test_log_write_text_is_readable_and_harmless),
        T(test_log_write_threads_do_not_mix_lines),          T(test_log_level_by_name_unknown_is_minus_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
