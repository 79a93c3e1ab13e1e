/*
 * redis_check - see redis_check.h. Refuses to call a server well because it answers PING: a full one does, a replica
 * does, and so does one that will delete jobs tomorrow.
 */
#include "redis_check.h"

int redis_check_writes(struct redis_sync *redis, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_cmd(redis, &reply, e, "FCALL stint_ping 0");
    if (rc == 0)
        freeReplyObject(reply);
    return rc == ERR_REDIS_REFUSED && strstr(e->message, "Function not found") != NULL ? 0 : rc;
}

int redis_check_info(struct redis_sync *redis, struct redis_info *ret, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_cmd(redis, &reply, e, "INFO");
    if (rc < 0)
        return rc;
    redis_info_read(ret, reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return 0;
}

int redis_check_well(struct redis_sync *redis, struct err *e)
{
    struct redis_info info = {.known = false};
    struct err local = {.code = 0}; /* an ACL that forbids INFO is no trouble of the server's */
    char seen[160];
    int rc = redis_check_writes(redis, e);
    if (rc < 0 || redis_check_info(redis, &info, &local) < 0)
        return rc;
    for (int fault = 0; fault < REDIS_INFO_FAULT_COUNT; fault++)
        if (redis_info_has(&info, (enum redis_info_fault)fault))
            return err_set(e, fault == REDIS_INFO_FULL ? ERR_REDIS_FULL : ERR_REDIS_REFUSED, "%s; %s",
                           redis_info_seen(&info, (enum redis_info_fault)fault, seen, sizeof seen),
                           redis_info_remedy((enum redis_info_fault)fault));
    return 0;
}
