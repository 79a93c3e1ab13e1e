/*
 * payload_edit - see payload_edit.h. Refuses to guess: a payload that is not JSON is not patched, and a number is never
 * written as another; and to show what a payload calls a password: terminals are recorded, pages photographed.
 */
#include "payload_edit.h"

#include "utf8.h"

#include <stdio.h>
#include <strings.h>

enum { NESTING_MAX = 32 };

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

int payload_edit_apply(const char *id, const char *bytes, size_t len, const json_t *patch, char **ret_text,
                       struct err *e)
{
    json_error_t why;
    json_t *payload = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (payload == NULL)
        return err_set(
            e, ERR_BAD_ARGUMENT,
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
        AUTO_FREE char *harmless = utf8_harmless(cut, strlen(cut));
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

json_t *payload_edit_presentable(const json_t *payload, size_t text_max)
{
    return payload == NULL ? NULL : present(payload, text_max, 0);
}
