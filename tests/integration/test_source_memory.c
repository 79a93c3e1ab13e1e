/*
 * What a large document costs in memory, source by source, and blobs in a real Redis: missing, empty, of another type, changed while they are read. The
 * peak of this process's own memory is read from the kernel around each get; the memfd, where the document is once, is not mapped and not in it.
 */
#include "source_bench.h"

#include "base64.h"
#include "redis_server.h"

#include <poll.h>

enum { MIB = 1 << 20, ALLOWED_KIB = 4096 };

static struct redis_server redis;
static char root[128];

static int start_all(void **state)
{
    char line[256];
    if (start_server(state) < 0 || redis_server_start(&redis, NULL) < 0)
        return -1;
    (void)snprintf(root, sizeof root, "%s/root", folder);
    (void)snprintf(line, sizeof line, "chmod 711 %s; mkdir %s", folder, root);
    return system(line);
}

static int stop_all(void **state)
{
    redis_server_close(&redis);
    return stop_server(state);
}

/* A number of /proc/PID/status, KiB. */
static long status_kib(pid_t pid, const char *name)
{
    char path[64], line[256];
    long kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name) + 1, NULL, 10);
    (void)fclose(f);
    return kib;
}

static void peak_reset(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "we");
    assert_non_null(f);
    assert_true(fputs("5", f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void get_measured(struct bench *b, const char *what, const char *payload, size_t size)
{
    struct outcome o;
    long before = status_kib(getpid(), "VmRSS");
    peak_reset();
    get(b, payload, &o);
    long peak = status_kib(getpid(), "VmHWM") - before;
    if (o.rc != 0)
        fail_msg("%s: %s", what, o.e.message);
    assert_int_equal(o.input.size, size);
    print_message("# %s, %zu MiB: %ld KiB more at the peak, besides the memory file\n", what, size / MIB, peak);
#ifndef STINT_SANITIZED /* a sanitizer keeps what was freed */
    assert_in_range(peak, 0, ALLOWED_KIB);
#endif
    pdf_source_close(&o.input);
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)e;
    *(bool *)arg = ready;
}

static void open_all(struct bench *b, bool *ready)
{
    static char ranges[64], list[64];
    (void)snprintf(ranges, sizeof ranges, "127.0.0.1:%d", port("http"));
    (void)snprintf(list, sizeof list, "%d", port("http"));
    const char *const settings[] = {"pdf.url", "public", "pdf.url_http", "yes", "pdf.url_ports", list, "pdf.url_private_ranges", ranges,
                                    "pdf.max_bytes", "256M", "pdf.roots", root, "redis.url", redis.url, NULL};
    open_bench(b, settings);
    *ready = false;
    b->ctx.redis = redis_uv_new(&b->loop, &b->conf->redis, "test", 0, on_state, ready);
    while (!*ready)
        (void)uv_run(&b->loop, UV_RUN_ONCE);
}

static void close_all(struct bench *b)
{
    redis_uv_close(b->ctx.redis, NULL, NULL);
    close_bench(b);
}

static void redis_do(redisContext *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(c, format, args);
    va_end(args);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* A blob of mib MiB that begins as a PDF; most of it are zeros, which are bytes as good as any. */
static void blob(redisContext *c, const char *key, size_t mib)
{
    redis_do(c, "SET %s %%PDF-1.4", key);
    redis_do(c, "SETRANGE %s %d x", key, (int)(mib * MIB - 1));
}

static void test_source_get_large_document_is_held_once(void **state)
{
    static const size_t sizes[] = {10, 200};
    struct bench b;
    bool ready;
    char payload[512], path[256];
    (void)state;
    redisContext *c = redis_server_connect(&redis);
    open_all(&b, &ready);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t size = sizes[i] * MIB;
        (void)snprintf(path, sizeof path, "%s/large.pdf", root);
        AUTO_CLOSE int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
        assert_int_equal(write(fd, "%PDF-1.4", 8), 8);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        get_measured(&b, "path", "{\"v\":1,\"source\":{\"path\":\"large.pdf\"}}", size);
        blob(c, "blob:large", sizes[i]);
        get_measured(&b, "redis", "{\"v\":1,\"source\":{\"redis\":\"blob:large\"}}", size);
        (void)snprintf(payload, sizeof payload, "{\"v\":1,\"source\":{\"url\":\"http://127.0.0.1:%d/big/%zu\"}}", port("http"), sizes[i]);
        get_measured(&b, "url", payload, size);
        long fetcher = status_kib(fetcher_client_pid(b.sources.fetcher), "VmHWM");
        print_message("# stint-fetch itself: %ld KiB at its peak\n", fetcher);
        assert_in_range(fetcher, 1, 64 * 1024);
    }
    redisFree(c);
    close_all(&b);
}

/* The text is in the payload already; nothing of its size comes to it but the memory file. */
static void test_source_get_inline_is_not_copied(void **state)
{
    struct bench b;
    bool ready;
    size_t size = 10 * MIB;
    (void)state;
    open_all(&b, &ready);
    AUTO_FREE char *bytes = calloc(1, size);
    memcpy(bytes, "%PDF-1.4", 8);
    AUTO_FREE char *text = base64_encode(bytes, size);
    AUTO_FREE char *payload = malloc(strlen(text) + 64);
    (void)snprintf(payload, strlen(text) + 64, "{\"v\":1,\"source\":{\"inline_b64\":\"%s\"}}", text);
    get_measured(&b, "inline", payload, size);
    close_all(&b);
}

static void expect(struct bench *b, const char *key, int code, const char *words)
{
    struct outcome o;
    char payload[256];
    (void)snprintf(payload, sizeof payload, "{\"v\":1,\"source\":{\"redis\":\"%s\"}}", key);
    get(b, payload, &o);
    if (o.rc != code || (code != 0 && strstr(o.e.message, words) == NULL))
        fail_msg("%s: expected %s with \"%s\", got %s: %s", key, err_name(code), words, err_name(o.rc), o.e.message);
    pdf_source_close(&o.input);
}

static void test_source_get_blob_by_its_state(void **state)
{
    struct bench b;
    bool ready;
    (void)state;
    redisContext *c = redis_server_connect(&redis);
    redis_do(c, "SET blob:empty %s", "");
    redis_do(c, "RPUSH blob:list a");
    redis_do(c, "SET blob:small %s", "%PDF-1.4 small");
    redis_do(c, "SET blob:text %s", "no document");
    redis_do(c, "SET secret %s", "%PDF-1.4 not for payloads");
    blob(c, "blob:one", 1);
    redis_do(c, "SET blob:exact %s", "%PDF-1.4");
    redis_do(c, "SETRANGE blob:exact 262143 x");
    blob(c, "blob:giant", 300);
    open_all(&b, &ready);
    expect(&b, "blob:small", 0, "");
    expect(&b, "blob:one", 0, "");
    expect(&b, "blob:exact", 0, "");
    expect(&b, "blob:missing", ERR_SOURCE_MISSING, "does not exist");
    expect(&b, "blob:empty", ERR_EMPTY_FILE, "no bytes");
    expect(&b, "blob:list", ERR_SOURCE_REFUSED, "no string");
    expect(&b, "blob:text", ERR_NOT_PDF, "1024");
    expect(&b, "blob:giant", ERR_TOO_LARGE, "314572800");
    expect(&b, "secret", ERR_SOURCE_REFUSED, "pdf.redis_prefixes");
    expect(&b, "blob:one", 0, "");
    redisFree(c);
    close_all(&b);
}

/* Under way; then somebody writes: the same length, other bytes. */
static void test_source_get_blob_changed_meanwhile_is_unavailable(void **state)
{
    static const char *const changes[] = {"SETRANGE blob:busy 9000000 y", "SET blob:busy short", "DEL blob:busy", "PEXPIRE blob:busy 1", NULL};
    struct bench b;
    bool ready;
    (void)state;
    redisContext *c = redis_server_connect(&redis);
    open_all(&b, &ready);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        static const char payload[] = "{\"v\":1,\"source\":{\"redis\":\"blob:busy\"}}";
        struct outcome o = {.input.fd = -1};
        struct pdf_request r;
        struct pdf_get g;
        struct err e = {0};
        blob(c, "blob:busy", 10);
        assert_int_equal(pdf_request_read(&r, payload, sizeof payload - 1, &b.conf->pdf, &e), 0);
        pdf_source_get(&g, &b.sources, &r, clock_mono_ms() + DEADLINE_MS, &o.input, on_done, &o);
        while (!o.done && g.sink.bytes < 2 * MIB)
            (void)uv_run(&b.loop, UV_RUN_ONCE);
        assert_false(o.done);
        if (changes[i] != NULL)
            redis_do(c, changes[i]);
        if (i == 3)
            (void)poll(NULL, 0, 20); /* it has expired then */
        while (!o.done)
            (void)uv_run(&b.loop, UV_RUN_ONCE);
        assert_int_equal(o.rc, changes[i] != NULL ? ERR_SOURCE_UNAVAILABLE : 0);
        if (changes[i] != NULL)
            assert_non_null(strstr(o.e.message, "changed while it was read"));
        pdf_source_close(&o.input);
        pdf_request_free(&r);
    }
    redisFree(c);
    close_all(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_get_large_document_is_held_once),
        cmocka_unit_test(test_source_get_inline_is_not_copied),
        cmocka_unit_test(test_source_get_blob_by_its_state),
        cmocka_unit_test(test_source_get_blob_changed_meanwhile_is_unavailable),
    };
    return cmocka_run_group_tests_name("source_memory", tests, start_all, stop_all);
}
