/* The control socket from the asking side: answers, refusals, silence, foreign bytes, and nobody there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control_client.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A supervisor of one answer. answer NULL: stays silent until the client hangs up. */
struct fake {
    char dir[64], path[96];
    int fd;
    const char *answer;
    char request[256];
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct fake *f = arg;
    char rest[64];
    int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
    ssize_t n = recv(fd, f->request, sizeof f->request - 1, 0);
    f->request[n > 0 ? n : 0] = '\0';
    if (f->answer != NULL)
        (void)send(fd, f->answer, strlen(f->answer), MSG_NOSIGNAL);
    else
        (void)recv(fd, rest, sizeof rest, 0);
    (void)close(fd);
    return NULL;
}

static void fake_start(struct fake *f, const char *answer)
{
    *f = (struct fake){.dir = "/tmp/stint-control-XXXXXX", .answer = answer};
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/control.sock", f->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->fd, 1), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void fake_end(struct fake *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    (void)close(f->fd);
    (void)unlink(f->path);
    (void)rmdir(f->dir);
}

static void test_control_client_ask_answer_is_returned(void **state)
{
    (void)state;
    struct fake f;
    struct err e = {.code = 0};
    json_t *reply = NULL, *fields = json_pack("{s:s, s:i}", "pool", "pdf", "n", 3);
    fake_start(&f, "{\"ok\":true,\"desired\":3}\n");
    assert_int_equal(control_client_ask(f.dir, "worker.scale", fields, 5000, &reply, &e), 0);
    fake_end(&f);
    assert_int_equal(json_integer_value(json_object_get(reply, "desired")), 3);
    assert_string_equal(f.request, "{\"pool\":\"pdf\",\"n\":3,\"verb\":\"worker.scale\"}\n");
    assert_null(json_object_get(fields, "verb"));
    json_decref(reply);
    json_decref(fields);
}

static void assert_refused(const char *answer, int code, const char *says)
{
    struct fake f;
    struct err e = {.code = 0};
    json_t *reply = NULL;
    fake_start(&f, answer);
    assert_int_equal(control_client_ask(f.dir, "status", NULL, 200, &reply, &e), code);
    fake_end(&f);
    assert_null(reply);
    if (strstr(e.message, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.message, says);
}

static void test_control_client_ask_refusals_keep_their_code(void **state)
{
    (void)state;
    assert_refused("{\"ok\":false,\"code\":\"NOT_FOUND\",\"message\":\"no pool x\"}\n", ERR_NOT_FOUND, "no pool x");
    assert_refused("{\"ok\":false,\"code\":\"BAD_ARGUMENT\",\"message\":\"n\"}\n", ERR_BAD_ARGUMENT, "n");
    assert_refused("{\"ok\":false}\n", ERR_REFUSED, "no reason");
    assert_refused("nonsense\n", ERR_PROTOCOL, "not a JSON object");
    assert_refused("[1]\n", ERR_PROTOCOL, "not a JSON object");
}

static void test_control_client_ask_silence_and_absence_name_the_remedy(void **state)
{
    (void)state;
    struct err e = {.code = 0};
    json_t *reply = NULL;
    assert_refused(NULL, -ECONNREFUSED, "no answer in time");
    assert_refused("", -ECONNREFUSED, "closed without an answer");
    assert_int_equal(control_client_ask("/nowhere", "ping", NULL, 100, &reply, &e), -ECONNREFUSED);
    assert_non_null(strstr(e.message, "stint up"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_client_ask_answer_is_returned),
        cmocka_unit_test(test_control_client_ask_refusals_keep_their_code),
        cmocka_unit_test(test_control_client_ask_silence_and_absence_name_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
