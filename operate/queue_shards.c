/*
 * queue_shards - see queue_call.h: queues with shards, for those who work on the whole of them. Refuses to leave a part
 * out: one that cannot be asked is an error that names it.
 */
#include "queue_call.h"

#include "keys.h"
#include "queue_sum.h"
#include "shard.h"

#include <stdio.h>

static int64_t number_of(const redisReply *reply, size_t i)
{
    bool text = i < reply->elements && reply->element[i]->type == REDIS_REPLY_STRING;
    return MAX_OF(text ? strtoll(reply->element[i]->str, NULL, 10) : 0, 1LL);
}

int queue_shards(struct stores *s, const char *queue, int64_t *ret_served, int64_t *ret_shards, struct err *e)
{
    const struct conf *conf;
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX];
    const char *const argv[] = {"HMGET", keys_of(key, queue, "cfg"), "shards", "shards_drain"};
    int rc = stores_conf(s, &conf, e);
    if (rc == 0)
        rc = stores_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    int64_t shards = number_of(reply, 0), most = MAX_OF(shards, number_of(reply, 1));
    freeReplyObject(reply);
    if (ret_served != NULL)
        *ret_served = MAX_OF(most, conf_queue_shards(conf, queue));
    if (ret_shards != NULL)
        *ret_shards = shards;
    return 0;
}

int queue_shard_for(struct stores *s, const char *queue, const char *key, char ret_part[static QUEUE_MAX],
                    struct err *e)
{
    int64_t shards = 1;
    int rc = queue_shards(s, queue, NULL, &shards, e);
    char random[64];
    static unsigned calls;
    if (rc < 0)
        return rc;
    if (key == NULL) {
        (void)snprintf(random, sizeof random, "%d-%u", (int)getpid(), calls++);
        key = random;
    }
    if (!shard_name(ret_part, queue, shard_of_key(key, strlen(key), shards)))
        return err_set(e, ERR_BAD_ARGUMENT, "queue %s: the names of its shards are too long", queue);
    return 0;
}

int queue_list_parts(struct stores *s, const char *name, struct queue_list *ret_list, struct err *e)
{
    struct queue_list wholes;
    int rc = queue_list_resolve(s, name, &wholes, e);
    ret_list->n = 0;
    for (size_t i = 0; rc == 0 && i < wholes.n; i++) {
        int64_t served = 1;
        rc = queue_shards(s, wholes.names[i], &served, NULL, e);
        for (uint32_t part = 0; rc == 0 && part < shard_parts(served); part++) {
            if (ret_list->n == QUEUE_LIST_MAX)
                return err_set(e, ERR_REFUSED, "more than %d queues and shards; name one with --queue", QUEUE_LIST_MAX);
            if (shard_name(ret_list->names[ret_list->n], wholes.names[i], part))
                ret_list->n++;
        }
    }
    return rc;
}

static int ask_one(struct stores *s, const char *queue, json_t **ret_stats, struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, "stint_stats", queue);
    return queue_call_json(s, &c, ret_stats, e);
}

int queue_stats_ask(struct stores *s, const char *queue, json_t **ret_stats, struct err *e)
{
    json_t *sum = NULL;
    int rc = ask_one(s, queue, &sum, e);
    uint32_t parts = rc == 0 ? shard_parts(queue_sum_shards(sum)) : 0;
    for (uint32_t part = 1; rc == 0 && part < parts; part++) {
        char name[QUEUE_MAX];
        struct err why = {.code = 0};
        json_t *stats = NULL;
        if (!shard_name(name, queue, part))
            break;
        rc = ask_one(s, name, &stats, &why);
        if (rc == 0)
            queue_sum_add(sum, stats);
        else
            rc = err_set(e, rc, "shard %s: %.700s", name, why.message);
        json_decref(stats);
    }
    if (rc < 0)
        json_decref(sum);
    else
        *ret_stats = sum;
    return rc;
}
