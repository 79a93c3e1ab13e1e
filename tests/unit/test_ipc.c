/* Messages arrive whole or not at all; nothing blocks and nothing kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc.h"

#include <sys/socket.h>

static int fds[2];

static int set_up(void **arg)
{
    (void)arg;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
}

static int tear_down(void **arg)
{
    (void)arg;
    base_close_fd(&fds[0]);
    base_close_fd(&fds[1]);
    return 0;
}

static void test_ipc_recv_sent_message_arrives(void **arg)
{
    (void)arg;
    struct ipc_msg msg;
    assert_int_equal(ipc_recv(fds[1], &msg), 0);
    assert_int_equal(ipc_send(fds[0], IPC_CANCEL, "1-0"), 0);
    assert_int_equal(ipc_send(fds[0], IPC_WAKE, ""), 0);
    assert_int_equal(ipc_recv(fds[1], &msg), 1);
    assert_int_equal(msg.type, IPC_CANCEL);
    assert_string_equal(msg.text, "1-0");
    assert_int_equal(ipc_recv(fds[1], &msg), 1);
    assert_int_equal(msg.type, IPC_WAKE);
    assert_string_equal(msg.text, "");
    assert_int_equal(ipc_recv(fds[1], &msg), 0);
}

static void test_ipc_recv_peer_ended_with_unread_messages_its_last_word_arrives(void **arg)
{
    (void)arg;
    struct ipc_msg msg;
    assert_int_equal(ipc_send(fds[1], IPC_WAKE, ""), 0); /* never read: the end of fds[0] resets the socket */
    assert_int_equal(ipc_send(fds[0], IPC_RECYCLE, "enough"), 0);
    base_close_fd(&fds[0]);
    assert_int_equal(ipc_recv(fds[1], &msg), 1);
    assert_int_equal(msg.type, IPC_RECYCLE);
    assert_int_equal(ipc_recv(fds[1], &msg), -ENODATA);
}

static void test_ipc_send_long_text_is_cut(void **arg)
{
    (void)arg;
    char text[IPC_TEXT_MAX * 2];
    struct ipc_msg msg;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(ipc_send(fds[0], IPC_BOOT_FAILED, text), 0);
    assert_int_equal(ipc_recv(fds[1], &msg), 1);
    assert_int_equal(msg.size, IPC_TEXT_MAX - 1);
    assert_int_equal(strlen(msg.text), IPC_TEXT_MAX - 1);
}

static void test_ipc_recv_foreign_packet_is_refused(void **arg)
{
    (void)arg;
    struct ipc_msg msg, sent = {.type = IPC_WAKE, .size = 400};
    assert_int_equal(send(fds[0], "x", 1, 0), 1);
    assert_int_equal(ipc_recv(fds[1], &msg), -EBADMSG);
    assert_int_equal(send(fds[0], &sent, 16, 0), 16);
    assert_int_equal(ipc_recv(fds[1], &msg), -EBADMSG);
    char large[sizeof msg + 8] = {0};
    assert_int_equal(send(fds[0], large, sizeof large, 0), sizeof large);
    assert_int_equal(ipc_recv(fds[1], &msg), -EBADMSG);
}

static void test_ipc_recv_closed_peer_is_end(void **arg)
{
    (void)arg;
    struct ipc_msg msg;
    assert_int_equal(ipc_send(fds[0], IPC_STOP, ""), 0);
    base_close_fd(&fds[0]);
    assert_int_equal(ipc_recv(fds[1], &msg), 1);
    assert_int_equal(ipc_recv(fds[1], &msg), -ENODATA);
    assert_int_equal(ipc_send(fds[1], IPC_READY, ""), -EPIPE);
}

static void test_ipc_send_full_socket_says_again(void **arg)
{
    (void)arg;
    int rc = 0;
    for (int i = 0; i < 100000 && rc == 0; i++)
        rc = ipc_send(fds[0], IPC_WAKE, "");
    assert_int_equal(rc, -EAGAIN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_ipc_recv_sent_message_arrives),
        T(test_ipc_recv_peer_ended_with_unread_messages_its_last_word_arrives),
        T(test_ipc_send_long_text_is_cut),
        T(test_ipc_recv_foreign_packet_is_refused), T(test_ipc_recv_closed_peer_is_end),
        T(test_ipc_send_full_socket_says_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
