/*
 * pdf_source: every way a path could leave its root, and every way a file could not be what it was when it was opened.
 */
#include "pdf_source.h"

#include "base64.h"
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static char folder[64], root[96], roots[300];
static bool has_openat2 = true;

static const char PDF[] = "%PDF-1.4\nstint test\n";

/* A path below the test's folder. */
static const char *in(const char *name)
{
    static char path[2][256];
    static size_t next;
    char *out = path[next++ % 2];
    (void)snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int make_tree(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/stint-source-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(root, sizeof root, "%s/root", folder);
    (void)snprintf(roots, sizeof roots, "%s/second, %s/", folder, root);
    assert_int_equal(mkdir(root, 0755) | mkdir(in("root/sub"), 0755) | mkdir(in("outside"), 0755) | mkdir(in("root2"), 0755), 0);
    put(in("root/a.pdf"), PDF);
    put(in("root/sub/b.pdf"), PDF);
    put(in("outside/secret.pdf"), PDF);
    put(in("root2/c.pdf"), PDF);
    put(in("root/empty.pdf"), "");
    put(in("root/text.pdf"), "no document");
    assert_int_equal(symlink("../outside/secret.pdf", in("root/link.pdf")), 0);
    assert_int_equal(symlink("a.pdf", in("root/inner.pdf")), 0);
    assert_int_equal(symlink("../outside", in("root/linked")), 0);
    assert_int_equal(symlink("sub", in("root/alias")), 0);
    assert_int_equal(symlink(root, in("rootlink")), 0);
    assert_int_equal(link(in("root/a.pdf"), in("root/hard.pdf")), 0);
    assert_int_equal(mkfifo(in("root/pipe.pdf"), 0644), 0);
    return 0;
}

static int drop_tree(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int get(const char *path, const char *where, int64_t max_bytes, struct pdf_input *ret, struct err *e)
{
    struct pdf_request r = {.source = path, .source_len = strlen(path), .size = -1, .max_bytes = max_bytes};
    struct pdf_sink sink;
    _Atomic bool stop = false;
    AUTO_CLOSE int fd = -1;
    uint64_t bytes;
    assert_int_equal(pdf_sink_open(&sink, &r, e), 0);
    int rc = pdf_source_open(&sink, where, &fd, &bytes, e);
    if (rc == 0)
        rc = pdf_source_copy(&sink, fd, &stop, ret, e);
    pdf_sink_close(&sink);
    return rc;
}

static void expect(const char *path, int code)
{
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    int rc = get(path, roots, 4096, &input, &e);
    if (rc != code)
        fail_msg("%s: %s, expected %s: %s", path, err_name(rc), err_name(code), e.message);
    if (code != 0)
        assert_int_equal(input.fd, -1);
    pdf_source_close(&input);
}

static void test_pdf_source_open_inside_is_read(void **state)
{
    (void)state;
    expect("a.pdf", 0);
    expect("./a.pdf", 0);
    expect("sub//b.pdf", 0);
    expect("sub/../a.pdf", has_openat2 ? 0 : ERR_SOURCE_REFUSED);
    expect(in("root/a.pdf"), 0);
    expect(in("root//sub/b.pdf"), 0);
    expect("hard.pdf", 0); /* the same file, under another name */
}

static void test_pdf_source_open_outside_is_refused(void **state)
{
    char absolute[256];
    (void)state;
    expect("../outside/secret.pdf", ERR_SOURCE_REFUSED);
    expect("sub/../../outside/secret.pdf", ERR_SOURCE_REFUSED);
    expect(in("outside/secret.pdf"), ERR_SOURCE_REFUSED);
    expect(in("root/../outside/secret.pdf"), ERR_SOURCE_REFUSED);
    expect(in("root2/c.pdf"), ERR_SOURCE_REFUSED); /* begins like the root */
    expect(root, ERR_SOURCE_REFUSED);
    expect("/etc/passwd", ERR_SOURCE_REFUSED);
    expect("/", ERR_SOURCE_REFUSED);
    expect("link.pdf", ERR_SOURCE_REFUSED);
    expect("inner.pdf", ERR_SOURCE_REFUSED);
    expect("linked/secret.pdf", ERR_SOURCE_REFUSED);
    expect("alias/b.pdf", ERR_SOURCE_REFUSED);
    (void)snprintf(absolute, sizeof absolute, "%s/linked/secret.pdf", root);
    expect(absolute, ERR_SOURCE_REFUSED);
    expect("..", ERR_SOURCE_REFUSED);
    expect("sub/../..", ERR_SOURCE_REFUSED);
}

static void test_pdf_source_open_what_is_no_file_is_refused(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    AUTO_CLOSE int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket.pdf", root);
    assert_int_equal(bind(s, (const struct sockaddr *)&address, sizeof address), 0);
    expect("pipe.pdf", ERR_SOURCE_REFUSED); /* and does not hang */
    expect("socket.pdf", ERR_SOURCE_REFUSED);
    expect("sub", ERR_SOURCE_REFUSED);
    expect("sub/", ERR_SOURCE_REFUSED);
    expect(".", ERR_SOURCE_REFUSED);
    expect("a.pdf/", ERR_SOURCE_MISSING);
    expect("a.pdf/b", ERR_SOURCE_MISSING);
    expect("missing.pdf", ERR_SOURCE_MISSING);
    expect("empty.pdf", ERR_EMPTY_FILE);
    expect("text.pdf", ERR_NOT_PDF);
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    expect(name, ERR_SOURCE_MISSING);
}

static void test_pdf_source_open_device_of_a_root_is_refused(void **state)
{
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    char self[64];
    (void)state;
    assert_int_equal(get("zero", "/dev", 4096, &input, &e), ERR_SOURCE_REFUSED);
    AUTO_CLOSE int fd = open(in("outside/secret.pdf"), O_RDONLY | O_CLOEXEC);
    (void)snprintf(self, sizeof self, "self/fd/%d", fd); /* a magic link, even below a root so unwise */
    assert_int_equal(get(self, "/proc", 4096, &input, &e), ERR_SOURCE_REFUSED);
    assert_int_equal(get("a.pdf", "", 4096, &input, &e), ERR_SOURCE_REFUSED);
    assert_non_null(strstr(e.message, "pdf.roots"));
}

static void test_pdf_source_open_root_may_be_a_link_of_the_operator(void **state)
{
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    (void)state;
    assert_int_equal(get("a.pdf", in("rootlink"), 4096, &input, &e), 0);
    pdf_source_close(&input);
    assert_int_equal(get("link.pdf", in("rootlink"), 4096, &input, &e), ERR_SOURCE_REFUSED);
}

static void test_pdf_source_open_sparse_giant_is_too_large_unread(void **state)
{
    (void)state;
    AUTO_CLOSE int fd = open(in("root/sparse.pdf"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, PDF, sizeof PDF - 1), sizeof PDF - 1);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    expect("sparse.pdf", ERR_TOO_LARGE);
}

/* Opened, then changed before it is copied: what arrives is one state of the file, whole, of its length. */
static void test_pdf_source_copy_file_changed_before_is_one_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct pdf_request r = {.source = "change.pdf", .size = -1, .max_bytes = 1 << 20};
        struct pdf_sink sink;
        struct pdf_input input = {.fd = -1};
        struct err e = {0};
        struct stat st;
        _Atomic bool stop = false;
        uint64_t bytes;
        AUTO_CLOSE int fd = -1;
        const char *path = in("root/change.pdf");
        put(path, PDF);
        assert_int_equal(pdf_sink_open(&sink, &r, &e), 0);
        assert_int_equal(pdf_source_open(&sink, roots, &fd, &bytes, &e), 0);
        AUTO_CLOSE int writer = open(path, O_WRONLY | O_CLOEXEC);
        if (i == 0)
            assert_int_equal(pwrite(writer, "x", 1, (off_t)bytes), 1);
        if (i == 1)
            assert_int_equal(ftruncate(writer, 12), 0);
        if (i == 2)
            assert_int_equal(pwrite(writer, "%PDF-2.0\nother doc!", 19, 0), 19);
        assert_int_equal(pdf_source_copy(&sink, fd, &stop, &input, &e), 0);
        assert_int_equal(fstat(writer, &st), 0);
        assert_int_equal(input.size, st.st_size);
        pdf_source_close(&input);
        pdf_sink_close(&sink);
    }
}

struct scribbler {
    char path[256];
    _Atomic bool stop;
    size_t rounds;
};

static void *scribble(void *arg)
{
    struct scribbler *s = arg;
    int fd = open(s->path, O_WRONLY | O_CLOEXEC);
    while (!s->stop) {
        (void)!pwrite(fd, "AAAA", 4, 4096);
        (void)!pwrite(fd, "BBBB", 4, 2 * 1024 * 1024);
        s->rounds++;
    }
    (void)close(fd);
    return NULL;
}

static void test_pdf_source_copy_file_written_meanwhile_is_unavailable(void **state)
{
    struct scribbler s = {.stop = false};
    pthread_t thread;
    size_t told = 0;
    (void)state;
    (void)snprintf(s.path, sizeof s.path, "%s/busy.pdf", root);
    put(s.path, PDF);
    assert_int_equal(truncate(s.path, 4 * 1024 * 1024), 0);
    assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
    for (int i = 0; i < 20; i++) {
        struct pdf_input input = {.fd = -1};
        struct err e = {0};
        int rc = get("busy.pdf", roots, 8 * 1024 * 1024, &input, &e);
        told += rc == ERR_SOURCE_UNAVAILABLE;
        assert_true(rc == 0 || rc == ERR_SOURCE_UNAVAILABLE);
        pdf_source_close(&input);
    }
    s.stop = true;
    (void)pthread_join(thread, NULL);
    assert_true(told > 0);
}

struct swapper {
    _Atomic bool stop;
    size_t rounds;
};

/* root/door is now a folder, now a link to the folder outside. */
static void *swap(void *arg)
{
    struct swapper *s = arg;
    char door[256], folder_name[256], link_name[256];
    (void)snprintf(door, sizeof door, "%s/door", root);
    (void)snprintf(folder_name, sizeof folder_name, "%s/door.folder", root);
    (void)snprintf(link_name, sizeof link_name, "%s/door.link", root);
    while (!s->stop) {
        (void)rename(folder_name, door);
        (void)rename(door, folder_name);
        (void)rename(link_name, door);
        (void)rename(door, link_name);
        s->rounds++;
    }
    return NULL;
}

static void test_pdf_source_open_swapped_folder_never_leaves_the_root(void **state)
{
    struct swapper s = {.stop = false};
    char path[256];
    pthread_t thread;
    size_t read_ok = 0, refused = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/door.folder", root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/door.folder/secret.pdf", root);
    put(path, "%PDF-1.4\ninside");
    (void)snprintf(path, sizeof path, "%s/door.link", root);
    assert_int_equal(symlink("../outside", path), 0);
    assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
    for (int i = 0; i < 4000; i++) {
        struct pdf_input input = {.fd = -1};
        struct err e = {0};
        char text[64] = "";
        int rc = get("door/secret.pdf", roots, 4096, &input, &e);
        if (rc == 0) {
            assert_true(pread(input.fd, text, sizeof text - 1, 0) > 0);
            assert_string_equal(text, "%PDF-1.4\ninside");
        }
        read_ok += rc == 0;
        refused += rc == ERR_SOURCE_REFUSED;
        pdf_source_close(&input);
    }
    s.stop = true;
    (void)pthread_join(thread, NULL);
    print_message("# %zu swaps; %zu times read inside, %zu times refused, never outside\n", s.rounds, read_ok, refused);
    assert_true(s.rounds > 0);
}

static int decode(const char *text, int64_t size, struct pdf_input *ret, struct err *e)
{
    struct pdf_request r = {.source = text, .source_len = strlen(text), .size = size, .max_bytes = 1 << 20};
    struct pdf_sink sink;
    _Atomic bool stop = false;
    assert_int_equal(pdf_sink_open(&sink, &r, e), 0);
    int rc = pdf_source_inline(&sink, &stop, ret, e);
    pdf_sink_close(&sink);
    return rc;
}

static void test_pdf_source_inline_forms_and_faults(void **state)
{
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    (void)state;
    static const char *const good[] = {"JVBERi0=", "JVBERi0", " JV BE\r\nRi0=\n", "JVBERi0=="};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(decode(good[i], 5, &input, &e), 0);
        assert_int_equal(input.size, 5);
        pdf_source_close(&input);
    }
    static const char *const bad[] = {"JVBER!0=", "JVBERi0=A", "JVBERi0AA", "JVBERi0\xc3\xbc"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(decode(bad[i], -1, &input, &e), ERR_BAD_PAYLOAD);
    assert_int_equal(decode("====", -1, &input, &e), ERR_EMPTY_FILE);
    assert_int_equal(decode("JVBERi0=", 6, &input, &e), ERR_HASH_MISMATCH);
    assert_int_equal(decode("aGFsbG8=", -1, &input, &e), ERR_NOT_PDF);
}

static void test_pdf_source_inline_large_text_is_the_same_bytes(void **state)
{
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    size_t len = 700001;
    (void)state;
    AUTO_FREE char *bytes = malloc(len), *back = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    memcpy(bytes, "%PDF-", 5);
    AUTO_FREE char *text = base64_encode(bytes, len);
    assert_int_equal(decode(text, (int64_t)len, &input, &e), 0);
    assert_int_equal(pread(input.fd, back, len, 0), len);
    assert_memory_equal(back, bytes, len);
    pdf_source_close(&input);
}

static void test_pdf_sink_verify_believes_nothing(void **state)
{
    struct pdf_request r = {.source = "x", .size = -1, .max_bytes = 1 << 20};
    struct pdf_sink sink;
    struct pdf_input input = {.fd = -1};
    struct err e = {0};
    (void)state;
    assert_int_equal(pdf_sink_open(&sink, &r, &e), 0);
    assert_int_equal(write(sink.fd, PDF, sizeof PDF - 1), sizeof PDF - 1);
    assert_int_equal(pdf_sink_verify(&sink, sizeof PDF, &input, &e), ERR_SOURCE_UNAVAILABLE); /* another length than was told */
    pdf_sink_close(&sink);
    assert_int_equal(pdf_sink_open(&sink, &r, &e), 0);
    assert_int_equal(write(sink.fd, PDF, sizeof PDF - 1), sizeof PDF - 1);
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, sink.fd, 0); /* whoever kept one could write on */
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(pdf_sink_verify(&sink, sizeof PDF - 1, &input, &e), ERR_SOURCE_UNAVAILABLE);
    assert_int_equal(munmap(map, 4096), 0);
    assert_int_equal(pdf_sink_verify(&sink, sizeof PDF - 1, &input, &e), 0);
    assert_int_equal(write(input.fd, "x", 1), -1);
    pdf_source_close(&input);
    assert_int_equal(pdf_sink_open(&sink, &r, &e), 0);
    assert_int_equal(write(sink.fd, "no document", 11), 11);
    assert_int_equal(pdf_sink_verify(&sink, 11, &input, &e), ERR_NOT_PDF);
    pdf_sink_close(&sink);
}

static void test_pdf_source_key_allowed_by_prefix(void **state)
{
    struct err e = {0};
    (void)state;
    assert_int_equal(pdf_source_key_allowed("blob:1", "blob:, stint:blob:", &e), 0);
    assert_int_equal(pdf_source_key_allowed("stint:blob:1", "blob:, stint:blob:", &e), 0);
    assert_int_equal(pdf_source_key_allowed("anything", "*", &e), 0);
    assert_int_equal(pdf_source_key_allowed("session:1", "blob:, stint:blob:", &e), ERR_SOURCE_REFUSED);
    assert_int_equal(pdf_source_key_allowed("stint:{pdf}:s:normal", "blob:, stint:blob:", &e), ERR_SOURCE_REFUSED);
    assert_int_equal(pdf_source_key_allowed("blob:1", "", &e), ERR_SOURCE_REFUSED);
    assert_non_null(strstr(e.message, "pdf.redis_prefixes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_source_open_inside_is_read),
        cmocka_unit_test(test_pdf_source_open_outside_is_refused),
        cmocka_unit_test(test_pdf_source_open_what_is_no_file_is_refused),
        cmocka_unit_test(test_pdf_source_open_device_of_a_root_is_refused),
        cmocka_unit_test(test_pdf_source_open_root_may_be_a_link_of_the_operator),
        cmocka_unit_test(test_pdf_source_open_sparse_giant_is_too_large_unread),
        cmocka_unit_test(test_pdf_source_copy_file_changed_before_is_one_state),
        cmocka_unit_test(test_pdf_source_copy_file_written_meanwhile_is_unavailable),
        cmocka_unit_test(test_pdf_source_open_swapped_folder_never_leaves_the_root),
        cmocka_unit_test(test_pdf_source_inline_forms_and_faults),
        cmocka_unit_test(test_pdf_source_inline_large_text_is_the_same_bytes),
        cmocka_unit_test(test_pdf_sink_verify_believes_nothing),
        cmocka_unit_test(test_pdf_source_key_allowed_by_prefix),
    };
    int failed = cmocka_run_group_tests_name("pdf_source", tests, make_tree, drop_tree);
    /* The same once more where openat2 is not to be had: old containers answer so. */
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL || seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0) < 0 || seccomp_load(ctx) < 0)
        return failed + 1;
    seccomp_release(ctx);
    has_openat2 = false;
    return failed + cmocka_run_group_tests_name("pdf_source without openat2", tests, make_tree, drop_tree);
}
