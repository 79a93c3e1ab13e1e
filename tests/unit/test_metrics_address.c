/* The metrics thread is asked where it says it is, and whoever asked is told which address that was and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "health_ask.h"
#include "metrics_address.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

/* A server of one answer. */
struct fake {
    int fd, port;
    const char *answer;
    bool endless; /* after the answer: single bytes, for as long as the client stays */
    pthread_t thread;
};

static struct conf *conf;
static char dir[64];

static int set_up(void **state)
{
    struct err e = {0};
    (void)state;
    (void)unsetenv("STINT_METRICS_PORT");
    conf = calloc(1, sizeof *conf);
    (void)snprintf(dir, sizeof dir, "/tmp/stint-address-XXXXXX");
    if (conf == NULL || mkdtemp(dir) == NULL || conf_load(conf, "", &e) < 0)
        return -1;
    (void)snprintf(conf->supervisor.run_dir, sizeof conf->supervisor.run_dir, "%s", dir);
    conf->metrics.enabled = true;
    return 0;
}

static int tear_down(void **state)
{
    char path[96];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/metrics.port", dir);
    (void)unlink(path);
    (void)rmdir(dir);
    free(conf);
    return 0;
}

static void told(const char *text)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/metrics.port", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_metrics_address_default_says_that_nothing_was_configured(void **state)
{
    struct metrics_address a;
    char url[CONF_STR_MAX];
    (void)state;
    assert_true(metrics_address_find(conf, &a));
    assert_string_equal(metrics_address_url(&a, url), "http://127.0.0.1:9464");
    assert_non_null(strstr(a.why, "no configuration file was found"));
    (void)snprintf(conf->path, sizeof conf->path, "/etc/stint/stint.conf");
    assert_true(metrics_address_find(conf, &a));
    assert_string_equal(a.why, "metrics.listen and metrics.port of /etc/stint/stint.conf");
    assert_int_equal(setenv("STINT_METRICS_PORT", "9464", 1), 0);
    assert_true(metrics_address_find(conf, &a));
    assert_string_equal(a.why, "$STINT_METRICS_PORT");
}

static void test_metrics_address_what_the_supervisor_says_goes_first(void **state)
{
    static const char *const none[] = {"", "nothing", "-1", "0", "65536"};
    struct metrics_address a;
    (void)state;
    told("12345\n");
    assert_true(metrics_address_find(conf, &a));
    assert_int_equal(a.port, 12345);
    assert_non_null(strstr(a.why, "metrics.port"));
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        told(none[i]);
        assert_true(metrics_address_find(conf, &a));
        assert_int_equal(a.port, 9464);
    }
    conf->metrics.port = 0;
    assert_false(metrics_address_find(conf, &a));
    conf->metrics.enabled = false;
    told("12345\n");
    assert_false(metrics_address_find(conf, &a));
}

static void test_metrics_address_forms(void **state)
{
    static const struct {
        const char *listen, *url;
        int family;
    } cases[] = {{"0.0.0.0", "http://127.0.0.1:9464", AF_INET},
                 {"::", "http://[::1]:9464", AF_INET6},
                 {"10.1.2.3", "http://10.1.2.3:9464", AF_INET}};
    struct sockaddr_storage address;
    struct metrics_address a;
    socklen_t size;
    char url[CONF_STR_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(conf->metrics.listen, sizeof conf->metrics.listen, "%s", cases[i].listen);
        assert_true(metrics_address_find(conf, &a));
        assert_string_equal(metrics_address_url(&a, url), cases[i].url);
        assert_int_equal(metrics_address_resolve(&a, &address, &size), 0);
        assert_int_equal(address.ss_family, cases[i].family);
    }
    (void)snprintf(a.host, sizeof a.host, "localhost");
    assert_int_equal(metrics_address_resolve(&a, &address, &size), -EADDRNOTAVAIL);
}

/* -- asking it -------------------------------------------------------------------------------------------------------
 */

static void *serve(void *arg)
{
    struct fake *f = arg;
    char request[1024];
    int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
    (void)recv(fd, request, sizeof request, 0);
    (void)send(fd, f->answer, strlen(f->answer), MSG_NOSIGNAL);
    while (f->endless && send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        (void)poll(&gone, 1, 10); /* far below the timeout: each byte alone is in time */
    }
    (void)close(fd);
    return NULL;
}

static int ask(const char *answer, bool endless, int timeout_ms, int *ret_status, struct err *e)
{
    struct fake f = {.answer = answer, .endless = endless};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char port[16];
    json_t *body = NULL;
    f.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f.fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(f.fd, 1), 0);
    assert_int_equal(getsockname(f.fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
    told(port);
    assert_int_equal(pthread_create(&f.thread, NULL, serve, &f), 0);
    int rc = health_ask(conf, "/healthz", timeout_ms, ret_status, &body, e);
    json_decref(body);
    assert_int_equal(pthread_join(f.thread, NULL), 0);
    (void)close(f.fd);
    return rc;
}

static void test_health_ask_answers(void **state)
{
    struct err e = {0};
    int status = 0;
    (void)state;
    assert_int_equal(ask("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", false, 60000, &status, &e), 0);
    assert_int_equal(status, 503);
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false, 60000, &status, &e), 0);
    assert_int_equal(status, 200);
}

static void test_health_ask_strangers_are_named(void **state)
{
    static const char *const answers[] = {"", "220 smtp ready\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"};
    struct err e;
    int status;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        e = (struct err){0};
        assert_int_equal(ask(answers[i], false, 60000, &status, &e), ERR_PROTOCOL);
        assert_non_null(strstr(e.message, "http://127.0.0.1:"));
        assert_non_null(strstr(e.message, "metrics.port)"));
    }
}

/* One byte at a time, each in time: the whole of it counts. */
static void test_health_ask_slow_server_does_not_hold_us(void **state)
{
    struct err e = {0};
    int status;
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\n", true, 300, &status, &e), -ECONNREFUSED);
    assert_non_null(strstr(e.message, "within 300 ms"));
}

static void test_health_ask_nobody_there(void **state)
{
    struct err e = {0};
    json_t *body = NULL;
    int status;
    (void)state;
    conf->metrics.port = 1;
    assert_int_equal(health_ask(conf, "/healthz", 60000, &status, &body, &e), -ECONNREFUSED);
    assert_non_null(strstr(e.message, "http://127.0.0.1:1 does not answer"));
    assert_non_null(strstr(e.message, "is the supervisor running"));
    assert_non_null(strstr(e.message, "no configuration file was found"));
    assert_null(body);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_metrics_address_default_says_that_nothing_was_configured),
        T(test_metrics_address_what_the_supervisor_says_goes_first),
        T(test_metrics_address_forms),
        T(test_health_ask_answers),
        T(test_health_ask_strangers_are_named),
        T(test_health_ask_slow_server_does_not_hold_us),
        T(test_health_ask_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
