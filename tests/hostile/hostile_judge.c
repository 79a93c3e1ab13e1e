/*
 * hostile_judge - see hostile_judge.h. Takes a reply the way a worker does (the result's own checks, then the calendar) and reads
 * the calendar with a reader that shares nothing with its writer.
 */
#include "hostile_judge.h"

#include "calendar_lines.h"
#include "ics.h"
#include "pdf_result.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

enum { GRACE_MS = 3000, SLACK_MIB = 64 };

static const char PAYLOAD[] = "{\"v\":1,\"source\":{\"path\":\"x\"},\"emit\":\"both\",\"terms\":{\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},"
                              "\"S2\":{\"start\":\"2026-07-20\",\"end\":\"2026-11-06\"}}}";
static const struct conf_pdf CONF = {.timezone = "Africa/Johannesburg", .max_bytes = 10 << 20, .max_pages = 100, .timeout = 60000, .cpu = 30000, .memory = 1 << 28};

/* How many rows the warnings name; each row once. */
static size_t judge_rows_named(const json_t *warnings)
{
    json_t *seen = json_object();
    size_t i;
    json_t *warning;
    json_array_foreach(warnings, i, warning) {
        char key[48];
        const json_t *row = json_object_get(warning, "row");
        if (row == NULL)
            continue;
        (void)snprintf(key, sizeof key, "%lld.%lld", (long long)json_integer_value(json_object_get(warning, "page")), (long long)json_integer_value(row));
        (void)json_object_set_new(seen, key, json_true());
    }
    size_t n = json_object_size(seen);
    json_decref(seen);
    return n;
}

static void judge_calendar(const json_t *events, const struct pdf_request *r, char *fault)
{
    struct buf text;
    struct err e = {0};
    struct calendar_lines lines;
    json_t *warnings = json_array();
    static struct ics_zone zone;
    if (zone.name[0] == '\0' && ics_zone_load(&zone, r->timezone, &e) < 0)
        abort();
    const struct ics_input in = {.events = events, .request = r, .zone = &zone, .stamp_s = 1767225600};
    buf_init(&text, 64 << 20);
    if (ics_write(&in, &text, warnings, &e) < 0) {
        (void)snprintf(fault, HOSTILE_FAULT_MAX, "no calendar: %.200s", e.message);
    } else {
        calendar_lines_read(&lines, text.data, text.len);
        if (lines.fault[0] != '\0')
            (void)snprintf(fault, HOSTILE_FAULT_MAX, "the calendar is wrong: %s", lines.fault);
        else if (lines.events + json_array_size(warnings) != json_array_size(events))
            (void)snprintf(fault, HOSTILE_FAULT_MAX, "of %zu events the calendar has %zu and %zu are named", json_array_size(events), lines.events,
                           json_array_size(warnings));
    }
    buf_fini(&text);
    json_decref(warnings);
}

static void judge_result(const json_t *reply, char *fault)
{
    struct pdf_request r;
    struct err e = {0};
    json_t *result = NULL;
    if (pdf_request_read(&r, PAYLOAD, sizeof PAYLOAD - 1, &CONF, &e) < 0)
        abort();
    if (pdf_result_build(reply, &r, &result, &e) < 0) {
        (void)snprintf(fault, HOSTILE_FAULT_MAX, "its result is refused: %.200s", e.message);
    } else {
        json_int_t seen = json_integer_value(json_object_get(result, "rows_seen")), parsed = json_integer_value(json_object_get(result, "rows_parsed"));
        size_t named = judge_rows_named(json_object_get(result, "warnings"));
        if (seen != parsed + (json_int_t)named)
            (void)snprintf(fault, HOSTILE_FAULT_MAX, "%lld rows seen, %lld parsed, %zu named in warnings", (long long)seen, (long long)parsed, named);
        else if (json_object_get(result, "events") != NULL)
            judge_calendar(json_object_get(result, "events"), &r, fault);
    }
    json_decref(result);
    pdf_request_free(&r);
}

void hostile_judge(const struct parser_request *request, const struct parser_outcome *o, uint64_t base_bytes, char ret_fault[static HOSTILE_FAULT_MAX])
{
    bool named = o->code == 0 || (o->code <= ERR_EMPTY_FILE && o->code >= ERR_NO_EVENTS) || (o->code <= ERR_TIMEOUT && o->code >= ERR_SANDBOX_VIOLATION);
    ret_fault[0] = '\0';
    if (!named)
        (void)snprintf(ret_fault, HOSTILE_FAULT_MAX, "%s is no ending of a document: %.200s", err_name(o->code), o->e.message);
    else if (o->code < 0 && o->e.message[0] == '\0')
        (void)snprintf(ret_fault, HOSTILE_FAULT_MAX, "%s says nothing", err_name(o->code));
    else if (o->wall_us / 1000 > request->wall_ms + GRACE_MS)
        (void)snprintf(ret_fault, HOSTILE_FAULT_MAX, "it took %u ms of %u allowed", o->wall_us / 1000, request->wall_ms);
    else if (o->cpu_us / 1000 > request->cpu_s * 1000 + GRACE_MS)
        (void)snprintf(ret_fault, HOSTILE_FAULT_MAX, "it took %u ms of the CPU, allowed are %u s", o->cpu_us / 1000, request->cpu_s);
    else if (o->rss_bytes > base_bytes + request->memory_bytes + ((uint64_t)SLACK_MIB << 20))
        (void)snprintf(ret_fault, HOSTILE_FAULT_MAX, "it had %llu MiB, allowed are %llu", (unsigned long long)(o->rss_bytes >> 20),
                       (unsigned long long)(request->memory_bytes >> 20));
    else if (o->code == 0)
        judge_result(o->reply, ret_fault);
}

void hostile_backtrace(int page_fd, char *ret_text, size_t max)
{
    char path[4096], *const argv[] = {path, NULL}, *const envp[] = {NULL};
    int out[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    const char *build = getenv("STINT_BUILD");
    (void)snprintf(ret_text, max, "no snapshot");
    if (page_fd < 0 || build == NULL || pipe2(out, O_CLOEXEC) < 0)
        return;
    (void)snprintf(path, sizeof path, "%s/bin/stint-backtrace", build);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, page_fd, 3);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int rc = posix_spawn(&pid, path, &actions, NULL, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out[1]);
    size_t length = 0;
    for (ssize_t n; rc == 0 && length + 1 < max && (n = read(out[0], ret_text + length, max - 1 - length)) > 0;)
        length += (size_t)n;
    (void)close(out[0]);
    if (rc == 0) {
        ret_text[length] = '\0';
        (void)waitpid(pid, NULL, 0);
    }
}
