/*
 * job_show - see job_show.h. Refuses to print what a payload calls a password, also under --json: terminals are
 * recorded.
 */
#include "job_show.h"

#include "job_wait.h"
#include "payload_edit.h"
#include "queue_call.h"

#include <stdio.h>

enum { TEXT_SHOWN_MAX = 400 };

/* A member that may be JSON or JSON kept as text. New reference or NULL. */
static json_t *as_json(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return json_incref(value);
    json_t *parsed = json_loadb(json_string_value(value), json_string_length(value), JSON_DECODE_ANY, NULL);
    return parsed != NULL ? parsed : json_incref(value);
}

static void print_json(struct session *s, const char *label, const json_t *value)
{
    if (value == NULL)
        return;
    json_t *shown = payload_edit_presentable(value, TEXT_SHOWN_MAX);
    AUTO_FREE char *text = json_dumps(shown, JSON_INDENT(2) | JSON_ENCODE_ANY);
    out_tinted(&s->out, TINT_BOLD, "%s", label);
    if (text != NULL)
        out_line(&s->out, "%s", text);
    json_decref(shown);
}

static void print_field(struct session *s, const char *label, const char *text)
{
    AUTO_FREE char *shown = out_harmless(text, strlen(text));
    if (*text != '\0' && shown != NULL)
        out_line(&s->out, "  %-12s %s", label, shown);
}

static void print_when(struct session *s, const char *label, int64_t wall_ms)
{
    char text[32];
    if (wall_ms > 0)
        print_field(s, label, out_time(text, wall_ms));
}

/* What a job that ended well used. */
static void print_usage(struct session *s, const json_t *job)
{
    const json_t *usage = json_object_get(job, "usage");
    char wall[32], cpu[32], peak[32], line[160];
    bool group = strcmp(json_text(usage, "of"), "cgroup") == 0;
    if (usage == NULL)
        return;
    (void)snprintf(line, sizeof line, "%s, CPU %s, memory at most %s (its worker's %s)", out_ms(wall, json_number(usage, "wall_ms", -1)),
                   out_ms(cpu, json_number(usage, "cpu_ms", -1)), out_bytes(peak, json_number(usage, "memory_peak_bytes", -1)),
                   group ? "cgroup, parser and cells included" : "process");
    print_field(s, "used", line);
}

static void print_envelope(struct session *s, const json_t *job)
{
    static const char *const texts[] = {"queue", "kind", "band", "state", "consumer", "reason", "cause", "fingerprint"};
    static const char *const numbers[] = {"epoch", "attempts", "crashes", "handbacks", "replays", "strikes"};
    char counters[160] = "";
    out_tinted(&s->out, TINT_BOLD, "%s", json_text(job, "id"));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        print_field(s, texts[i], json_text(job, texts[i]));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int64_t n = json_number(job, numbers[i], -1);
        size_t used = strlen(counters);
        if (n >= 0)
            (void)snprintf(counters + used, sizeof counters - used, "%s%s %lld", used > 0 ? ", " : "", numbers[i],
                           (long long)n);
    }
    print_field(s, "counters", counters);
    print_when(s, "created", json_number(job, "created_ms", 0));
    print_when(s, "due", json_number(job, "due_ms", 0));
    print_when(s, "finished", json_number(job, "finished_ms", 0));
    print_when(s, "died", json_number(job, "died_ms", 0));
    AUTO_FREE char *options = json_dumps(json_object_get(job, "options"), JSON_COMPACT);
    print_field(s, "options", options != NULL ? options : "");
    print_usage(s, job);
}

static void print_error(struct session *s, size_t number, const json_t *error)
{
    static const char *const evidence[] = {"host", "instance", "consumer", "build", "signal"};
    static const char *const sizes[] = {"exit", "wall_ms", "cpu_ms", "rss_bytes"};
    char when[32], line[512] = "";
    out_tinted(&s->out, TINT_RED, "error %zu: %s (%s, %s)", number, json_text(error, "code"), json_text(error, "cause"),
               json_text(error, "class"));
    print_field(s, "message", json_text(error, "message"));
    print_field(s, "at", out_time(when, json_number(error, "at_ms", 0)));
    for (size_t i = 0; i < ARRAY_LEN(evidence); i++)
        print_field(s, evidence[i], json_text(error, evidence[i]));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int64_t n = json_number(error, sizes[i], -1);
        size_t used = strlen(line);
        if (n >= 0)
            (void)snprintf(line + used, sizeof line - used, "%s%s %lld", used > 0 ? ", " : "", sizes[i], (long long)n);
    }
    print_field(s, "evidence", line);
    AUTO_FREE char *detail = json_dumps(json_object_get(error, "detail"), JSON_COMPACT | JSON_ENCODE_ANY);
    print_field(s, "detail", detail != NULL ? detail : "");
    json_t *frames = json_object_get(error, "backtrace");
    for (size_t i = 0; i < json_array_size(frames); i++) {
        const char *frame = json_string_value(json_array_get(frames, i));
        AUTO_FREE char *shown = out_harmless(frame != NULL ? frame : "?", frame != NULL ? strlen(frame) : 1);
        out_line(&s->out, "  %-12s %2zu %s", i == 0 ? "backtrace" : "", i, shown != NULL ? shown : "?");
    }
}

static void set_presentable(json_t *shown, const json_t *job, const char *key)
{
    json_t *value = as_json(job, key);
    if (value != NULL)
        (void)json_object_set_new(shown, key, payload_edit_presentable(value, 0));
    json_decref(value);
}

void job_show_print(struct session *s, const json_t *job)
{
    if (s->out.json) {
        json_t *shown = payload_edit_presentable(job, 0);
        set_presentable(shown, job, "payload");
        set_presentable(shown, job, "payload_before");
        out_json(&s->out, shown);
        json_decref(shown);
        return;
    }
    const json_t *errors = json_object_get(job, "errors");
    char step[NEXT_STEP_MAX];
    print_envelope(s, job);
    for (size_t i = 0; i < json_array_size(errors); i++)
        print_error(s, i + 1, json_array_get(errors, i));
    json_t *payload = as_json(job, "payload"), *before = as_json(job, "payload_before");
    json_t *result = as_json(job, "result"), *progress = as_json(job, "progress");
    print_json(s, "progress", progress);
    print_json(s, "payload", payload);
    print_json(s, "payload before it was edited", before);
    print_json(s, "result", result);
    if (strcmp(json_text(job, "state"), "dead") == 0) {
        out_tinted(&s->out, TINT_BOLD, "next step");
        out_line(&s->out, "  %s",
                 job_wait_next_step(step, json_text(job, "id"), json_text(job, "kind"), job_wait_last_error(job)));
    }
    json_decref(payload);
    json_decref(before);
    json_decref(result);
    json_decref(progress);
}
