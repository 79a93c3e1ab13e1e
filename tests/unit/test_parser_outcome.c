/* What a cell left, whoever wrote it: the reply's file cannot change under its reader, and its text is bounded before a tree is built of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "crash_page.h"
#include "parser_client_uv.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { REPLY_BYTES = 256 * 1024 };

static bool bounded_times(const char *part, size_t times)
{
    struct buf text;
    buf_init(&text, REPLY_BYTES * 4);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(buf_addf(&text, "%s", part), 0);
    bool bounded = parser_outcome_bounded(text.data, strlen(text.data));
    buf_fini(&text);
    return bounded;
}

static void test_parser_outcome_bounded_depth_and_parts_decide(void **arg)
{
    (void)arg;
    assert_true(bounded_times("[", PARSER_DEPTH_MAX));
    assert_false(bounded_times("[", PARSER_DEPTH_MAX + 1));
    assert_false(bounded_times("{\"a\":", PARSER_DEPTH_MAX + 1));
    assert_true(bounded_times("\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\",", 100)); /* in a string they are letters */
    assert_false(bounded_times("\"\"[[[[[[[[[[[[[[[[[", 1));
    assert_false(bounded_times("[],", 20000));
    assert_false(bounded_times("1,", 20000));
    assert_true(bounded_times("{\"text\":\"word\",\"x0\":1.5,\"x1\":2.5,\"box\":[1,2,3,4]},", 10000));
    assert_true(parser_outcome_bounded("", 0));
    assert_true(parser_outcome_bounded("\"\\", 2));
}

static struct parser_report report_of(int wait_status)
{
    return (struct parser_report){.magic = PARSER_MAGIC, .type = PARSER_REPORT, .wait_status = wait_status};
}

static int read_code(uint32_t magic, uint32_t length, const char *text)
{
    struct parser_reply_head head = {magic, length};
    struct parser_outcome o;
    struct parser_report report = report_of(0);
    AUTO_CLOSE int fd = parser_outcome_file(REPLY_BYTES);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &head, sizeof head, 0), sizeof head);
    assert_int_equal(pwrite(fd, text, strlen(text), sizeof head), (ssize_t)strlen(text));
    parser_outcome_read(&o, &report, fd, REPLY_BYTES);
    json_decref(o.reply);
    return o.code;
}

static void test_parser_outcome_read_lies_are_refused(void **arg)
{
    static const char *const texts[] = {"[]", "1", "{\"a\":1", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "{\"a\":\"\xc3\"}", "{\"a\":\"\\u0000\"}", "{\"a\":1e400}",
                                        "{\"a\":\"\\udc00\"}", "{\"\xff\":1}", "{\"a\":123456789012345678901234567890}", "{\"error\":1}",
                                        "{\"error\":{\"code\":\"CORRUPT_PDF\"}}", "{\"error\":{\"code\":\"TIMEOUT\",\"message\":\"\"}}",
                                        "{\"error\":{\"code\":\"NO_SUCH\",\"message\":\"\"}}"};
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(read_code(PARSER_REPLY_MAGIC, (uint32_t)strlen(texts[i]), texts[i]), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, 7, "{\"a\":1}"), 0);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC + 1, 7, "{\"a\":1}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, 8, "{\"a\":1}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, REPLY_BYTES - 7, "{}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, UINT32_MAX, "{}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, UINT32_MAX - 7, "{}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, 56, "{\"error\":{\"code\":\"CORRUPT_PDF\",\"message\":\"it is damaged\"}}"), ERR_BAD_REPLY);
    assert_int_equal(read_code(PARSER_REPLY_MAGIC, 59, "{\"error\":{\"code\":\"CORRUPT_PDF\",\"message\":\"it is damaged\"}} "), ERR_CORRUPT_PDF);
}

static void test_parser_outcome_file_stays_as_it_is(void **arg)
{
    struct stat st;
    struct parser_outcome o;
    struct parser_report report = report_of(SIGKILL);
    (void)arg;
    AUTO_CLOSE int fd = parser_outcome_file(REPLY_BYTES);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, REPLY_BYTES);
    assert_int_equal(ftruncate(fd, REPLY_BYTES + 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(pwrite(fd, "x", 1, REPLY_BYTES), -1);
    assert_int_equal(pwrite(fd, "x", 1, REPLY_BYTES - 1), 1);
    parser_outcome_read(&o, &report, fd, REPLY_BYTES);
    assert_int_equal(o.code, ERR_CRASH);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
}

static void test_parser_outcome_read_file_still_mapped_for_writing_is_refused(void **arg)
{
    struct parser_outcome o;
    struct parser_report report = report_of(0);
    (void)arg;
    AUTO_CLOSE int fd = parser_outcome_file(REPLY_BYTES);
    void *mapped = mmap(NULL, REPLY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(mapped != MAP_FAILED);
    parser_outcome_read(&o, &report, fd, REPLY_BYTES);
    assert_int_equal(o.code, ERR_CRASH);
    assert_non_null(strstr(o.e.message, "sealed"));
    (void)munmap(mapped, REPLY_BYTES);
}

static void test_parser_outcome_read_cpu_spent_and_refusals_are_named(void **arg)
{
    struct parser_outcome o;
    struct parser_report report = report_of(SIGKILL);
    (void)arg;
    report.cpu_spent = 1;
    AUTO_CLOSE int fd = parser_outcome_file(REPLY_BYTES);
    parser_outcome_read(&o, &report, fd, REPLY_BYTES);
    assert_int_equal(o.code, ERR_CPU_LIMIT);
    report = report_of(PARSER_EXIT_SANDBOX << 8);
    AUTO_CLOSE int other = parser_outcome_file(REPLY_BYTES);
    assert_int_equal(pwrite(other, "RLIMIT\x1b[31m", 11, 0), 11);
    parser_outcome_read(&o, &report, other, REPLY_BYTES);
    assert_int_equal(o.code, ERR_SANDBOX_VIOLATION);
    assert_non_null(strstr(o.e.message, "RLIMIT?[31m"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser_outcome_bounded_depth_and_parts_decide),
        cmocka_unit_test(test_parser_outcome_read_lies_are_refused),
        cmocka_unit_test(test_parser_outcome_file_stays_as_it_is),
        cmocka_unit_test(test_parser_outcome_read_file_still_mapped_for_writing_is_refused),
        cmocka_unit_test(test_parser_outcome_read_cpu_spent_and_refusals_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
