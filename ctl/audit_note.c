/*
 * audit_note - see audit_note.h. Refuses to stop an operator: somebody who kills a stuck worker while Redis is down
 * must succeed, and be told that the log does not know.
 */
#include "audit_note.h"

#include "queue_call.h"

#include <ctype.h>
#include <stdio.h>

enum { FIELDS_MAX = 14, TEXT_MAX = 1000 };

/* A member's value as text (caller frees); NULL for what an entry has no room for. */
static char *value_text(const json_t *value)
{
    char *text = NULL;
    if (json_is_string(value))
        return strndup(json_string_value(value), TEXT_MAX);
    if (json_is_integer(value))
        return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0 ? NULL : text;
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    return NULL;
}

static bool is_field_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        if (!islower((unsigned char)*p) && (p == name || (!isdigit((unsigned char)*p) && *p != '_')))
            return false;
    return *name != '\0' && strlen(name) <= 40;
}

void audit_note(struct session *s, const char *queue, const char *action, const char *reason, const json_t *details)
{
    struct err e = {.code = 0};
    struct queue_call c;
    char host[128] = "localhost", *texts[FIELDS_MAX];
    size_t n = 0;
    int64_t done;
    const char *key;
    json_t *value, *members = (json_t *)(uintptr_t)details;
    (void)gethostname(host, sizeof host - 1);
    queue_call_init(&c, "stint_audit", queue != NULL ? queue : AUDIT_HOST_QUEUE);
    queue_call_add(&c, action);
    queue_call_add(&c, s->stores.actor);
    queue_call_add(&c, reason);
    if (queue == NULL) {
        queue_call_add(&c, "host");
        queue_call_add(&c, host);
    }
    json_object_foreach(members, key, value)
    {
        char *text = n < FIELDS_MAX && is_field_name(key) ? value_text(value) : NULL;
        if (text == NULL)
            continue;
        texts[n++] = text;
        queue_call_add(&c, key);
        queue_call_add(&c, text);
    }
    if (queue_call_integer(&s->stores, &c, &done, &e) < 0)
        out_remark(&s->out, "done, but the audit log does not know: %s", e.message);
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
}

void audit_note_control(struct session *s, const char *verb, const json_t *asked, const json_t *answered)
{
    static const char *const changing[] = {"worker.scale", "worker.quiet", "worker.resume", "worker.restart",
                                           "worker.kill",  "drain",        "reload",       "upgrade"};
    static const char *const told[] = {"pid", "job", "count", "was", "desired"};
    bool changes = false;
    for (size_t i = 0; i < ARRAY_LEN(changing); i++)
        changes = changes || strcmp(verb, changing[i]) == 0;
    if (!changes)
        return;
    json_t *details = asked != NULL ? json_copy((json_t *)(uintptr_t)asked) : json_object();
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (json_object_get(answered, told[i]) != NULL)
            (void)json_object_set(details, told[i], json_object_get(answered, told[i]));
    const json_t *changed = json_object_get(answered, "changed");
    if (json_is_array(changed))
        (void)json_object_set_new(details, "changed", json_integer((json_int_t)json_array_size(changed)));
    audit_note(s, NULL, verb, args_text(&s->args, "reason", ""), details);
    json_decref(details);
}
