/*
 * The attacker who owns a cell: code inside it tries what a taken-over parser would try, each attempt in a cell of its own, and fails. Nothing
 * is mocked: real zygote, real walls. After each round a cell that was there before it still lives, so does the zygote, and the next
 * document parses.
 */
#include "parser_client_uv.h"

#include "clock.h"
#include "sandbox.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { MIB = 1 << 20, CALLS_END = 480, URETPROBE = 335, UPROBE = 336, REPLY_BYTES = 1 * MIB, GOOD_ROWS = 5 };
/* init, the sibling and as many spares as ran at once; and besides those at work or ending */
enum { CHILDREN_AT_REST = 4, CHILDREN_MAX = 1 + 3 * PARSER_CELLS_MAX };

static uv_loop_t loop;
static struct parser_client *client;
static int zygote;
static size_t tried;
static char folder[64];
static char *good;
static size_t good_size;

struct answer {
    bool done;
    int code;
    char message[ERR_MESSAGE_MAX];
    json_t *reply;
};

static void on_done(void *arg, const struct parser_outcome *o)
{
    struct answer *a = arg;
    a->done = true;
    a->code = o->code;
    (void)snprintf(a->message, sizeof a->message, "%s", o->e.message);
    a->reply = o->reply != NULL ? json_incref(o->reply) : NULL;
}

static struct parser_request request_of(enum parser_probe probe, const char *text)
{
    struct parser_request r = {.memory_bytes = 64 * (uint64_t)MIB, .cpu_s = 1, .wall_ms = 20000, .reply_bytes = REPLY_BYTES, .max_pages = 10,
                               .probe = probe, .expect = "auto"};
    assert_true(strlen(text) < sizeof r.password);
    (void)snprintf(r.password, sizeof r.password, "%s", text);
    return r;
}

static uint64_t begin(const struct parser_request *request, int document, struct answer *a)
{
    struct parser_request r = *request;
    struct err e = {0};
    uint64_t id = 0;
    *a = (struct answer){0};
    assert_int_equal(parser_client_parse(client, &r, document, on_done, a, &id, &e), 0);
    return id;
}

static int document_of(const void *bytes, size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    return fd;
}

static void wait_for(struct answer *a)
{
    while (!a->done)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static struct answer attack_with(const struct parser_request *r)
{
    struct answer a;
    AUTO_CLOSE int fd = document_of("%PDF-1.4", 8);
    (void)begin(r, fd, &a);
    wait_for(&a);
    tried++;
    return a;
}

static struct answer attack(enum parser_probe probe, const char *text)
{
    struct parser_request r = request_of(probe, text);
    return attack_with(&r);
}

static void expect_end(const char *what, struct answer a, int code, const char *says)
{
    if (a.code != code || strstr(a.message, says) == NULL)
        fail_msg("%s: %s %s; expected %s \"%s\"", what, err_name(a.code), a.message, err_name(code), says);
    json_decref(a.reply);
}

static long number(const struct answer *a, const char *name)
{
    assert_non_null(a->reply);
    return (long)json_integer_value(json_object_get(a->reply, name));
}

/* --- the sibling, the zygote and the next document --- */

static struct answer sibling;
static uint64_t sibling_id;

static int round_begins(void **state)
{
    struct parser_request r = request_of(PARSER_PROBE_HANG, "");
    AUTO_CLOSE int fd = document_of("%PDF-1.4", 8);
    (void)state;
    r.wall_ms = 280000;
    sibling_id = begin(&r, fd, &sibling);
    return 0;
}

static int round_ends(void **state)
{
    struct answer a;
    struct parser_request r = request_of(PARSER_PROBE_NONE, "");
    AUTO_CLOSE int fd = document_of(good, good_size);
    (void)state;
    r.cpu_s = 20;
    (void)begin(&r, fd, &a);
    wait_for(&a);
    assert_int_equal(a.code, 0);
    assert_int_equal(json_integer_value(json_object_get(a.reply, "rows_parsed")), GOOD_ROWS);
    json_decref(a.reply);
    assert_false(sibling.done);
    parser_client_cancel(client, sibling_id);
    wait_for(&sibling);
    assert_int_equal(sibling.code, ERR_CANCELLED);
    assert_int_equal(parser_client_pid(client), zygote);
    return 0;
}

/* --- system calls --- */

/* The list once more, told independently of parser/cell_walls.c: a call that is let in there and not here fails this test. */
static const int allowed[] = {SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_write, SYS_pwrite64, SYS_pread64, SYS_sysinfo, SYS_exit_group,
                              SYS_madvise, SYS_futex, SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_gettid, SYS_getrusage, SYS_rt_sigprocmask, SYS_tgkill};

static bool is_allowed(int nr)
{
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (allowed[i] == nr)
            return true;
#ifdef STINT_SANITIZED
    static const int more[] = {SYS_mprotect, SYS_sigaltstack, SYS_getrusage, SYS_prctl, SYS_sched_getaffinity, SYS_open, SYS_readlink, SYS_stat};
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (more[i] == nr)
            return true;
#endif
    return false;
}

static void test_cell_every_other_system_call_is_refused_by_name(void **state)
{
    size_t before = tried;
    (void)state;
    for (int nr = 0; nr < CALLS_END; nr++) {
        char text[32], name[64];
        if (is_allowed(nr))
            continue;
        (void)snprintf(text, sizeof text, "%d S S S S S S", nr);
        struct answer a = attack(PARSER_PROBE_CALL, text);
        if (nr == URETPROBE || nr == UPROBE) { /* Linux lets its own probes' calls past every filter, and fails them for anybody else */
            if (a.code == 0 && number(&a, "returned") != -1)
                fail_msg("%d: let", nr);
            json_decref(a.reply);
            continue;
        }
        expect_end(text, a, ERR_SANDBOX_VIOLATION, sandbox_syscall_name(nr, name, sizeof name));
    }
    print_message("%zu system calls refused, each in a cell of its own\n", tried - before);
}

static void test_cell_allowed_calls_with_other_arguments_are_refused(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
#ifndef STINT_SANITIZED
        {"9 0 4096 7 0x22 -1 0", "mmap"},      /* executable */
        {"9 0 4096 4 0x22 -1 0", "mmap"},      /* executable alone */
        {"9 0 4096 3 0x01 4 0", "mmap"},       /* the reply, shared */
        {"9 0 4096 3 0x02 4 0", "mmap"},       /* the reply, private */
        {"9 0 4096 3 0x21 -1 0", "mmap"},      /* shared with nobody */
        {"9 S 4096 3 0x32 -1 0", "mmap"},      /* over what is there */
        {"9 0 4096 3 0x4022 -1 0", "mmap"},    /* without reserve */
        {"9 0 0x200000 3 0x40022 -1 0", "mmap"}, /* huge pages */
        {"28 S 4096 8", "madvise"},            /* MADV_FREE and all others: */
        {"28 S 4096 12", "madvise"},           /* mergeable: what others hold could be timed */
        {"28 S 4096 100", "madvise"},          /* poison */
        {"28 S 4096 14", "madvise"},
        {"10 S 4096 7", "mprotect"},
        {"10 S 4096 3", "mprotect"},
#endif
        {"25 S 4096 4096 3 S", "mremap"},      /* over what is there */
        {"25 S 4096 4096 5 S", "mremap"},
        {"202 S 6 0 0 0 0", "futex"},          /* locks with owners, requeues, waits on several */
        {"202 S 3 0 0 0 0", "futex"},
        {"202 S 4 0 0 0 0", "futex"},
        {"202 S 11 0 0 0 0", "futex"},
        {"202 S 12 0 0 0 0", "futex"},
        {"234 1 1 9", "tgkill"},               /* the first process of its namespace */
        {"234 2 2 9", "tgkill"},
        {"234 -1 -1 9", "tgkill"},
        {"234 0 0 9", "tgkill"},
        {"0x40000001 2 S 1", "system call"},   /* by the numbers of x32 */
        {"0x40000208 S S S", "system call"},
        {"-1", "system call"},
        {"0x7fffffff", "system call"},
    };
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = attack(PARSER_PROBE_CALL, cases[i].text);
        if (strcmp(cases[i].name, "system call") == 0 && a.code == ERR_SANDBOX_VIOLATION)
            continue;
        expect_end(cases[i].text, a, ERR_SANDBOX_VIOLATION, cases[i].name);
    }
}

static void test_cell_calls_of_32_bit_programs_end_it(void **state)
{
    static const char *const numbers[] = {"1", "2", "5", "11", "20", "120", "26", "102", "359", "500"};
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        expect_end(numbers[i], attack(PARSER_PROBE_COMPAT, numbers[i]), ERR_SANDBOX_VIOLATION, "system call");
}

/* --- what is allowed and does not serve --- */

static void test_cell_allowed_calls_reach_nothing(void **state)
{
    static const char *const failing[] = {
        "1 0 S 1", "1 1 S 1", "1 3 S 1", "18 0 S 1 0", "18 3 S 1 0", "18 5 S 1 0", "17 3 S 1 0", /* descriptors it had once */
        "18 4 S 4096 0x10000000000",             /* its reply at 1 TiB */
        "18 4 S 4096 0x100000",                  /* … and right behind its bound */
        "18 4 S 4096 -4096",
        "9 0 0x40000000 3 0x22 -1 0",            /* 1 GiB of memory */
        "9 0 0x7fff00000000 3 0x22 -1 0",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(failing); i++) {
#ifdef STINT_SANITIZED
        if (failing[i][0] == '9')
            continue; /* no limit of addresses there */
#endif
        struct answer a = attack(PARSER_PROBE_CALL, failing[i]);
        if (a.code != 0 || number(&a, "returned") != -1)
            fail_msg("%s: %s %s", failing[i], err_name(a.code), a.message);
        json_decref(a.reply);
    }
    struct answer fds = attack(PARSER_PROBE_FDS, "");
#ifdef STINT_SANITIZED
    assert_in_range(number(&fds, "count"), 3, 4); /* and where the runtime reports, which may be for writing only */
#else
    assert_int_equal(number(&fds, "count"), 3); /* the reply, its notes, and where it says that it is done */
#endif
    json_decref(fds.reply);
}

/* --- one wall gone: the filter --- */

static void test_cell_without_its_filter_reaches_nothing_either(void **state)
{
    static const char *const failing[] = {
        "2 D 0", "257 -100 D 0", "85 D 0600", "83 D 0700", "4 D S", "161 D", "80 D",       /* open, openat, creat, mkdir, stat, chroot, chdir */
        "41 2 1 0", "41 1 1 0", "41 16 3 0", "53 1 1 0 S", "22 S", "319 S 0", "290 0 0",   /* sockets, pipes, memory files, eventfd */
        "57", "58", "56 0x10000000", "435 S 88", "59 D 0 0", "322 -1 D 0 0 0x1000",        /* fork, vfork, clone, clone3, execve, execveat */
        "425 8 S", "321 0 S 128", "323 0", "298 S 0 -1 -1 0", "248 S S S 0 -1",            /* io_uring, bpf, userfaultfd, perf, add_key */
        "308 -1 0", "165 0 D 0 0 0", "155 D D", "428 -100 D 0", "430 D 0",                 /* setns, mount, pivot_root, open_tree, fsopen */
        "105 0", "106 0", "117 0 0 0", "170 S 4", "169 0xfee1dead 672274793 0x1234567 0", /* setuid, setgid, setresuid, sethostname, reboot */
        "175 S 0 S", "304 -1 S 0", "101 16 1 0 0", "438 0 0 0",                 /* setrlimit NOFILE, init_module, …, pidfd_getfd */
        "272 0x02000000", "250 0 0 0 0 0",
    };
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(failing); i++) {
        struct answer a = attack(PARSER_PROBE_BARE_CALL, failing[i]);
        if (a.code != 0 || number(&a, "returned") >= 0)
            fail_msg("%s: %s %s, returned %ld", failing[i], err_name(a.code), a.message, a.code == 0 ? number(&a, "returned") : 0);
        json_decref(a.reply);
    }
}

static void test_cell_without_its_filter_cannot_touch_other_processes(void **state)
{
    /* kill, tgkill, ptrace attach, seize, process_vm_readv and writev, pidfd_open, kcmp of each pid it could name */
    static const char *const failing[] = {"62 P 9", "234 P P 9", "101 16 P 0 0", "101 0x4206 P 0 0", "310 P V 1 V 1 0", "311 P V 1 V 1 0", "434 P 0", "312 P P 0 0 0"};
    (void)state;
#ifndef __x86_64__
    skip();
#endif
    for (size_t i = 0; i < ARRAY_LEN(failing); i++) {
        struct answer a = attack(PARSER_PROBE_BARE_SWEEP, failing[i]);
        if (a.code != 0 || number(&a, "count") != 0)
            fail_msg("%s: %s %s reached %ld", failing[i], err_name(a.code), a.message, a.code == 0 ? number(&a, "count") : -1);
        json_decref(a.reply);
    }
}

/* --- its reply --- */

static void test_cell_replies_of_its_own_making_are_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"0x53504432 0 0 x", "JSON object"},          {"0 10 1 {\"type\":1}", "whole reply"},
        {"0x53504432 0xffffffff 1 {}", "whole reply"}, {"0x53504432 0xfffffff8 1 {}", "whole reply"},
        {"0x53504432 1048569 1 {}", "whole reply"},    {"0x53504432 1048568 1 {}", "JSON object"},
        {"0x53504432 400000 400000 [", "nested"},      {"0x53504432 600000 100000 {\"a\":", "nested"},
        {"0x53504432 900000 300000 [],", "nested"},    {"0x53504432 900000 450000 1,", "divided"},
        {"0x53504432 2 1 []", "JSON object"},          {"0x53504432 3 1 {}x", "JSON object"},
        {"0x53504432 13 1 {\"a\":1,\"a\":2}", "JSON object"}, {"0x53504432 9 1 {\"a\":\"\xff\"}", "JSON object"},
        {"0x53504432 15 1 {\"a\":\"\\ud800\"} ", "JSON object"}, {"0x53504432 14 1 {\"a\":\"\\u0000\"}", "JSON object"},
        {"0x53504432 11 1 {\"a\":1e999}", "JSON object"}, {"0x53504432 28 1 {\"a\":99999999999999999999}  ", "JSON object"},
        {"0x53504432 7 1 {\"a\":1}", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = attack(PARSER_PROBE_REPLY, cases[i].text);
        bool last = i + 1 == ARRAY_LEN(cases); /* the one that is JSON: what it says is for pdf_result to judge */
        expect_end(cases[i].text, a, last ? 0 : ERR_BAD_REPLY, last ? "" : cases[i].says);
    }
    expect_end("no reply", attack(PARSER_PROBE_CALL, "231 0"), ERR_BAD_REPLY, "whole reply");
    expect_end("notes without end", attack(PARSER_PROBE_NOTES, ""), ERR_BAD_REPLY, "whole reply");
    expect_end("zeros without end", attack(PARSER_PROBE_WRITE, ""), ERR_CORRUPT_PDF, "");
    expect_end("exit code 71", attack(PARSER_PROBE_CALL, "231 71"), ERR_MEM_LIMIT, "");
    expect_end("exit code 200", attack(PARSER_PROBE_CALL, "231 200"), ERR_CRASH, "200");
}

/* --- its resources --- */

static void test_cell_that_will_not_end_is_ended(void **state)
{
    (void)state;
    expect_end("spins", attack(PARSER_PROBE_SPIN, ""), ERR_CPU_LIMIT, "CPU");
    expect_end("spins with every signal blocked", attack(PARSER_PROBE_DEAF, ""), ERR_CPU_LIMIT, "CPU");
    expect_end("takes memory", attack(PARSER_PROBE_ALLOC, ""), ERR_MEM_LIMIT, "memory");
    expect_end("takes stack", attack(PARSER_PROBE_OVERFLOW, ""), ERR_CRASH, "SIG");
    struct parser_request r = request_of(PARSER_PROBE_HANG, "");
    r.wall_ms = 200;
    expect_end("never answers", attack_with(&r), ERR_TIMEOUT, "ms");
    r = request_of(PARSER_PROBE_CALL, "234 P P 19");
    r.wall_ms = 200;
    expect_end("stops itself", attack_with(&r), ERR_TIMEOUT, "ms");
    expect_end("kills itself", attack(PARSER_PROBE_CALL, "234 P P 9"), ERR_CRASH, "SIGKILL");
}

static void test_cell_document_stays_as_it_was(void **state)
{
    struct answer a;
    struct stat st;
    (void)state;
    AUTO_CLOSE int fd = document_of(good, good_size);
    struct parser_request r = request_of(PARSER_PROBE_DOCUMENT, "");
    (void)begin(&r, fd, &a);
    wait_for(&a);
    tried++;
    expect_end("writes its document", a, ERR_CRASH, "SIG");
    AUTO_FREE char *now = malloc(good_size);
    assert_non_null(now);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, (off_t)good_size);
    assert_int_equal(pread(fd, now, good_size, 0), (ssize_t)good_size);
    assert_memory_equal(now, good, good_size);
}

static void test_cell_knows_no_password_of_before(void **state)
{
    (void)state;
#ifdef STINT_SANITIZED
    skip(); /* the runtime takes the search for the overrun that it is */
#endif
    for (int i = 0; i < 3; i++) {
        struct answer a;
        struct parser_request r = request_of(PARSER_PROBE_NONE, "Correct-Horse-Battery");
        AUTO_CLOSE int fd = document_of("%PDF-1.4", 8);
        (void)begin(&r, fd, &a);
        wait_for(&a);
        json_decref(a.reply);
        a = attack(PARSER_PROBE_SECRETS, "Dpssfdu.Ipstf.Cbuufsz");
        assert_int_equal(a.code, 0);
        assert_int_equal(number(&a, "count"), 0);
        json_decref(a.reply);
    }
}

static size_t zygote_children(void)
{
    char path[64], text[1024] = "";
    size_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", zygote, zygote);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    for (const char *at = text; (at = strchr(at, ' ')) != NULL; at++)
        n++;
    return n;
}

/* Each blocks every signal, spins and rewrites its reply after it said that it is whole. */
static void test_cell_that_says_done_and_goes_on_is_ended(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct answer a = attack(PARSER_PROBE_DONE, "done");
        if (a.code != 0 || (number(&a, "returned") != 7 && number(&a, "returned") != 8))
            fail_msg("%s %s", err_name(a.code), a.message);
        json_decref(a.reply);
        assert_in_range(zygote_children(), 1, CHILDREN_MAX);
    }
    expect_end("done without a reply", attack(PARSER_PROBE_DONE, "early"), ERR_BAD_REPLY, "whole reply");
    for (uint64_t deadline = clock_mono_ms() + 60000; zygote_children() > CHILDREN_AT_REST; (void)poll(NULL, 0, 1))
        if (clock_mono_ms() >= deadline)
            fail_msg("%zu children are left", zygote_children());
    struct parser_request r = request_of(PARSER_PROBE_DONE, "babble");
    r.wall_ms = 200;
    expect_end("says anything", attack_with(&r), ERR_TIMEOUT, "ms");
}

/* The zygote's youngest child beside the first process of the cells' namespace: a cell that waits for its document. */
static pid_t spare_of_zygote(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", zygote, zygote);
    for (uint64_t deadline = clock_mono_ms() + 60000; clock_mono_ms() < deadline; (void)poll(NULL, 0, 1)) {
        char text[512] = "";
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
        *strrchr(text, ' ') = '\0'; /* the list ends in a blank */
        const char *at = strrchr(text, ' ');
        if (at != NULL)
            return (pid_t)strtol(at, NULL, 10);
    }
    fail_msg("no cell waits for a document");
    return 0;
}

static void test_cell_spares_killed_are_replaced(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kill(spare_of_zygote(), SIGKILL), 0);
        expect_end("the next document", attack(PARSER_PROBE_NONE, ""), ERR_CORRUPT_PDF, "");
    }
}

static int open_client(void **state)
{
    char path[4096], line[512];
    struct err e = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/bin:%s", getenv("STINT_BUILD"), getenv("PATH"));
    (void)setenv("PATH", path, 1);
    (void)snprintf(folder, sizeof folder, "/tmp/stint-attack-XXXXXX");
    if (mkdtemp(folder) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    (void)snprintf(line, sizeof line, "stint-pdfgen --kind lecture --rows %d --seed 1 --out %s/good.pdf", GOOD_ROWS, folder);
    assert_int_equal(system(line), 0);
    (void)snprintf(line, sizeof line, "%s/good.pdf", folder);
    struct stat st;
    AUTO_CLOSE int fd = open(line, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    good_size = (size_t)st.st_size;
    good = malloc(good_size);
    assert_non_null(good);
    assert_int_equal(read(fd, good, good_size), st.st_size);
    int rc = parser_client_new(&loop, "", &client, &e);
    if (rc < 0)
        print_error("%s\n", e.message);
    else
        print_message("%s\n", parser_client_walls(client));
    zygote = rc < 0 ? 0 : parser_client_pid(client);
    return rc;
}

static int close_client(void **state)
{
    char line[128];
    (void)state;
    print_message("%zu attacks tried\n", tried);
    (void)snprintf(line, sizeof line, "rm -rf %s", folder);
    (void)!system(line);
    parser_client_close(client);
    free(good);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

#define ROUND(test) cmocka_unit_test_setup_teardown(test, round_begins, round_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUND(test_cell_every_other_system_call_is_refused_by_name),
        ROUND(test_cell_allowed_calls_with_other_arguments_are_refused),
        ROUND(test_cell_calls_of_32_bit_programs_end_it),
        ROUND(test_cell_allowed_calls_reach_nothing),
        ROUND(test_cell_without_its_filter_reaches_nothing_either),
        ROUND(test_cell_without_its_filter_cannot_touch_other_processes),
        ROUND(test_cell_replies_of_its_own_making_are_refused),
        ROUND(test_cell_that_will_not_end_is_ended),
        ROUND(test_cell_that_says_done_and_goes_on_is_ended),
        ROUND(test_cell_document_stays_as_it_was),
        ROUND(test_cell_knows_no_password_of_before),
        cmocka_unit_test(test_cell_spares_killed_are_replaced),
    };
    return cmocka_run_group_tests_name("cell_attacks", tests, open_client, close_client);
}
