/* A packet arrives whole with its descriptors or not at all, and no descriptor that nobody asked for stays open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "packet.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static int ends[2], files[PACKET_FDS_MAX];

static int set_up(void **arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int tear_down(void **arg)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        base_close_fd(&files[i]);
    base_close_fd(&ends[0]);
    base_close_fd(&ends[1]);
    return 0;
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    assert_int_equal(closedir(d), 0);
    return n;
}

static void test_packet_arrives_with_its_descriptors(void **arg)
{
    int got[2];
    char text[16] = "";
    struct stat st;
    (void)arg;
    assert_int_equal(packet_send(ends[0], "hello", 6, files, 2), 0);
    assert_int_equal(packet_receive(ends[1], text, sizeof text, got, 2, MSG_DONTWAIT), 6);
    assert_string_equal(text, "hello");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fstat(got[i], &st), 0);
        assert_true(S_ISCHR(st.st_mode));
        assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
        base_close_fd(&got[i]);
    }
}

static void test_packet_fewer_descriptors_than_asked_for(void **arg)
{
    int got[2] = {77, 77};
    char text[16];
    (void)arg;
    assert_int_equal(packet_send(ends[0], "a", 1, files, 1), 0);
    assert_int_equal(packet_send(ends[0], "b", 1, NULL, 0), 0);
    assert_int_equal(packet_receive(ends[1], text, sizeof text, got, 2, MSG_DONTWAIT), 1);
    assert_true(got[0] >= 0);
    assert_int_equal(got[1], -1);
    base_close_fd(&got[0]);
    assert_int_equal(packet_receive(ends[1], text, sizeof text, got, 2, MSG_DONTWAIT), 1);
    assert_int_equal(got[0], -1);
    assert_int_equal(got[1], -1);
}

/* Room for one is, rounded up as CMSG_SPACE does, room for two on 64 bits. */
static void test_packet_more_descriptors_than_asked_for_are_closed(void **arg)
{
    char text[16];
    (void)arg;
    size_t before = open_descriptors();
    for (size_t asked = 0; asked < PACKET_FDS_MAX; asked++) {
        int got[PACKET_FDS_MAX];
        assert_int_equal(packet_send(ends[0], "x", 1, files, asked + 1), 0);
        assert_int_equal(packet_receive(ends[1], text, sizeof text, got, asked, MSG_DONTWAIT), -EMSGSIZE);
        for (size_t i = 0; i < asked; i++)
            assert_int_equal(got[i], -1);
        assert_int_equal(open_descriptors(), before);
    }
    assert_int_equal(packet_receive(ends[1], text, sizeof text, NULL, 0, MSG_DONTWAIT), -EAGAIN);
}

static void test_packet_longer_than_its_room_is_refused_with_its_descriptors(void **arg)
{
    char text[4];
    int got[1];
    (void)arg;
    size_t before = open_descriptors();
    assert_int_equal(packet_send(ends[0], "hello", 5, files, 1), 0);
    assert_int_equal(packet_receive(ends[1], text, sizeof text, got, 1, MSG_DONTWAIT), -EMSGSIZE);
    assert_int_equal(got[0], -1);
    assert_int_equal(open_descriptors(), before);
}

static void test_packet_end_and_full_and_too_many(void **arg)
{
    char text[4];
    int rc = 0, got[1];
    (void)arg;
    assert_int_equal(packet_send(ends[0], "x", 1, files, PACKET_FDS_MAX + 1), -E2BIG);
    assert_int_equal(packet_receive(ends[1], text, sizeof text, got, PACKET_FDS_MAX + 1, 0), -E2BIG);
    for (int i = 0; i < 100000 && rc == 0; i++)
        rc = packet_send(ends[0], "x", 1, NULL, 0);
    assert_int_equal(rc, -EAGAIN);
    base_close_fd(&ends[1]);
    (void)packet_receive(ends[0], text, sizeof text, got, 1, 0); /* what was unread there is told once, as a reset */
    assert_int_equal(packet_receive(ends[0], text, sizeof text, got, 1, 0), 0);
    assert_int_equal(packet_send(ends[0], "x", 1, NULL, 0), -EPIPE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_packet_arrives_with_its_descriptors),
        T(test_packet_fewer_descriptors_than_asked_for),
        T(test_packet_more_descriptors_than_asked_for_are_closed),
        T(test_packet_longer_than_its_room_is_refused_with_its_descriptors),
        T(test_packet_end_and_full_and_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
