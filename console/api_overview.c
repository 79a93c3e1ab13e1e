/*
 * api_overview - all queues, all hosts, and what deserves a look now. Refuses to compute what Redis already says:
 * numbers are stint_stats', drift too.
 */
#include "api.h"

#include "health_ask.h"
#include "keys.h"
#include "queue_call.h"

#include <stdio.h>

enum { HEALTH_MS = 1000, WAITING_LONG_MS = 60000 };

static void alert(json_t *alerts, const char *level, const char *what, const char *queue, const char *text)
{
    (void)json_array_append_new(
        alerts, json_pack("{s:s, s:s, s:s, s:s}", "level", level, "what", what, "queue", queue, "text", text));
}

static void judge_queue(const json_t *stats, json_t *alerts)
{
    const char *queue = json_text(stats, "queue");
    json_t *bands = json_object_get(stats, "bands"), *band;
    int64_t ready = 0, oldest_ms = 0;
    const char *name;
    char text[200];
    json_object_foreach(bands, name, band)
    {
        ready += json_number(band, "ready", 0);
        if (json_number(band, "ready", 0) > 0)
            oldest_ms = MAX_OF(oldest_ms, json_number(band, "oldest_ms", 0));
    }
    if (json_number(stats, "drift", 0) != 0) {
        (void)snprintf(text, sizeof text, "the ledger does not add up: %lld jobs unaccounted for; run \"stint fsck\"",
                       (long long)json_number(stats, "drift", 0));
        alert(alerts, "critical", "ledger_drift", queue, text);
    }
    if (json_number(stats, "instances", 0) == 0) {
        (void)snprintf(text, sizeof text, "no host serves this queue%s", ready > 0 ? ", and jobs wait" : "");
        alert(alerts, ready > 0 ? "critical" : "warning", "no_hosts", queue, text);
    }
    if (json_is_true(json_object_get(stats, "paused")))
        alert(alerts, "warning", "paused", queue, "the queue is paused: nothing of it is started");
    for (size_t i = 0; i < json_array_size(json_object_get(stats, "paused_kinds")); i++) {
        const char *kind = json_string_value(json_array_get(json_object_get(stats, "paused_kinds"), i));
        (void)snprintf(text, sizeof text, "the kind %s is paused", kind != NULL ? kind : "?");
        alert(alerts, "warning", "paused_kind", queue, text);
    }
    if (oldest_ms > WAITING_LONG_MS)
        alert(alerts, "warning", "waiting_long", queue, "jobs have waited for more than a minute");
}

/* What the supervisor of this host says of itself; nothing where none runs here. */
static void judge_supervisor(const struct request *r, json_t *alerts)
{
    struct err e = {.code = 0};
    json_t *body = NULL;
    int status = 0;
    if (!r->console->conf->metrics.enabled ||
        health_ask(r->console->conf, "/readyz", HEALTH_MS, &status, &body, &e) < 0)
        return;
    json_t *reasons = json_object_get(body, "reasons");
    for (size_t i = 0; status != 200 && i < json_array_size(reasons); i++) {
        const json_t *reason = json_array_get(reasons, i);
        alert(alerts, "critical", "not_ready", json_text(reason, "queue"), json_text(reason, "detail"));
    }
    json_decref(body);
}

int api_overview(struct request *r, struct reply *p, struct err *e)
{
    struct queue_list list;
    json_t *queues = json_array(), *alerts = json_array();
    int rc = queue_list_resolve(r->stores, NULL, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        json_t *stats = NULL;
        rc = queue_stats_ask(r->stores, list.names[i], &stats, e);
        if (rc == 0) {
            judge_queue(stats, alerts);
            (void)json_object_del(stats, "now"); /* it alone would make every answer another one */
            (void)json_array_append_new(queues, stats);
        }
    }
    if (rc == 0) {
        judge_supervisor(r, alerts);
        reply_json(p, 200, json_pack("{s:O, s:O}", "queues", queues, "alerts", alerts));
    }
    json_decref(queues);
    json_decref(alerts);
    return rc;
}

/* -- hosts ------------------------------------------------------------------------------------------------------------
 */

static json_t *host_of(json_t *hosts, const char *instance)
{
    for (size_t i = 0; i < json_array_size(hosts); i++)
        if (strcmp(json_text(json_array_get(hosts, i), "instance"), instance) == 0)
            return json_array_get(hosts, i);
    json_t *host = json_pack("{s:s, s:[]}", "instance", instance, "queues");
    (void)json_array_append_new(hosts, host);
    return host;
}

/* One live instance of a queue: what it says of itself, and when its lease ends. */
static void take_instance(json_t *hosts, const char *queue, const char *instance, const redisReply *info,
                          int64_t left_ms)
{
    json_t *host = host_of(hosts, instance);
    json_t *says = info->type == REDIS_REPLY_STRING ? json_loadb(info->str, (size_t)info->len, 0, NULL) : NULL;
    (void)json_array_append_new(json_object_get(host, "queues"),
                                json_pack("{s:s, s:b, s:o*}", "queue", queue, "alive", left_ms > 0, "info", says));
}

static int add_queue_hosts(struct request *r, const char *queue, int64_t now_ms, json_t *hosts, struct err *e)
{
    struct redis_sync *redis;
    redisReply *ends = NULL;
    char key[KEY_MAX], info_key[KEY_MAX];
    int rc = stores_redis(r->stores, &redis, e);
    const char *const range[] = {"ZRANGE", keys_of(key, queue, "i"), "0", "499", "WITHSCORES"};
    if (rc == 0)
        rc = redis_sync_argv(redis, &ends, e, (int)ARRAY_LEN(range), range, NULL);
    for (size_t i = 0; rc == 0 && i + 1 < ends->elements; i += 2) {
        redisReply *info = NULL;
        const char *const get[] = {"HGET", keys_of(info_key, queue, "ii"), ends->element[i]->str};
        rc = redis_sync_argv(redis, &info, e, (int)ARRAY_LEN(get), get, NULL);
        if (rc == 0)
            take_instance(hosts, queue, ends->element[i]->str, info,
                          (int64_t)strtod(ends->element[i + 1]->str, NULL) - now_ms);
        freeReplyObject(info);
    }
    freeReplyObject(ends);
    return rc;
}

int api_hosts(struct request *r, struct reply *p, struct err *e)
{
    struct queue_list list;
    int64_t now_ms = 0;
    json_t *hosts = json_array();
    int rc = queue_list_resolve(r->stores, NULL, &list, e);
    if (rc == 0)
        rc = stores_redis_now(r->stores, &now_ms, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc = add_queue_hosts(r, list.names[i], now_ms, hosts, e);
    if (rc == 0)
        reply_json(p, 200, json_pack("{s:O}", "hosts", hosts));
    json_decref(hosts);
    return rc;
}
