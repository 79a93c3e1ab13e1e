/*
 * verb_replay_run - `stint dlq replay rate|pause|resume|cancel|status|list`: replay runs, from any terminal.
 */
#include "keys.h"
#include "replay_drive.h"
#include "replay_rate.h"
#include "replay_selection.h"
#include "replay_view.h"
#include "verb.h"

#include <stdio.h>

#define QUEUE_OPTION                                                                                                   \
    {                                                                                                                  \
        "queue", ARG_TEXT, "QUEUE", "only this queue's part of the run; default: all", NULL, 1, 64                     \
    }
#define REASON_OPTION                                                                                                  \
    {                                                                                                                  \
        "reason", ARG_TEXT, "TEXT", "kept in the audit log", NULL, 1, 256                                              \
    }

const struct arg_spec verb_replay_rate_options[] = {QUEUE_OPTION, REASON_OPTION, {.name = NULL}};
const struct arg_spec verb_replay_pause_options[] = {QUEUE_OPTION, REASON_OPTION, {.name = NULL}};
const struct arg_spec verb_replay_cancel_options[] = {QUEUE_OPTION, REASON_OPTION, {.name = NULL}};
const struct arg_spec verb_replay_resume_options[] = {
    QUEUE_OPTION,
    REASON_OPTION,
    {"canary-timeout", ARG_DURATION, "10m", "pause the run when the canary has not ended in this time; default 10m",
     NULL, 1000, INT64_C(86400000)},
    {"wait", ARG_FLAG, NULL, "also wait until the replayed jobs have ended; exit 1 when any died again", NULL, 0, 0},
    {.name = NULL},
};
const struct arg_spec verb_replay_status_options[] = {
    QUEUE_OPTION,
    {"follow", ARG_FLAG, NULL, "watch until its jobs have ended", NULL, 0, 0},
    {.name = NULL},
};
const struct arg_spec verb_replay_list_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "only this queue; default: every configured queue", NULL, 1, 64},
    {"limit", ARG_INT, "N", "most runs of each queue, newest first; default 20", NULL, 1, 1000},
    {.name = NULL},
};

static int find(struct session *s, struct replay_runs *ret_runs, struct err *e)
{
    return replay_run_find(&s->stores, args_text(&s->args, "queue", NULL), args_positional(&s->args, 0), ret_runs, e);
}

/* Tells every part; parts in a state it cannot be told in are only an error when no part could be. */
static int tell(struct session *s, const char *what, const char *value, const char *done)
{
    struct err e = {.code = 0}, refused = {.code = 0};
    struct replay_runs runs = {.n = 0};
    size_t told = 0;
    int rc = find(s, &runs, &e);
    for (size_t i = 0; rc == 0 && i < runs.n; i++) {
        json_t *status = NULL;
        struct err why = {.code = 0};
        rc = replay_run_control(&s->stores, &runs.parts[i], what, value, args_text(&s->args, "reason", ""), &status,
                                &why);
        if (rc == 0 && s->out.json) {
            json_t *record = replay_view_record(&runs.parts[i], status, what);
            out_json(&s->out, record);
            json_decref(record);
        }
        if (rc == 0)
            out_line(&s->out, "run %s in queue %s %s%s; %lld replayed, %lld left", runs.parts[i].id,
                     runs.parts[i].queue, done, value, (long long)json_number(status, "replayed", 0),
                     (long long)json_number(status, "left", 0));
        told += rc == 0 ? 1 : 0;
        json_decref(status);
        if (rc == ERR_REFUSED)
            refused = why;
        else if (rc < 0)
            e = why;
        rc = rc == ERR_REFUSED ? 0 : rc;
    }
    if (rc == 0 && told == 0) {
        e = refused;
        rc = ERR_REFUSED;
    }
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

int verb_replay_pause(struct session *s)
{
    return tell(s, "pause", "", "paused");
}

int verb_replay_cancel(struct session *s)
{
    return tell(s, "cancel", "", "cancelled: what was not replayed yet stays dead");
}

int verb_replay_rate(struct session *s)
{
    struct err e = {.code = 0};
    double rate;
    char text[32];
    if (replay_rate_parse("N/s", args_positional(&s->args, 1), &rate, &e) < 0)
        return session_fail(s, &e);
    (void)snprintf(text, sizeof text, "%.6f", rate);
    return tell(s, "rate", text, "goes at jobs per second: ");
}

int verb_replay_resume(struct session *s)
{
    struct err e = {.code = 0}, refused = {.code = 0};
    struct replay_runs runs = {.n = 0}, mine = {.n = 0};
    const struct replay_drive how = {.canary_timeout_ms = args_int(&s->args, "canary-timeout", 600000),
                                     .wait = args_has(&s->args, "wait")};
    int code = EXIT_DONE, rc = find(s, &runs, &e);
    for (size_t i = 0; rc == 0 && i < runs.n; i++) {
        json_t *status = NULL;
        rc = replay_run_control(&s->stores, &runs.parts[i], "resume", "", args_text(&s->args, "reason", ""), &status,
                                &e);
        json_decref(status);
        if (rc == 0)
            mine.parts[mine.n++] = runs.parts[i];
        if (rc == ERR_REFUSED) {
            refused = e;
            e = (struct err){.code = 0};
            rc = 0;
        }
    }
    if (rc == 0 && mine.n == 0) {
        e = refused;
        return session_fail(s, &e);
    }
    for (size_t i = 0; rc == 0 && i < mine.n; i++)
        rc = replay_selection_again(&s->stores, &mine.parts[i], &e);
    if (rc == 0)
        rc = replay_drive_all(s, &mine, &how, &code, &e);
    return rc < 0 ? session_fail(s, &e) : code;
}

int verb_replay_status(struct session *s)
{
    struct err e = {.code = 0};
    struct replay_runs runs = {.n = 0};
    int rc = find(s, &runs, &e);
    for (size_t i = 0; rc == 0 && i < runs.n; i++) {
        json_t *status = NULL;
        if (args_has(&s->args, "follow"))
            rc = replay_drive_follow(s, &runs.parts[i], &e);
        if (rc == 0)
            rc = replay_run_status(&s->stores, &runs.parts[i], &status, &e);
        if (rc == 0)
            replay_view_whole(s, &runs.parts[i], status);
        json_decref(status);
    }
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}

static void list_row(struct session *s, struct table *t, const struct replay_run *run, const json_t *status)
{
    char age[32];
    if (s->out.json) {
        json_t *record = replay_view_record(run, status, "run");
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s", run->id);
    table_set(t, 1, "%s", run->queue);
    table_set(t, 2, "%s", json_text(status, "state"));
    table_set(t, 3, "%lld/%lld", (long long)replay_view_passed(status), (long long)json_number(status, "selected", 0));
    table_set(t, 4, "%lld", (long long)json_number(status, "succeeded", 0));
    table_set(t, 5, "%lld", (long long)json_number(status, "failed", 0));
    table_set(t, 6, "%s", out_ms(age, json_number(status, "now_ms", 0) - json_number(status, "created_ms", 0)));
    table_set(t, 7, "%s", json_text(status, "actor"));
    table_set(t, 8, "%s", *json_text(status, "why") != '\0' ? json_text(status, "why") : json_text(status, "reason"));
}

static int list_queue(struct session *s, const char *queue, struct table *t, size_t *ret_n, struct err *e)
{
    struct redis_sync *redis;
    redisReply *ids = NULL;
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &ids, e, "ZREVRANGE stint:{%s}:replays 0 %d", queue,
                            (int)args_int(&s->args, "limit", 20) - 1);
    for (size_t i = 0; rc == 0 && i < ids->elements; i++) {
        struct replay_run run = {.driver = ""};
        json_t *status = NULL;
        (void)snprintf(run.queue, sizeof run.queue, "%s", queue);
        (void)snprintf(run.id, sizeof run.id, "%s", ids->element[i]->str);
        rc = replay_run_status(&s->stores, &run, &status, e);
        if (rc == 0) {
            list_row(s, t, &run, status);
            ++*ret_n;
        }
        rc = rc == ERR_NOT_FOUND ? 0 : rc; /* its time is over; the index forgets it with the next run */
        json_decref(status);
    }
    freeReplyObject(ids);
    return rc;
}

int verb_replay_list(struct session *s)
{
    static const char *const titles[] = {"RUN",   "-QUEUE", "STATE",   ">LETTERS", ">SUCCEEDED",
                                         ">DIED", ">AGE",   "~-ACTOR", "~WHY",     NULL};
    struct err e = {.code = 0};
    struct queue_list list;
    struct table t;
    size_t n = 0;
    table_init(&t, titles);
    int rc = queue_list_parts(&s->stores, args_text(&s->args, "queue", NULL), &list, &e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc = list_queue(s, list.names[i], &t, &n, &e);
    table_print(&t, &s->out);
    table_fini(&t);
    if (rc == 0 && n == 0)
        out_line(&s->out, "no replay runs");
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
