/*
 * restore_seen - see restore_seen.h. Changes nothing.
 */
#include "restore_seen.h"

#include "keys.h"

#include <stdio.h>

int restore_seen(struct redis_sync *redis, const char *queue, struct err *e)
{
    char key[KEY_MAX];
    redisReply *mark = NULL;
    int rc = redis_sync_cmd(redis, &mark, e, "HMGET %s from actor", keys_of(key, queue, "restoring"));
    if (rc < 0)
        return rc;
    if (mark->elements == 2 && mark->element[0]->type == REDIS_REPLY_STRING)
        rc = err_set(e, ERR_REFUSED,
                     "queue %s is half restored from %.300s (by %.100s): \"stint restore %.300s\" again finishes it; "
                     "until then nothing runs",
                     queue, mark->element[0]->str,
                     mark->element[1]->type == REDIS_REPLY_STRING ? mark->element[1]->str : "somebody",
                     mark->element[0]->str);
    freeReplyObject(mark);
    return rc;
}
