/*
 * queue_find - see queue_find.h. SCAN, never KEYS: a server at work answers others in between.
 */
#include "queue_find.h"

#include "keys.h"

#include <stdio.h>

/* False when there is no room for it. */
static bool keep_queue(struct queue_list *list, const char *key)
{
    char name[QUEUE_MAX];
    const char *open = strchr(key, '{'), *close = open != NULL ? strchr(open, '}') : NULL;
    if (close == NULL || close - open - 1 <= 0 || (size_t)(close - open - 1) >= sizeof name)
        return true;
    (void)snprintf(name, sizeof name, "%.*s", (int)(close - open - 1), open + 1);
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    if (!keys_queue_valid(name))
        return true;
    if (list->n == QUEUE_LIST_MAX)
        return false;
    (void)snprintf(list->names[list->n++], QUEUE_MAX, "%s", name);
    return true;
}

static int find_on(struct redis_sync *redis, struct queue_list *list, struct err *e)
{
    char cursor[32] = "0";
    int rc = 0;
    do {
        redisReply *reply = NULL;
        const char *const argv[] = {"SCAN", cursor, "MATCH", "stint:{*}:*", "COUNT", "1000"};
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
        if (rc == 0) {
            (void)snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
            for (size_t i = 0; rc == 0 && i < reply->element[1]->elements; i++)
                if (!keep_queue(list, reply->element[1]->element[i]->str))
                    rc = err_set(e, ERR_REFUSED,
                                 "this Redis holds more than %d queues: name them one by one with --queue",
                                 QUEUE_LIST_MAX);
        }
        freeReplyObject(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

int queue_find_all(struct session *s, struct queue_list *list, struct err *e)
{
    struct redis_sync *redis;
    list->n = 0;
    int rc = session_redis(s, &redis, e);
    for (size_t node = 0; rc == 0 && (rc = redis_sync_node(redis, node, e)) == 0; node++)
        rc = find_on(redis, list, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
