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

static void gather_supervisors(struct session *s, struct status_view *v)
{
    struct err *e = &v->errors[STATUS_SUPERVISOR];
    if (host_control_all(s, "status", NULL, &v->supervisors, e) < 0)
        return;
    for (size_t i = 0; i < v->supervisors.n && e->code == 0; i++)
        *e = v->supervisors.items[i].e;
    host_replies_gather(&v->supervisors, "pools", v->pools);
    host_replies_gather(&v->supervisors, "workers", v->workers);
}

int status_view_gather(struct session *s, struct status_view *ret_view, struct err *e)
{
    const struct conf *conf;
    PGresult *rows = NULL;
    int rc = session_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    *ret_view = (struct status_view){.queues = json_array(), .pools = json_array(), .workers = json_array()};
    gather_supervisors(s, ret_view);
    (void)gather_queues(s, ret_view->queues, &ret_view->errors[STATUS_REDIS]);
    (void)session_sql(s, "SELECT 1", 0, NULL, &rows, &ret_view->errors[STATUS_POSTGRES]);
    PQclear(rows);
    return 0;
}

void status_view_fini(struct status_view *v)
{
    host_replies_fini(&v->supervisors);
    json_decref(v->pools);
    json_decref(v->workers);
    json_decref(v->queues);
    *v = (struct status_view){.queues = NULL};
}

int status_view_exit_code(const struct status_view *v)
{
    for (size_t i = 0; i < STATUS_PART_COUNT; i++)
        if (v->errors[i].code != 0)
            return EXIT_UNREACHABLE;
    return EXIT_DONE;
}

/* {"ok":…}, with code and message of what went wrong. */
static json_t *part_of(const struct err *e)
{
    return e->code == 0 ? json_pack("{s:b}", "ok", 1)
                        : json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_name(e->code), "message", e->message);
}

static json_t *supervisor_of(const struct host_reply *item)
{
    json_t *part = part_of(&item->e);
    if (item->reply != NULL)
        (void)json_object_update(part, item->reply);
    (void)json_object_set_new(part, "run_dir", json_string(item->run_dir));
    (void)json_object_set_new(part, "name", json_string(item->name));
    return part;
}

/* The first that answers; the first when none does. NULL when nobody could be asked. */
static const struct host_reply *first_of(const struct host_replies *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->items[i].reply != NULL)
            return &r->items[i];
    return r->n > 0 ? &r->items[0] : NULL;
}

static void print_json(struct session *s, const struct status_view *v)
{
    json_t *record = json_object(), *all = json_array();
    const struct host_reply *first = first_of(&v->supervisors);
    for (size_t i = 0; i < STATUS_PART_COUNT; i++) {
        bool known = i == STATUS_SUPERVISOR && first != NULL;
        (void)json_object_set_new(record, PART_NAMES[i], known ? supervisor_of(first) : part_of(&v->errors[i]));
    }
    for (size_t i = 0; i < v->supervisors.n; i++)
        (void)json_array_append_new(all, supervisor_of(&v->supervisors.items[i]));
    (void)json_object_set_new(record, "supervisors", all);
    (void)json_object_set(record, "queues", v->queues);
    out_json(&s->out, record);
    json_decref(record);
}

/* Where it can be scraped. */
static void print_metrics(struct session *s, const json_t *status)
{
    const json_t *metrics = json_object_get(status, "metrics");
    const char *listen = json_text(metrics, "listen");
    bool v6 = strchr(listen, ':') != NULL;
    if (json_number(metrics, "port", 0) > 0)
        out_line(&s->out, "            metrics: http://%s%s%s:%lld/metrics", v6 ? "[" : "", listen, v6 ? "]" : "",
                 (long long)json_number(metrics, "port", 0));
}

/* Another life beside it; nothing from a supervisor that knows no hand-over. */
static void print_handover(struct session *s, const json_t *handover)
{
    const json_t *old = json_object_get(handover, "predecessor"), *next = json_object_get(handover, "successor");
    const char *error = json_text(handover, "error");
    if (old != NULL && json_number(old, "jobs", -1) >= 0)
        out_tinted(&s->out, TINT_YELLOW, "            its predecessor %s (pid %lld, version %s) drains: %lld jobs in hand, %lld workers",
                   json_text(old, "instance"), (long long)json_number(old, "pid", 0), json_text(old, "version"),
                   (long long)json_number(old, "jobs", 0), (long long)json_number(old, "workers", 0));
    else if (old != NULL)
        out_tinted(&s->out, TINT_YELLOW, "            its predecessor %s (pid %lld, version %s) drains",
                   json_text(old, "instance"), (long long)json_number(old, "pid", 0), json_text(old, "version"));
    if (next != NULL)
        out_tinted(&s->out, TINT_YELLOW, "            hands over (%s) to %s, pid %lld, version %s; %s",
                   json_text(handover, "state"), json_text(next, "instance"), (long long)json_number(next, "pid", 0),
                   json_text(next, "version"), json_text(handover, "says"));
    else if (*error != '\0')
        out_tinted(&s->out, TINT_YELLOW, "            its last hand-over failed: %s", error);
}

/* The one supervisor there is, or one of several, with its folder. */
static void print_supervisor(struct session *s, const struct host_reply *item, bool alone)
{
    char up[32];
    const json_t *status = item->reply;
    const char *state = json_text(status, "state");
    const json_t *redis = json_object_get(status, "redis");
    bool running = strcmp(state, "running") == 0;
    if (item->e.code != 0) {
        out_tinted(&s->out, TINT_RED, "supervisor  DOWN: %s", item->e.message);
        return;
    }
    out_tinted(&s->out, running ? TINT_GREEN : TINT_YELLOW, "supervisor  %s: %s, pid %lld, up %s, version %s", state,
               json_text(status, "instance"), (long long)json_number(status, "pid", 0),
               out_ms(up, json_number(status, "uptime_ms", 0)), json_text(status, "version"));
    print_handover(s, json_object_get(status, "handover"));
    const json_t *limits = json_object_get(status, "limits");
    if (limits != NULL)
        out_line(&s->out, "            limits: %s", json_text(limits, "why"));
    const json_t *container = json_object_get(status, "container");
    const char *share = json_text(container, "share");
    if (container != NULL)
        out_line(&s->out, "            here: %s", json_text(container, "text"));
    if (*share != '\0')
        out_line(&s->out, "            memory of %s", share);
    if (!alone)
        out_line(&s->out, "            run folder: %s", item->run_dir);
    print_metrics(s, status);
    if (redis != NULL && !json_is_true(json_object_get(redis, "ready")))
        out_tinted(&s->out, TINT_RED, "            it cannot reach Redis: %s", json_text(redis, "error"));
}

/* The relay in its own words; nothing from a supervisor that knows none. */
static void print_relay(struct session *s, const struct host_reply *item)
{
    const json_t *relay = json_object_get(item->reply, "relay");
    const char *state = json_text(relay, "state"), *says = json_text(relay, "says"), *error = json_text(relay, "error");
    if (relay == NULL)
        return;
    bool away = strncmp(says, "away", 4) == 0;
    enum tint tint = strcmp(state, "off") == 0 ? TINT_DIM : TINT_GREEN;
    if (strcmp(state, "running") != 0 || away)
        tint = tint == TINT_DIM ? tint : TINT_YELLOW;
    const char *word = strcmp(state, "running") == 0 && *says != '\0' ? says : state;
    int len = (int)strlen(word);
    while (len > 0 && word[len - 1] == ' ') /* "standby" without queues */
        len--;
    out_tinted(&s->out, tint, "relay       %.*s%s%s%s%s", len, word, *error != '\0' ? ": " : "", error, *item->name != '\0' ? ", of " : "", item->name);
}

bool status_view_down(struct out *o, const struct status_view *v, enum status_part part)
{
    const struct err *e = &v->errors[part];
    bool answers = part == STATUS_REDIS && json_array_size(v->queues) > 0;
    if (e->code == 0)
        return false;
    out_tinted(o, TINT_RED, "%-10s  %s: %s", PART_NAMES[part], answers ? "UNWELL" : "DOWN", e->message);
    return true;
}

static void print_parts(struct session *s, const struct status_view *v)
{
    for (enum status_part i = 0; i < STATUS_PART_COUNT; i++) {
        for (size_t k = 0; i == STATUS_SUPERVISOR && k < v->supervisors.n; k++)
            print_supervisor(s, &v->supervisors.items[k], v->supervisors.n == 1);
        if (i == STATUS_SUPERVISOR && v->supervisors.n > 0)
            continue;
        if (!status_view_down(&s->out, v, i))
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

/* Pools whose workers follow a target wait: where they stand, and why. */
static void print_scaling(struct session *s, const json_t *pools)
{
    bool any = false;
    for (size_t i = 0; i < json_array_size(pools); i++) {
        const json_t *pool = json_array_get(pools, i), *scaling = json_object_get(pool, "scaling");
        const char *reason = json_text(scaling, "reason"), *text = json_text(scaling, "text");
        bool lacks = strcmp(reason, "at_max") == 0 || strcmp(reason, "memory") == 0 || strcmp(reason, "cpu") == 0;
        if (!json_is_object(scaling))
            continue;
        if (!any)
            out_line(&s->out, "%s", "");
        any = true;
        out_tinted(&s->out, lacks || json_is_true(json_object_get(scaling, "manual")) ? TINT_YELLOW : TINT_NONE,
                   "%s: %lld of %lld to %lld workers: %s", json_text(pool, "name"), (long long)json_number(pool, "desired", 0),
                   (long long)json_number(scaling, "min", 0), (long long)json_number(scaling, "max", 0),
                   *text != '\0' ? text : "nothing is decided yet");
    }
}

void status_view_print_dead(struct out *o, const json_t *queues)
{
    bool any = false;
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *stats = json_array_get(queues, i);
        AUTO_FREE char *causes = queue_rows_words(json_object_get(stats, "dead_causes"));
        if (json_number(stats, "dead", 0) == 0 || causes == NULL)
            continue;
        if (!any)
            out_line(o, "%s", "");
        any = true;
        out_tinted(o, TINT_RED, "dead in %s: %s", json_text(stats, "queue"), causes);
    }
    if (any)
        out_line(o, "\"stint dlq triage\" groups them and names the next step");
}

void status_view_print(struct session *s, const struct status_view *v)
{
    if (s->out.json) {
        print_json(s, v);
        return;
    }
    print_parts(s, v);
    for (size_t i = 0; i < v->supervisors.n; i++)
        print_relay(s, &v->supervisors.items[i]);
    print_rows(s, v->pools, worker_rows_pool_table, worker_rows_pool_add);
    print_scaling(s, v->pools);
    print_rows(s, v->workers, worker_rows_table, worker_rows_add);
    size_t quiet;
    json_t *shown = queue_rows_shown(v->queues, &quiet);
    print_rows(s, shown, queue_rows_table, queue_rows_row);
    queue_rows_print_quiet(&s->out, quiet);
    json_decref(shown);
    status_view_print_dead(&s->out, v->queues);
}
