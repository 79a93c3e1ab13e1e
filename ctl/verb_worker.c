/*
 * verb_worker - `stint worker …`, `stint reload`, `stint drain`: asks the supervisors of this host over their control
 * sockets.
 */
#include "host_control.h"
#include "layout_files.h"
#include "queue_call.h"
#include "verb.h"
#include "worker_rows.h"

#include "clock.h"

#include <poll.h>
#include <stdio.h>

const struct arg_spec verb_worker_list_options[] = {
    {"pool", ARG_TEXT, "POOL", "only workers of this pool", NULL, 1, 64},
    {.name = NULL},
};

int verb_worker_list(struct session *s)
{
    struct err e = {.code = 0};
    json_t *workers = NULL;
    struct table t;
    int rc = 0;
    if (host_control_workers(s, &workers, &e) < 0)
        return session_fail(s, &e);
    const char *pool = args_text(&s->args, "pool", NULL);
    worker_rows_table(&t);
    for (size_t i = 0; i < json_array_size(workers); i++) {
        const json_t *worker = json_array_get(workers, i);
        if (pool != NULL && strcmp(json_text(worker, "pool"), pool) != 0)
            continue;
        if (s->out.json)
            out_json(&s->out, worker);
        else
            (void)worker_rows_add(&t, worker);
    }
    bool known = pool == NULL || conf_pool_of(s->conf, pool) != NULL;
    if (!known && t.n_rows == 0)
        rc = err_set(&e, ERR_NOT_FOUND, "there is no pool \"%.60s\" in the configuration", pool);
    else if (t.n_rows == 0)
        out_line(&s->out, "no workers");
    table_print(&t, &s->out);
    table_fini(&t);
    json_decref(workers);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

#define REASON_OPTION {"reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256}

const struct arg_spec verb_worker_scale_options[] = {REASON_OPTION, {.name = NULL}};

int verb_worker_scale(struct session *s)
{
    struct err e = {.code = 0}, why = {.code = 0};
    const char *pool = args_positional(&s->args, 0);
    json_t *reply = NULL;
    int64_t n = -1;
    bool by_itself = strcmp(args_positional(&s->args, 1), "auto") == 0;
    int rc = by_itself ? 0 : conf_parse_int(args_positional(&s->args, 1), &n, &why);
    if (rc < 0 || (!by_itself && (n < 0 || n > 256)))
        rc = err_set(&e, ERR_BAD_ARGUMENT, "N: \"%.60s\" is not allowed; allowed: a whole number from 0 to 256, or auto",
                     args_positional(&s->args, 1));
    json_t *fields = json_pack("{s:s, s:o}", "pool", pool, "n", by_itself ? json_string("auto") : json_integer(n));
    if (rc == 0)
        rc = host_control_one(s, "worker.scale", fields, &reply, &e);
    json_decref(fields);
    if (rc < 0)
        return session_fail(s, &e);
    if (s->out.json)
        out_json(&s->out, reply);
    out_line(&s->out, "pool %s: %lld workers wanted, was %lld", pool, (long long)json_number(reply, "desired", n),
             (long long)json_number(reply, "was", -1));
    if (json_is_true(json_object_get(reply, "scaled")) && by_itself)
        out_line(&s->out, "from here on its target_wait decides");
    else if (json_is_true(json_object_get(reply, "scaled")))
        out_line(&s->out, "its target_wait rests until \"stint worker scale %s auto\" or a reload", pool);
    json_decref(reply);
    return EXIT_DONE;
}

/* --pool and --slot as the request's members; all workers only when the operator says so by naming neither. */
static json_t *selection(const struct args *a)
{
    json_t *fields = json_object();
    if (args_has(a, "pool"))
        (void)json_object_set_new(fields, "pool", json_string(args_text(a, "pool", "")));
    if (args_has(a, "slot"))
        (void)json_object_set_new(fields, "slot", json_integer(args_int(a, "slot", 0)));
    return fields;
}

/* A slot is one supervisor's; anything else is asked of all. */
static int ask_selected(struct session *s, const char *verb, json_t *fields, struct host_replies *ret, struct err *e)
{
    if (!args_has(&s->args, "slot"))
        return host_control_all(s, verb, fields, ret, e);
    *ret = (struct host_replies){.items = calloc(1, sizeof *ret->items), .n = 1};
    if (ret->items == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to ask the supervisor");
    return host_control_one(s, verb, fields, &ret->items[0].reply, e);
}

static int ask_count(struct session *s, const char *verb, const char *done)
{
    struct err e = {.code = 0};
    struct host_replies replies;
    int64_t count = 0;
    json_t *fields = selection(&s->args);
    int rc = ask_selected(s, verb, fields, &replies, &e);
    json_decref(fields);
    for (size_t i = 0; rc == 0 && i < replies.n; i++) {
        if (s->out.json && replies.items[i].reply != NULL)
            out_json(&s->out, replies.items[i].reply);
        count += json_number(replies.items[i].reply, "count", 0);
    }
    if (rc == 0)
        rc = host_replies_fault(&replies, &e);
    host_replies_fini(&replies);
    if (rc < 0)
        return session_fail(s, &e);
    out_line(&s->out, "%lld worker%s %s", (long long)count, count == 1 ? "" : "s", done);
    return EXIT_DONE;
}

#define SELECTION_OPTIONS(id)                                                                                          \
    const struct arg_spec id[] = {                                                                                     \
        {"pool", ARG_TEXT, "POOL", "only workers of this pool; default: all", NULL, 1, 64},                            \
        {"slot", ARG_INT, "N", "only the worker in this slot", NULL, 0, 255},                                          \
        REASON_OPTION,                                                                                        \
        {.name = NULL},                                                                                                \
    }
SELECTION_OPTIONS(verb_worker_quiet_options);
SELECTION_OPTIONS(verb_worker_resume_options);
SELECTION_OPTIONS(verb_worker_restart_options);

int verb_worker_quiet(struct session *s)
{
    return ask_count(s, "worker.quiet", "will finish their job and fetch none");
}

int verb_worker_resume(struct session *s)
{
    return ask_count(s, "worker.resume", "fetching again");
}

int verb_worker_restart(struct session *s)
{
    return ask_count(s, "worker.restart", "being replaced, one by one");
}

const struct arg_spec verb_worker_kill_options[] = {REASON_OPTION, {.name = NULL}};

int verb_worker_kill(struct session *s)
{
    struct err e = {.code = 0}, why = {.code = 0};
    json_t *reply = NULL;
    int64_t slot = -1;
    int rc = conf_parse_int(args_positional(&s->args, 0), &slot, &why);
    if (rc < 0 || slot < 0 || slot > 255)
        rc = err_set(&e, ERR_BAD_ARGUMENT, "SLOT: \"%.60s\" is not allowed; allowed: a slot of \"stint worker list\"",
                     args_positional(&s->args, 0));
    json_t *fields = json_pack("{s:I}", "slot", (json_int_t)slot);
    if (rc == 0)
        rc = host_control_one(s, "worker.kill", fields, &reply, &e);
    json_decref(fields);
    if (rc < 0)
        return session_fail(s, &e);
    if (s->out.json)
        out_json(&s->out, reply);
    const char *job = json_text(reply, "job");
    out_line(&s->out, "killed pid %lld in slot %lld%s%s", (long long)json_number(reply, "pid", 0), (long long)slot,
             *job != '\0' ? ", which ran " : "", job);
    json_decref(reply);
    return EXIT_DONE;
}

const struct arg_spec verb_worker_drain_options[] = {
    {"timeout", ARG_DURATION, "5m", "longest wait for its workers to finish; default: supervisor.drain_timeout", NULL,
     0, INT64_C(86400000)},
    REASON_OPTION,
    {.name = NULL},
};

/* Workers of the pool that still live; -1 on error. */
static int64_t count_living(struct session *s, const char *pool, struct err *e)
{
    json_t *workers = NULL;
    if (host_control_workers(s, &workers, e) < 0)
        return -1;
    int64_t n = 0;
    for (size_t i = 0; i < json_array_size(workers); i++) {
        const json_t *worker = json_array_get(workers, i);
        n += strcmp(json_text(worker, "pool"), pool) == 0 && json_number(worker, "pid", 0) > 0 ? 1 : 0;
    }
    json_decref(workers);
    return n;
}

int verb_worker_drain(struct session *s)
{
    enum { LOOK_EVERY_MS = 100 };
    struct err e = {.code = 0};
    const struct conf *conf;
    const char *pool = args_positional(&s->args, 0);
    json_t *reply = NULL, *fields = json_pack("{s:s, s:i}", "pool", pool, "n", 0);
    int rc = session_conf(s, &conf, &e);
    if (rc == 0)
        rc = host_control_one(s, "worker.scale", fields, &reply, &e);
    json_decref(fields);
    json_decref(reply);
    if (rc < 0)
        return session_fail(s, &e);
    uint64_t deadline = clock_mono_ms() + (uint64_t)args_int(&s->args, "timeout", conf->supervisor.drain_timeout);
    int64_t living;
    while ((living = count_living(s, pool, &e)) > 0 && clock_mono_ms() < deadline)
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    if (living > 0)
        (void)err_set(&e, ERR_TIMEOUT, "pool %s: %lld workers still have a job in hand; they stop when it ends", pool,
                      (long long)living);
    if (living != 0)
        return session_fail(s, &e);
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s}", "pool", pool, "state", "drained");
        out_json(&s->out, record);
        json_decref(record);
    }
    out_line(&s->out, "pool %s has no worker any more; \"stint worker scale %s N\" starts them again", pool, pool);
    return EXIT_DONE;
}

const struct arg_spec verb_drain_options[] = {REASON_OPTION, {.name = NULL}};

/* Whose answer follows, where several are asked. */
static void print_place(struct session *s, const struct host_replies *replies, const struct host_reply *item)
{
    if (replies->n > 1)
        out_tinted(&s->out, TINT_BOLD, "%s", item->run_dir);
}

int verb_drain(struct session *s)
{
    struct err e = {.code = 0};
    struct host_replies replies;
    int rc = host_control_all(s, "drain", NULL, &replies, &e);
    for (size_t i = 0; rc == 0 && i < replies.n; i++) {
        if (replies.items[i].reply == NULL)
            continue;
        print_place(s, &replies, &replies.items[i]);
        if (s->out.json)
            out_json(&s->out, replies.items[i].reply);
        out_line(&s->out,
                 "draining: jobs in hand are finished, then the supervisor exits (\"stint status\" shows how far)");
    }
    if (rc == 0)
        rc = host_replies_fault(&replies, &e);
    host_replies_fini(&replies);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

const struct arg_spec verb_reload_options[] = {REASON_OPTION, {.name = NULL}};

static void print_reloaded(struct session *s, const json_t *reply)
{
    const json_t *changed = json_object_get(reply, "changed"), *restart = json_object_get(reply, "needs_restart");
    if (s->out.json)
        out_json(&s->out, reply);
    if (json_array_size(changed) == 0 && json_array_size(restart) == 0)
        out_line(&s->out, "read again; nothing changed");
    for (size_t i = 0; i < json_array_size(changed); i++)
        out_line(&s->out, "changed        %s", json_string_value(json_array_get(changed, i)));
    for (size_t i = 0; i < json_array_size(restart); i++)
        out_tinted(&s->out, TINT_YELLOW, "needs restart  %s", json_string_value(json_array_get(restart, i)));
}

int verb_reload(struct session *s)
{
    struct err e = {.code = 0};
    struct host_replies replies = {.items = NULL};
    const struct conf *conf = NULL;
    size_t layouts = 0;
    /* Workers whose parser refuses a layout file do not start: better told here than found out there. */
    int rc = session_conf(s, &conf, &e);
    if (rc == 0 && conf->pdf.layouts[0] != '\0')
        rc = layout_files_check(conf->pdf.layouts, false, &layouts, &e);
    if (rc == 0)
        rc = host_control_all(s, "reload", NULL, &replies, &e);
    for (size_t i = 0; rc == 0 && i < replies.n; i++) {
        if (replies.items[i].reply == NULL)
            continue;
        print_place(s, &replies, &replies.items[i]);
        print_reloaded(s, replies.items[i].reply);
    }
    if (rc == 0)
        rc = host_replies_fault(&replies, &e);
    host_replies_fini(&replies);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
