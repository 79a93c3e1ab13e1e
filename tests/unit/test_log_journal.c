/*
 * Log lines as journal entries: nothing that is logged makes a field of its own, an entry that the journal does not
 * take is written as a line instead, and nothing is too long. The calls to the journal's socket are played by this
 * program (see tests/CMakeLists.txt).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log.h"
#include "log_journal.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
    const char *peer; /* where the descriptor leads; NULL: nowhere */
    sa_family_t family;
    int refuses;   /* errno of sendto; 0: takes it */
    ssize_t takes; /* so many bytes only; -1: all */
    char entry[64 * 1024];
    size_t len, n;
    char to[108];
} played;

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t to_len);

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
    struct sockaddr_un un = {.sun_family = played.family};
    (void)fd;
    if (played.peer == NULL) {
        errno = ENOTSOCK;
        return -1;
    }
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", played.peer);
    memcpy(address, &un, MIN_OF((size_t)*len, sizeof un));
    return 0;
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t to_len)
{
    (void)fd;
    assert_true((flags & MSG_DONTWAIT) != 0);
    assert_true((flags & MSG_NOSIGNAL) != 0);
    assert_true(n < sizeof played.entry && to_len <= sizeof(struct sockaddr_un));
    played.n++;
    (void)snprintf(played.to, sizeof played.to, "%s", ((const struct sockaddr_un *)to)->sun_path);
    errno = played.refuses;
    if (played.refuses != 0)
        return -1;
    memcpy(played.entry, bytes, n);
    played.entry[n] = '\0';
    played.len = n;
    return played.takes >= 0 ? played.takes : (ssize_t)n;
}

static int lines_fd = -1;

static int set_up(void **state)
{
    (void)state;
    memset(&played, 0, sizeof played);
    played.peer = "/run/systemd/journal/stdout";
    played.family = AF_UNIX;
    played.takes = -1;
    lines_fd = memfd_create("lines", MFD_CLOEXEC);
    log_init("test", lines_fd, LOG_INFO, LOG_JOURNAL);
    return lines_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    log_init("test", STDERR_FILENO, LOG_INFO, LOG_JSON);
    base_close_fd(&lines_fd);
    return 0;
}

/* What was written as lines. Static storage. */
static const char *lines(void)
{
    static char text[64 * 1024];
    ssize_t n = pread(lines_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* The value of the entry's only field of that name, and every line of it is NAME=value. Static storage. */
static const char *field(const char *name)
{
    static char value[64 * 1024];
    size_t found = 0, n = strlen(name);
    value[0] = '\0';
    for (const char *line = played.entry, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL)
            fail_msg("the last line does not end: %s", line);
        size_t key = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (key == 0 || line[key] != '=')
            fail_msg("no field: %.*s", (int)(end - line), line);
        if (key == n && strncmp(line, name, n) == 0) {
            found++;
            (void)snprintf(value, sizeof value, "%.*s", (int)(end - line - (ptrdiff_t)n - 1), line + n + 1);
        }
    }
    if (found != 1)
        fail_msg("%zu fields %s in:\n%s", found, name, played.entry);
    return value;
}

static void test_log_journal_open_knows_the_journal_alone(void **state)
{
    (void)state;
    int fd = log_journal_open(2);
    assert_true(fd >= 0);
    (void)close(fd);
    played.peer = "/run/systemd/journal/stdout2";
    assert_int_equal(log_journal_open(2), -1);
    played.peer = "";
    assert_int_equal(log_journal_open(2), -1);
    played.peer = NULL;
    assert_int_equal(log_journal_open(2), -1);
    played.peer = "/run/systemd/journal/stdout";
    played.family = AF_INET;
    assert_int_equal(log_journal_open(2), -1);
    assert_int_equal(log_format_by_name("auto", lines_fd), LOG_JSON);
    played.family = AF_UNIX;
    assert_int_equal(log_format_by_name("auto", lines_fd), LOG_JOURNAL);
}

static void test_log_journal_entry_has_a_field_each(void **state)
{
    (void)state;
    errno = EDOM;
    log_warn("job failed", KV_S("job", "abc"), KV_I("run_ms", 12));
    assert_int_equal(errno, EDOM);
    assert_string_equal(played.to, "/run/systemd/journal/socket");
    assert_string_equal(field("PRIORITY"), "4");
    assert_string_equal(field("SYSLOG_IDENTIFIER"), "stint-test");
    assert_string_equal(field("STINT_JOB"), "abc");
    assert_string_equal(field("STINT_RUN_MS"), "12");
    assert_string_equal(field("MESSAGE"), "job failed job=abc run_ms=12");
    assert_string_equal(lines(), "");
}

static void test_log_journal_newlines_make_no_field(void **state)
{
    static const char *const evil[] = {"x\nSTINT_JOB=forged", "x\nPRIORITY=0\n",  "\n",
                                       "x\r\nMESSAGE=forged", "x\nMESSAGE\n\x06", "\x85\xe2\x80\xa8"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        log_info(evil[i], KV_S("job", evil[i]), KV_S("why", evil[i]));
        assert_string_equal(field("PRIORITY"), "6");
        assert_non_null(field("STINT_JOB"));
        assert_non_null(field("STINT_WHY"));
        assert_non_null(field("MESSAGE"));
        assert_int_equal(strlen(played.entry), played.len); /* no NUL in between */
    }
}

static void test_log_journal_huge_values_are_cut_and_the_entry_is_whole(void **state)
{
    AUTO_FREE char *huge = malloc(200001);
    (void)state;
    assert_non_null(huge);
    memset(huge, 'y', 200000);
    huge[200000] = '\0';
    for (size_t n = 200000; n > 100; n /= 3) {
        huge[n] = '\0';
        log_error("much", KV_S("job", "abc"), KV_S("why", huge));
        assert_string_equal(field("STINT_JOB"), "abc");
        assert_int_equal(strncmp(field("STINT_WHY"), "yyyyyyyyyy", 10), 0);
        assert_true(played.len < sizeof played.entry / 2);
        log_error(huge, KV_S("job", "abc"));
        assert_int_equal(strncmp(field("MESSAGE"), "yyyyyyyyyy", 10), 0);
        assert_string_equal(field("STINT_JOB"), "abc");
    }
}

/* The journal is restarted, full, or does not take an entry of this length: the line is written, as if there was none.
 */
static void test_log_journal_refused_entry_becomes_a_line(void **state)
{
    static const int refusals[] = {ENOENT, ECONNREFUSED, EAGAIN, EMSGSIZE, ENOBUFS};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        char words[32];
        (void)snprintf(words, sizeof words, "lost-%zu", i);
        played.refuses = refusals[i];
        errno = EDOM;
        log_info(words, KV_S("job", "abc"));
        assert_int_equal(errno, EDOM);
        assert_non_null(strstr(lines(), words));
        assert_non_null(strstr(lines(), "\"job\":\"abc\""));
    }
    assert_int_equal(played.n, ARRAY_LEN(refusals)); /* once each, without waiting */
    played.refuses = 0;
    played.takes = 5;
    log_info("torn", KV_S("job", "abc"));
    assert_non_null(strstr(lines(), "torn"));
    played.takes = -1;
    log_info("there again", KV_S("job", "abc"));
    assert_null(strstr(lines(), "there again"));
    assert_int_equal(strncmp(field("MESSAGE"), "there again", 11), 0);
}

static void test_log_journal_without_one_lines_are_written(void **state)
{
    (void)state;
    played.peer = NULL;
    log_init("test", lines_fd, LOG_INFO, LOG_JOURNAL);
    log_info("by itself", KV_S("job", "abc"));
    assert_int_equal(played.n, 0);
    assert_non_null(strstr(lines(), "by itself"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_log_journal_open_knows_the_journal_alone),
        T(test_log_journal_entry_has_a_field_each),
        T(test_log_journal_newlines_make_no_field),
        T(test_log_journal_huge_values_are_cut_and_the_entry_is_whole),
        T(test_log_journal_refused_entry_becomes_a_line),
        T(test_log_journal_without_one_lines_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
