/*
 * The service manager's socket: what is dropped when it has no room, and what waits for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/stint-notify-XXXXXX", path[64];
static int manager;
static struct notify n;

static int setup(void **arg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)arg;
    (void)strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/notify", folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(manager, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return notify_open_at(&n, path, 0);
}

static int teardown(void **arg)
{
    (void)arg;
    notify_close(&n);
    (void)close(manager);
    (void)unlink(path);
    return rmdir(folder);
}

/* A manager that reads nothing has room for so many messages and no more. */
static void fill(void)
{
    while (notify_send_within(&n, 0, "STATUS=full") == 0)
        continue;
}

static void test_notify_send_arrives_unless_muted(void **arg)
{
    char text[64] = "";
    (void)arg;
    n.muted = true;
    notify_send(&n, "READY=1");
    assert_int_equal(notify_send_within(&n, 0, "MAINPID=7"), 0);
    n.muted = false;
    notify_send(&n, "WATCHDOG=%d", 1);
    assert_int_equal(recv(manager, text, sizeof text - 1, 0), strlen("WATCHDOG=1"));
    assert_string_equal(text, "WATCHDOG=1");
}

static void test_notify_send_within_without_room_says_so(void **arg)
{
    (void)arg;
    fill();
    assert_int_equal(notify_send_within(&n, 1, "MAINPID=7"), -EAGAIN);
}

static void test_notify_send_within_waits_for_room(void **arg)
{
    (void)arg;
    fill();
    pid_t reader = fork();
    if (reader == 0) { /* everything up to what was waited with */
        char text[64] = "";
        while (strcmp(text, "MAINPID=7") != 0) {
            ssize_t got = recv(manager, text, sizeof text - 1, 0);
            text[got > 0 ? got : 0] = '\0';
        }
        _exit(0);
    }
    int status = -1;
    assert_int_equal(notify_send_within(&n, 60000, "MAINPID=7"), 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static void test_notify_send_within_nobody_is_told_nothing(void **arg)
{
    struct notify nobody = {.fd = -1};
    (void)arg;
    assert_int_equal(notify_send_within(&nobody, 1, "MAINPID=7"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_notify_send_arrives_unless_muted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notify_send_within_without_room_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notify_send_within_waits_for_room, setup, teardown),
        cmocka_unit_test(test_notify_send_within_nobody_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
