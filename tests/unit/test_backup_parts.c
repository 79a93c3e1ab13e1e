/*
 * Why: a backup is read back on the worst day, by a program that must take it for what it is: cut, bent, of another
 * version, or whole. And what Redis sends when it is asked for a copy comes in any pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backup_manifest.h"
#include "buf.h"
#include "dump_records.h"
#include "queue_call.h"
#include "rdb_header.h"
#include "sync_reply.h"

#include <stdio.h>

#define MARK "0123456789012345678901234567890123456789"
#define OPEN "+FULLRESYNC aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd 77\r\n"

static int take(void *arg, const char *bytes, size_t len, struct err *e)
{
    (void)e;
    return buf_add(arg, bytes, len);
}

/* Feeds text in pieces of `piece` bytes; what came out is in out. */
static int feed(struct sync_reply *r, const char *text, size_t len, size_t piece, struct buf *out, struct err *e)
{
    int rc = 0;
    sync_reply_init(r);
    buf_init(out, 1 << 16);
    for (size_t at = 0; rc == 0 && at < len; at += piece)
        rc = sync_reply_feed(r, text + at, MIN_OF(piece, len - at), take, out, e);
    return rc;
}

static void test_sync_reply_in_any_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rdb;
    } cases[] = {
        {"\n\n" OPEN "\n$5\r\nhello", "hello"},
        {OPEN "$5\r\nhelloPING", "hello"}, /* what comes after it is not ours */
        {OPEN "$EOF:" MARK "\r\nhello" MARK, "hello"},
        {OPEN "$EOF:" MARK "\r\n" MARK, ""},
        {OPEN "$EOF:" MARK "\r\n0123456789 012" MARK, "0123456789 012"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].text);
        for (size_t piece = 1; piece <= len; piece++) {
            struct sync_reply r;
            struct buf out;
            struct err e;
            assert_int_equal(feed(&r, cases[i].text, len, piece, &out, &e), 0);
            assert_int_equal(r.state, SYNC_DONE);
            assert_string_equal(out.data != NULL ? out.data : "", cases[i].rdb);
            assert_int_equal(r.offset, 77);
            buf_fini(&out);
        }
    }
}

static void test_sync_reply_cut_is_not_done(void **state)
{
    (void)state;
    static const char whole[] = OPEN "$EOF:" MARK "\r\nhello" MARK;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        struct sync_reply r;
        struct buf out;
        struct err e;
        assert_int_equal(feed(&r, whole, len, 7, &out, &e), 0);
        assert_int_not_equal(r.state, SYNC_DONE);
        buf_fini(&out);
    }
}

static void test_sync_reply_refuses_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *says;
    } cases[] = {
        {"-ERR unknown command 'PSYNC'\r\n", ERR_REFUSED, "unknown command 'PSYNC'"},
        {"-NOPERM no\r\n", ERR_REFUSED, "NOPERM no"},
        {OPEN "-ERR no fork\r\n", ERR_REFUSED, "no fork"},
        {"+CONTINUE\r\n", ERR_PROTOCOL, "+CONTINUE"},
        {"+FULLRESYNC x 1\r\n", ERR_PROTOCOL, "+FULLRESYNC id offset"},
        {"+FULLRESYNC aa -1\r\n", ERR_PROTOCOL, "+FULLRESYNC id offset"},
        {"+FULLRESYNC aa 1 more\r\n", ERR_PROTOCOL, "+FULLRESYNC id offset"},
        {"$5\r\nhello", ERR_PROTOCOL, "where its copy should begin"},
        {OPEN OPEN, ERR_PROTOCOL, "where its copy should begin"},
        {OPEN "$\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
        {OPEN "$-1\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
        {OPEN "$0\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
        {OPEN "$5x\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
        {OPEN "$99999999999999999999\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
        {OPEN "$EOF:short\r\n", ERR_PROTOCOL, "a length or EOF:mark"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sync_reply r;
        struct buf out;
        struct err e = {.code = 0};
        assert_int_equal(feed(&r, cases[i].text, strlen(cases[i].text), 3, &out, &e), cases[i].code);
        assert_non_null(strstr(e.message, cases[i].says));
        buf_fini(&out);
    }
    char line[SYNC_LINE_MAX + 8];
    memset(line, 'x', sizeof line);
    struct sync_reply r;
    struct buf out;
    struct err e;
    assert_int_equal(feed(&r, line, sizeof line, sizeof line, &out, &e), ERR_PROTOCOL);
    buf_fini(&out);
}

static void test_rdb_header(void **state)
{
    (void)state;
    static const uint8_t whole[] = "REDIS0010\xfa\x09redis-ver\x06"
                                   "7.0.15\xfa\x0aredis-bits\xc0\x40\xfa\x05"
                                   "ctime\xc2\x10\x27\x00\x00\xfe\x00";
    struct rdb_header h;
    struct err e;
    assert_int_equal(rdb_header_read(whole, sizeof whole - 1, &h, &e), 0);
    assert_int_equal(h.version, 10);
    assert_string_equal(h.server, "7.0.15");
    assert_int_equal(h.ctime_s, 10000);
    for (size_t len = 9; len < sizeof whole - 1; len++)
        assert_int_equal(rdb_header_read(whole, len, &h, &e), 0); /* cut: what is missing is not told */
    assert_int_equal(rdb_header_read(whole, 8, &h, &e), ERR_BAD_PAYLOAD);
    assert_int_equal(rdb_header_read((const uint8_t *)"RADIS0010", 9, &h, &e), ERR_BAD_PAYLOAD);
    assert_int_equal(rdb_header_read((const uint8_t *)"REDIS00x0", 9, &h, &e), ERR_BAD_PAYLOAD);
    assert_int_equal(rdb_header_read((const uint8_t *)"VALKEY080", 9, &h, &e), 0);
    assert_int_equal(h.version, 80);
}

/* Two keys as a file; returns its length. */
static size_t write_records(uint8_t *out)
{
    uint8_t *at = out;
    memcpy(at, dump_magic, DUMP_MAGIC);
    at += DUMP_MAGIC;
    at += dump_head(at, 3, 4, -1);
    memcpy(at, "keydump", 7);
    at += 7;
    at += dump_head(at, 1, 2, 1234567890123);
    memcpy(at, "k\0x", 3);
    at += 3;
    return (size_t)(at + dump_end(at, 2) - out);
}

/* Reads it through; the number of keys or the error. */
static int read_records(uint8_t *bytes, size_t len)
{
    struct err e;
    struct dump_record r;
    uint64_t n = 0;
    FILE *f = len > 0 ? fmemopen(bytes, len, "rb") : fopen("/dev/null", "rb");
    assert_non_null(f);
    int rc = dump_open(f, &e);
    while (rc >= 0 && (rc = dump_next(f, &r, &n, &e)) == 1)
        dump_record_fini(&r);
    (void)fclose(f);
    return rc < 0 ? rc : (int)n;
}

static void test_dump_records(void **state)
{
    (void)state;
    uint8_t bytes[256], bent[256];
    size_t len = write_records(bytes);
    assert_int_equal(read_records(bytes, len), 2);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(read_records(bytes, cut), ERR_BAD_PAYLOAD);
    bytes[len] = 'x';
    assert_int_equal(read_records(bytes, len + 1), ERR_BAD_PAYLOAD);
    memcpy(bent, bytes, len);
    memset(bent + DUMP_MAGIC + 3, 0xff, 8); /* a length nobody has */
    assert_int_equal(read_records(bent, len), ERR_BAD_PAYLOAD);
    memcpy(bent, bytes, len);
    bent[len - 8] = 3; /* another number of keys */
    assert_int_equal(read_records(bent, len), ERR_BAD_PAYLOAD);
}

/* -- the manifest -----------------------------------------------------------------------------------------------------
 */

static json_t *manifest(void)
{
    static const char sum[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    return json_pack("{s:s, s:i, s:s, s:s, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s}], s:{s:i, s:i, s:s, s:[{s:s, s:i, s:i, "
                     "s:{s:i}, s:{s:i}}]},"
                     " s:{s:{s:i}, s:i, s:i}}",
                     "format", "stint-backup", "v", BACKUP_VERSION, "id", "00112233445566778899aabbccddeeff", "made_at",
                     "2026-11-22T16:42:25Z", "parts", "name", BACKUP_RDB, "bytes", 1, "sha256", sum, "name",
                     BACKUP_POSTGRES, "bytes", 2, "sha256", sum, "redis", "functions", 4, "db", 0, "server", "7.0.15",
                     "queues", "queue", "pdf", "at_ms", 1, "outbox_after_ms", 2, "before", "enqueued", 5, "after",
                     "enqueued", 9, "postgres", "tables", "job_outcome", 1, "migration", 8, "server", 150018);
}

/* Sealed and read back. Takes m. */
static int read_back(json_t *m, json_t **ret, struct err *e)
{
    struct err sealing;
    assert_int_equal(backup_manifest_seal(m, &sealing), 0);
    char *text = json_dumps(m, 0);
    int rc = backup_manifest_read(text, strlen(text), ret, e);
    free(text);
    json_decref(m);
    return rc;
}

static void test_manifest_whole(void **state)
{
    (void)state;
    json_t *m = NULL;
    struct err e;
    assert_int_equal(read_back(manifest(), &m, &e), 0);
    assert_non_null(backup_manifest_part(m, BACKUP_RDB));
    assert_null(backup_manifest_part(m, BACKUP_KEYS));
    const json_t *queue = json_array_get(backup_manifest_queues(m), 0);
    static const struct {
        int enqueued, rc;
    } cases[] = {{4, ERR_BAD_PAYLOAD}, {5, 0}, {9, 0}, {10, ERR_BAD_PAYLOAD}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *stats = json_pack("{s:i}", "enqueued", cases[i].enqueued);
        assert_int_equal(backup_manifest_compare(queue, stats, &e), cases[i].rc);
        json_decref(stats);
    }
    json_decref(m);
}

static void test_manifest_bent(void **state)
{
    (void)state;
    static const char *const drops[] = {"format", "v", "id", "made_at", "parts", "redis", "postgres"};
    json_t *m = NULL;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
        json_t *bent = manifest();
        assert_int_equal(json_object_del(bent, drops[i]), 0);
        assert_int_equal(read_back(bent, &m, &e), ERR_BAD_PAYLOAD);
    }
    json_t *newer = manifest();
    (void)json_object_set_new(newer, "v", json_integer(BACKUP_VERSION + 1));
    assert_int_equal(read_back(newer, &m, &e), ERR_REFUSED);
    static const char *const names[] = {"../../etc/passwd", "/etc/passwd", "manifest.json", BACKUP_POSTGRES, ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *bent = manifest();
        (void)json_object_set_new(json_array_get(json_object_get(bent, "parts"), 0), "name", json_string(names[i]));
        assert_int_equal(read_back(bent, &m, &e), ERR_BAD_PAYLOAD);
    }
    json_t *astray = manifest();
    (void)json_object_set_new(json_array_get(json_object_get(json_object_get(astray, "redis"), "queues"), 0), "queue",
                              json_string("a}b"));
    assert_int_equal(read_back(astray, &m, &e), ERR_BAD_PAYLOAD);
    json_t *all = manifest(); /* every row of the outbox would be sent again */
    (void)json_object_set_new(json_array_get(json_object_get(json_object_get(all, "redis"), "queues"), 0),
                              "outbox_after_ms", json_null());
    assert_int_equal(read_back(all, &m, &e), ERR_BAD_PAYLOAD);
    json_t *twice = manifest(), *queues = json_object_get(json_object_get(twice, "redis"), "queues");
    (void)json_array_append(queues, json_array_get(queues, 0));
    assert_int_equal(read_back(twice, &m, &e), ERR_BAD_PAYLOAD);
    assert_non_null(strstr(e.message, "twice"));
    json_t *many = manifest();
    queues = json_object_get(json_object_get(many, "redis"), "queues");
    for (int i = 0; i < QUEUE_LIST_MAX; i++) {
        json_t *one = json_copy(json_array_get(queues, 0));
        (void)json_object_set_new(one, "queue", json_sprintf("q%d", i));
        (void)json_array_append_new(queues, one);
    }
    assert_int_equal(read_back(many, &m, &e), ERR_BAD_PAYLOAD);
    assert_non_null(strstr(e.message, "more queues"));
    json_t *unsealed = manifest();
    char *text = json_dumps(unsealed, 0);
    assert_int_equal(backup_manifest_read(text, strlen(text), &m, &e), ERR_BAD_PAYLOAD);
    for (size_t cut = 0; cut < strlen(text); cut += 7)
        assert_int_equal(backup_manifest_read(text, cut, &m, &e), ERR_BAD_PAYLOAD);
    free(text);
    json_decref(unsealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync_reply_in_any_pieces),
        cmocka_unit_test(test_sync_reply_cut_is_not_done),
        cmocka_unit_test(test_sync_reply_refuses_what_is_none),
        cmocka_unit_test(test_rdb_header),
        cmocka_unit_test(test_dump_records),
        cmocka_unit_test(test_manifest_whole),
        cmocka_unit_test(test_manifest_bent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
