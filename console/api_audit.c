/*
 * api_audit - who did what, newest first: the logs of all queues and hosts as one.
 */
#include "api.h"

#include "audit_read.h"

enum { AUDIT_LIMIT = 100, AUDIT_LIMIT_MAX = 1000 };

static int read_time(struct request *r, const char *name, int64_t *ret_ms, struct err *e)
{
    const char *text = request_query(r, name);
    int64_t ago_ms, now_ms = 0;
    if (text == NULL)
        return 0;
    if (conf_parse_duration(text, &ago_ms, NULL) < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "%s: \"%.40s\" is not allowed; allowed: how long ago (30s, 5m, 2h, 7d)",
                       name, text);
    int rc = stores_redis_now(r->stores, &now_ms, e);
    *ret_ms = MAX_OF(now_ms - ago_ms, (int64_t)1);
    return rc;
}

int api_audit(struct request *r, struct reply *p, struct err *e)
{
    struct audit_read log = {.filter = {.actor = request_query(r, "actor"),
                                        .action = request_query(r, "action"),
                                        .match = request_query(r, "match")}};
    int64_t limit;
    int rc = request_number(r, "limit", 1, AUDIT_LIMIT_MAX, AUDIT_LIMIT, &limit, e);
    if (rc == 0)
        rc = read_time(r, "since", &log.filter.since_ms, e);
    if (rc == 0)
        rc = read_time(r, "until", &log.filter.until_ms, e);
    log.filter.limit = rc == 0 ? (size_t)limit : 0;
    if (rc == 0)
        rc = audit_read_open(r->stores, &log, request_query(r, "queue"), false, e);
    if (rc == 0)
        rc = audit_read_past(r->stores, &log, e);
    if (rc == 0) {
        json_t *entries = json_array();
        for (size_t i = json_array_size(log.records); i-- > 0;)
            (void)json_array_append(entries, json_array_get(log.records, i));
        reply_json(p, 200, json_pack("{s:o}", "entries", entries));
    }
    audit_read_fini(&log);
    return rc;
}
