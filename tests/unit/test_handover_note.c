/*
 * What two lives of a supervisor say to each other over a socket: whole notes, a descriptor with them, and nothing
 * else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "handover_note.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[2];

static int setup(void **arg)
{
    (void)arg;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds);
}

static int teardown(void **arg)
{
    (void)arg;
    base_close_fd(&fds[0]);
    base_close_fd(&fds[1]);
    return 0;
}

static void test_handover_note_fields_and_descriptor_arrive(void **arg)
{
    (void)arg;
    json_t *note = NULL;
    int taken = -1, given = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(handover_note_send(fds[0], "hello", json_pack("{s:i,s:s}", "pid", 7, "instance", "a-1"), given),
                     0);
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), 1);
    assert_string_equal(handover_note_text(note, "say"), "hello");
    assert_string_equal(handover_note_text(note, "instance"), "a-1");
    assert_int_equal(handover_note_number(note, "pid", -1), 7);
    assert_true(taken >= 0 && taken != given);
    assert_true((fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
    json_decref(note);
    (void)close(taken);
    (void)close(given);
}

static void test_handover_note_absent_members_are_the_default(void **arg)
{
    (void)arg;
    json_t *note = NULL;
    int taken = 5;
    assert_int_equal(handover_note_send(fds[0], "ready", NULL, -1), 0);
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), 1);
    assert_int_equal(taken, -1);
    assert_string_equal(handover_note_text(note, "instance"), "");
    assert_int_equal(handover_note_number(note, "pid", -1), -1);
    assert_int_equal(handover_note_number(NULL, "pid", 3), 3);
    json_decref(note);
}

static void test_handover_note_nothing_and_end_are_told_apart(void **arg)
{
    (void)arg;
    json_t *note = NULL;
    int taken = -1;
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), 0);
    base_close_fd(&fds[0]);
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), -ENODATA);
    assert_int_equal(handover_note_send(fds[1], "ready", NULL, -1), -EPIPE);
}

static void test_handover_note_what_is_no_note_is_refused(void **arg)
{
    static const char *const bad[] = {"x", "[]", "{}", "{\"say\":1}", "{\"say\":\"a\"} b"};
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *note = NULL;
        int taken = -1;
        assert_int_equal(send(fds[0], bad[i], strlen(bad[i]), 0), (ssize_t)strlen(bad[i]));
        assert_int_equal(handover_note_receive(fds[1], &note, &taken), -EBADMSG);
        assert_null(note);
    }
}

static void test_handover_note_too_long_is_refused(void **arg)
{
    (void)arg;
    char *text = malloc(HANDOVER_NOTE_MAX + 1);
    json_t *note = NULL;
    int taken = -1;
    memset(text, 'a', HANDOVER_NOTE_MAX);
    text[HANDOVER_NOTE_MAX] = '\0';
    assert_int_equal(handover_note_send(fds[0], "waits", json_pack("{s:s}", "for", text), -1), 0);
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), -EBADMSG);
    free(text);
}

/* Words that were cut in the middle of a character, or are no text at all, are told all the same. */
static void test_handover_note_words_of_any_bytes_are_a_member(void **arg)
{
    (void)arg;
    json_t *note = NULL;
    int taken = -1;
    assert_int_equal(
        handover_note_send(fds[0], "failed", json_pack("{s:o}", "why", handover_note_words("zu sp\xc3")), -1), 0);
    assert_int_equal(handover_note_receive(fds[1], &note, &taken), 1);
    assert_string_equal(handover_note_text(note, "why"), "zu sp?");
    json_decref(note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_handover_note_fields_and_descriptor_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_note_absent_members_are_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_note_nothing_and_end_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_note_words_of_any_bytes_are_a_member, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_note_what_is_no_note_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_note_too_long_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
