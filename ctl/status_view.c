/*
 * status_view - see status_view.h. Refuses to fail because a part is down: that is exactly when somebody looks.
 */
#include "status_view.h"

#include "queue_call.h"
#include "queue_rows.h"
#include "redis_check.h"
#include "worker_rows.h"

#include <stdio.h>

static const char *const PART_NAMES[STATUS_PART_COUNT] = {"supervisor", "redis", "postgres"};

static int gather_queues(struct session *s, json_t *queues, struct err *e)
{
    struct queue_list list;
    struct redis_sync *redis;
    int rc = queue_list_resolve(&s->stores, NULL, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        json_t *stats = NULL;
        rc = queue_rows_ask(s, list.names[i], &stats, e);
        if (rc == 0)
            (void)json_array_append_new(queues, stats);
    }
    if (rc == 0)
        rc = session_redis(s, &redis, e);
    return rc < 0 ? rc : redis_check_well(redis, e);
}

int status_view_gather(struct session *s, struct status_view *ret_view, struct err *e)
{
    const struct conf *conf;
    PGresult *rows = NULL;
    int rc = session_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    *ret_view = (struct status_view){.queues = json_array()};
    (void)session_control(s, "status", NULL, &ret_view->supervisor, &ret_view->errors[STATUS_SUPERVISOR]);
    (void)gather_queues(s, ret_view->queues, &ret_view->errors[STATUS_REDIS]);
    (void)session_sql(s, "SELECT 1", 0, NULL, &rows, &ret_view->errors[STATUS_POSTGRES]);
    PQclear(rows);
    return 0;
}

void status_view_fini(struct status_view *v)
{
    json_decref(v->supervisor);
    json_decref(v->queues);
    *v = (struct status_view){.supervisor = NULL};
}

int status_view_exit_code(const struct status_view *v)
{
    for (size_t i = 0; i < STATUS_PART_COUNT; i++)
        if (v->errors[i].code != 0)
            return EXIT_UNREACHABLE;
    return EXIT_DONE;
}

static void print_json(struct session *s, const struct status_view *v)
{
    json_t *record = json_object();
    for (size_t i = 0; i < STATUS_PART_COUNT; i++) {
        const struct err *e = &v->errors[i];
        json_t *part = e->code == 0
                           ? json_pack("{s:b}", "ok", 1)
                           : json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_name(e->code), "message", e->message);
        if (i == STATUS_SUPERVISOR && v->supervisor != NULL)
            (void)json_object_update(part, v->supervisor);
        (void)json_object_set_new(record, PART_NAMES[i], part);
    }
    (void)json_object_set(record, "queues", v->queues);
    out_json(&s->out, record);
    json_decref(record);
}

static void print_supervisor(struct session *s, const struct status_view *v)
{
    char up[32];
    const char *state = json_text(v->supervisor, "state");
    const json_t *redis = json_object_get(v->supervisor, "redis");
    bool running = strcmp(state, "running") == 0;
    out_tinted(&s->out, running ? TINT_GREEN : TINT_YELLOW, "supervisor  %s: %s, pid %lld, up %s, version %s", state,
               json_text(v->supervisor, "instance"), (long long)json_number(v->supervisor, "pid", 0),
               out_ms(up, json_number(v->supervisor, "uptime_ms", 0)), json_text(v->supervisor, "version"));
    const json_t *limits = json_object_get(v->supervisor, "limits");
    if (limits != NULL)
        out_line(&s->out, "            limits: %s", json_text(limits, "why"));
    const json_t *container = json_object_get(v->supervisor, "container");
    const char *share = json_text(container, "share");
    if (container != NULL)
        out_line(&s->out, "            here: %s", json_text(container, "text"));
    if (*share != '\0')
        out_line(&s->out, "            memory of %s", share);
    if (redis != NULL && !json_is_true(json_object_get(redis, "ready")))
        out_tinted(&s->out, TINT_RED, "            it cannot reach Redis: %s", json_text(redis, "error"));
}

/* The relay in its own words; nothing from a supervisor that knows none. */
static void print_relay(struct session *s, const struct status_view *v)
{
    const json_t *relay = json_object_get(v->supervisor, "relay");
    const char *state = json_text(relay, "state"), *says = json_text(relay, "says"), *error = json_text(relay, "error");
    if (relay == NULL)
        return;
    bool away = strncmp(says, "away", 4) == 0;
    enum tint tint = strcmp(state, "off") == 0 ? TINT_DIM : TINT_GREEN;
    if (strcmp(state, "running") != 0 || away)
        tint = tint == TINT_DIM ? tint : TINT_YELLOW;
    const char *word = strcmp(state, "running") == 0 && *says != '\0' ? says : state;
    out_tinted(&s->out, tint, "relay       %s%s%s", word, *error != '\0' ? ": " : "", error);
}

static void print_parts(struct session *s, const struct status_view *v)
{
    for (size_t i = 0; i < STATUS_PART_COUNT; i++) {
        const struct err *e = &v->errors[i];
        bool answers = i == STATUS_REDIS && json_array_size(v->queues) > 0;
        if (e->code != 0)
            out_tinted(&s->out, TINT_RED, "%-10s  %s: %s", PART_NAMES[i], answers ? "UNWELL" : "DOWN", e->message);
        else if (i == STATUS_SUPERVISOR)
            print_supervisor(s, v);
        else
            out_tinted(&s->out, TINT_GREEN, "%-10s  reachable", PART_NAMES[i]);
    }
}

static void print_rows(struct session *s, const json_t *items, void (*titles)(struct table *t),
                       int (*row)(struct table *t, const json_t *item))
{
    struct table t;
    titles(&t);
    for (size_t i = 0; i < json_array_size(items); i++)
        (void)row(&t, json_array_get(items, i));
    if (t.n_rows > 0)
        out_line(&s->out, "%s", "");
    table_print(&t, &s->out);
    table_fini(&t);
}

static void print_dead(struct session *s, const json_t *queues)
{
    bool any = false;
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *stats = json_array_get(queues, i);
        AUTO_FREE char *causes = queue_rows_words(json_object_get(stats, "dead_causes"));
        if (json_number(stats, "dead", 0) == 0 || causes == NULL)
            continue;
        if (!any)
            out_line(&s->out, "%s", "");
        any = true;
        out_tinted(&s->out, TINT_RED, "dead in %s: %s", json_text(stats, "queue"), causes);
    }
    if (any)
        out_line(&s->out, "\"stint dlq triage\" groups them and names the next step");
}

void status_view_print(struct session *s, const struct status_view *v)
{
    if (s->out.json) {
        print_json(s, v);
        return;
    }
    print_parts(s, v);
    print_relay(s, v);
    print_rows(s, json_object_get(v->supervisor, "pools"), worker_rows_pool_table, worker_rows_pool_add);
    print_rows(s, json_object_get(v->supervisor, "workers"), worker_rows_table, worker_rows_add);
    print_rows(s, v->queues, queue_rows_table, queue_rows_row);
    print_dead(s, v->queues);
}
