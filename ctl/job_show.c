/*
 * job_show - see job_show.h. Refuses to print what a payload calls a password, also under --json: terminals are
 * recorded.
 */
#include "job_show.h"

#include "queue_call.h"
#include "job_wait.h"

#include <stdio.h>
#include <strings.h>

enum { NESTING_MAX = 32, TEXT_SHOWN_MAX = 400 };

static bool is_secret(const char *key)
{
    static const char *const names[] = {"password", "passwd", "secret", "token", "authorization", "secret_key"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(key, names[i]) == 0)
            return true;
    return false;
}

static json_t *present(const json_t *value, size_t text_max, int depth)
{
    if (depth > NESTING_MAX)
        return json_string("…");
    if (json_is_string(value) && text_max > 0 && json_string_length(value) > text_max) {
        char cut[64];
        (void)snprintf(cut, sizeof cut, "%.24s… (%zu bytes)", json_string_value(value), json_string_length(value));
        AUTO_FREE char *harmless = out_harmless(cut, strlen(cut));
        return json_string(harmless != NULL ? harmless : "…");
    }
    if (json_is_array(value)) {
        json_t *copy = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            (void)json_array_append_new(copy, present(json_array_get(value, i), text_max, depth + 1));
        return copy;
    }
    if (!json_is_object(value))
        return json_deep_copy(value);
    json_t *copy = json_object();
    json_t *members = (json_t *)(uintptr_t)value, *member;
    const char *key;
    json_object_foreach(members, key, member)
    {
        bool hide = is_secret(key) && !json_is_null(member);
        (void)json_object_set_new(copy, key, hide ? json_string("(hidden)") : present(member, text_max, depth + 1));
    }
    return copy;
}

json_t *job_show_presentable(const json_t *payload, size_t text_max)
{
    return payload == NULL ? NULL : present(payload, text_max, 0);
}

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
    json_t *shown = job_show_presentable(value, TEXT_SHOWN_MAX);
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
        (void)json_object_set_new(shown, key, job_show_presentable(value, 0));
    json_decref(value);
}

void job_show_print(struct session *s, const json_t *job)
{
    if (s->out.json) {
        json_t *shown = job_show_presentable(job, 0);
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
