/*
 * verb_queue - `stint queue list|pause|resume|stats|config`: queues as a whole.
 */
#include "queue_call.h"
#include "queue_rows.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_queue_list_options[] = {{.name = NULL}};

/* Every queue asked in turn; show is called with each one's numbers. */
static int each_queue(struct session *s, const char *name, int (*show)(struct session *s, json_t *stats, void *arg),
                      void *arg, struct err *e)
{
    struct queue_list list;
    int rc = queue_list_resolve(&s->stores, name, &list, e);
    if (rc == 0 && name != NULL)
        rc = queue_list_check_known(&s->stores, name, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        json_t *stats = NULL;
        rc = queue_rows_ask(s, list.names[i], &stats, e);
        if (rc == 0)
            (void)json_object_set_new(stats, "queue", json_string(list.names[i]));
        if (rc == 0)
            rc = show(s, stats, arg);
        json_decref(stats);
    }
    return rc;
}

static int show_row(struct session *s, json_t *stats, void *arg)
{
    if (!s->out.json)
        return queue_rows_row(arg, stats);
    out_json(&s->out, stats);
    return 0;
}

int verb_queue_list(struct session *s)
{
    struct err e = {.code = 0};
    struct table t;
    queue_rows_table(&t);
    int rc = each_queue(s, NULL, show_row, &t, &e);
    table_print(&t, &s->out);
    table_fini(&t);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_queue_rows_options[] = {{.name = NULL}};

static int print_bands(struct session *s, const json_t *stats)
{
    static const char *const titles[] = {"BAND", ">READY", ">ACTIVE", ">OLDEST", NULL};
    struct table t;
    json_t *bands = json_object_get(stats, "bands"), *band;
    const char *name;
    int rc = 0;
    table_init(&t, titles);
    json_object_foreach(bands, name, band)
    {
        char age[32];
        int64_t oldest = json_number(band, "oldest_ms", 0);
        rc = rc == 0 ? table_row(&t) : rc;
        table_set(&t, 0, "%s", name);
        table_set(&t, 1, "%lld", (long long)json_number(band, "ready", 0));
        table_set(&t, 2, "%lld", (long long)json_number(band, "active", 0));
        table_set(&t, 3, "%s", oldest > 0 ? out_ms(age, oldest) : "-");
    }
    table_print(&t, &s->out);
    table_fini(&t);
    return rc;
}

static int show_whole(struct session *s, json_t *stats, void *arg UNUSED)
{
    if (s->out.json) {
        out_json(&s->out, stats);
        return 0;
    }
    AUTO_FREE char *causes = queue_rows_words(json_object_get(stats, "dead_causes"));
    AUTO_FREE char *ledger = queue_rows_words(json_object_get(stats, "ledger"));
    AUTO_FREE char *kinds = queue_rows_words(json_object_get(stats, "paused_kinds"));
    int64_t drift = json_number(stats, "drift", 0);
    out_tinted(&s->out, TINT_BOLD, "queue %s%s", json_text(stats, "queue"),
               json_is_true(json_object_get(stats, "paused")) ? " (paused)" : "");
    int rc = print_bands(s, stats);
    out_line(&s->out, "scheduled  %lld, parked %lld", (long long)json_number(stats, "scheduled", 0),
             (long long)json_number(stats, "parked", 0));
    out_line(&s->out, "dead       %lld%s%s", (long long)json_number(stats, "dead", 0),
             causes != NULL && *causes != '\0' ? ": " : "", causes != NULL ? causes : "");
    if (kinds != NULL && *kinds != '\0')
        out_line(&s->out, "paused     %s", kinds);
    out_line(&s->out, "hosts      %lld", (long long)json_number(stats, "instances", 0));
    out_line(&s->out, "ledger     enqueued %lld%s%s", (long long)json_number(stats, "enqueued", 0),
             ledger != NULL && *ledger != '\0' ? "; " : "", ledger != NULL ? ledger : "");
    out_tinted(&s->out, drift == 0 ? TINT_GREEN : TINT_RED, "drift      %lld%s", (long long)drift,
               drift == 0 ? "" : " (jobs the ledger cannot account for)");
    return rc;
}

int verb_queue_rows(struct session *s)
{
    struct err e = {.code = 0};
    int rc = each_queue(s, args_positional(&s->args, 0), show_whole, NULL, &e);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_queue_pause_options[] = {
    {"kind", ARG_TEXT, "KIND", "only jobs of this kind; default: the whole queue", NULL, 1, 32},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {.name = NULL},
};

/* The queue named, or the one of --kind; never all by accident. */
static int one_queue(struct session *s, struct queue_list *ret_list, struct err *e)
{
    const char *queue = args_positional(&s->args, 0), *kind = args_text(&s->args, "kind", NULL);
    const struct conf *conf;
    if (queue == NULL && kind == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "name a QUEUE, or a kind with --kind");
    int rc = session_conf(s, &conf, e);
    if (rc == 0 && queue == NULL) {
        queue = conf_queue_of_kind(conf, kind);
        if (queue == NULL)
            return err_set(e, ERR_BAD_ARGUMENT, "kind \"%.60s\" has no queue in the configuration; name the QUEUE too",
                           kind);
    }
    if (rc == 0)
        rc = queue_list_parts(&s->stores, queue, ret_list, e);
    return rc == 0 ? queue_list_check_known(&s->stores, queue, e) : rc;
}

/* Part by part; what was changed before a part failed stays so, and the message says where it ended. */
static int part_failed(const struct queue_list *list, size_t at, int rc, struct err *e)
{
    struct err why = *e;
    return at == 0 ? rc : err_set(e, rc, "shard %s: %.600s; %s to %s were changed", list->names[at], why.message, list->names[0],
                                  list->names[at - 1]);
}

static int change_pause(struct session *s, const char *function, const char *queue, int64_t *ret_changed, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, function, queue);
    queue_call_add(&c, args_text(&s->args, "kind", ""));
    queue_call_add(&c, s->stores.actor);
    queue_call_add(&c, args_text(&s->args, "reason", ""));
    return queue_call_integer(&s->stores, &c, ret_changed, e);
}

static void report_pause(struct session *s, const char *queue, const char *what, bool changed)
{
    const char *kind = args_text(&s->args, "kind", NULL);
    if (s->out.json) {
        json_t *record =
            json_pack("{s:s, s:s?, s:s, s:b}", "queue", queue, "kind", kind, "state", what, "changed", (int)changed);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_line(&s->out, "queue %s%s%s %s%s", queue, kind != NULL ? ", kind " : "", kind != NULL ? kind : "",
             changed ? "" : "was already ", what);
}

int verb_queue_pause(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_list list;
    int64_t changed = 0;
    int rc = one_queue(s, &list, &e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        int64_t one = 0;
        rc = change_pause(s, "stint_pause", list.names[i], &one, &e);
        rc = rc < 0 ? part_failed(&list, i, rc, &e) : 0;
        changed += one;
    }
    if (rc < 0)
        return session_fail(s, &e);
    report_pause(s, list.names[0], "paused", changed != 0);
    return EXIT_DONE;
}

const struct arg_spec verb_queue_resume_options[] = {
    {"kind", ARG_TEXT, "KIND", "only jobs of this kind; default: the whole queue", NULL, 1, 32},
    {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256},
    {.name = NULL},
};

int verb_queue_resume(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_list list;
    int64_t changed = 0, changes = 0;
    int rc = one_queue(s, &list, &e);
    /* A call un-parks a bounded number of jobs and answers 1 while it changed something. */
    for (size_t i = 0; rc == 0 && i < list.n; i += rc == 0 && changed == 0) {
        rc = change_pause(s, "stint_resume", list.names[i], &changed, &e);
        rc = rc < 0 ? part_failed(&list, i, rc, &e) : 0;
        changes += changed;
    }
    if (rc < 0)
        return session_fail(s, &e);
    report_pause(s, list.names[0], "resumed", changes > 0);
    return EXIT_DONE;
}

const struct arg_spec verb_queue_config_options[] = {{.name = NULL}};

static int show_config(struct session *s, const char *queue, const char *field, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &reply, e, "HGETALL stint:{%s}:cfg", queue);
    if (rc < 0)
        return rc;
    json_t *record = json_object();
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (field == NULL ? strcmp(reply->element[i]->str, "tag") != 0 : strcmp(field, reply->element[i]->str) == 0) {
            AUTO_FREE char *value = out_harmless(reply->element[i + 1]->str, (size_t)reply->element[i + 1]->len);
            (void)json_object_set_new(record, reply->element[i]->str, json_string(value));
            out_line(&s->out, "%s = %s", reply->element[i]->str, value != NULL ? value : "");
        }
    if (field != NULL && json_object_size(record) == 0)
        rc = err_set(e, ERR_NOT_FOUND, "queue %s has no \"%.100s\" set; its default holds", queue, field);
    else if (s->out.json)
        out_json(&s->out, record);
    else if (field == NULL && json_object_size(record) == 0)
        out_line(&s->out, "nothing is set for queue %s: every field has its default", queue);
    json_decref(record);
    freeReplyObject(reply);
    return rc;
}

int verb_queue_config(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_list list;
    struct queue_call c;
    int64_t changed;
    const char *field = args_positional(&s->args, 1), *value = args_positional(&s->args, 2);
    int rc = queue_list_parts(&s->stores, args_positional(&s->args, 0), &list, &e);
    if (rc == 0)
        rc = queue_list_check_known(&s->stores, list.names[0], &e);
    if (rc == 0 && value == NULL) {
        rc = show_config(s, list.names[0], field, &e);
    } else if (rc == 0) {
        bool whole = strncmp(field, "shards", strlen("shards")) == 0; /* said once, of the whole queue */
        for (size_t i = 0; rc == 0 && i < (whole ? 1 : list.n); i++) {
            queue_call_init(&c, "stint_config", list.names[i]);
            queue_call_add(&c, field);
            queue_call_add(&c, value);
            queue_call_add(&c, s->stores.actor);
            rc = queue_call_integer(&s->stores, &c, &changed, &e);
            rc = rc < 0 ? part_failed(&list, i, rc, &e) : 0;
        }
        if (rc == 0 && s->out.json) {
            json_t *record = json_pack("{s:s, s:s, s:s}", "queue", list.names[0], "field", field, "value", value);
            out_json(&s->out, record);
            json_decref(record);
        }
        if (rc == 0)
            out_line(&s->out, "queue %s: %s %s %s", list.names[0], field, *value != '\0' ? "=" : "removed", value);
    }
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
