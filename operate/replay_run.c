/*
 * replay_run - see replay_run.h. Refuses to decide anything about a run: what may move, and when it stops, is the
 * Functions' business, so that two terminals and a crash cannot disagree.
 */
#include "replay_run.h"

#include "killpoint.h"
#include "keys.h"
#include "payload_edit.h"

#include <stdio.h>
#include <sys/random.h>

enum { EDIT_BYTES_MAX = 1024 * 1024 };

void replay_run_name(char ret_id[static REPLAY_RUN_ID_MAX])
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* none that look alike */
    unsigned char bytes[8];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        memset(bytes, (int)(getpid() & 0xff), sizeof bytes);
    memcpy(ret_id, "r-", 2);
    for (size_t i = 0; i < sizeof bytes; i++)
        ret_id[2 + i] = letters[bytes[i] & 31];
    ret_id[2 + sizeof bytes] = '\0';
}

/* Who drives: a person would know where to look, and no two processes are taken for one another. */
static void name_driver(const struct stores *s, struct replay_run *run)
{
    unsigned nonce = 0;
    if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
        nonce = (unsigned)getpid();
    (void)snprintf(run->driver, sizeof run->driver, "%.120s pid %d (%08x)", s->actor, (int)getpid(), nonce);
}

int replay_run_open(struct stores *s, struct replay_run *run, const char *reason, const json_t *options,
                    const json_t *filter, struct err *e)
{
    struct queue_call c;
    redisReply *reply = NULL;
    AUTO_FREE char *options_text = json_dumps(options, JSON_COMPACT | JSON_REAL_PRECISION(15));
    AUTO_FREE char *filter_text = json_dumps(filter, JSON_COMPACT);
    if (options_text == NULL || filter_text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a replay run");
    name_driver(s, run);
    queue_call_init(&c, "stint_replay_open", run->queue);
    queue_call_add(&c, run->id);
    queue_call_add(&c, s->actor);
    queue_call_add(&c, reason);
    queue_call_add(&c, options_text);
    queue_call_add(&c, filter_text);
    queue_call_add(&c, run->driver);
    int rc = queue_call_run(s, &c, &reply, e);
    if (rc == 0)
        freeReplyObject(reply);
    KILL_POINT("replay_opened");
    return rc;
}

int replay_run_select(struct stores *s, const struct replay_run *run, const struct dead_letters *letters, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < letters->n;) {
        struct queue_call c;
        int64_t selected;
        queue_call_init(&c, "stint_replay_select", run->queue);
        queue_call_add(&c, run->id);
        queue_call_add(&c, run->driver);
        for (; i < letters->n && c.argc < 2 + QUEUE_CALL_BATCH_MAX; i++)
            if (strcmp(letters->items[i].queue, run->queue) == 0)
                queue_call_add(&c, letters->items[i].id);
        if (c.argc > 2)
            rc = queue_call_integer(s, &c, &selected, e);
        KILL_POINT("replay_selected");
    }
    return rc;
}

int replay_run_begin(struct stores *s, const struct replay_run *run, json_t **ret_status, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, "stint_replay_begin", run->queue);
    queue_call_add(&c, run->id);
    queue_call_add(&c, run->driver);
    int rc = queue_call_json(s, &c, ret_status, e);
    KILL_POINT("replay_begun");
    return rc;
}

/* The edits of the next letters: their ids, tokens and new payloads ("" for what is not JSON). */
struct edits {
    size_t n;
    char *ids[REPLAY_STEP_MAX], *tokens[REPLAY_STEP_MAX], *payloads[REPLAY_STEP_MAX]; /* owned */
};

static void edits_fini(struct edits *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->ids[i]);
        free(d->tokens[i]);
        free(d->payloads[i]);
    }
    d->n = 0;
}

/* One letter's edit from its hash: payload, died, edits. */
static int add_edit(struct edits *d, const char *id, const redisReply *h, const json_t *patch, struct err *e)
{
    struct err why = {.code = 0};
    const redisReply *payload = h->element[0];
    char *text = NULL, *token = NULL;
    int rc = payload->type == REDIS_REPLY_STRING
                 ? payload_edit_apply(id, payload->str, (size_t)payload->len, patch, &text, &why)
                 : ERR_BAD_ARGUMENT;
    if (rc == ERR_BAD_ARGUMENT)
        text = strdup("");
    if (asprintf(&token, "%s:%s", h->element[1]->str != NULL ? h->element[1]->str : "",
                 h->element[2]->str != NULL ? h->element[2]->str : "0") < 0)
        token = NULL;
    d->ids[d->n] = strdup(id);
    d->tokens[d->n] = token;
    d->payloads[d->n] = text;
    d->n++;
    return text != NULL && token != NULL && d->ids[d->n - 1] != NULL
               ? 0
               : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the edits of a batch");
}

static int read_edits(struct stores *s, const struct replay_run *run, const json_t *patch, struct edits *d,
                      struct err *e)
{
    struct redis_sync *redis;
    redisReply *ids = NULL;
    size_t bytes = 0;
    int rc = stores_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &ids, e, "ZRANGE stint:{%s}:replay:%s:left 0 %d", run->queue, run->id,
                            REPLAY_STEP_MAX - 1);
    for (size_t i = 0; rc == 0 && i < ids->elements && i < REPLAY_STEP_MAX && bytes < EDIT_BYTES_MAX; i++) {
        redisReply *h = NULL;
        rc = redis_sync_cmd(redis, &h, e, "HMGET stint:{%s}:j:%s payload died edits", run->queue, ids->element[i]->str);
        if (rc == 0)
            rc = add_edit(d, ids->element[i]->str, h, patch, e);
        bytes += rc == 0 ? strlen(d->payloads[i]) : 0;
        freeReplyObject(h);
    }
    freeReplyObject(ids);
    return rc;
}

int replay_run_step(struct stores *s, const struct replay_run *run, const json_t *patch, json_t **ret_status,
                    struct err *e)
{
    struct queue_call c;
    struct edits edits = {.n = 0};
    char most[16];
    int rc = patch != NULL ? read_edits(s, run, patch, &edits, e) : 0;
    (void)snprintf(most, sizeof most, "%d", REPLAY_STEP_MAX);
    queue_call_init(&c, "stint_replay_step", run->queue);
    queue_call_add(&c, run->id);
    queue_call_add(&c, run->driver);
    queue_call_add(&c, most);
    for (size_t i = 0; rc == 0 && i < edits.n; i++) {
        queue_call_add(&c, edits.ids[i]);
        queue_call_add(&c, edits.tokens[i]);
        queue_call_add(&c, edits.payloads[i]);
    }
    KILL_POINT("replay_step");
    if (rc == 0)
        rc = queue_call_json(s, &c, ret_status, e);
    KILL_POINT("replay_stepped");
    edits_fini(&edits);
    return rc;
}

int replay_run_control(struct stores *s, struct replay_run *run, const char *what, const char *value,
                       const char *reason, json_t **ret_status, struct err *e)
{
    struct queue_call c;
    bool resume = strcmp(what, "resume") == 0;
    if (resume)
        name_driver(s, run);
    queue_call_init(&c, "stint_replay_control", run->queue);
    queue_call_add(&c, run->id);
    queue_call_add(&c, what);
    queue_call_add(&c, resume ? run->driver : value);
    queue_call_add(&c, s->actor);
    queue_call_add(&c, reason);
    int rc = queue_call_json(s, &c, ret_status, e);
    KILL_POINT("replay_controlled");
    return rc;
}

int replay_run_undo(struct stores *s, const struct replay_run *run, const char *reason, json_t **ret_status,
                    struct err *e)
{
    struct queue_call c;
    char most[16];
    (void)snprintf(most, sizeof most, "%d", REPLAY_STEP_MAX);
    queue_call_init(&c, "stint_replay_undo", run->queue);
    queue_call_add(&c, run->id);
    queue_call_add(&c, s->actor);
    queue_call_add(&c, reason);
    queue_call_add(&c, most);
    int rc = queue_call_json(s, &c, ret_status, e);
    KILL_POINT("replay_undone");
    return rc;
}

int replay_run_status(struct stores *s, const struct replay_run *run, json_t **ret_status, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, "stint_replay_status", run->queue);
    queue_call_add(&c, run->id);
    return queue_call_json(s, &c, ret_status, e);
}

int replay_run_find(struct stores *s, const char *queue, const char *id, struct replay_runs *ret_runs, struct err *e)
{
    struct queue_list list;
    struct replay_runs runs = {.n = 0};
    int rc = queue_list_parts(s, queue, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        struct replay_run *part = &runs.parts[runs.n];
        json_t *status = NULL;
        struct err why = {.code = 0};
        *part = (struct replay_run){.driver = ""};
        (void)snprintf(part->queue, sizeof part->queue, "%s", list.names[i]);
        (void)snprintf(part->id, sizeof part->id, "%s", id);
        rc = replay_run_status(s, part, &status, &why);
        json_decref(status);
        runs.n += rc == 0 ? 1 : 0;
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return err_set(e, rc, "%s", why.message);
        rc = 0;
    }
    if (rc < 0)
        return rc;
    if (runs.n == 0)
        return err_set(
            e, ERR_NOT_FOUND,
            "no replay run \"%.60s\"%s%s; \"stint dlq replay list\" shows those there are (a run is kept for 7 "
            "days after its end)",
            id, queue != NULL ? " in queue " : "", queue != NULL ? queue : "");
    *ret_runs = runs;
    return 0;
}

int replay_run_list(struct stores *s, const struct replay_run *run, const char *list, size_t most, json_t **ret_list,
                    struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    int rc = stores_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &reply, e, "LRANGE stint:{%s}:replay:%s:%s 0 %d", run->queue, run->id, list,
                            (int)most - 1);
    if (rc < 0)
        return rc;
    json_t *ids = json_array();
    for (size_t i = 0; i < reply->elements; i++)
        (void)json_array_append_new(ids, json_string(reply->element[i]->str));
    freeReplyObject(reply);
    *ret_list = ids;
    return 0;
}
