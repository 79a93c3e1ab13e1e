/*
 * queue_call - see queue_call.h. Refuses to write a key itself: whatever changes a job goes through a Function, so that
 * the ledger holds.
 */
#include "queue_call.h"

#include "keys.h"
#include "shard.h"

#include <stdio.h>

void queue_call_init(struct queue_call *c, const char *function, const char *queue)
{
    *c = (struct queue_call){.function = function, .queue = queue};
}

void queue_call_add_bytes(struct queue_call *c, const char *bytes, size_t len)
{
    assert(c->argc < QUEUE_CALL_ARGS_MAX);
    c->argv[c->argc] = bytes;
    c->lens[c->argc++] = len;
}

void queue_call_add(struct queue_call *c, const char *text)
{
    queue_call_add_bytes(c, text, strlen(text));
}

int queue_call_run(struct stores *s, const struct queue_call *c, redisReply **ret_reply, struct err *e)
{
    char key[KEY_MAX];
    const char *argv[QUEUE_CALL_ARGS_MAX + 4] = {"FCALL", c->function, "1", keys_prefix(key, c->queue)};
    size_t lens[QUEUE_CALL_ARGS_MAX + 4];
    for (int i = 0; i < 4; i++)
        lens[i] = strlen(argv[i]);
    for (int i = 0; i < c->argc; i++) {
        argv[4 + i] = c->argv[i];
        lens[4 + i] = c->lens[i];
    }
    struct redis_sync *redis;
    int rc = stores_redis(s, &redis, e);
    return rc < 0 ? rc : redis_sync_argv(redis, ret_reply, e, 4 + c->argc, argv, lens);
}

int queue_call_json(struct stores *s, const struct queue_call *c, json_t **ret_json, struct err *e)
{
    redisReply *reply = NULL;
    int rc = queue_call_run(s, c, &reply, e);
    if (rc < 0)
        return rc;
    bool text = reply->type == REDIS_REPLY_STRING;
    json_t *json = text ? json_loadb(reply->str, (size_t)reply->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    freeReplyObject(reply);
    if (json == NULL)
        return err_set(e, ERR_PROTOCOL, "%s answered what is not JSON", c->function);
    *ret_json = json;
    return 0;
}

int queue_call_integer(struct stores *s, const struct queue_call *c, int64_t *ret_number, struct err *e)
{
    redisReply *reply = NULL;
    int rc = queue_call_run(s, c, &reply, e);
    if (rc < 0)
        return rc;
    if (reply->type == REDIS_REPLY_INTEGER)
        *ret_number = reply->integer;
    else
        rc = err_set(e, ERR_PROTOCOL, "%s answered what is not a number", c->function);
    freeReplyObject(reply);
    return rc;
}

int queue_list_resolve(struct stores *s, const char *name, struct queue_list *ret_list, struct err *e)
{
    const struct conf *conf;
    const char *queues[QUEUE_LIST_MAX];
    if (name != NULL && !keys_queue_valid(name))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "queue \"%.100s\" is no queue's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -", name);
    int rc = stores_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    size_t n = 1;
    queues[0] = name;
    if (name == NULL)
        n = conf_queues(conf, queues, QUEUE_LIST_MAX);
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "no queue is configured: add a [pool.NAME] section, or name one with --queue");
    ret_list->n = n;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(ret_list->names[i], QUEUE_MAX, "%s", queues[i]);
    return 0;
}

int queue_list_check_known(struct stores *s, const char *queue, struct err *e)
{
    struct queue_list list;
    struct queue_call c;
    json_t *stats = NULL;
    char names[512] = "";
    int rc = queue_list_resolve(s, NULL, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        size_t used = strlen(names);
        if (shard_part_of(list.names[i], queue) >= 0 &&
            shard_part_of(list.names[i], queue) < (int)shard_parts(conf_queue_shards(s->conf, list.names[i])))
            return 0;
        (void)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", list.names[i]);
    }
    queue_call_init(&c, "stint_stats", queue);
    if (rc == 0)
        rc = queue_call_json(s, &c, &stats, e);
    bool known = json_number(stats, "enqueued", 0) > 0 || json_number(stats, "instances", 0) > 0;
    json_decref(stats);
    if (rc == 0 && !known)
        rc = err_set(e, ERR_NOT_FOUND,
                     "no queue \"%.64s\": no job was ever put into it, and it is not configured; queues: %s", queue,
                     names);
    return rc;
}

static int ask_job(struct stores *s, const char *queue, const char *id, json_t **ret_job, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, "stint_job", queue);
    queue_call_add(&c, id);
    return queue_call_json(s, &c, ret_job, e);
}

/* The part that the id belongs into is asked before its siblings, where a producer may have put it all the same. */
static void put_first(struct stores *s, struct queue_list *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++) {
        int64_t shards = conf_queue_shards(s->conf, list->names[i]);
        uint32_t part = shard_of_key(id, strlen(id), shards);
        char name[QUEUE_MAX];
        if (part == 0 || i + part >= list->n || !shard_name(name, list->names[i], part) || strcmp(list->names[i + part], name) != 0)
            continue;
        memmove(list->names[i + 1], list->names[i], part * sizeof list->names[0]);
        memcpy(list->names[i], name, sizeof name);
        i += shard_parts(shards) - 1;
    }
}

int queue_list_find_job(struct stores *s, const char *name, const char *id, char ret_queue[static QUEUE_MAX],
                        json_t **ret_job, struct err *e)
{
    struct queue_list list;
    char asked[512] = "";
    int rc = queue_list_parts(s, name, &list, e);
    if (rc == 0)
        put_first(s, &list, id);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        json_t *job = NULL;
        rc = ask_job(s, list.names[i], id, &job, e);
        if (rc == 0) {
            (void)json_object_set_new(job, "queue", json_string(list.names[i]));
            (void)snprintf(ret_queue, QUEUE_MAX, "%s", list.names[i]);
            *ret_job = job;
            return 0;
        }
        if (rc == ERR_NOT_FOUND)
            rc = 0;
        size_t used = strlen(asked);
        (void)snprintf(asked + used, sizeof asked - used, "%s%s", used > 0 ? ", " : "", list.names[i]);
    }
    if (rc < 0)
        return rc;
    return err_set(
        e, ERR_NOT_FOUND,
        "no job \"%.128s\" in queue %s; it may be done and its status no longer kept (kind.NAME.retain), or in "
        "another queue (--queue)",
        id, asked);
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

int64_t json_number(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return json_integer_value(value);
    return json_is_real(value) ? (int64_t)json_real_value(value) : fallback;
}
