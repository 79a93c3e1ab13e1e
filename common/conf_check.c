/*
 * conf_check - what follows from several keys together: completes kinds and pools, looks them up, and refuses
 * combinations that cannot work. Pure.
 */
#include "conf_fields.h"

#include "cause_policy.h"
#include "keys.h"
#include "net_range.h"
#include "scoreboard.h"
#include "shard.h"

#include <arpa/inet.h>
#include <stdio.h>

struct conf_kind_default {
    const char *name, *queue;
    int64_t track, attempts, backoff_ms, timeout_ms, enabled;
};

static const struct conf_kind_default kind_defaults[] = {
#define X(name, queue, batch_max, batch_whole, track, attempts, backoff_ms, timeout_ms, enabled)                       \
    {name, queue, track, attempts, backoff_ms, timeout_ms, enabled},
    KIND_DEFAULTS(X)
#undef X
};

static const char kind_names[] =
#define X(name, ...) " " name
    KIND_DEFAULTS(X)
#undef X
    ;

static const struct conf_kind_default *conf_kind_default(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_defaults); i++)
        if (strcmp(kind_defaults[i].name, kind) == 0)
            return &kind_defaults[i];
    return NULL;
}

const struct conf_kind *conf_kind_of(const struct conf *c, const char *kind)
{
    for (size_t i = 0; i < c->n_kinds; i++)
        if (strcmp(c->kinds[i].name, kind) == 0)
            return &c->kinds[i];
    return NULL;
}

const struct conf_pool *conf_pool_of(const struct conf *c, const char *pool)
{
    for (size_t i = 0; i < c->n_pools; i++)
        if (strcmp(c->pools[i].name, pool) == 0)
            return &c->pools[i];
    return NULL;
}

bool conf_list_next(const char **cursor, char *ret_item, size_t size)
{
    const char *s = *cursor;
    for (;;) {
        s += strspn(s, " \t,");
        size_t len = strcspn(s, ",");
        if (len == 0)
            return false;
        *cursor = s + len;
        while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
            len--;
        len = MIN_OF(len, size - 1);
        memcpy(ret_item, s, len);
        ret_item[len] = '\0';
        return true;
    }
}

static bool conf_pool_runs(const struct conf_pool *pool, const char *kind)
{
    char item[CONF_STR_MAX];
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, item, sizeof item);)
        if (strcmp(item, kind) == 0)
            return true;
    return false;
}

const char *conf_queue_of_kind(const struct conf *c, const char *kind)
{
    for (size_t i = 0; i < c->n_pools; i++)
        if (conf_pool_runs(&c->pools[i], kind))
            return c->pools[i].queue;
    const struct conf_kind_default *known = conf_kind_default(kind);
    return known != NULL ? known->queue : NULL;
}

bool conf_lane_served(const struct conf *c, const char *kind)
{
    const char *queue = conf_queue_of_kind(c, kind);
    for (size_t i = 0; i < c->n_pools; i++)
        if (c->pools[i].lane[0] != '\0' && (c->pools[i].workers > 0 || conf_pool_scaled(&c->pools[i])) && conf_pool_runs(&c->pools[i], kind) &&
            queue != NULL && strcmp(c->pools[i].queue, queue) == 0)
            return true;
    return false;
}

bool conf_lane_missing(const struct conf *c, char *ret, size_t size)
{
    size_t n;
    const struct cause_policy_key *keys = cause_policy_keys(&n);
    const struct conf_section *section = conf_section_kind();
    for (size_t i = 0; i < c->n_kinds; i++)
        for (size_t k = 0; k < n && c->kinds[i].enabled == 1 && !conf_lane_served(c, c->kinds[i].name); k++) {
            const char *word = (const char *)&c->kinds[i] + keys[k].offset;
            const char *usual = conf_field_by_key(section, keys[k].key)->def_text;
            if (strcmp(word, cause_policy_name(CAUSE_LANE)) != 0 || strcmp(word, usual) == 0)
                continue;
            (void)snprintf(ret, size, "[kind.%s] %s = lane, but no pool of its queue runs %s with lane = large",
                           c->kinds[i].name, keys[k].key, c->kinds[i].name);
            return true;
        }
    return false;
}

int64_t conf_queue_shards(const struct conf *c, const char *queue)
{
    for (size_t i = 0; i < c->n_queues; i++)
        if (strcmp(c->queues[i].name, queue) == 0)
            return c->queues[i].shards;
    return 1;
}

const char *conf_queue_of_shard(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_queues; i++)
        if (c->queues[i].shards > 1 && shard_part_of(c->queues[i].name, name) > 0)
            return c->queues[i].name;
    return NULL;
}

int64_t conf_pool_workers_max(const struct conf_pool *pool)
{
    if (pool->workers_max != 0)
        return pool->workers_max;
    return MIN_OF(MAX_OF(pool->workers * 2, 8), SCORE_SLOT_MAX);
}

int64_t conf_pool_scaled_max(const struct conf_pool *pool, int64_t cpus)
{
    int64_t least = MAX_OF(MAX_OF(pool->workers_min, pool->workers), INT64_C(1));
    return pool->workers_max != 0 ? pool->workers_max : MIN_OF(conf_pool_workers_max(pool), MAX_OF(cpus, least));
}

bool conf_pool_scaled(const struct conf_pool *pool)
{
    return pool->target_wait > 0;
}

static void conf_finish_kind(struct conf_kind *kind)
{
    static const struct conf_kind_default other = {"", "", true, 3, 1000, 60000, false};
    const struct conf_kind_default *own = conf_kind_default(kind->name);
    if (own == NULL)
        own = &other;
    kind->enabled = kind->enabled == -1 ? own->enabled : kind->enabled;
    kind->attempts = kind->attempts == -1 ? own->attempts : kind->attempts;
    kind->backoff = kind->backoff == -1 ? own->backoff_ms : kind->backoff;
    kind->timeout = kind->timeout == -1 ? own->timeout_ms : kind->timeout;
    kind->track = kind->track == -1 ? own->track : kind->track;
}

/* A pool named as a kind or its queue runs that kind unless it says otherwise; its queue is its first kind's. */
static void conf_finish_pool(const struct conf *c, struct conf_pool *pool)
{
    for (size_t i = 0; i < c->n_listed && pool->queue[0] == '\0'; i++)
        if (&c->pools[c->listed[i].pool] == pool)
            (void)snprintf(pool->queue, sizeof pool->queue, "%s", c->listed[i].name);
    for (size_t i = 0; i < ARRAY_LEN(kind_defaults) && pool->kinds[0] == '\0'; i++)
        if (strcmp(pool->name, kind_defaults[i].name) == 0 || strcmp(pool->name, kind_defaults[i].queue) == 0)
            (void)snprintf(pool->kinds, sizeof pool->kinds, "%s", kind_defaults[i].name);
    char first[KIND_MAX];
    const char *cursor = pool->kinds;
    if (pool->queue[0] != '\0' || conf_pool_lists(pool) || !conf_list_next(&cursor, first, sizeof first))
        return;
    const struct conf_kind_default *known = conf_kind_default(first);
    if (known != NULL)
        (void)snprintf(pool->queue, sizeof pool->queue, "%s", known->queue);
}

void conf_finish(struct conf *c)
{
    for (size_t i = 0; i < c->n_kinds; i++)
        conf_finish_kind(&c->kinds[i]);
    for (size_t i = 0; i < c->n_pools; i++)
        conf_finish_pool(c, &c->pools[i]);
}

static int conf_check_pool_kinds(const struct conf *c, const struct conf_pool *pool, struct err *e)
{
    const char *names[ARRAY_LEN(kind_defaults)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        names[i] = kind_defaults[i].name;
    char item[CONF_STR_MAX];
    size_t n = 0, enabled = 0;
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, item, sizeof item); n++) {
        if (conf_kind_default(item) == NULL) {
            const char *near = conf_nearest(item, names, ARRAY_LEN(names));
            return err_set(e, ERR_BAD_CONFIG, "[pool.%s] kinds: no kind is called \"%s\"%s%s%s; allowed:%s", pool->name,
                           item, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                           near != NULL ? "\"?" : "", kind_names);
        }
        enabled += conf_kind_of(c, item)->enabled != 0;
    }
    if (n == 0)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] kinds is missing: say which kinds its workers run", pool->name);
    if (enabled == 0 && (pool->workers > 0 || conf_pool_scaled(pool)))
        return err_set(
            e, ERR_BAD_CONFIG,
            "[pool.%s] runs only kinds that are not enabled (%s): set [kind.…] enabled = yes, or workers = 0",
            pool->name, pool->kinds);
    return 0;
}

static int conf_check_pools(const struct conf *c, struct err *e)
{
    int64_t total = 0;
    for (size_t i = 0; i < c->n_pools; i++) {
        const struct conf_pool *pool = &c->pools[i];
        int rc = conf_check_pool_kinds(c, pool, e);
        if (rc < 0)
            return rc;
        if (!keys_queue_valid(pool->queue))
            return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queue: \"%s\" is no queue name: 1 to %d of A-Z a-z 0-9 . _ -",
                           pool->name, pool->queue, QUEUE_MAX - 1);
        if (pool->lane[0] != '\0' && strcmp(pool->lane, band_name(BAND_LARGE)) != 0)
            return err_set(e, ERR_BAD_CONFIG, "[pool.%s] lane: \"%s\" is not allowed; allowed: large, or nothing", pool->name,
                           pool->lane);
        if (pool->workers > conf_pool_workers_max(pool))
            return err_set(e, ERR_BAD_CONFIG, "[pool.%s] workers (%lld) is above workers_max (%lld)", pool->name,
                           (long long)pool->workers, (long long)conf_pool_workers_max(pool));
        if (conf_pool_scaled(pool) && pool->workers_min > conf_pool_workers_max(pool))
            return err_set(e, ERR_BAD_CONFIG, "[pool.%s] workers_min (%lld) is above workers_max (%lld)", pool->name,
                           (long long)pool->workers_min, (long long)conf_pool_workers_max(pool));
        total += conf_pool_workers_max(pool);
    }
    if (total > SCORE_SLOT_MAX)
        return err_set(e, ERR_BAD_CONFIG,
                       "the pools' workers_max add up to %lld; at most %d are allowed: set workers_max lower",
                       (long long)total, SCORE_SLOT_MAX);
    return 0;
}

/* What cannot be spread is refused by name rather than found out later. */
static int conf_check_sharded_pool(const struct conf *c, const struct conf_pool *pool, struct err *e)
{
    const char *whole = conf_queue_of_shard(c, pool->queue);
    if (whole != NULL)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queue: \"%s\" is a shard of queue %s, whose pools serve it already; name %s",
                       pool->name, pool->queue, whole, whole);
    if (conf_queue_shards(c, pool->queue) <= 1)
        return 0;
    if (conf_pool_runs(pool, "match"))
        return err_set(e, ERR_BAD_CONFIG,
                       "[queue.%s] shards: kind match of [pool.%s] cannot be spread (a group of people waits in one queue); set shards = 1, or "
                       "give match a queue of its own", pool->queue, pool->name);
    if (conf_pool_scaled(pool))
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] target_wait: queue %s has shards, over which waiting is not measured; set workers instead", pool->name,
                       pool->queue);
    return 0;
}

static int conf_check_shards(const struct conf *c, struct err *e)
{
    const char *queues[QUEUES_MAX];
    char name[QUEUE_MAX];
    size_t parts = 0, n = conf_queues(c, queues, ARRAY_LEN(queues));
    for (size_t i = 0; i < c->n_queues; i++)
        if (!shard_name(name, c->queues[i].name, shard_parts(c->queues[i].shards) - 1))
            return err_set(e, ERR_BAD_CONFIG, "[queue.%s] shards: the name of its last shard would be longer than %d characters",
                           c->queues[i].name, QUEUE_MAX - 1);
    for (size_t i = 0; i < c->n_pools; i++) {
        int rc = conf_check_sharded_pool(c, &c->pools[i], e);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < n; i++)
        parts += shard_parts(conf_queue_shards(c, queues[i]));
    if (parts > QUEUES_MAX)
        return err_set(e, ERR_BAD_CONFIG, "the pools' queues and their shards are %zu together; at most %d are allowed", parts, QUEUES_MAX);
    return 0;
}

static int conf_check_policies(const struct conf_kind *kind, struct err *e)
{
    size_t n;
    const struct cause_policy_key *keys = cause_policy_keys(&n);
    for (size_t i = 0; i < n; i++) {
        const char *word = (const char *)kind + keys[i].offset;
        if (cause_policy_by_name(word) < 0)
            return err_set(e, ERR_BAD_CONFIG, "[kind.%s] %s: \"%s\" is not allowed; allowed: once, lane, quarantine, free",
                           kind->name, keys[i].key, word);
    }
    return 0;
}

static int conf_check_kinds(const struct conf *c, struct err *e)
{
    for (size_t i = 0; i < c->n_kinds; i++) {
        const struct conf_kind *kind = &c->kinds[i];
        if (kind->soft_timeout > kind->timeout)
            return err_set(e, ERR_BAD_CONFIG, "[kind.%s] soft_timeout (%lld ms) is longer than timeout (%lld ms)",
                           kind->name, (long long)kind->soft_timeout, (long long)kind->timeout);
        if (kind->backoff > kind->backoff_max)
            return err_set(e, ERR_BAD_CONFIG, "[kind.%s] backoff (%lld ms) is longer than backoff_max (%lld ms)",
                           kind->name, (long long)kind->backoff, (long long)kind->backoff_max);
        int rc = conf_check_policies(kind, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Texts of which only some are allowed. */
static int conf_check_words(const struct conf *c, struct err *e)
{
    const struct {
        const char *key, *value, *allowed;
    } rows[] = {
        {"[supervisor] log_level", c->supervisor.log_level, "debug,info,warn,error"},
        {"[supervisor] cgroup", c->supervisor.cgroup, "auto,off,required"},
        {"[supervisor] log_format", c->supervisor.log_format, "auto,json,text,journal"},
        {"[match] preset", c->match.preset, "speed,wingman"},
        {"[match] policy", c->match.policy, "greedy,fcfs,max"},
        {"[match] duplicate", c->match.duplicate, "replace,refuse"},
        {"[pdf] url", c->pdf.url, "off,list,public"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char item[32];
        bool found = false;
        for (const char *cursor = rows[i].allowed; conf_list_next(&cursor, item, sizeof item);)
            found |= strcmp(item, rows[i].value) == 0;
        if (!found)
            return err_set(e, ERR_BAD_CONFIG, "%s: \"%s\" is not allowed; allowed: %s", rows[i].key, rows[i].value,
                           rows[i].allowed);
    }
    return 0;
}

static int conf_check_places(const struct conf *c, struct err *e)
{
    unsigned char address[sizeof(struct in6_addr)];
    char item[CONF_STR_MAX];
    if (inet_pton(AF_INET, c->metrics.listen, address) != 1 && inet_pton(AF_INET6, c->metrics.listen, address) != 1)
        return err_set(e, ERR_BAD_CONFIG, "[metrics] listen: \"%s\" is no IP address; write one like 127.0.0.1 or ::1",
                       c->metrics.listen);
    if (inet_pton(AF_INET, c->console.listen, address) != 1 && inet_pton(AF_INET6, c->console.listen, address) != 1)
        return err_set(e, ERR_BAD_CONFIG, "[console] listen: \"%s\" is no IP address; write one like 127.0.0.1 or ::1",
                       c->console.listen);
    if (c->console.tokens_file[0] != '\0' && c->console.tokens_file[0] != '/')
        return err_set(e, ERR_BAD_CONFIG, "[console] tokens_file: \"%s\" is not an absolute path", c->console.tokens_file);
    if (strncmp(c->redis.url, "redis://", 8) != 0 && strncmp(c->redis.url, "unix:", 5) != 0)
        return err_set(e, ERR_BAD_CONFIG,
                       "[redis] url must start with redis:// or unix:// (TLS is not supported: use a local proxy)");
    if (c->supervisor.run_dir[0] != '/' || c->supervisor.state_dir[0] != '/')
        return err_set(e, ERR_BAD_CONFIG, "[supervisor] run_dir and state_dir must be absolute paths");
    for (const char *cursor = c->pdf.roots; conf_list_next(&cursor, item, sizeof item);)
        if (item[0] != '/')
            return err_set(e, ERR_BAD_CONFIG, "[pdf] roots: \"%s\" is not an absolute path", item);
    return 0;
}

static int conf_check_sources(const struct conf_pdf *pdf, struct err *e)
{
    struct err why = {0};
    char item[CONF_STR_MAX];
    if (net_range_check(pdf->url_private_ranges, &why) < 0)
        return err_set(e, ERR_BAD_CONFIG, "[pdf] url_private_ranges: %s", why.message);
    for (const char *cursor = pdf->url_ports; conf_list_next(&cursor, item, sizeof item);) {
        int64_t port;
        if (conf_parse_int(item, &port, NULL) < 0 || port < 1 || port > 65535)
            return err_set(e, ERR_BAD_CONFIG, "[pdf] url_ports: \"%s\" is no port; allowed: 1 to 65535", item);
    }
    for (const char *cursor = pdf->url_allow; conf_list_next(&cursor, item, sizeof item);)
        if (strpbrk(item, "/@?#% ") != NULL || (strchr(item, '*') != NULL && (strncmp(item, "*.", 2) != 0 || strchr(item + 1, '*') != NULL)))
            return err_set(e, ERR_BAD_CONFIG, "[pdf] url_allow: \"%s\" is no host; write files.example.org, *.example.org or HOST:PORT", item);
    if (strcmp(pdf->url, "list") == 0 && pdf->url_allow[0] == '\0')
        return err_set(e, ERR_BAD_CONFIG, "[pdf] url = list needs hosts in url_allow");
    const char *s3 = pdf->s3_endpoint, *host = strstr(s3, "://");
    if (s3[0] != '\0' && ((strncmp(s3, "https://", 8) != 0 && strncmp(s3, "http://", 7) != 0) || host[3] == '\0' ||
                          strpbrk(host + 3, "/@?# ") != NULL))
        return err_set(e, ERR_BAD_CONFIG, "[pdf] s3_endpoint: \"%s\" must be https://host or http://host, with :port if need be, and no path", s3);
    if ((pdf->s3_access_key[0] == '\0') != (pdf->s3_secret_key[0] == '\0'))
        return err_set(e, ERR_BAD_CONFIG, "[pdf] s3_access_key and s3_secret_key go together; one of them is missing");
    return 0;
}

int conf_check(const struct conf *c, struct err *e)
{
    int rc;
    if (c->supervisor.heartbeat > c->supervisor.lease / 3)
        return err_set(e, ERR_BAD_CONFIG, "[supervisor] heartbeat (%lld ms) must be at most a third of lease (%lld ms)",
                       (long long)c->supervisor.heartbeat, (long long)c->supervisor.lease);
    if (c->supervisor.backoff_base > c->supervisor.backoff_max)
        return err_set(e, ERR_BAD_CONFIG, "[supervisor] backoff_base is longer than backoff_max");
    if ((rc = conf_check_words(c, e)) < 0 || (rc = conf_check_places(c, e)) < 0 || (rc = conf_check_kinds(c, e)) < 0 ||
        (rc = conf_check_sources(&c->pdf, e)) < 0)
        return rc;
    if ((rc = conf_listed_check(c, e)) < 0 || (rc = conf_check_pools(c, e)) < 0 || (rc = conf_check_shards(c, e)) < 0)
        return rc;
    return conf_check_cluster(c, e);
}
