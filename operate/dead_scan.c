/*
 * dead_scan - see dead_scan.h. A source a queue, merged by time of death. Where few letters have the fingerprint asked
 * for, the index of fingerprints names them and nothing else is read; else the index of times is walked from `since`
 * on. Refuses to count on positions: a page begins after the last letter seen, by its time and id, so removals shift
 * nothing.
 */
#include "dead_scan.h"

#include "dead_archived.h"
#include "dead_page.h"
#include "keys.h"

#include <stdio.h>

enum { NAMED_MAX = 10000 }; /* most ids of a source that were named rather than found by time */

struct named {
    char id[JOB_ID_MAX];
    int64_t died_ms;
};

struct source {
    char queue[QUEUE_MAX];
    struct dead_page page;
    size_t at;                /* next letter of the page */
    bool ended;               /* nothing beyond the page */
    int64_t last_ms;          /* where the next page begins: the last letter seen */
    char last_id[JOB_ID_MAX]; /* "": before the first */
    struct named *named;      /* owned: letters that were named, in order; NULL: by time */
    size_t n_named, named_at;
};

struct dead_scan {
    struct stores *s;
    struct dead_filter f;
    struct redis_sync *redis;
    struct dead_archived *archived; /* owned; the only source then */
    struct source *sources[QUEUE_LIST_MAX];
    size_t n_sources, given, total, pages;
};

void dead_scan_close(struct dead_scan *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->n_sources; i++) {
        dead_page_clear(&d->sources[i]->page);
        free(d->sources[i]->named);
        free(d->sources[i]);
    }
    dead_archived_close(d->archived);
    free(d);
}

bool dead_scan_cut(const struct dead_scan *d, int64_t *ret_ms)
{
    bool cut = false;
    for (size_t i = 0; i < d->n_sources; i++) {
        const struct source *src = d->sources[i];
        if (src->at < src->page.n || src->ended)
            continue;
        if (!cut || (d->f.newest_first ? src->last_ms > *ret_ms : src->last_ms < *ret_ms))
            *ret_ms = src->last_ms;
        cut = true;
    }
    return cut;
}

size_t dead_scan_total(const struct dead_scan *d)
{
    return d->total;
}

static int ask_count(struct dead_scan *d, int argc, const char *const argv[], size_t *ret, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_argv(d->redis, &reply, e, argc, argv, NULL);
    if (rc < 0)
        return rc;
    *ret = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0 ? (size_t)reply->integer : 0;
    freeReplyObject(reply);
    return 0;
}

static int by_death(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->died_ms != y->died_ms)
        return x->died_ms < y->died_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int by_death_newest(const void *a, const void *b)
{
    return -by_death(a, b);
}

/* Those of the ids that are dead in the source's queue, in order of death. */
static int name_letters(struct dead_scan *d, struct source *src, const char *const ids[], size_t n, struct err *e)
{
    char key[KEY_MAX];
    redisReply *reply = NULL;
    AUTO_FREE const char **argv = calloc(n + 2, sizeof *argv);
    src->named = calloc(n + 1, sizeof *src->named);
    if (argv == NULL || src->named == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", n);
    if (n == 0)
        return 0;
    argv[0] = "ZMSCORE";
    argv[1] = keys_of(key, src->queue, "dead");
    memcpy(&argv[2], ids, n * sizeof *ids);
    int rc = redis_sync_argv(d->redis, &reply, e, (int)n + 2, argv, NULL);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < MIN_OF(n, reply->elements); i++) {
        struct named *named = &src->named[src->n_named];
        if (reply->element[i]->type != REDIS_REPLY_STRING || strlen(ids[i]) >= JOB_ID_MAX)
            continue;
        (void)snprintf(named->id, sizeof named->id, "%s", ids[i]);
        named->died_ms = (int64_t)strtod(reply->element[i]->str, NULL);
        src->n_named++;
    }
    freeReplyObject(reply);
    qsort(src->named, src->n_named, sizeof *src->named, d->f.newest_first ? by_death_newest : by_death);
    size_t once = 0; /* of ids given twice, one */
    for (size_t i = 0; i < src->n_named; i++)
        if (once == 0 || strcmp(src->named[once - 1].id, src->named[i].id) != 0)
            src->named[once++] = src->named[i];
    src->n_named = once;
    return 0;
}

/* The letters of a fingerprint, when they are few. */
static int name_by_fingerprint(struct dead_scan *d, struct source *src, struct err *e)
{
    char key[KEY_MAX], from[80], to[80];
    size_t n = 0, skip = strlen(d->f.fingerprint) + 1;
    redisReply *reply = NULL;
    (void)snprintf(from, sizeof from, "[%s:", d->f.fingerprint);
    (void)snprintf(to, sizeof to, "(%s;", d->f.fingerprint); /* ';' follows ':' */
    const char *const count[] = {"ZLEXCOUNT", keys_of(key, src->queue, "fp"), from, to};
    const char *const range[] = {"ZRANGEBYLEX", key, from, to};
    int rc = ask_count(d, (int)ARRAY_LEN(count), count, &n, e);
    if (rc < 0 || n > NAMED_MAX)
        return rc;
    rc = redis_sync_argv(d->redis, &reply, e, (int)ARRAY_LEN(range), range, NULL);
    if (rc < 0)
        return rc;
    AUTO_FREE const char **ids = calloc(reply->elements + 1, sizeof *ids);
    for (size_t i = 0; ids != NULL && i < reply->elements; i++)
        ids[i] = reply->element[i]->str + skip;
    rc = ids != NULL ? name_letters(d, src, ids, reply->elements, e)
                     : err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", reply->elements);
    freeReplyObject(reply);
    return rc;
}

static int open_source(struct dead_scan *d, const char *queue, struct err *e)
{
    char key[KEY_MAX];
    struct source *src = calloc(1, sizeof *src);
    if (src == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a page of dead letters");
    d->sources[d->n_sources++] = src;
    (void)snprintf(src->queue, sizeof src->queue, "%s", queue);
    size_t n = 0;
    int rc = 0;
    if (d->f.n_ids > 0)
        rc = name_letters(d, src, d->f.ids, d->f.n_ids, e);
    else if (d->f.fingerprint != NULL)
        rc = name_by_fingerprint(d, src, e);
    const char *const card[] = {"ZCARD", keys_of(key, queue, "dead")};
    if (src->named != NULL)
        n = src->n_named;
    else if (rc == 0)
        rc = ask_count(d, (int)ARRAY_LEN(card), card, &n, e);
    d->total += n;
    return rc;
}

int dead_scan_open(struct stores *s, const struct dead_filter *f, struct dead_scan **ret_scan, struct err *e)
{
    struct queue_list list;
    struct dead_scan *d = calloc(1, sizeof *d);
    if (d == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a search of dead letters");
    d->s = s;
    d->f = *f;
    int rc = 0;
    if (f->archived) {
        rc = dead_archived_open(s, &d->f, &d->archived, e);
    } else {
        rc = queue_list_parts(s, f->queue, &list, e);
        if (rc == 0)
            rc = stores_redis(s, &d->redis, e);
        for (size_t i = 0; rc == 0 && i < list.n; i++)
            rc = open_source(d, list.names[i], e);
    }
    if (rc < 0)
        dead_scan_close(d);
    else
        *ret_scan = d;
    return rc;
}

/* -- a page ----------------------------------------------------------------------------------------------------------
 */

static void add_named(const struct dead_scan *d, struct source *src)
{
    for (; src->named_at < src->n_named && src->page.n < DEAD_LETTERS_PAGE; src->named_at++) {
        const struct named *named = &src->named[src->named_at];
        if (named->died_ms >= d->f.since_ms && (d->f.until_ms == 0 || named->died_ms <= d->f.until_ms))
            dead_page_add(&src->page, src->queue, named->id, named->died_ms);
    }
    src->ended = src->named_at >= src->n_named;
}

/* True when the letter comes after the last one seen. */
static bool beyond(const struct dead_scan *d, const struct source *src, int64_t died_ms, const char *id)
{
    if (src->last_id[0] == '\0' || died_ms != src->last_ms)
        return true;
    return d->f.newest_first ? strcmp(id, src->last_id) < 0 : strcmp(id, src->last_id) > 0;
}

static int ask_by_time(struct dead_scan *d, struct source *src, size_t offset, redisReply **ret, struct err *e)
{
    char key[KEY_MAX], from[32] = "-inf", to[32] = "+inf", skip[24], count[24];
    if (d->f.since_ms > 0)
        (void)snprintf(from, sizeof from, "%lld", (long long)d->f.since_ms);
    if (d->f.until_ms > 0)
        (void)snprintf(to, sizeof to, "%lld", (long long)d->f.until_ms);
    if (src->last_id[0] != '\0')
        (void)snprintf(d->f.newest_first ? to : from, 32, "%lld", (long long)src->last_ms);
    (void)snprintf(skip, sizeof skip, "%zu", offset);
    (void)snprintf(count, sizeof count, "%d", (int)DEAD_LETTERS_PAGE);
    const char *argv[] = {d->f.newest_first ? "ZREVRANGEBYSCORE" : "ZRANGEBYSCORE",
                          keys_of(key, src->queue, "dead"),
                          d->f.newest_first ? to : from,
                          d->f.newest_first ? from : to,
                          "WITHSCORES",
                          "LIMIT",
                          skip,
                          count};
    return redis_sync_argv(d->redis, ret, e, (int)ARRAY_LEN(argv), argv, NULL);
}

/* The next ids by time. Those of the last time seen come again and are passed over, by offset when they fill a page. */
static int add_by_time(struct dead_scan *d, struct source *src, struct err *e)
{
    for (size_t offset = 0; src->page.n == 0 && !src->ended; offset += DEAD_LETTERS_PAGE) {
        redisReply *reply = NULL;
        int rc = ask_by_time(d, src, offset, &reply, e);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
            int64_t died_ms = (int64_t)strtod(reply->element[i + 1]->str, NULL);
            if (strlen(reply->element[i]->str) < JOB_ID_MAX && beyond(d, src, died_ms, reply->element[i]->str))
                dead_page_add(&src->page, src->queue, reply->element[i]->str, died_ms);
        }
        src->ended = reply->elements < 2 * DEAD_LETTERS_PAGE;
        freeReplyObject(reply);
    }
    if (src->page.n > 0) {
        const struct dead_letter *last = &src->page.letters[src->page.n - 1];
        src->last_ms = last->died_ms;
        (void)snprintf(src->last_id, sizeof src->last_id, "%s", last->id);
    }
    return 0;
}

/* Leaves only letters that are there. */
static void close_ranks(struct source *src)
{
    size_t n = 0;
    for (size_t i = 0; i < src->page.n; i++) {
        if (src->page.there[i])
            src->page.letters[n++] = src->page.letters[i];
        else
            json_decref(src->page.letters[i].last_error);
    }
    src->page.n = n;
}

static bool spent(const struct dead_scan *d)
{
    return d->f.pages_max > 0 && d->pages >= d->f.pages_max;
}

/* Makes the source's next letter known, if it has one: src->at < src->page.n. */
static int refill(struct dead_scan *d, struct source *src, struct err *e)
{
    while (src->at == src->page.n && !src->ended && !spent(d)) {
        int rc = 0;
        d->pages++;
        dead_page_clear(&src->page);
        src->at = 0;
        if (src->named != NULL)
            add_named(d, src);
        else
            rc = add_by_time(d, src, e);
        if (rc == 0)
            rc = dead_page_load(&src->page, d->redis, &d->f, e);
        if (rc < 0)
            return rc;
        close_ranks(src);
    }
    return 0;
}

int dead_scan_next(struct dead_scan *d, const struct dead_letter **ret_letter, struct err *e)
{
    struct source *best = NULL;
    if (d->given >= d->f.limit)
        return 0;
    if (d->archived != NULL) {
        int rc = dead_archived_next(d->archived, ret_letter, e);
        d->given += rc == 1;
        return rc;
    }
    for (size_t i = 0; i < d->n_sources; i++) {
        struct source *src = d->sources[i];
        int rc = refill(d, src, e);
        if (rc < 0)
            return rc;
        if (src->at == src->page.n && !src->ended)
            return 0; /* the bound was reached: what this source would give next is not known */
        if (src->at == src->page.n)
            continue;
        int64_t ms = src->page.letters[src->at].died_ms;
        int64_t least = best == NULL ? 0 : best->page.letters[best->at].died_ms;
        if (best == NULL || (d->f.newest_first ? ms > least : ms < least))
            best = src;
    }
    if (best == NULL)
        return 0;
    *ret_letter = &best->page.letters[best->at++];
    d->given++;
    return 1;
}
