/*
 * api_replays - replay runs: begun here and driven by this process, or begun anywhere and watched. The same runs as
 * `stint dlq replay`: what one of them begins, the other may pause, resume or undo.
 */
#include "api.h"

#include "replay_rate.h"
#include "replay_selection.h"

#include <stdio.h>

enum { CANARY_TIMEOUT_MS = 600000, SELECT_MAX = 200000, RUNS_SHOWN = 20, HELD_SHOWN = 100, UNDO_CALLS = 200 };

static json_t *part_json(const struct replay_run *part, json_t *status)
{
    (void)json_object_set_new(status, "queue", json_string(part->queue));
    (void)json_object_del(status, "now_ms");
    (void)json_object_del(status, "edit"); /* it may hold what a payload keeps secret */
    return status;
}

/* The options of a run out of the body. */
static int read_options(const struct request *r, json_t **ret, struct err *e)
{
    int64_t canary, failures, stop_at, max;
    double rate = 0;
    const char *rate_text;
    int rc = request_integer(r->json, "canary", 0, 100000, 0, &canary, e);
    if (rc == 0)
        rc = request_integer(r->json, "canary_failures", 0, 100000, 0, &failures, e);
    if (rc == 0)
        rc = request_integer(r->json, "stop_at", 0, 100, 0, &stop_at, e);
    if (rc == 0)
        rc = request_integer(r->json, "max", 1, SELECT_MAX, SELECT_MAX, &max, e);
    if (rc == 0)
        rc = request_text(r->json, "rate", 32, "none", &rate_text, e);
    if (rc == 0)
        rc = replay_rate_parse("rate", rate_text, &rate, e);
    if (rc == 0 && failures > 0 && failures >= canary)
        rc = err_set(e, ERR_BAD_ARGUMENT, "canary_failures: %lld of a canary of %lld could never stop the run",
                     (long long)failures, (long long)canary);
    if (rc < 0)
        return rc;
    json_t *options = json_object();
    if (canary > 0)
        (void)json_object_set_new(options, "canary", json_integer(canary));
    if (failures > 0)
        (void)json_object_set_new(options, "canary_failures", json_integer(failures));
    if (stop_at > 0)
        (void)json_object_set_new(options, "stop_at", json_real((double)stop_at));
    if (rate > 0)
        (void)json_object_set_new(options, "rate", json_real(rate));
    if (json_object_get(r->json, "max") != NULL)
        (void)json_object_set_new(options, "max", json_integer(max));
    *ret = options;
    return 0;
}

/* The parts of a run: one a queue that a letter is of. */
static void make_parts(const struct dead_letters *letters, struct replay_runs *runs)
{
    char name[REPLAY_RUN_ID_MAX];
    replay_run_name(name);
    for (size_t i = 0; i < letters->n; i++) {
        size_t at = 0;
        while (at < runs->n && strcmp(runs->parts[at].queue, letters->items[i].queue) != 0)
            at++;
        if (at < runs->n || runs->n == QUEUE_LIST_MAX)
            continue;
        struct replay_run *part = &runs->parts[runs->n++];
        *part = (struct replay_run){.driver = ""};
        (void)snprintf(part->queue, sizeof part->queue, "%s", letters->items[i].queue);
        (void)snprintf(part->id, sizeof part->id, "%s", name);
    }
}

static int begin_part(struct request *r, struct replay_run *part, const char *reason, const json_t *options,
                      const json_t *filter, const struct dead_letters *letters, json_t *parts, struct err *e)
{
    json_t *status = NULL;
    int rc = replay_run_open(r->stores, part, reason, options, filter, e);
    if (rc == 0)
        rc = replay_run_select(r->stores, part, letters, e);
    if (rc == 0)
        rc = replay_run_begin(r->stores, part, &status, e);
    if (rc == 0)
        rc = replay_driver_add(r->console->driver, part, CANARY_TIMEOUT_MS, e);
    if (status != NULL)
        (void)json_array_append_new(parts, part_json(part, status));
    return rc;
}

int api_replay_start(struct request *r, struct reply *p, struct err *e)
{
    struct api_filter f;
    struct dead_letters letters = {.n = 0};
    AUTO_FREE struct replay_runs *runs = calloc(1, sizeof *runs);
    json_t *options = NULL, *filter = NULL, *parts = json_array();
    const char *reason = "";
    int rc = api_filter_read(r, r->json, &f, e);
    if (rc == 0 && json_object_get(r->json, "filter") == NULL && f.filter.n_ids == 0)
        rc = err_set(e, ERR_BAD_ARGUMENT, "name letters by \"ids\" or by \"filter\"; \"filter\": {} means every one");
    if (rc == 0 && f.filter.archived)
        rc = err_set(
            e, ERR_BAD_ARGUMENT,
            "letters in the archive are brought back with \"stint dlq drain --archived --keep\" and \"import\" first");
    if (rc == 0 && runs == NULL)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for a replay");
    if (rc == 0)
        rc = read_options(r, &options, e);
    if (rc == 0)
        rc = request_text(r->json, "reason", 256, "", &reason, e);
    if (rc == 0) {
        f.filter.bare = true;
        f.filter.limit = (size_t)json_number(options, "max", SELECT_MAX);
        filter = replay_selection_filter(&f.filter);
        rc = dead_letters_find(r->stores, &f.filter, &letters, e);
    }
    if (rc == 0 && letters.n == 0)
        rc = err_set(e, ERR_NOT_FOUND, "no dead letter matches; nothing was replayed");
    if (rc == 0)
        make_parts(&letters, runs);
    for (size_t i = 0; rc == 0 && i < runs->n; i++)
        rc = begin_part(r, &runs->parts[i], reason, options, filter, &letters, parts, e);
    if (rc == 0)
        reply_json(
            p, 201,
            json_pack("{s:s, s:I, s:O}", "run", runs->parts[0].id, "selected", (json_int_t)letters.n, "parts", parts));
    json_decref(parts);
    json_decref(options);
    json_decref(filter);
    dead_letters_fini(&letters);
    dead_filter_fini(&f.filter);
    return rc;
}

static int list_queue(struct request *r, const char *queue, json_t *runs, struct err *e)
{
    struct redis_sync *redis;
    redisReply *ids = NULL;
    int rc = stores_redis(r->stores, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &ids, e, "ZREVRANGE stint:{%s}:replays 0 %d", queue, (int)RUNS_SHOWN - 1);
    for (size_t i = 0; rc == 0 && i < ids->elements; i++) {
        struct replay_run part = {.driver = ""};
        json_t *status = NULL;
        (void)snprintf(part.queue, sizeof part.queue, "%s", queue);
        (void)snprintf(part.id, sizeof part.id, "%.40s", ids->element[i]->str);
        rc = replay_run_status(r->stores, &part, &status, e);
        if (rc == 0)
            (void)json_array_append_new(runs, part_json(&part, status));
        rc = rc == ERR_NOT_FOUND ? 0 : rc; /* its time is over; the index forgets it with the next run */
    }
    freeReplyObject(ids);
    return rc;
}

int api_replays_list(struct request *r, struct reply *p, struct err *e)
{
    struct queue_list list;
    json_t *runs = json_array();
    int rc = queue_list_parts(r->stores, request_query(r, "queue"), &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc = list_queue(r, list.names[i], runs, e);
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:O}", "runs", runs));
    json_decref(runs);
    return rc;
}

static int find(struct request *r, struct replay_runs *runs, struct err *e)
{
    const char *id = r->params[0];
    if (strlen(id) >= REPLAY_RUN_ID_MAX ||
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(id))
        return err_set(e, ERR_BAD_ARGUMENT, "that is no replay run's name; one is like r-7k2m9qax");
    return replay_run_find(r->stores, NULL, id, runs, e);
}

int api_replay_show(struct request *r, struct reply *p, struct err *e)
{
    AUTO_FREE struct replay_runs *runs = calloc(1, sizeof *runs);
    json_t *parts = json_array();
    int rc = runs == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for a replay") : find(r, runs, e);
    for (size_t i = 0; rc == 0 && i < runs->n; i++) {
        json_t *status = NULL, *held = NULL;
        rc = replay_run_status(r->stores, &runs->parts[i], &status, e);
        if (rc == 0)
            rc = replay_run_list(r->stores, &runs->parts[i], "held", HELD_SHOWN, &held, e);
        if (status != NULL) {
            (void)json_object_set_new(status, "held", held != NULL ? held : json_array());
            (void)json_array_append_new(parts, part_json(&runs->parts[i], status));
        }
    }
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:s, s:O}", "run", r->params[0], "parts", parts));
    json_decref(parts);
    return rc;
}

/* Tells every part; parts in a state it cannot be told in are only an error when no part could be. */
static int tell(struct request *r, const char *what, const char *value, struct reply *p, struct err *e)
{
    AUTO_FREE struct replay_runs *runs = calloc(1, sizeof *runs);
    json_t *parts = json_array();
    const char *reason = "";
    int rc = runs == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for a replay") : find(r, runs, e), refused = 0;
    if (rc == 0)
        rc = request_text(r->json, "reason", 256, "", &reason, e);
    for (size_t i = 0; rc == 0 && i < runs->n; i++) {
        struct replay_run *part = &runs->parts[i];
        json_t *status = NULL;
        rc = replay_run_control(r->stores, part, what, value, reason, &status, e);
        if (rc == 0 && strcmp(what, "resume") == 0)
            rc = replay_selection_again(r->stores, part, e);
        if (rc == 0 && strcmp(what, "resume") == 0)
            rc = replay_driver_add(r->console->driver, part, CANARY_TIMEOUT_MS, e);
        if (status != NULL)
            (void)json_array_append_new(parts, part_json(part, status));
        refused = rc == ERR_REFUSED ? rc : refused;
        rc = rc == ERR_REFUSED ? 0 : rc;
    }
    if (rc == 0 && json_array_size(parts) == 0)
        rc = refused;
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:s, s:O}", "run", r->params[0], "parts", parts));
    json_decref(parts);
    return rc;
}

int api_replay_pause(struct request *r, struct reply *p, struct err *e)
{
    return tell(r, "pause", "", p, e);
}

int api_replay_resume(struct request *r, struct reply *p, struct err *e)
{
    return tell(r, "resume", "", p, e);
}

int api_replay_cancel(struct request *r, struct reply *p, struct err *e)
{
    return tell(r, "cancel", "", p, e);
}

int api_replay_rate(struct request *r, struct reply *p, struct err *e)
{
    const char *text;
    char value[32];
    double rate = 0;
    int rc = request_text(r->json, "rate", 32, "", &text, e);
    if (rc == 0)
        rc = replay_rate_parse("rate", text, &rate, e);
    (void)snprintf(value, sizeof value, "%.6f", rate);
    return rc < 0 ? rc : tell(r, "rate", value, p, e);
}

/* As many calls as a request may take; "left" says whether to ask again. */
int api_replay_undo(struct request *r, struct reply *p, struct err *e)
{
    AUTO_FREE struct replay_runs *runs = calloc(1, sizeof *runs);
    json_t *parts = json_array();
    const char *reason = "";
    bool more = false;
    int rc = runs == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for a replay") : find(r, runs, e), calls = 0;
    if (rc == 0)
        rc = request_text(r->json, "reason", 256, "", &reason, e);
    for (size_t i = 0; rc == 0 && i < runs->n; i++) {
        json_t *status = NULL;
        do {
            json_decref(status);
            status = NULL;
            rc = replay_run_undo(r->stores, &runs->parts[i], reason, &status, e);
        } while (rc == 0 && strcmp(json_text(status, "state"), "undone") != 0 && ++calls < UNDO_CALLS);
        more = more || (rc == 0 && strcmp(json_text(status, "state"), "undone") != 0);
        if (status != NULL)
            (void)json_array_append_new(parts, part_json(&runs->parts[i], status));
    }
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:s, s:O, s:b}", "run", r->params[0], "parts", parts, "more", more));
    json_decref(parts);
    return rc;
}
