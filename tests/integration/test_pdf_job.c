/*
 * pdf-parse jobs end to end: a real worker, its parser, Redis and PostgreSQL; the documents are generated.
 */
#include "worker_harness.h"

#include "parser_proto.h"
#include "pg_server.h"
#include "redis_server.h"
#include "spawn.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static struct redis_server redis;
static struct pg_server postgres;
static char folder[64];

/* Runs a program of the build with a shell line; asserts that it succeeds. */
static void run(const char *format, ...) PRINTF_LIKE(1, 2);
static void run(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(system(line), 0);
}

static int open_servers(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/stint-pdf-XXXXXX");
    if (mkdtemp(folder) == NULL || redis_server_start(&redis, &(struct redis_server_options){.aof = true}) < 0 || pg_server_start(&postgres) < 0)
        return -1;
    run("STINT_POSTGRES_URL='%s' %s/bin/stint migrate > /dev/null", postgres.url, getenv("STINT_BUILD"));
    return 0;
}

static int close_servers(void **state)
{
    (void)state;
    run("rm -rf %s", folder);
    redis_server_close(&redis);
    pg_server_close(&postgres);
    return 0;
}

static void begin(struct worker_harness *h, const char *queue)
{
    char ini[2048];
    (void)snprintf(ini, sizeof ini, "[postgres]\nurl = %s\n[pdf]\nroots = %s\n[pool.pdf]\nkinds = pdf-parse\nqueue = %s\n", postgres.url, folder,
                   queue);
    harness_open(h, redis.url, queue);
    harness_start(h, "pdf", ini, NULL);
    harness_expect(h, IPC_IDLE, 1);
}

static void end(struct worker_harness *h)
{
    harness_say(h, IPC_STOP, "");
    int status = harness_wait_exit(h);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WORKER_EXIT_OK);
    harness_close(h);
}

static void submit(struct worker_harness *h, const char *id, const char *payload, const char *until)
{
    char options[256];
    (void)snprintf(options, sizeof options, "{\"kind\":\"pdf-parse\",\"id\":\"%s\"}", id);
    harness_enqueue(h, options, payload);
    harness_wait_state(h, id, until);
}

static void expect_query(const char *expected, const char *format, ...) PRINTF_LIKE(2, 3);
static void expect_query(const char *expected, const char *format, ...)
{
    char sql[1024], got[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    assert_true(pg_server_query(&postgres, sql, got, sizeof got));
    assert_string_equal(got, expected);
}

static void test_pdf_job_lecture_by_path_stores_every_event(void **state)
{
    struct worker_harness h;
    char events[32];
    (void)state;
    run("%s/bin/stint-pdfgen --kind lecture --rows 30 --out %s/a.pdf --truth %s/a.json", getenv("STINT_BUILD"), folder, folder);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/a.json", folder);
    json_t *truth = json_load_file(path, 0, NULL);
    (void)snprintf(events, sizeof events, "%zu", json_array_size(json_object_get(truth, "events")));
    json_decref(truth);
    begin(&h, "path");
    submit(&h, "a", "{\"v\":1,\"source\":{\"path\":\"a.pdf\"},\"emit\":\"both\",\"owner\":\"u1\","
                    "\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}",
           "done");
    expect_query(events, "SELECT count(*) FROM stint.pdf_event WHERE owner = 'u1'");
    expect_query("t", "SELECT rows_seen = rows_parsed AND NOT cached FROM stint.pdf_result WHERE job_id = 'a'");
    expect_query("t", "SELECT result->>'ics' LIKE 'BEGIN:VCALENDAR%%' FROM stint.job_outcome WHERE job_id = 'a'");
    submit(&h, "b", "{\"v\":1,\"source\":{\"path\":\"a.pdf\"},\"emit\":\"both\",\"owner\":\"u1\","
                    "\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}",
           "done");
    expect_query("t", "SELECT cached FROM stint.pdf_result WHERE job_id = 'b'");
    expect_query(events, "SELECT count(*) FROM stint.pdf_event WHERE owner = 'u1'");
    end(&h);
}

/* Every failure ends the job as dead with its own code. */
static void expect_dead(struct worker_harness *h, const char *id, const char *payload, const char *code)
{
    submit(h, id, payload, "dead");
    char *job = harness_job(h, id);
    assert_non_null(job);
    if (strstr(job, code) == NULL)
        fail_msg("%s: expected %s in %s", id, code, job);
    free(job);
}

static void test_pdf_job_failures_are_named(void **state)
{
    struct worker_harness h;
    const char *build = getenv("STINT_BUILD");
    (void)state;
    run("%s/bin/stint-pdfgen --kind exam --damage notpdf --out %s/notpdf.pdf", build, folder);
    run("%s/bin/stint-pdfgen --kind exam --out %s/exam.pdf && : > %s/empty.pdf", build, folder, folder);
    run("qpdf --encrypt secret owner 128 --use-aes=y -- %s/exam.pdf %s/locked.pdf", folder, folder);
    run("ln -sf /etc/passwd %s/link.pdf", folder);
    begin(&h, "failures");
    expect_dead(&h, "f1", "{\"v\":1,\"source\":{\"path\":\"notpdf.pdf\"}}", "NOT_PDF");
    expect_dead(&h, "f2", "{\"v\":1,\"source\":{\"path\":\"empty.pdf\"}}", "EMPTY_FILE");
    expect_dead(&h, "f3", "{\"v\":1,\"source\":{\"path\":\"locked.pdf\"}}", "PASSWORD_REQUIRED");
    expect_dead(&h, "f4", "{\"v\":1,\"source\":{\"path\":\"missing.pdf\"}}", "SOURCE_MISSING");
    expect_dead(&h, "f5", "{\"v\":1,\"source\":{\"path\":\"../../etc/passwd\"}}", "SOURCE_REFUSED");
    expect_dead(&h, "f6", "{\"v\":1,\"source\":{\"path\":\"link.pdf\"}}", "SOURCE_REFUSED");
    expect_dead(&h, "f7", "{\"v\":1,\"source\":{\"path\":\"exam.pdf\"},\"expect\":\"lecture\"}", "TYPE_MISMATCH");
    expect_dead(&h, "f8", "{\"v\":1,\"source\":{\"path\":\"exam.pdf\"},\"expct\":\"exam\"}", "BAD_PAYLOAD");
    expect_dead(&h, "f9", "{\"v\":1,\"source\":{\"url\":\"http://127.0.0.1/x\"}}", "SOURCE_REFUSED");
    expect_dead(&h, "f10", "{\"v\":1,\"source\":{\"path\":\"exam.pdf\",\"size\":3}}", "HASH_MISMATCH");
    expect_dead(&h, "f11", "{\"v\":1,\"source\":{\"redis\":\"blob:nothing\"}}", "SOURCE_MISSING");
    expect_dead(&h, "f12", "{\"v\":1,\"source\":{\"redis\":\"session:1\"}}", "SOURCE_REFUSED");
    expect_dead(&h, "f13", "{\"v\":1,\"source\":{\"s3\":\"s3://docs/a.pdf\"}}", "SOURCE_REFUSED");
    submit(&h, "ok", "{\"v\":1,\"source\":{\"path\":\"locked.pdf\"},\"password\":\"secret\"}", "done");
    expect_query("t", "SELECT (result->>'encrypted')::boolean FROM stint.job_outcome WHERE job_id = 'ok'");
    expect_query("0", "SELECT count(*) FROM stint.pdf_cache WHERE reply IS NOT NULL AND input_sha256 = (SELECT input_sha256 FROM stint.pdf_result WHERE job_id = 'ok')");
    end(&h);
}

#define IMPORT(member) "SELECT result->'imported'->>'" member "' FROM stint.job_outcome WHERE job_id = '%s'"

static void expect_import(const char *job, const char *added, const char *updated, const char *unchanged, const char *gone)
{
    expect_query(added, IMPORT("added"), job);
    expect_query(updated, IMPORT("updated"), job);
    expect_query(unchanged, IMPORT("unchanged"), job);
    expect_query(gone, IMPORT("gone"), job);
}

/* An owner's timetable again, with another term, and then another timetable: what a calendar is told of each event. */
static void test_pdf_job_import_again_tells_new_changed_same_and_gone(void **state)
{
    static const char payload[] = "{\"v\":1,\"source\":{\"path\":\"%s\"},\"emit\":\"both\",\"owner\":\"again\",\"terms\":{"
                                  "\"S1\":{\"start\":\"2026-02-09\",\"end\":\"%s\"},\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}";
    struct worker_harness h;
    char text[1024], all[32], other[32];
    (void)state;
    run("%s/bin/stint-pdfgen --kind lecture --rows 10 --seed 1 --out %s/one.pdf", getenv("STINT_BUILD"), folder);
    run("%s/bin/stint-pdfgen --kind lecture --rows 40 --seed 2 --out %s/two.pdf", getenv("STINT_BUILD"), folder);
    begin(&h, "again");
    (void)snprintf(text, sizeof text, payload, "one.pdf", "2026-06-05");
    submit(&h, "i1", text, "done");
    assert_true(pg_server_query(&postgres, "SELECT count(*) FROM stint.pdf_event WHERE owner = 'again'", all, sizeof all));
    expect_import("i1", all, "0", "0", "0");
    submit(&h, "i2", text, "done");
    expect_import("i2", "0", "0", all, "0");
    expect_query("t", "SELECT bool_and(sequence = 0) FROM stint.pdf_event WHERE owner = 'again'");
    expect_query("t", "SELECT a.result->>'ics' = b.result->>'ics' FROM stint.job_outcome a, stint.job_outcome b"
                      " WHERE a.job_id = 'i1' AND b.job_id = 'i2'");
    (void)snprintf(text, sizeof text, payload, "one.pdf", "2026-05-01");
    submit(&h, "i3", text, "done"); /* S1 and whole-year lectures end earlier */
    expect_query("t", "SELECT bool_and(sequence = CASE event->>'semester' WHEN 'S2' THEN 0 ELSE 1 END) FROM stint.pdf_event WHERE owner = 'again'");
    expect_query("t", "SELECT result->>'ics' LIKE '%%SEQUENCE:1%%' FROM stint.job_outcome WHERE job_id = 'i3'");
    (void)snprintf(text, sizeof text, payload, "two.pdf", "2026-05-01");
    submit(&h, "i4", text, "done");
    assert_true(pg_server_query(&postgres, "SELECT events FROM stint.pdf_result WHERE job_id = 'i4'", other, sizeof other));
    expect_import("i4", other, "0", "0", all);
    expect_query(all, "SELECT count(*) FROM stint.pdf_event WHERE owner = 'again' AND gone_at IS NOT NULL");
    (void)snprintf(text, sizeof text, payload, "one.pdf", "2026-05-01");
    submit(&h, "i5", text, "done"); /* what is back has changed */
    expect_import("i5", "0", all, "0", other);
    end(&h);
}

static void test_pdf_job_cache_answers_other_options_and_failures(void **state)
{
    struct worker_harness h;
    (void)state;
    run("%s/bin/stint-pdfgen --kind exam --rows 60 --seed 77 --out %s/long.pdf", getenv("STINT_BUILD"), folder);
    expect_query("", "DELETE FROM stint.pdf_cache");
    begin(&h, "cache");
    submit(&h, "c1", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"}}", "done");
    submit(&h, "c2", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"emit\":\"ics\",\"timezone\":\"Europe/Berlin\",\"exam_minutes\":60}", "done");
    expect_query("t", "SELECT cached FROM stint.pdf_result WHERE job_id = 'c2'");
    expect_query("t", "SELECT result->>'ics' LIKE '%%TZID:Europe/Berlin%%' FROM stint.job_outcome WHERE job_id = 'c2'");
    expect_dead(&h, "c3", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"limits\":{\"max_pages\":1}}", "TOO_MANY_PAGES");
    expect_dead(&h, "c4", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"timezone\":\"Mars/Olympus\"}", "BAD_PAYLOAD");
    expect_dead(&h, "c5", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"expect\":\"lecture\"}", "TYPE_MISMATCH");
    expect_query("1", "SELECT count(*) FROM stint.pdf_cache WHERE code = 'TYPE_MISMATCH'");
    expect_query("", "UPDATE stint.pdf_cache SET message = 'as it was found before' WHERE code = 'TYPE_MISMATCH'");
    expect_dead(&h, "c6", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"expect\":\"lecture\"}", "as it was found before");
    expect_query("", "UPDATE stint.pdf_cache SET parsed_at = now() - interval '1 hour' WHERE code = 'TYPE_MISMATCH'");
    expect_dead(&h, "c7", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"},\"expect\":\"lecture\"}", "TYPE_MISMATCH");
    expect_query("0", "SELECT count(*) FROM stint.pdf_cache WHERE message = 'as it was found before'"); /* tried anew, learnt anew */
    expect_query("", "UPDATE stint.pdf_cache SET reply = replace(reply, '\"rows_seen\":60', '\"rows_seen\":61')");
    submit(&h, "c8", "{\"v\":1,\"source\":{\"path\":\"long.pdf\"}}", "scheduled"); /* what is kept is as foreign as it was */
    end(&h);
}

/* The cell counts a row that it neither parsed nor named: nothing of it is stored, and the failure says the numbers. */
static void test_pdf_job_reply_that_loses_a_row_is_refused(void **state)
{
    struct worker_harness h;
    char id[32];
    (void)state;
    run("%s/bin/stint-pdfgen --kind exam --rows 5 --out %s/lie.pdf", getenv("STINT_BUILD"), folder);
    begin(&h, "lie");
    (void)snprintf(id, sizeof id, "cellprobe.%d", PARSER_PROBE_LIE);
    submit(&h, id, "{\"v\":1,\"source\":{\"path\":\"lie.pdf\"},\"owner\":\"liar\"}", "scheduled"); /* once more, then dead */
    char *job = harness_job(&h, id);
    assert_non_null(job);
    if (strstr(job, "BAD_REPLY") == NULL || strstr(job, "loses rows: 6 seen, but 5 parsed and 0 named") == NULL ||
        strstr(job, "input_sha256") == NULL)
        fail_msg("no evidence of the lie in %s", job);
    free(job);
    expect_query("0", "SELECT count(*) FROM stint.pdf_event WHERE owner = 'liar'");
    expect_query("0", "SELECT count(*) FROM stint.pdf_result WHERE job_id = '%s'", id);
    end(&h);
}

static void test_pdf_job_redis_blob_is_parsed(void **state)
{
    struct worker_harness h;
    char path[128];
    (void)state;
    run("%s/bin/stint-pdfgen --kind test --rows 9 --out %s/t.pdf", getenv("STINT_BUILD"), folder);
    (void)snprintf(path, sizeof path, "%s/t.pdf", folder);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    AUTO_FREE char *bytes = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    begin(&h, "blob");
    redisReply *reply = redisCommand(h.redis.ctx, "SET blob:1 %b", bytes, (size_t)st.st_size);
    assert_non_null(reply);
    freeReplyObject(reply);
    submit(&h, "r", "{\"v\":1,\"source\":{\"redis\":\"blob:1\"},\"expect\":\"test\"}", "done");
    expect_query("9", "SELECT events FROM stint.pdf_result WHERE job_id = 'r'");
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_job_lecture_by_path_stores_every_event),
        cmocka_unit_test(test_pdf_job_failures_are_named),
        cmocka_unit_test(test_pdf_job_import_again_tells_new_changed_same_and_gone),
        cmocka_unit_test(test_pdf_job_cache_answers_other_options_and_failures),
        cmocka_unit_test(test_pdf_job_reply_that_loses_a_row_is_refused),
        cmocka_unit_test(test_pdf_job_redis_blob_is_parsed),
    };
    return cmocka_run_group_tests_name("pdf_job", tests, open_servers, close_servers);
}
