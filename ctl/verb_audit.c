/*
 * verb_audit - `stint audit`: what operators did, from every queue's and every host's audit log.
 */
#include "audit_read.h"
#include "dead_select.h"
#include "verb.h"

#include <poll.h>
#include <stdio.h>

enum { AWAY_MS = 1000 };

const struct arg_spec verb_audit_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "only this queue (_host: what concerns hosts); default: configured queues and hosts", NULL, 1, 64},
    {"all", ARG_FLAG, NULL, "every queue there is, configured here or not", NULL, 0, 0},
    {"action", ARG_TEXT, "ACTION", "only this: replay, edit, purge, pause, worker, worker.kill, …", NULL, 1, 40},
    {"since", ARG_TEXT, "1h|TIME", "no earlier than this long ago, or this time", NULL, 1, 60},
    {"until", ARG_TEXT, "1h|TIME", "no later than this long ago, or this time", NULL, 1, 60},
    {"match", ARG_TEXT, "TEXT", "any part of an entry holds this", NULL, 1, 256},
    {"limit", ARG_INT, "N", "the most recent N; default 50", NULL, 1, AUDIT_READ_MAX},
    {"follow", ARG_FLAG, NULL, "go on with what is done from now on", NULL, 0, 0},
    {.name = NULL},
};

/* Everything but who, what and why, as "name value" pairs. */
static void details(const json_t *record, size_t size, char *out)
{
    static const char *const shown[] = {"queue", "entry", "at_ms", "actor", "action", "reason"};
    const char *key;
    json_t *members = (json_t *)(uintptr_t)record, *value;
    *out = '\0';
    json_object_foreach(members, key, value)
    {
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(shown); i++)
            skip = skip || strcmp(key, shown[i]) == 0;
        size_t used = strlen(out);
        const char *text = json_string_value(value);
        if (!skip && text != NULL && *text != '\0')
            (void)snprintf(out + used, size - used, "%s%s %s", used > 0 ? ", " : "", key, text);
    }
}

static void add_row(struct table *t, const json_t *record)
{
    char when[32], text[512];
    if (table_row(t) < 0)
        return;
    details(record, sizeof text, text);
    table_set(t, 0, "%s", out_time(when, json_number(record, "at_ms", 0)));
    table_set(t, 1, "%s", json_text(record, "queue"));
    table_set(t, 2, "%s", json_text(record, "action"));
    table_set(t, 3, "%s", json_text(record, "actor"));
    table_set(t, 4, "%s", json_text(record, "reason"));
    table_set(t, 5, "%s", text);
}

static void show_past(struct session *s, const struct audit_read *r)
{
    static const char *const titles[] = {"TIME", "-QUEUE", "ACTION", "~ACTOR", "?~REASON", "~DETAILS", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(r->records); i++) {
        if (s->out.json)
            out_json(&s->out, json_array_get(r->records, i));
        else
            add_row(&t, json_array_get(r->records, i));
    }
    table_print(&t, &s->out);
    table_fini(&t);
    if (json_array_size(r->records) == 0 && !args_has(&s->args, "follow"))
        out_line(&s->out, "no operator action is on record%s",
                 r->filter.actor != NULL || r->filter.action != NULL || r->filter.match != NULL || r->filter.since_ms > 0 ||
                         r->filter.until_ms > 0
                     ? " that matches"
                     : "");
}

/* One line an entry, as it comes. */
static void show_next(struct session *s, const struct audit_read *r)
{
    for (size_t i = 0; i < json_array_size(r->records); i++) {
        const json_t *record = json_array_get(r->records, i);
        const char *reason = json_text(record, "reason");
        char when[32], text[512];
        if (s->out.json)
            out_json(&s->out, record);
        details(record, sizeof text, text);
        out_line(&s->out, "%s  %s  %s  %s  %s%s%s", out_time(when, json_number(record, "at_ms", 0)), json_text(record, "queue"),
                 json_text(record, "action"), json_text(record, "actor"), reason, *reason != '\0' ? "  " : "", text);
    }
    (void)fflush(s->out.to);
}

static int follow(struct session *s, struct audit_read *r, struct err *e)
{
    bool away = false;
    (void)fflush(s->out.to);
    for (;;) {
        int rc = audit_read_next(&s->stores, r, e);
        if (rc == 0) {
            away = false;
            show_next(s, r);
            continue;
        }
        if (rc != ERR_REDIS_UNAVAILABLE && rc != ERR_TIMED_OUT)
            return rc;
        if (!away)
            out_remark(&s->out, "%s; waiting for it", e->message);
        away = true;
        *e = (struct err){.code = 0};
        (void)poll(NULL, 0, AWAY_MS);
    }
}

static int read_filter(struct session *s, struct audit_filter *ret_filter, struct err *e)
{
    const struct args *a = &s->args;
    struct audit_filter f = {
        .actor = args_text(a, "actor", NULL),
        .action = args_text(a, "action", NULL),
        .match = args_text(a, "match", NULL),
        .limit = (size_t)args_int(a, "limit", 50),
    };
    if (args_has(a, "queue") && args_has(a, "all"))
        return err_set(e, ERR_BAD_ARGUMENT, "--queue and --all exclude each other; give one");
    if (args_has(a, "follow") && args_has(a, "until"))
        return err_set(e, ERR_BAD_ARGUMENT, "--follow goes on for ever; it takes no --until");
    int rc = dead_filter_time(s, "since", &f.since_ms, e);
    if (rc == 0)
        rc = dead_filter_time(s, "until", &f.until_ms, e);
    if (rc == 0)
        *ret_filter = f;
    return rc;
}

int verb_audit(struct session *s)
{
    struct err e = {.code = 0};
    struct audit_read r = {.sources = NULL};
    int rc = read_filter(s, &r.filter, &e);
    if (rc == 0)
        rc = audit_read_open(&s->stores, &r, args_text(&s->args, "queue", NULL), args_has(&s->args, "all"), &e);
    if (rc == 0)
        rc = audit_read_past(&s->stores, &r, &e);
    if (rc == 0)
        show_past(s, &r);
    if (rc == 0 && args_has(&s->args, "follow"))
        rc = follow(s, &r, &e);
    audit_read_fini(&r);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
