/*
 * payload_edit - see payload_edit.h. Refuses to guess: a payload that is not JSON is not patched, and a number is never
 * written as another.
 */
#include "payload_edit.h"

#include "job_show.h"

#include <stdio.h>

enum { PATH_MAX_BYTES = 512, DEPTH_MAX = 64, TEXT_SHOWN_MAX = 120 };

json_t *payload_edit_merge(const json_t *target, const json_t *patch)
{
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *merged = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_t *members = (json_t *)(uintptr_t)patch, *value;
    const char *key;
    json_object_foreach(members, key, value)
    {
        if (json_is_null(value))
            (void)json_object_del(merged, key);
        else
            (void)json_object_set_new(merged, key, payload_edit_merge(json_object_get(merged, key), value));
    }
    return merged;
}

char *payload_edit_text(const json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    for (size_t digits = 15; digits < 17; digits++) {
        AUTO_FREE char *text = json_dumps(value, flags | JSON_REAL_PRECISION(digits));
        json_t *again = text != NULL ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        bool same = again != NULL && json_equal(again, value);
        json_decref(again);
        if (same)
            return TAKE(text);
    }
    return json_dumps(value, flags | JSON_REAL_PRECISION(17));
}

int payload_edit_apply(const char *id, const char *bytes, size_t len, const json_t *patch, char **ret_text, struct err *e)
{
    json_error_t why;
    json_t *payload = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (payload == NULL)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--edit: the payload of %s is not JSON (%s at line %d, column %d), so it cannot be patched; give a "
                       "whole one with \"stint dlq edit %s --payload JSON\"",
                       id, why.text, why.line, why.column, id);
    json_t *merged = payload_edit_merge(payload, patch);
    char *text = merged != NULL ? payload_edit_text(merged) : NULL;
    json_decref(payload);
    json_decref(merged);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the payload of %s", id);
    *ret_text = text;
    return 0;
}

struct diff {
    struct session *s;
    size_t most, found;
};

static void line(struct diff *d, char sign, const char *path, const json_t *value)
{
    if (d->found++ >= d->most || d->s->out.json)
        return;
    AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    AUTO_FREE char *shown = text != NULL ? out_harmless(text, strlen(text)) : NULL;
    AUTO_FREE char *where = out_harmless(path, strlen(path));
    out_tinted(&d->s->out, sign == '+' ? TINT_GREEN : TINT_RED, "  %c %s %s", sign,
               where != NULL && *where != '\0' ? where : "/", shown != NULL ? shown : "");
}

static void differ(struct diff *d, const char *path, const json_t *before, const json_t *after, int depth);

static void member(struct diff *d, const char *path, const char *key, const json_t *before, const json_t *after, int depth)
{
    char deeper[PATH_MAX_BYTES];
    (void)snprintf(deeper, sizeof deeper, "%.380s/%.120s", path, key);
    differ(d, deeper, before, after, depth + 1);
}

static void differ(struct diff *d, const char *path, const json_t *before, const json_t *after, int depth)
{
    if (before != NULL && after != NULL && json_equal(before, after))
        return;
    if (!json_is_object(before) || !json_is_object(after) || depth > DEPTH_MAX) {
        if (before != NULL)
            line(d, '-', path, before);
        if (after != NULL)
            line(d, '+', path, after);
        return;
    }
    json_t *members = (json_t *)(uintptr_t)before, *value;
    const char *key;
    json_object_foreach(members, key, value)
        member(d, path, key, value, json_object_get(after, key), depth);
    members = (json_t *)(uintptr_t)after;
    json_object_foreach(members, key, value)
    {
        if (json_object_get(before, key) == NULL)
            member(d, path, key, NULL, value, depth);
    }
}

size_t payload_edit_diff(struct session *s, const json_t *before, const json_t *after, size_t most)
{
    struct diff d = {.s = s, .most = most};
    json_t *old = job_show_presentable(before, TEXT_SHOWN_MAX), *new = job_show_presentable(after, TEXT_SHOWN_MAX);
    differ(&d, "", old, new, 0);
    json_decref(old);
    json_decref(new);
    if (d.found > most)
        out_line(&s->out, "  and %zu more lines", d.found - most);
    if (d.found == 0 && !json_equal(before, after))
        out_line(&s->out, "  (what differs is hidden: a secret, or far into a long text)");
    return json_equal(before, after) ? 0 : MAX_OF(d.found, (size_t)1);
}
