/*
 * audit_read - see audit_read.h. Refuses to show bytes of an entry unchanged: its texts were typed by people, or made
 * by programs that are not ours.
 */
#include "audit_read.h"

#include "keys.h"
#include "utf8.h"

#include <stdio.h>

enum { PAGE = 500, BLOCK_MS = 500, BLOCK_LEAST_MS = 10 };

void audit_read_fini(struct audit_read *r)
{
    if (r == NULL)
        return;
    free(r->sources);
    json_decref(r->records);
    *r = (struct audit_read){.sources = NULL};
}

static void add_source(struct audit_read *r, const char *queue)
{
    for (size_t i = 0; i < r->n_sources; i++)
        if (strcmp(r->sources[i].queue, queue) == 0)
            return;
    if (r->n_sources == AUDIT_SOURCES_MAX)
        return;
    struct audit_source *source = &r->sources[r->n_sources++];
    *source = (struct audit_source){.last = "0-0"};
    (void)snprintf(source->queue, sizeof source->queue, "%s", queue);
}

/* Every queue of the server that has a log, by its key. */
static int add_found(struct redis_sync *redis, struct audit_read *r, struct err *e)
{
    char cursor[32] = "0";
    int rc = 0;
    do {
        redisReply *reply = NULL;
        rc = rc == 0 ? redis_sync_cmd(redis, &reply, e, "SCAN %s MATCH stint:{*}:audit COUNT 1000 TYPE stream", cursor)
                     : rc;
        if (rc < 0)
            return rc;
        (void)snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            const char *key = reply->element[1]->element[i]->str;
            char queue[QUEUE_MAX];
            if (sscanf(key, "stint:{%64[^}]}", queue) == 1 && keys_queue_valid(queue))
                add_source(r, queue);
        }
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

/* … of every server. */
static int add_all(struct stores *s, struct audit_read *r, struct err *e)
{
    struct redis_sync *redis;
    int rc = stores_redis(s, &redis, e);
    for (size_t node = 0; rc == 0 && (rc = redis_sync_node(redis, node, e)) == 0; node++)
        rc = add_found(redis, r, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int audit_read_open(struct stores *s, struct audit_read *r, const char *queue, bool all, struct err *e)
{
    struct queue_list list = {.n = 0};
    r->sources = calloc(AUDIT_SOURCES_MAX, sizeof *r->sources);
    r->records = json_array();
    if (r->sources == NULL || r->records == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for audit logs");
    int rc = queue_list_parts(s, queue, &list, e);
    if (rc == ERR_NOT_FOUND && queue == NULL) { /* no queue is configured; hosts have a log all the same */
        *e = (struct err){.code = 0};
        list.n = 0;
        rc = 0;
    }
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        add_source(r, list.names[i]);
    if (rc == 0 && queue == NULL)
        add_source(r, AUDIT_HOST_QUEUE);
    return rc == 0 && all ? add_all(s, r, e) : rc;
}

static json_t *record_of(const char *queue, const redisReply *entry)
{
    const redisReply *fields = entry->element[1];
    json_t *record = json_pack("{s:s, s:s, s:I}", "queue", queue, "entry", entry->element[0]->str, "at_ms",
                               (json_int_t)strtoll(entry->element[0]->str, NULL, 10));
    for (size_t i = 0; record != NULL && i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *text = fields->element[i + 1];
        AUTO_FREE char *key = utf8_harmless(name->str, (size_t)name->len);
        AUTO_FREE char *value = utf8_harmless(text->str, (size_t)text->len);
        if (key != NULL && json_object_get(record, key) == NULL)
            (void)json_object_set_new(record, key, json_string(value != NULL ? value : ""));
    }
    return record;
}

/* text is `wanted`, or goes on behind it with one of `ends`. */
static bool begins(const char *text, const char *wanted, const char *ends)
{
    size_t n = strlen(wanted);
    return strncmp(text, wanted, n) == 0 && (text[n] == '\0' || strchr(ends, text[n]) != NULL);
}

static bool passes(const struct audit_filter *f, const json_t *record)
{
    json_t *members = (json_t *)(uintptr_t)record, *value;
    const char *key;
    if (f->actor != NULL && !begins(json_text(record, "actor"), f->actor, "@"))
        return false;
    if (f->action != NULL && !begins(json_text(record, "action"), f->action, ".-"))
        return false;
    if (f->match == NULL)
        return true;
    json_object_foreach(members, key, value)
    {
        if (json_is_string(value) && strcasestr(json_string_value(value), f->match) != NULL)
            return true;
    }
    return false;
}

/* Reads one log backwards until enough pass. */
static int read_source(struct stores *s, struct audit_read *r, struct audit_source *source, struct err *e)
{
    struct redis_sync *redis;
    char key[KEY_MAX], from[32] = "-", to[48] = "+", count[16];
    size_t kept = 0;
    bool more = true;
    int rc = stores_redis(s, &redis, e);
    (void)snprintf(count, sizeof count, "%d", (int)PAGE);
    if (r->filter.since_ms > 0)
        (void)snprintf(from, sizeof from, "%lld", (long long)r->filter.since_ms);
    if (r->filter.until_ms > 0)
        (void)snprintf(to, sizeof to, "%lld", (long long)r->filter.until_ms);
    while (rc == 0 && more && kept < r->filter.limit) {
        const char *const argv[] = {"XREVRANGE", keys_of(key, source->queue, "audit"), to, from, "COUNT", count};
        redisReply *reply = NULL;
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
        if (rc < 0)
            break;
        more = reply->elements == PAGE;
        if (reply->elements > 0 && strcmp(source->last, "0-0") == 0)
            (void)snprintf(source->last, sizeof source->last, "%s", reply->element[0]->element[0]->str);
        for (size_t i = 0; i < reply->elements && kept < r->filter.limit; i++) {
            json_t *record = record_of(source->queue, reply->element[i]);
            bool wanted = record != NULL && passes(&r->filter, record);
            kept += wanted ? 1 : 0;
            if (wanted)
                (void)json_array_append(r->records, record);
            json_decref(record);
        }
        if (reply->elements > 0)
            (void)snprintf(to, sizeof to, "(%s", reply->element[reply->elements - 1]->element[0]->str);
        freeReplyObject(reply);
    }
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int64_t at_x = json_number(x, "at_ms", 0), at_y = json_number(y, "at_ms", 0);
    if (at_x != at_y)
        return at_x < at_y ? -1 : 1;
    int order = strcmp(json_text(x, "queue"), json_text(y, "queue"));
    return order != 0 ? order : strverscmp(json_text(x, "entry"), json_text(y, "entry"));
}

/* Oldest first, the newest `limit` of them. */
static int sort_records(struct audit_read *r, struct err *e)
{
    size_t n = json_array_size(r->records);
    json_t **sorted = calloc(n + 1, sizeof(json_t *));
    json_t *kept = json_array();
    if (sorted == NULL || kept == NULL) {
        free(sorted);
        json_decref(kept);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu audit entries", n);
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_array_get(r->records, i);
    qsort(sorted, n, sizeof(json_t *), by_time);
    for (size_t i = n > r->filter.limit ? n - r->filter.limit : 0; i < n; i++)
        (void)json_array_append(kept, sorted[i]);
    free(sorted);
    json_decref(r->records);
    r->records = kept;
    return 0;
}

int audit_read_past(struct stores *s, struct audit_read *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_sources; i++)
        rc = read_source(s, r, &r->sources[i], e);
    return rc == 0 ? sort_records(r, e) : rc;
}

static struct audit_source *source_of(struct audit_read *r, const char *key)
{
    char mine[KEY_MAX];
    for (size_t i = 0; i < r->n_sources; i++)
        if (strcmp(keys_of(mine, r->sources[i].queue, "audit"), key) == 0)
            return &r->sources[i];
    return NULL;
}

static void take_new(struct audit_read *r, const redisReply *reply)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *entries = reply->element[i]->element[1];
        struct audit_source *source = source_of(r, reply->element[i]->element[0]->str);
        for (size_t k = 0; source != NULL && k < entries->elements; k++) {
            json_t *record = record_of(source->queue, entries->element[k]);
            (void)snprintf(source->last, sizeof source->last, "%s", entries->element[k]->element[0]->str);
            if (record != NULL && passes(&r->filter, record))
                (void)json_array_append(r->records, record);
            json_decref(record);
        }
    }
}

/* Waits for what is new in n sources from the first. */
static int wait_for(struct redis_sync *redis, struct audit_read *r, size_t first, size_t n, int block_ms, struct err *e)
{
    redisReply *reply = NULL;
    char(*keys)[KEY_MAX] = calloc(n, sizeof *keys), block[16];
    const char **argv = calloc(4 + 2 * n, sizeof *argv);
    int rc = keys == NULL || argv == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory to follow") : 0;
    if (rc == 0) {
        (void)snprintf(block, sizeof block, "%d", block_ms);
        argv[0] = "XREAD";
        argv[1] = "BLOCK";
        argv[2] = block;
        argv[3] = "STREAMS";
        for (size_t i = 0; i < n; i++) {
            argv[4 + i] = keys_of(keys[i], r->sources[first + i].queue, "audit");
            argv[4 + n + i] = r->sources[first + i].last;
        }
        rc = redis_sync_argv(redis, &reply, e, (int)(4 + 2 * n), argv, NULL);
    }
    if (rc == 0)
        take_new(r, reply);
    freeReplyObject(reply);
    free(keys);
    free(argv);
    return rc;
}

/* On a cluster one command cannot wait for keys of two slots: each is waited for in turn. */
int audit_read_next(struct stores *s, struct audit_read *r, struct err *e)
{
    struct redis_sync *redis;
    int rc = stores_redis(s, &redis, e);
    (void)json_array_clear(r->records);
    bool one = rc == 0 && !redis->conf.cluster;
    if (one)
        rc = wait_for(redis, r, 0, r->n_sources, BLOCK_MS, e);
    for (size_t i = 0; rc == 0 && !one && i < r->n_sources; i++)
        rc = wait_for(redis, r, i, 1, (int)MAX_OF(BLOCK_MS / r->n_sources, (size_t)BLOCK_LEAST_MS), e);
    return rc == 0 ? sort_records(r, e) : rc;
}
