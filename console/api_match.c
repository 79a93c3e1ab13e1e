/*
 * api_match - match pools as the supervisors publish them: numbers of groups, nobody's data. Groups too small to be
 * told apart are hidden here as everywhere.
 */
#include "api.h"

#include "keys.h"
#include "match_groups.h"
#include "queue_call.h"

int api_match(struct request *r, struct reply *p, struct err *e)
{
    struct redis_sync *redis;
    redisReply *hash = NULL;
    char key[KEY_MAX];
    json_t *pools = json_array();
    const char *queue = conf_queue_of_kind(r->console->conf, "match");
    const char *const argv[] = {"HGETALL", keys_of(key, queue != NULL ? queue : "match", "stats")};
    int rc = stores_redis(r->stores, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &hash, e, (int)ARRAY_LEN(argv), argv, NULL);
    for (size_t i = 0; rc == 0 && i + 1 < hash->elements; i += 2) {
        const redisReply *value = hash->element[i + 1];
        json_t *stats = json_loadb(value->str, (size_t)value->len, 0, NULL);
        if (json_object_get(stats, "estimates") != NULL && *json_text(stats, "pool") != '\0') {
            match_groups_hide(stats);
            (void)json_array_append(pools, stats);
        }
        json_decref(stats);
    }
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:O, s:b}", "pools", pools, "published", hash->elements > 0));
    freeReplyObject(hash);
    json_decref(pools);
    return rc;
}
