/*
 * The parser through its worker's client: generated timetables against their ground truth, walls against a cell that misbehaves, and
 * mutated files. Nothing here is mocked: real zygote, real cells.
 */
#include "parser_client_uv.h"

#include "pdf_result.h"
#include "sandbox.h"
#include "spawn.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { MUTATIONS = 300, MIB = 1 << 20 };
#ifdef STINT_SANITIZED
static const char bad_access[] = "SIGABRT"; /* once the sanitizer's report is written */
#else
static const char bad_access[] = "SIGSEGV";
#endif

static uv_loop_t loop;
static struct parser_client *client;
static char folder[64];
static bool dead_parsers, dead_is_awaited;

struct answer {
    bool done, cancelled;
    int code;
    char message[ERR_MESSAGE_MAX];
    json_t *reply;
};

static void on_done(void *arg, const struct parser_outcome *o)
{
    struct answer *a = arg;
    a->done = true;
    a->code = o->code;
    a->cancelled = o->cancelled;
    (void)snprintf(a->message, sizeof a->message, "%s", o->e.message);
    a->reply = o->reply != NULL ? json_incref(o->reply) : NULL;
}

static struct parser_request request_default(void)
{
    return (struct parser_request){.memory_bytes = 256 * (uint64_t)MIB, .cpu_s = 20, .wall_ms = 20000, .reply_bytes = 16 * MIB, .max_pages = 100,
                                   .expect = "auto"};
}

static void parse_bytes(const void *bytes, size_t size, struct parser_request request, uint64_t cancel_now, struct answer *a)
{
    struct err e = {0};
    uint64_t id = 0;
    *a = (struct answer){0};
    AUTO_CLOSE int fd = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(parser_client_parse(client, &request, fd, on_done, a, &id, &e), 0);
    if (cancel_now != 0)
        parser_client_cancel(client, id);
    while (!a->done)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static char *slurp(const char *path, size_t *ret_size)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

/* Stands for spawn_exec in this program (see tests/CMakeLists.txt): the parser may be one that ends at once, before it is sent anything. */
int __real_spawn_exec(const struct spawn *s, pid_t *ret_pid, struct err *e);
int __wrap_spawn_exec(const struct spawn *s, pid_t *ret_pid, struct err *e);
int __wrap_spawn_exec(const struct spawn *s, pid_t *ret_pid, struct err *e)
{
    struct spawn dead = *s;
    siginfo_t end;
    if (!dead_parsers)
        return __real_spawn_exec(s, ret_pid, e);
    dead.path = "/bin/false";
    int rc = __real_spawn_exec(&dead, ret_pid, e);
    if (rc == 0 && dead_is_awaited)
        assert_int_equal(waitid(P_PID, (id_t)*ret_pid, &end, WEXITED | WNOWAIT), 0);
    return rc;
}

static void run(const char *format, ...) PRINTF_LIKE(1, 2);
static void run(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(system(line), 0);
}

/* Compares every field the truth has, event by event, in order. */
static size_t expect_truth(const json_t *reply, const char *truth_path)
{
    json_t *truth = json_load_file(truth_path, 0, NULL);
    const json_t *want = json_object_get(truth, "events"), *got = json_object_get(reply, "events");
    size_t fields = 0;
    assert_non_null(truth);
    assert_int_equal(json_array_size(got), json_array_size(want));
    assert_int_equal(json_integer_value(json_object_get(reply, "rows_seen")), json_integer_value(json_object_get(truth, "rows")));
    assert_int_equal(json_integer_value(json_object_get(reply, "rows_parsed")), json_integer_value(json_object_get(truth, "rows")));
    for (size_t i = 0; i < json_array_size(want); i++) {
        const char *name;
        json_t *value;
        json_object_foreach(json_array_get(want, i), name, value) {
            if (!json_equal(value, json_object_get(json_array_get(got, i), name)))
                fail_msg("%s event %zu %s: %s, not %s", truth_path, i, name,
                         json_dumps(json_object_get(json_array_get(got, i), name), JSON_ENCODE_ANY), json_dumps(value, JSON_ENCODE_ANY));
            fields++;
        }
    }
    json_decref(truth);
    return fields;
}

static void expect_file(const char *path, const char *truth, size_t *fields)
{
    struct answer a;
    size_t size = 0;
    AUTO_FREE char *bytes = slurp(path, &size);
    parse_bytes(bytes, size, request_default(), 0, &a);
    if (a.code != 0)
        fail_msg("%s: %s %s", path, err_name(a.code), a.message);
    *fields += expect_truth(a.reply, truth);
    json_decref(a.reply);
}

static void test_parser_generated_documents_equal_their_truth(void **state)
{
    static const char *const kinds[] = {"lecture", "test", "exam"}, *const producers[] = {"portal", "browser", "reportlab"};
    static const char *const variants[] = {"--rows 14 --seed 1", "--rows 40 --seed 2", "--rows 75 --seed 3", "--rows 25 --middle --seed 4",
                                           "--rows 25 --no-rules --seed 5", "--rows 31 --shift 6.7 --seed 6"};
    size_t fields = 0, documents = 0;
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t p = 0; p < ARRAY_LEN(producers); p++)
            for (size_t v = 0; v < ARRAY_LEN(variants); v++) {
                char pdf[128], truth[128];
                (void)snprintf(pdf, sizeof pdf, "%s/%zu%zu%zu.pdf", folder, k, p, v);
                (void)snprintf(truth, sizeof truth, "%s/%zu%zu%zu.json", folder, k, p, v);
                run("%s/bin/stint-pdfgen --kind %s --producer %s %s --out %s --truth %s", getenv("STINT_BUILD"), kinds[k], producers[p],
                    variants[v], pdf, truth);
                expect_file(pdf, truth, &fields);
                documents++;
            }
    print_message("%zu documents, %zu fields equal\n", documents, fields);
}

static void test_parser_encrypted_with_empty_password_is_read(void **state)
{
    char pdf[128], truth[128], locked[128];
    size_t fields = 0;
    (void)state;
    (void)snprintf(pdf, sizeof pdf, "%s/e.pdf", folder);
    (void)snprintf(truth, sizeof truth, "%s/e.json", folder);
    (void)snprintf(locked, sizeof locked, "%s/l.pdf", folder);
    run("%s/bin/stint-pdfgen --kind exam --rows 33 --out %s --truth %s", getenv("STINT_BUILD"), pdf, truth);
    static const char *const how[] = {"40", "128 --use-aes=n", "128 --use-aes=y", "256"};
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        run("qpdf --allow-weak-crypto --encrypt '' owner %s -- %s %s", how[i], pdf, locked);
        expect_file(locked, truth, &fields);
    }
}

static void test_parser_cell_that_misbehaves_is_named(void **state)
{
    static const struct {
        enum parser_probe probe;
        int code;
        const char *says;
    } cases[] = {{PARSER_PROBE_OPEN, ERR_SANDBOX_VIOLATION, "openat"}, {PARSER_PROBE_SOCKET, ERR_SANDBOX_VIOLATION, "socket"},
                 {PARSER_PROBE_FORK, ERR_SANDBOX_VIOLATION, "clone"},  {PARSER_PROBE_SPIN, ERR_CPU_LIMIT, "CPU"},
                 {PARSER_PROBE_ALLOC, ERR_MEM_LIMIT, "memory"},        {PARSER_PROBE_CRASH, ERR_CRASH, bad_access},
                 {PARSER_PROBE_HANG, ERR_TIMEOUT, "ms"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a;
        struct parser_request r = request_default();
        r.probe = cases[i].probe;
        r.cpu_s = 1;
        r.wall_ms = cases[i].probe == PARSER_PROBE_HANG ? 200 : 20000;
        r.memory_bytes = 64 * (uint64_t)MIB;
        parse_bytes("%PDF-1.4", 8, r, 0, &a);
        if (a.code != cases[i].code || strstr(a.message, cases[i].says) == NULL)
            fail_msg("probe %zu: %s %s", i, err_name(a.code), a.message);
    }
}

static void test_parser_cancel_kills_the_cell(void **state)
{
    struct answer a;
    struct parser_request r = request_default();
    (void)state;
    r.probe = PARSER_PROBE_HANG;
    parse_bytes("%PDF-1.4", 8, r, 1, &a);
    assert_true(a.cancelled);
    assert_int_equal(a.code, ERR_CANCELLED);
}

static void test_parser_zygote_killed_is_started_again(void **state)
{
    struct answer a;
    (void)state;
    assert_int_equal(kill(parser_client_pid(client), SIGKILL), 0);
    parse_bytes("no pdf", 6, request_default(), 0, &a);
    if (a.code == ERR_CRASH) /* its death was noticed with the document in hand */
        parse_bytes("no pdf", 6, request_default(), 0, &a);
    assert_int_equal(a.code, ERR_NOT_PDF);
}

/* Whether it was gone before a document was sent, or took one with it: the parser did not start. */
static void test_parser_that_ends_at_once_is_a_boot_failure(void **state)
{
    (void)state;
    dead_parsers = true;
    assert_int_equal(kill(parser_client_pid(client), SIGKILL), 0);
    for (int i = 0; i < 20; i++) {
        struct answer a = {0};
        struct err e = {0};
        struct parser_request r = request_default();
        uint64_t id = 0;
        AUTO_CLOSE int fd = memfd_create("test", MFD_CLOEXEC);
        dead_is_awaited = i % 2 == 0;
        if (i == 0) /* the one that lived is gone for sure, and not yet noticed */
            assert_int_equal(waitid(P_PID, (id_t)parser_client_pid(client), &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
        int rc = parser_client_parse(client, &r, fd, on_done, &a, &id, &e);
        assert_true(rc == 0 || !a.done);
        while (rc == 0 && !a.done)
            (void)uv_run(&loop, UV_RUN_ONCE);
        if (dead_is_awaited)
            assert_int_equal(rc, ERR_BOOT_FAILURE);
        assert_int_equal(rc < 0 ? rc : a.code, ERR_BOOT_FAILURE);
        assert_non_null(strstr(rc < 0 ? e.message : a.message, "does not start"));
    }
    dead_parsers = false;
    struct answer a;
    parse_bytes("no pdf", 6, request_default(), 0, &a);
    assert_int_equal(a.code, ERR_NOT_PDF);
}

static void test_parser_damaged_documents_end_in_a_name(void **state)
{
    char pdf[128];
    struct answer a;
    size_t size = 0, parsed = 0, failed = 0;
    uint64_t random = 7;
    (void)state;
    (void)snprintf(pdf, sizeof pdf, "%s/m.pdf", folder);
    run("%s/bin/stint-pdfgen --kind lecture --rows 20 --out %s", getenv("STINT_BUILD"), pdf);
    AUTO_FREE char *bytes = slurp(pdf, &size);
    AUTO_FREE char *copy = malloc(size);
    assert_non_null(copy);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t length = size;
        memcpy(copy, bytes, size);
        for (int k = 0; k < 1 + i % 40; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            copy[(random >> 33) % size] = (char)(random >> 20);
        }
        if (i % 7 == 0)
            length = (size_t)(random >> 35) % size;
        struct parser_request r = request_default();
        r.cpu_s = 3;
        parse_bytes(copy, length, r, 0, &a);
        if (a.code == 0)
            parsed++;
        else
            failed++;
        if (a.code != 0 && (a.code < ERR_SANDBOX_VIOLATION || a.code > ERR_EMPTY_FILE || a.code == ERR_SANDBOX_VIOLATION))
            fail_msg("mutation %d: %s %s", i, err_name(a.code), a.message);
        json_decref(a.reply);
    }
    print_message("%d mutations: %zu parsed, %zu named failures\n", MUTATIONS, parsed, failed);
}

static int open_client(void **state)
{
    char path[4096];
    struct err e = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/bin:%s", getenv("STINT_BUILD"), getenv("PATH"));
    (void)setenv("PATH", path, 1);
    (void)snprintf(folder, sizeof folder, "/tmp/stint-cell-XXXXXX");
    if (mkdtemp(folder) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    int rc = parser_client_new(&loop, "", &client, &e);
    if (rc < 0)
        print_error("%s\n", e.message);
    return rc;
}

static int close_client(void **state)
{
    (void)state;
    run("rm -rf %s", folder);
    parser_client_close(client);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parser_generated_documents_equal_their_truth),
        cmocka_unit_test(test_parser_encrypted_with_empty_password_is_read),
        cmocka_unit_test(test_parser_cell_that_misbehaves_is_named),
        cmocka_unit_test(test_parser_cancel_kills_the_cell),
        cmocka_unit_test(test_parser_zygote_killed_is_started_again),
        cmocka_unit_test(test_parser_that_ends_at_once_is_a_boot_failure),
        cmocka_unit_test(test_parser_damaged_documents_end_in_a_name),
    };
    return cmocka_run_group_tests_name("parser_cell", tests, open_client, close_client);
}
