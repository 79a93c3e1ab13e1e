/*
 * Why: the snapshot is taken in a process that is beyond repair, once, in the field. Each way to die must leave the signal
 * as it was, and a backtrace that names the function at fault. Refuses to: simulate; a child really does it.
 */
#include "base.h"
#include "crash_guard.h"
#include "crash_page.h"
#include "probe_fault.h"
#include "sandbox.h"
#include "spawn.h"
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <pthread.h>
#include <cmocka.h>

static void die_by_abort(void)
{
    abort();
}

static void die_by_term(void)
{
    (void)raise(SIGTERM);
}

static void *die_in_thread(void *arg)
{
    probe_fault_crash();
    return arg;
}

static void die_beside(void)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, die_in_thread, NULL);
    (void)pthread_join(thread, NULL);
}

static void die_of_refusal(void)
{
    static const char *const denied[] = {"ptrace", NULL};
    struct err e;
    if (sandbox_seccomp_deny(denied, &e) == 0)
        probe_fault_syscall();
}

/* The handler's own system call is refused: it faults while it works. */
static void die_twice(void)
{
    static const char *const denied[] = {"pwrite64", NULL};
    struct err e;
    if (sandbox_seccomp_deny(denied, &e) == 0)
        probe_fault_crash();
}

static const struct {
    const char *name;
    void (*fault)(void);
    int signal;
    const char *frame; /* a function its backtrace must name; NULL: none can be expected */
} ways[] = {
    {"crash", probe_fault_crash, SIGSEGV, "probe_fault_crash"},
    {"bus", probe_fault_bus, SIGBUS, "probe_fault_bus"},
    {"ill", probe_fault_ill, SIGILL, "probe_fault_ill"},
    {"fpe", probe_fault_fpe, SIGFPE, "probe_fault_fpe"},
    {"abort", die_by_abort, SIGABRT, "die_by_abort"},
    {"stack overflow", probe_fault_overflow, SIGSEGV, "deeper"},
    {"call of nothing", probe_fault_jump, SIGSEGV, "probe_fault_jump"},
    {"refused call", die_of_refusal, SIGSYS, "probe_fault_syscall"},
    {"term", die_by_term, SIGTERM, "die_by_term"},
    {"thread", die_beside, SIGSEGV, "die_in_thread"},
    {"smashed stack", probe_fault_smash, 0, NULL}, /* SIGABRT with the compiler's guard, else SIGSEGV */
    {"fault in the handler", die_twice, SIGSEGV, NULL},
};

static int die(void (*fault)(void), int page)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        if (crash_guard_install(page, true) < 0)
            _exit(98);
        crash_guard_words("my last words");
        fault();
        _exit(99);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* What stint-backtrace makes of the page. */
static json_t *backtrace_of(int page)
{
    char path[512];
    const char *build = getenv("STINT_BUILD");
    assert_non_null(build);
    snprintf(path, sizeof path, "%s/bin/stint-backtrace", build);
    AUTO_CLOSE int out = memfd_create("out", MFD_CLOEXEC);
    const int fds[] = {-1, out, STDERR_FILENO, page};
    char *argv[] = {path, NULL};
    struct spawn s = {.path = path, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    struct err e;
    pid_t pid;
    if (spawn_exec(&s, &pid, &e) < 0)
        fail_msg("%s", e.message);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    static char text[65536];
    ssize_t n = pread(out, text, sizeof text, 0);
    json_t *o = json_loadb(text, n > 0 ? (size_t)n : 0, 0, NULL);
    assert_true(json_is_object(o));
    return o;
}

static bool names(const json_t *out, const char *function)
{
    json_t *frames = json_object_get(out, "backtrace");
    for (size_t i = 0; i < json_array_size(frames); i++)
        if (strstr(json_string_value(json_array_get(frames, i)), function) != NULL)
            return true;
    return false;
}

static void test_crash_guard_each_way_to_die_keeps_its_signal_and_names_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        AUTO_CLOSE int page = crash_page_new();
        assert_true(page >= 0);
        int status = die(ways[i].fault, page);
        if (!WIFSIGNALED(status) || (ways[i].signal != 0 && WTERMSIG(status) != ways[i].signal))
            fail_msg("%s: status %x, expected signal %d", ways[i].name, (unsigned)status, ways[i].signal);
        struct crash_head head;
        bool whole = crash_page_read(page, &head);
        assert_string_equal(head.words, "my last words");
        if (ways[i].frame == NULL)
            continue;
        if (!whole || head.signal != ways[i].signal || head.stack_bytes == 0 || head.maps_bytes == 0)
            fail_msg("%s: no whole snapshot", ways[i].name);
        json_t *out = backtrace_of(page);
        if (!names(out, ways[i].frame)) {
            char *text = json_dumps(out, JSON_INDENT(1));
            fail_msg("%s: %s is not in %s", ways[i].name, ways[i].frame, text);
        }
        print_message("%s: signal %d, %zu frames, the first %s\n", ways[i].name, head.signal,
                      json_array_size(json_object_get(out, "backtrace")),
                      json_string_value(json_array_get(json_object_get(out, "backtrace"), 0)));
        json_decref(out);
    }
}

static void test_crash_page_read_lies_are_refused(void **state)
{
    (void)state;
    AUTO_CLOSE int page = crash_page_new();
    struct crash_head head = {.magic = CRASH_MAGIC, .signal = 11, .stack_bytes = CRASH_STACK_MAX + 1};
    memset(head.words, 'x', sizeof head.words);
    assert_int_equal(pwrite(page, &head, sizeof head, 0), sizeof head);
    struct crash_head read;
    assert_false(crash_page_read(page, &read));
    assert_int_equal(strlen(read.words), sizeof read.words - 1);
    assert_false(crash_page_read(-1, &read));
    json_t *out = backtrace_of(page);
    assert_non_null(json_object_get(out, "no_backtrace"));
    json_decref(out);
}

static void test_backtrace_of_a_page_of_nonsense_ends_well(void **state)
{
    (void)state;
    AUTO_CLOSE int page = crash_page_new();
    static unsigned char noise[CRASH_BYTES];
    for (unsigned seed = 1; seed <= 20; seed++) {
        uint32_t x = seed * 2654435761u;
        for (size_t i = 0; i < sizeof noise; i++) {
            x = x * 1664525u + 1013904223u;
            noise[i] = (unsigned char)(x >> 24);
        }
        struct crash_head head = {.magic = CRASH_MAGIC, .signal = 11, .stack_bytes = CRASH_STACK_MAX, .maps_bytes = 4096,
                                  .stack_at = 0x7ffc00000000u};
        memcpy(head.registers, noise, sizeof head.registers);
        head.registers[7] = head.stack_at + 64;
        memcpy(noise, &head, sizeof head);
        if (seed % 2 == 0) { /* a list of mapped files that could be one, but names what must not be read */
            const char *maps = "00400000-7fff00000000 r-xp 00000000 00:00 7 /dev/zero\n"
                               "7fff00000000-7fff10000000 r-xp 00000000 00:00 8 /proc/self/mem\n";
            memcpy(noise + CRASH_MAPS_AT, maps, strlen(maps) + 1);
        }
        assert_int_equal(pwrite(page, noise, sizeof noise, 0), sizeof noise);
        json_decref(backtrace_of(page));
    }
}

int main(void)
{
#ifdef STINT_SANITIZED
    print_message("skip - test_crash_guard: under a sanitizer only SIGSYS is taken, which test_parser_cell sees\n");
    return 0;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_guard_each_way_to_die_keeps_its_signal_and_names_its_place),
        cmocka_unit_test(test_crash_page_read_lies_are_refused),
        cmocka_unit_test(test_backtrace_of_a_page_of_nonsense_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
