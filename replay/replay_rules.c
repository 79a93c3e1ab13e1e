/*
 * replay_rules - the rules of a live pool, for a trace.
 */
#include "virtual_time.h"

#include <stdio.h>

int replay_rules(const struct conf_match *conf, const char *policy, struct match_rules *ret, struct err *e)
{
    struct conf_match with = *conf;
    (void)snprintf(with.policy, sizeof with.policy, "%s", policy);
    int rc = match_rules_load(ret, &with, e);
    if (rc < 0)
        return rc;
    ret->plane = true;
    ret->presence_ms = 0;
    ret->expires_ms = 2 * TRACE_HORIZON_MAX_MS;
    return 0;
}
