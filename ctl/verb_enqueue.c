/*
 * verb_enqueue - `stint enqueue`: one job, optionally waited for; or a whole file of them.
 *
 * Refuses to send a payload that is not JSON.
 */
#include "enqueue_bulk.h"
#include "enqueue_durability.h"
#include "enqueue_options.h"
#include "job_result.h"
#include "job_wait.h"
#include "payload_in.h"
#include "verb.h"

const struct arg_spec verb_enqueue_options[] = {
    {"payload", ARG_TEXT, "JSON|@FILE|-", "what the job works on; default {\"v\":1}", NULL, 0, 0},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs the kind", NULL, 1, 64},
    {"id", ARG_TEXT, "ID", "the job's name, 1 to 128 of A-Z a-z 0-9 . _ : -; default: a new UUIDv7", NULL, 1, 128},
    {"band", ARG_ENUM, "BAND", "priority", "express|high|normal|low", 0, 0},
    {"delay", ARG_DURATION, "5s", "start no earlier than this from now", NULL, 0, INT64_C(31536000000)},
    {"at", ARG_TEXT, "TIME", "start no earlier than this time, 2026-11-22T08:00:00Z", NULL, 0, 0},
    {"timeout", ARG_DURATION, "30s", "hard timeout of a run; default: the kind's", NULL, 1, INT64_C(2592000000)},
    {"attempts", ARG_INT, "N", "most failures of its handler; default: the kind's", NULL, 1, 1000},
    {"unique", ARG_TEXT, "KEY[:1h]", "another job with the key inside the window (1 h) is a duplicate", NULL, 1, 256},
    {"expires", ARG_DURATION, "1m", "do not start later than this from now", NULL, 1, INT64_C(31536000000)},
    {"tenant", ARG_TEXT, "NAME", "on whose behalf", NULL, 1, 64},
    {"traceparent", ARG_TEXT, "W3C", "trace context, carried to the worker's log", NULL, 55, 55},
    {"durability", ARG_ENUM, "LEVEL",
     "fast: in Redis' memory (default); safe: on its disk or a replica, else refused; tx: a row of stint_outbox", "fast|safe|tx",
     0, 0},
    {"wait", ARG_FLAG, NULL, "wait for the end; print the result; exit 1 unless it is done; with --bulk: for all", NULL, 0, 0},
    {"timeout-wait", ARG_DURATION, "1m", "longest wait of --wait; default: none", NULL, 1, INT64_C(86400000)},
    {"bulk", ARG_TEXT, "FILE|-", "one {\"kind\",\"payload\",\"queue\"?,options…} a line", NULL, 1, 4095},
    {"from-line", ARG_INT, "N", "with --bulk: begin at this line, to go on after a break", NULL, 1, INT64_C(1) << 40},
    {.name = NULL},
};

/* Says what the Function answered. Returns the exit code. */
static int report(struct session *s, const char *queue, json_t *answer)
{
    const char *id = json_text(answer, "id"), *state = json_text(answer, "state"), *why = json_text(answer, "why");
    const char *kept = json_text(answer, "durability");
    bool refused = strcmp(state, "refused") == 0;
    (void)json_object_set_new(answer, "queue", json_string(queue));
    if (refused && !s->out.json) {
        struct err e = {.code = 0};
        (void)err_set(&e, ERR_REFUSED, "refused: %s", why);
        return session_fail(s, &e);
    }
    if (s->out.json)
        out_json(&s->out, answer);
    else if (strcmp(state, "duplicate") == 0)
        out_line(&s->out, "%s is there already in queue %s: nothing was added%s%s", id, queue, *why != '\0' ? "; " : "",
                 why);
    else
        out_line(&s->out, "%s %s in queue %s%s%s", id, state, queue, *kept != '\0' ? ", kept by " : "", kept);
    return refused ? EXIT_REFUSED : EXIT_DONE;
}

/* Into the shard that the job belongs into; queue becomes that one. */
static int send_one(struct session *s, char queue[static QUEUE_MAX], const json_t *options, const char *payload, size_t len,
                    json_t **ret_answer, struct err *e)
{
    struct queue_call c;
    char part[QUEUE_MAX];
    AUTO_FREE char *text = json_dumps(options, JSON_COMPACT);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
    AUTO_FREE char *key = enqueue_options_key(options);
    int rc = queue_shard_for(&s->stores, queue, key, part, e);
    if (rc < 0)
        return rc;
    memcpy(queue, part, sizeof part);
    queue_call_init(&c, "stint_enqueue", queue);
    queue_call_add(&c, text);
    queue_call_add_bytes(&c, payload, len);
    return queue_call_json(&s->stores, &c, ret_answer, e);
}

static bool wants(const struct session *s, const char *level)
{
    return strcmp(args_text(&s->args, "durability", "fast"), level) == 0;
}

/* A committed row of stint_outbox, which the relay turns into a job. PostgreSQL holds no NUL, so a payload with one is refused
 * by it. */
static int send_row(struct session *s, const char *kind, const char *queue, json_t *options, const char *payload,
                    json_t **ret_answer, struct err *e)
{
    AUTO_FREE char *id = strdup(json_text(options, "id"));
    (void)json_object_del(options, "id");
    (void)json_object_del(options, "kind");
    AUTO_FREE char *text = json_dumps(options, JSON_COMPACT);
    if (id == NULL || text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
    const char *const params[] = {queue, kind, payload, text, *id != '\0' ? id : NULL};
    PGresult *rows = NULL;
    int rc = session_sql(s, "SELECT stint.enqueue($1, $2, $3, $4::jsonb, $5)", ARRAY_LEN(params), params, &rows, e);
    if (rc == 0)
        *ret_answer = json_pack("{s:s, s:s, s:s}", "id", PQgetvalue(rows, 0, 0), "state", "committed", "durability",
                                "postgres");
    PQclear(rows);
    return rc;
}

/* Adds to the answer what holds the job. A duplicate was written by somebody else, some time ago: nothing is claimed. */
static int confirm(struct session *s, enum durability_kept plan, json_t *answer, struct err *e)
{
    const char *state = json_text(answer, "state");
    bool added = strcmp(state, "ready") == 0 || strcmp(state, "scheduled") == 0;
    if (!args_has(&s->args, "durability") || !added)
        return 0;
    struct err why;
    int rc = enqueue_durability_confirm(s, plan, &why);
    if (rc < 0)
        return err_set(e, rc, "%.128s %.700s", json_text(answer, "id"), why.message);
    (void)json_object_set_new(answer, "durability", json_string(enqueue_durability_name(plan)));
    return 0;
}

static int wait_for(struct session *s, const char *queue, const char *id)
{
    struct err e = {.code = 0};
    json_t *job = NULL;
    int rc = job_wait_end(s, queue, id, args_int(&s->args, "timeout-wait", 0), &job, &e);
    if (rc < 0)
        return session_fail(s, &e);
    job_result_show(s, queue, job);
    int code = job_wait_report(s, job);
    json_decref(job);
    return code;
}

static int enqueue_one(struct session *s, const char *kind)
{
    struct err e = {.code = 0};
    AUTO_FREE char *payload = NULL;
    size_t len = 0;
    char queue[QUEUE_MAX];
    json_t *options = NULL, *answer = NULL;
    enum durability_kept plan = DURABILITY_MEMORY;
    int code = EXIT_DONE;
    int rc = payload_in_read("--payload", args_text(&s->args, "payload", "{\"v\":1}"), &payload, &len, NULL, &e);
    if (rc == 0)
        rc = enqueue_options_queue(s, kind, args_text(&s->args, "queue", NULL), queue, &e);
    if (rc == 0)
        rc = enqueue_options_from_args(s, kind, &options, &e);
    if (rc == 0 && wants(s, "safe"))
        rc = enqueue_durability_plan(s, &plan, &e);
    if (rc == 0)
        rc = wants(s, "tx") ? send_row(s, kind, queue, options, payload, &answer, &e)
                            : send_one(s, queue, options, payload, len, &answer, &e);
    if (rc == 0)
        rc = confirm(s, plan, answer, &e);
    if (rc < 0) {
        code = session_fail(s, &e);
    } else if (args_has(&s->args, "wait") && strcmp(json_text(answer, "state"), "refused") != 0) {
        out_remark(&s->out, "%s %s in queue %s", json_text(answer, "id"), json_text(answer, "state"), queue);
        code = wait_for(s, queue, json_text(answer, "id"));
    } else {
        code = report(s, queue, answer);
    }
    json_decref(options);
    json_decref(answer);
    return code;
}

static int enqueue_file(struct session *s, const char *path)
{
    struct err e = {.code = 0};
    struct job_wait_many wait = {.n = 0};
    bool waits = args_has(&s->args, "wait");
    int code = enqueue_bulk_run(s, path, NULL, waits ? &wait : NULL);
    int rc = wait.n > 0 ? job_wait_many_run(s, &wait, args_int(&s->args, "timeout-wait", 0), 0, &e) : 0;
    if (rc < 0)
        code = session_fail(s, &e);
    else if (wait.n > 0 && job_wait_many_report(s, &wait) != EXIT_DONE)
        code = EXIT_FAILED;
    job_wait_many_fini(&wait);
    return code;
}

int verb_enqueue(struct session *s)
{
    const char *kind = args_positional(&s->args, 0), *bulk = args_text(&s->args, "bulk", NULL);
    struct err e = {.code = 0};
    if (bulk != NULL && kind == NULL && wants(s, "fast"))
        return enqueue_file(s, bulk);
    if (bulk != NULL && kind == NULL)
        (void)err_set(&e, ERR_BAD_ARGUMENT, "--durability safe and tx are for one job; docs/protocol.md shows how a batch is confirmed");
    else if (bulk != NULL)
        (void)err_set(&e, ERR_BAD_ARGUMENT, "with --bulk every line names its kind; leave out \"%.60s\"", kind);
    else if (kind == NULL)
        (void)err_set(&e, ERR_BAD_ARGUMENT,
                      "KIND is missing; usage: stint enqueue KIND [--payload JSON], or --bulk FILE");
    else
        return enqueue_one(s, kind);
    return session_fail(s, &e);
}
