/*
 * job_pages - see job_pages.h. Refuses to count from the front: a stream is entered at an entry's id, a sorted set at a
 * rank. What moves while a person reads may be seen twice or, of the scheduled, not at all; nothing is held up for it.
 */
#include "job_pages.h"

#include "api.h"
#include "keys.h"

#include <stdio.h>

enum { CHUNK = 200, CURSOR_MAX = 96 };

struct page {
    struct redis_sync *redis;
    const char *queue;
    json_t *jobs; /* owned */
    size_t limit, looked;
    char next[CURSOR_MAX]; /* "": nothing more */
};

static const char *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

/* A row out of a stream's entry; a plain entry without an id is named after its place. */
static void add_entry(struct page *p, const char *band, const redisReply *entry, const char *state,
                      const char *consumer, int64_t idle_ms)
{
    const redisReply *fields = entry->element[1];
    const char *id = field_of(fields, "id"), *at = entry->element[0]->str, *kind = field_of(fields, "kind");
    char plain[JOB_ID_MAX];
    (void)snprintf(plain, sizeof plain, "%s-%s", band, at);
    json_t *row = json_pack("{s:o, s:o, s:s, s:s, s:s, s:I}", "id",
                            api_text(*id != '\0' ? id : plain, strlen(*id != '\0' ? id : plain)), "kind",
                            api_text(kind, strlen(kind)), "band", band, "state", state, "entry", at, "queued_ms",
                            (json_int_t)strtoll(at, NULL, 10));
    if (consumer != NULL) {
        (void)json_object_set_new(row, "consumer", api_text(consumer, strlen(consumer)));
        (void)json_object_set_new(row, "running_ms", json_integer(idle_ms));
    }
    (void)json_array_append_new(p->jobs, row);
}

static bool page_full(const struct page *p)
{
    return json_array_size(p->jobs) >= p->limit || p->looked >= JOB_PAGES_LOOK_MAX;
}

/* Claims of the entries between two ids; *ret is the reply of XPENDING, or NULL where nobody ever fetched. */
static int ask_pending(struct page *p, const char *key, const char *from, const char *to, size_t most, redisReply **ret,
                       struct err *e)
{
    char count[24];
    struct err why = {.code = 0};
    (void)snprintf(count, sizeof count, "%zu", most);
    const char *const argv[] = {"XPENDING", key, "workers", from, to, count};
    int rc = redis_sync_argv(p->redis, ret, &why, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc == ERR_REDIS_REFUSED && strstr(why.message, "NOGROUP") != NULL) {
        *ret = NULL;
        return 0;
    }
    return rc < 0 ? err_set(e, rc, "%s", why.message) : 0;
}

static bool is_pending(const redisReply *pending, const char *entry)
{
    for (size_t i = 0; pending != NULL && i < pending->elements; i++)
        if (strcmp(pending->element[i]->element[0]->str, entry) == 0)
            return true;
    return false;
}

/* Where the next page begins: this band, after this entry. */
static void go_on(struct page *p, const char *band, const char *entry)
{
    (void)snprintf(p->next, sizeof p->next, "%s:%s", band, entry);
}

/* The entries of a band that nobody has claimed. */
static int read_ready(struct page *p, const char *band, const char *after, struct err *e)
{
    char key[KEY_MAX], from[CURSOR_MAX] = "-", count[16];
    int rc = 0;
    size_t got = CHUNK;
    (void)keys_stream(key, p->queue, (enum band)band_by_name(band));
    (void)snprintf(count, sizeof count, "%d", (int)CHUNK);
    if (*after != '\0')
        (void)snprintf(from, sizeof from, "(%s", after);
    while (rc == 0 && got == CHUNK && !page_full(p)) {
        redisReply *entries = NULL, *pending = NULL;
        const char *const argv[] = {"XRANGE", key, from, "+", "COUNT", count};
        rc = redis_sync_argv(p->redis, &entries, e, (int)ARRAY_LEN(argv), argv, NULL);
        got = rc == 0 ? entries->elements : 0;
        if (got > 0)
            rc = ask_pending(p, key, entries->element[0]->element[0]->str, entries->element[got - 1]->element[0]->str,
                             CHUNK, &pending, e);
        for (size_t i = 0; rc == 0 && i < got && !page_full(p); i++) {
            const char *at = entries->element[i]->element[0]->str;
            p->looked++;
            if (!is_pending(pending, at))
                add_entry(p, band, entries->element[i], "ready", NULL, 0);
            (void)snprintf(from, sizeof from, "(%s", at);
            if (page_full(p))
                go_on(p, band, at);
        }
        freeReplyObject(entries);
        freeReplyObject(pending);
    }
    return rc;
}

/* The entries of a band that a worker has in hand. */
static int read_active(struct page *p, const char *band, const char *after, struct err *e)
{
    char key[KEY_MAX], from[CURSOR_MAX] = "-";
    redisReply *pending = NULL;
    (void)keys_stream(key, p->queue, (enum band)band_by_name(band));
    if (*after != '\0')
        (void)snprintf(from, sizeof from, "(%s", after);
    int rc = ask_pending(p, key, from, "+", CHUNK, &pending, e);
    for (size_t i = 0; rc == 0 && pending != NULL && i < pending->elements && !page_full(p); i++) {
        const redisReply *claim = pending->element[i];
        const char *at = claim->element[0]->str;
        redisReply *entries = NULL;
        const char *const argv[] = {"XRANGE", key, at, at};
        rc = redis_sync_argv(p->redis, &entries, e, (int)ARRAY_LEN(argv), argv, NULL);
        p->looked++;
        if (rc == 0 && entries->elements == 1)
            add_entry(p, band, entries->element[0], "active", claim->element[1]->str, claim->element[2]->integer);
        freeReplyObject(entries);
        if (page_full(p) || i + 1 == CHUNK)
            go_on(p, band, at);
    }
    freeReplyObject(pending);
    return rc;
}

static int read_bands(struct page *p, const char *state, const char *only, const char *after, struct err *e)
{
    char band[16] = "", entry[ENTRY_ID_MAX] = "";
    bool reached = *after == '\0';
    if (!reached && (sscanf(after, "%15[a-z]:%47[0-9-]", band, entry) != 2 || band_by_name(band) < 0))
        return err_set(e, ERR_BAD_ARGUMENT, "after: that is no cursor of such a page; give what \"next\" said");
    static const char *const order[] = {"express", "high", "normal", "low", "large"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(order) && p->next[0] == '\0'; i++) {
        bool here = strcmp(order[i], band) == 0;
        reached = reached || here;
        if (!reached || (only != NULL && strcmp(only, order[i]) != 0))
            continue;
        rc = strcmp(state, "ready") == 0 ? read_ready(p, order[i], here ? entry : "", e)
                                         : read_active(p, order[i], here ? entry : "", e);
    }
    return rc;
}

static int add_scheduled(struct page *p, const char *id, double due, struct err *e)
{
    char suffix[JOB_ID_MAX + 8], key[KEY_MAX];
    redisReply *h = NULL;
    const double parked = 9e15;
    (void)snprintf(suffix, sizeof suffix, "j:%s", id);
    const char *const argv[] = {"HMGET", keys_of(key, p->queue, suffix), "kind", "band", "errs", "created"};
    int rc = redis_sync_argv(p->redis, &h, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    const char *texts[4];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        texts[i] = h->elements == ARRAY_LEN(texts) && h->element[i]->str != NULL ? h->element[i]->str : "";
    json_t *row = json_pack("{s:o, s:o, s:s, s:s, s:I, s:I}", "id", api_text(id, strlen(id)), "kind",
                            api_text(texts[0], strlen(texts[0])), "band", texts[1], "state",
                            due >= parked ? "parked" : "scheduled", "errors", (json_int_t)strtoll(texts[2], NULL, 10),
                            "queued_ms", (json_int_t)strtoll(texts[3], NULL, 10));
    if (due < parked)
        (void)json_object_set_new(row, "due_ms", json_integer((json_int_t)due));
    (void)json_array_append_new(p->jobs, row);
    freeReplyObject(h);
    return 0;
}

static int read_scheduled(struct page *p, const char *after, struct err *e)
{
    char key[KEY_MAX], from[24], to[24];
    int64_t rank = 0;
    redisReply *reply = NULL;
    if (*after != '\0' && (conf_parse_int(after, &rank, NULL) < 0 || rank < 0))
        return err_set(e, ERR_BAD_ARGUMENT, "after: that is no cursor of such a page; give what \"next\" said");
    (void)snprintf(from, sizeof from, "%lld", (long long)rank);
    (void)snprintf(to, sizeof to, "%lld", (long long)rank + (long long)p->limit - 1);
    const char *const argv[] = {"ZRANGE", keys_of(key, p->queue, "d"), from, to, "WITHSCORES"};
    int rc = redis_sync_argv(p->redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    for (size_t i = 0; rc == 0 && i + 1 < reply->elements; i += 2)
        rc = add_scheduled(p, reply->element[i]->str, strtod(reply->element[i + 1]->str, NULL), e);
    if (rc == 0 && reply->elements == 2 * p->limit)
        (void)snprintf(p->next, sizeof p->next, "%lld", (long long)rank + (long long)p->limit);
    freeReplyObject(reply);
    return rc;
}

int job_pages_read(struct request *r, const char *queue, const char *state, const char *band, const char *after,
                   size_t limit, json_t **ret, struct err *e)
{
    struct page p = {.queue = queue, .limit = limit};
    int rc = stores_redis(r->stores, &p.redis, e);
    if (rc < 0)
        return rc;
    p.jobs = json_array();
    rc = strcmp(state, "scheduled") == 0 ? read_scheduled(&p, after, e) : read_bands(&p, state, band, after, e);
    if (rc == 0)
        *ret = json_pack("{s:O, s:s?}", "jobs", p.jobs, "next", p.next[0] != '\0' ? p.next : NULL);
    json_decref(p.jobs);
    return rc;
}
