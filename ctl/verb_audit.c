/*
 * verb_audit - `stint audit`: what operators did, from each queue's audit stream.
 */
#include "queue_call.h"
#include "verb.h"

#include "keys.h"

#include <stdio.h>

const struct arg_spec verb_audit_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "only this queue; default: every configured queue", NULL, 1, 64},
    {"limit", ARG_INT, "N", "most recent actions of each queue; default 50", NULL, 1, 10000},
    {.name = NULL},
};

static json_t *entry_record(const char *queue, const redisReply *entry)
{
    json_t *record = json_pack("{s:s, s:s, s:I}", "queue", queue, "entry", entry->element[0]->str, "at_ms",
                               (json_int_t)strtoll(entry->element[0]->str, NULL, 10));
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        AUTO_FREE char *value = out_harmless(fields->element[i + 1]->str, (size_t)fields->element[i + 1]->len);
        (void)json_object_set_new(record, fields->element[i]->str, json_string(value != NULL ? value : ""));
    }
    return record;
}

/* Everything but who, what and why, as "name value" pairs. */
static void set_details(struct table *t, size_t column, json_t *record)
{
    static const char *const shown[] = {"queue", "entry", "at_ms", "actor", "action", "reason"};
    char text[512] = "";
    const char *key;
    json_t *value;
    json_object_foreach(record, key, value)
    {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(shown); i++)
            skip = skip || strcmp(key, shown[i]) == 0;
        size_t used = strlen(text);
        const char *text_of = json_string_value(value);
        if (!skip && text_of != NULL && *text_of != '\0')
            (void)snprintf(text + used, sizeof text - used, "%s%s %s", used > 0 ? ", " : "", key, text_of);
    }
    table_set(t, column, "%s", text);
}

static void show_entry(struct session *s, struct table *t, json_t *record)
{
    char when[32];
    if (s->out.json) {
        out_json(&s->out, record);
        return;
    }
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s", out_time(when, json_number(record, "at_ms", 0)));
    table_set(t, 1, "%s", json_text(record, "queue"));
    table_set(t, 2, "%s", json_text(record, "action"));
    table_set(t, 3, "%s", json_text(record, "actor"));
    table_set(t, 4, "%s", json_text(record, "reason"));
    set_details(t, 5, record);
}

static int read_queue(struct session *s, const char *queue, struct table *t, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX], count[24];
    (void)snprintf(count, sizeof count, "%lld", (long long)args_int(&s->args, "limit", 50));
    const char *const argv[] = {"XREVRANGE", keys_of(key, queue, "audit"), "+", "-", "COUNT", count};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    for (size_t i = reply->elements; i > 0; i--) {
        json_t *record = entry_record(queue, reply->element[i - 1]);
        show_entry(s, t, record);
        json_decref(record);
    }
    freeReplyObject(reply);
    return 0;
}

int verb_audit(struct session *s)
{
    static const char *const titles[] = {"TIME", "-QUEUE", "ACTION", "~ACTOR", "~REASON", "~DETAILS", NULL};
    struct err e = {.code = 0};
    struct queue_list list;
    struct table t;
    table_init(&t, titles);
    int rc = queue_list_resolve(s, args_text(&s->args, "queue", NULL), &list, &e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc = read_queue(s, list.names[i], &t, &e);
    if (rc == 0 && t.n_rows == 0)
        out_line(&s->out, "no operator action is on record");
    table_print(&t, &s->out);
    table_fini(&t);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
