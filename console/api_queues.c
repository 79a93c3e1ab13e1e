/*
 * api_queues - one queue: its numbers, its settings, paused and resumed.
 */
#include "api.h"

#include "keys.h"
#include "queue_call.h"

#include <stdio.h>

/* The queue's own settings (K:cfg): weights, limits, what is paused. */
static int add_settings(struct request *r, const char *queue, json_t *stats, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX];
    const char *const argv[] = {"HGETALL", keys_of(key, queue, "cfg")};
    json_t *settings = json_object();
    int rc = stores_redis(r->stores, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    for (size_t i = 0; rc == 0 && i + 1 < reply->elements; i += 2)
        if (strcmp(reply->element[i]->str, "tag") != 0) /* nobody's to set */
            (void)json_object_set_new(settings, reply->element[i]->str,
                                      api_text(reply->element[i + 1]->str, (size_t)reply->element[i + 1]->len));
    freeReplyObject(reply);
    (void)json_object_set_new(stats, "settings", settings);
    return rc;
}

/* The pools of this host's configuration that serve the queue, and the kinds they run. */
static void add_pools(const struct conf *conf, const char *queue, json_t *stats)
{
    json_t *pools = json_array();
    for (size_t i = 0; i < conf->n_pools; i++) {
        const struct conf_pool *pool = &conf->pools[i];
        if (strcmp(pool->queue, queue) == 0 || conf_pool_listing(conf, queue) == pool)
            (void)json_array_append_new(pools,
                                        json_pack("{s:s, s:s, s:I, s:s}", "name", pool->name, "kinds", pool->kinds,
                                                  "workers", (json_int_t)pool->workers, "lane", pool->lane));
    }
    (void)json_object_set_new(stats, "pools", pools);
}

int api_queue_show(struct request *r, struct reply *p, struct err *e)
{
    const char *queue;
    json_t *stats = NULL;
    int rc = request_queue(r, &queue, e);
    if (rc == 0)
        rc = queue_stats_ask(r->stores, queue, &stats, e);
    if (rc == 0)
        rc = add_settings(r, queue, stats, e);
    if (rc < 0) {
        json_decref(stats);
        return rc;
    }
    (void)json_object_del(stats, "now");
    add_pools(r->console->conf, queue, stats);
    reply_json(p, 200, stats);
    return 0;
}

/* Resume of a kind brings parked jobs back in steps: as long as the Function says there are more. */
static int pause_or_resume(struct request *r, const char *function, struct reply *p, struct err *e)
{
    enum { STEPS_MAX = 50 };
    const char *queue, *kind, *reason;
    struct queue_list parts = {.n = 0};
    int64_t changed = 0;
    int rc = request_queue(r, &queue, e);
    if (rc == 0)
        rc = request_text(r->json, "kind", KIND_MAX - 1, "", &kind, e);
    if (rc == 0)
        rc = request_text(r->json, "reason", 256, "", &reason, e);
    bool again = rc == 0 && *kind != '\0' && strcmp(function, "stint_resume") == 0;
    if (rc == 0)
        rc = queue_list_parts(r->stores, queue, &parts, e);
    for (size_t part = 0; rc == 0 && part < parts.n; part++) {
        int64_t more = 1;
        for (int i = 0; rc == 0 && more == 1 && i < (again ? STEPS_MAX : 1); i++) {
            struct queue_call c;
            queue_call_init(&c, function, parts.names[part]);
            queue_call_add(&c, kind);
            queue_call_add(&c, r->stores->actor);
            queue_call_add(&c, reason);
            rc = queue_call_integer(r->stores, &c, &more, e);
            changed = changed == 0 && rc == 0 ? more : changed;
        }
    }
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:s, s:s, s:b}", "queue", queue, "kind", kind, "changed", changed == 1));
    return rc;
}

int api_queue_pause(struct request *r, struct reply *p, struct err *e)
{
    return pause_or_resume(r, "stint_pause", p, e);
}

int api_queue_resume(struct request *r, struct reply *p, struct err *e)
{
    return pause_or_resume(r, "stint_resume", p, e);
}
