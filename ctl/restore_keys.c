/*
 * restore_keys - copies the keys of queues from the private Redis into the target: first what nobody looks at without
 * the rest (job hashes, dedup keys), then a queue's streams, sets and counters at once. Refuses to mix them with keys
 * that came meanwhile.
 */
#include "restore.h"

#include "clock.h"
#include "keys.h"
#include "killpoint.h"
#include "stop_flag.h"

#include <stdio.h>

enum { BATCH = 16, SPINE_STEP = 1024, NAME_MAX_BYTES = KEY_MAX + 48, LINK_TIMEOUT_MS = 600000 };
static const size_t argument_max_bytes = (size_t)512 << 20; /* Redis' proto-max-bulk-len */

struct key {
    char *name; /* owned */
    size_t len;
    struct restore_queue *queue;
};

struct copying {
    struct restore *r;
    struct redis_sync target;
    struct key batch[BATCH];
    size_t n_batch;
    struct key *spine; /* owned: keys that go over together, at the end */
    size_t n_spine, spine_room;
    struct progress bar;
    uint64_t all;
};

/* -- talking
 * ---------------------------------------------------------------------------------------------------------------- */

int restore_link(struct restore *r, struct redis_sync *ret, struct err *e)
{
    struct conf_redis patient = r->to->conf->redis;
    patient.command_timeout = LINK_TIMEOUT_MS;
    return redis_sync_open(ret, &patient, e);
}

int restore_send(struct redis_sync *link, struct err *e, int argc, const char *const argv[], const size_t lens[])
{
    const char *args[16];
    memcpy(args, argv, (size_t)argc * sizeof *argv);
    return redisAppendCommandArgv(link->ctx, argc, args, lens) == REDIS_OK
               ? 0
               : err_set(e, ERR_OUT_OF_MEMORY, "no memory for a Redis command");
}

int restore_take(struct redis_sync *link, redisReply **ret, struct err *e)
{
    void *reply = NULL;
    *ret = NULL;
    if (redisGetReply(link->ctx, &reply) != REDIS_OK)
        return err_set(e, ERR_REDIS_UNAVAILABLE,
                       "Redis was lost in the middle of the restore (%.100s): run it again, it goes on",
                       link->ctx->errstr);
    redisReply *r = reply;
    if (r->type == REDIS_REPLY_ERROR) {
        int rc = err_set(e, ERR_REDIS_REFUSED, "%.300s", r->str);
        freeReplyObject(r);
        return rc;
    }
    *ret = r;
    return 0;
}

static int drop_answer(struct redis_sync *link, struct err *e)
{
    redisReply *reply;
    int rc = restore_take(link, &reply, e);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

/* -- one key
 * ---------------------------------------------------------------------------------------------------------------- */

static int ask_for(struct redis_sync *source, const struct key *k, struct err *e)
{
    const char *const dump[] = {"DUMP", k->name}, *const end[] = {"PEXPIRETIME", k->name};
    const size_t dump_lens[] = {4, k->len}, end_lens[] = {11, k->len};
    int rc = restore_send(source, e, 2, dump, dump_lens);
    return rc < 0 ? rc : restore_send(source, e, 2, end, end_lens);
}

/* What a key holds, on its way. *ret_sent: false when it ended meanwhile. */
static int pass_on(struct copying *c, const char *name, size_t len, bool replace, bool *ret_sent, struct err *e)
{
    redisReply *dump = NULL, *end = NULL;
    char until[24];
    int rc = restore_take(&c->r->stores->link, &dump, e);
    if (rc == 0)
        rc = restore_take(&c->r->stores->link, &end, e);
    *ret_sent = rc == 0 && dump->type == REDIS_REPLY_STRING;
    if (*ret_sent && dump->len >= argument_max_bytes)
        rc = err_set(
            e, ERR_REFUSED,
            "key %.100s is larger than the 512 MiB that Redis takes in one command: copy Redis' own files instead "
            "(docs/operations/backup.md, \"With the stores' own tools\")",
            name);
    if (rc == 0 && *ret_sent) {
        (void)snprintf(until, sizeof until, "%lld", end->integer > 0 ? end->integer : 0LL);
        const char *const argv[] = {"RESTORE", name, until, dump->str, "ABSTTL", "REPLACE"};
        const size_t lens[] = {7, len, strlen(until), dump->len, 6, 7};
        rc = restore_send(&c->target, e, replace ? 6 : 5, argv, lens);
    }
    if (dump != NULL)
        freeReplyObject(dump);
    if (end != NULL)
        freeReplyObject(end);
    return rc;
}

static int explain(const struct key *k, int rc, struct err *e)
{
    char why[ERR_MESSAGE_MAX];
    if (rc != ERR_REDIS_REFUSED)
        return rc;
    (void)snprintf(why, sizeof why, "%s", e->message);
    return err_set(e, rc,
                   "the target Redis does not take key %.100s (%.300s): it is of another version than the one that was "
                   "backed up, or full",
                   k->name, why);
}

static void key_fini(struct key *k)
{
    free(k->name);
    k->name = NULL;
}

static int flush(struct copying *c, struct err *e)
{
    bool sent[BATCH] = {false};
    int rc = stop_flag_check(e);
    for (size_t i = 0; rc == 0 && i < c->n_batch; i++)
        rc = ask_for(&c->r->stores->link, &c->batch[i], e);
    for (size_t i = 0; rc == 0 && i < c->n_batch; i++)
        rc = pass_on(c, c->batch[i].name, c->batch[i].len, !c->batch[i].queue->of_host, &sent[i], e);
    for (size_t i = 0; rc == 0 && i < c->n_batch; i++) {
        if (!sent[i])
            continue;
        rc = drop_answer(&c->target, e);
        if (rc == ERR_REDIS_REFUSED && c->batch[i].queue->of_host && strncmp(e->message, "BUSYKEY", 7) == 0)
            rc = 0; /* the target's own audit log stays */
        rc = explain(&c->batch[i], rc, e);
        c->r->keys += rc == 0;
    }
    for (size_t i = 0; i < c->n_batch; i++)
        key_fini(&c->batch[i]);
    c->n_batch = 0;
    KILL_POINT("restore_hashes");
    progress_update(&c->bar, (size_t)c->r->keys, (size_t)MAX_OF(c->all, c->r->keys));
    return rc;
}

/* -- which keys
 * --------------------------------------------------------------------------------------------------------------- */

/* The queue of a key, and where its own name begins. NULL: none that is copied. */
static struct restore_queue *queue_of(struct restore *r, const char *key, size_t *ret_at)
{
    const char *close = strchr(key, '}');
    if (strncmp(key, "stint:{", 7) != 0 || close == NULL || close[1] != ':')
        return NULL;
    size_t len = (size_t)(close - (key + 7));
    *ret_at = (size_t)(close - key) + 2;
    for (size_t i = 0; i < r->n_queues; i++) {
        struct restore_queue *q = &r->queues[i];
        bool wanted = q->of_host || q->stage == RESTORE_KEYS;
        if (wanted && strlen(q->name) == len && memcmp(q->name, key + 7, len) == 0)
            return q;
    }
    return NULL;
}

static int add_to_spine(struct copying *c, struct key k, struct err *e)
{
    if (c->n_spine == c->spine_room) {
        struct key *more = realloc(c->spine, (c->spine_room + SPINE_STEP) * sizeof *more);
        if (more == NULL) {
            key_fini(&k);
            return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of keys");
        }
        c->spine = more;
        c->spine_room += SPINE_STEP;
    }
    c->spine[c->n_spine++] = k;
    return 0;
}

static int take_key(struct copying *c, const redisReply *name, struct err *e)
{
    size_t at = 0;
    struct restore_queue *q = queue_of(c->r, name->str, &at);
    if (q == NULL || strncmp(name->str + at, "restoring", 9) == 0)
        return 0;
    if (name->len >= NAME_MAX_BYTES || strlen(name->str) != name->len)
        return err_set(e, ERR_BAD_PAYLOAD, "the backup holds a key that stint never writes: %.100s…", name->str);
    struct key k = {.name = malloc(name->len + 1), .len = name->len, .queue = q};
    if (k.name == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a key's name");
    memcpy(k.name, name->str, name->len + 1);
    bool alone = q->of_host || strncmp(name->str + at, "j:", 2) == 0 || strncmp(name->str + at, "u:", 2) == 0 ||
                 strncmp(name->str + at, "r:", 2) == 0;
    if (alone) {
        c->batch[c->n_batch++] = k;
        return c->n_batch == BATCH ? flush(c, e) : 0;
    }
    return add_to_spine(c, k, e);
}

static int walk(struct copying *c, struct err *e)
{
    char cursor[32] = "0";
    int rc = 0;
    do {
        redisReply *page = NULL;
        const char *const argv[] = {"SCAN", cursor, "MATCH", "stint:{*}:*", "COUNT", "1000"};
        const size_t lens[] = {4, strlen(cursor), 5, 11, 5, 4};
        rc = restore_send(&c->r->stores->link, e, 6, argv, lens);
        if (rc == 0)
            rc = restore_take(&c->r->stores->link, &page, e);
        if (rc == 0)
            (void)snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
        for (size_t i = 0; rc == 0 && i < page->element[1]->elements; i++)
            rc = take_key(c, page->element[1]->element[i], e);
        if (page != NULL)
            freeReplyObject(page);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc < 0 ? rc : flush(c, e);
}

/* -- a queue's streams, sets and counters at once
 * ----------------------------------------------------------------------------- */

/* Under a name of their own first: what the target does not understand is known before anything is in place. */
static int stage_key(struct copying *c, const struct key *k, char *ret_aside, size_t size, struct err *e)
{
    bool sent = false;
    size_t prefix = (size_t)(strchr(k->name, '}') - k->name) + 2;
    (void)snprintf(ret_aside, size, "%.*srestoring:%s", (int)prefix, k->name, k->name + prefix);
    int rc = ask_for(&c->r->stores->link, k, e);
    if (rc == 0)
        rc = pass_on(c, ret_aside, strlen(ret_aside), true, &sent, e);
    if (rc == 0 && sent)
        rc = explain(k, drop_answer(&c->target, e), e);
    if (rc == 0 && !sent)
        ret_aside[0] = '\0'; /* it ended meanwhile */
    c->r->keys += rc == 0 && sent;
    return rc;
}

struct rename {
    char aside[NAME_MAX_BYTES + 16]; /* and "restoring:" */
    const struct key *key;
};

static int send_words(struct copying *c, struct err *e, int argc, const char *const words[])
{
    size_t lens[8];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(words[i]);
    return restore_send(&c->target, e, argc, words, lens);
}

static int watch(struct copying *c, const struct rename *names, size_t n, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *const watch_words[] = {"WATCH", names[i].key->name}, *const exists_words[] = {"EXISTS",
                                                                                                  names[i].key->name};
        redisReply *there = NULL;
        rc = send_words(c, e, 2, watch_words);
        if (rc == 0)
            rc = send_words(c, e, 2, exists_words);
        if (rc == 0)
            rc = drop_answer(&c->target, e);
        if (rc == 0)
            rc = restore_take(&c->target, &there, e);
        if (rc == 0 && there->integer != 0)
            rc = err_set(e, ERR_REFUSED,
                         "somebody wrote %.100s while the restore was under way: stop the producers, and restore again "
                         "with --force-redis",
                         names[i].key->name);
        if (there != NULL)
            freeReplyObject(there);
    }
    return rc;
}

/* Redis goes on in a transaction when one command of it fails. A key that ended meanwhile is none to be missed. */
static int check_in_place(struct copying *c, struct restore_queue *q, const redisReply *done, struct err *e)
{
    for (size_t i = 0; i < done->elements; i++) {
        const redisReply *one = done->element[i];
        struct err also;
        if (one->type != REDIS_REPLY_ERROR || strstr(one->str, "no such key") != NULL)
            continue;
        (void)restore_mark(c->r, q, RESTORE_KEYS, &also);
        return err_set(e, ERR_REDIS_REFUSED, "queue %s is not whole (%.300s): restore it again with --force-redis",
                       q->name, one->str);
    }
    return 0;
}

static int put_in_place(struct copying *c, struct restore_queue *q, const struct rename *names, size_t n, struct err *e)
{
    char mark[KEY_MAX];
    redisReply *done = NULL;
    const char *const multi[] = {"MULTI"}, *const exec[] = {"EXEC"};
    const char *const stage[] = {"HSET", keys_of(mark, q->name, "restoring"), "stage",
                                 restore_stage_name(RESTORE_SETTLE)};
    int rc = watch(c, names, n, e);
    if (rc == 0)
        rc = send_words(c, e, 1, multi);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *const words[] = {"RENAMENX", names[i].aside, names[i].key->name};
        rc = send_words(c, e, 3, words);
    }
    if (rc == 0)
        rc = send_words(c, e, 4, stage);
    if (rc == 0)
        rc = send_words(c, e, 1, exec);
    for (size_t i = 0; rc == 0 && i < n + 2; i++)
        rc = drop_answer(&c->target, e);
    if (rc == 0)
        rc = restore_take(&c->target, &done, e);
    if (rc == 0 && done->type == REDIS_REPLY_NIL)
        rc = err_set(e, ERR_REFUSED,
                     "somebody wrote to queue %s while the restore was under way: stop the producers, and run it again",
                     q->name);
    else if (rc == 0)
        rc = check_in_place(c, q, done, e);
    if (done != NULL)
        freeReplyObject(done);
    if (rc == 0)
        q->stage = RESTORE_SETTLE;
    return rc;
}

static int restore_spine(struct copying *c, struct restore_queue *q, struct err *e)
{
    AUTO_FREE struct rename *names = calloc(c->n_spine + 1, sizeof *names);
    size_t n = 0;
    int rc = names == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of keys") : 0;
    for (size_t i = 0; rc == 0 && i < c->n_spine; i++) {
        if (c->spine[i].queue != q)
            continue;
        names[n].key = &c->spine[i];
        rc = stage_key(c, &c->spine[i], names[n].aside, sizeof names[n].aside, e);
        n += rc == 0 && names[n].aside[0] != '\0';
        KILL_POINT("restore_spine");
    }
    return rc == 0 ? put_in_place(c, q, names, n, e) : rc;
}

/* -- what the target held
 * ------------------------------------------------------------------------------------------------------ */

/* Removes every key of a queue but its mark. */
static int clean(struct copying *c, struct restore_queue *q, struct err *e)
{
    char cursor[32] = "0", pattern[KEY_MAX + 8], mark[KEY_MAX];
    (void)keys_of(mark, q->name, "restoring");
    (void)snprintf(pattern, sizeof pattern, "stint:{%s}:*", q->name);
    int rc = 0;
    do {
        redisReply *page = NULL;
        const char *const scan[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
        rc = send_words(c, e, 6, scan);
        if (rc == 0)
            rc = restore_take(&c->target, &page, e);
        if (rc == 0)
            (void)snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
        for (size_t i = 0; rc == 0 && i < page->element[1]->elements; i++) {
            const redisReply *key = page->element[1]->element[i];
            const char *const unlink_words[] = {"UNLINK", key->str};
            const size_t lens[] = {6, key->len};
            if (strcmp(key->str, mark) == 0)
                continue;
            rc = restore_send(&c->target, e, 2, unlink_words, lens);
            if (rc == 0)
                rc = drop_answer(&c->target, e);
        }
        if (page != NULL)
            freeReplyObject(page);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

static int count_source(struct copying *c, struct err *e)
{
    redisReply *size = NULL;
    const char *const words[] = {"DBSIZE"};
    const size_t lens[] = {6};
    int rc = restore_send(&c->r->stores->link, e, 1, words, lens);
    if (rc == 0)
        rc = restore_take(&c->r->stores->link, &size, e);
    if (rc == 0) {
        c->all = (uint64_t)size->integer;
        freeReplyObject(size);
    }
    return rc;
}

static int copy(struct copying *c, struct err *e)
{
    int rc = count_source(c, e);
    for (size_t i = 0; rc == 0 && i < c->r->n_queues; i++) {
        struct restore_queue *q = &c->r->queues[i];
        if (q->of_host || q->stage != RESTORE_BEGUN)
            continue;
        rc = clean(c, q, e);
        KILL_POINT("restore_cleaned");
        if (rc == 0)
            rc = restore_mark(c->r, q, RESTORE_KEYS, e);
    }
    if (rc == 0)
        rc = walk(c, e);
    for (size_t i = 0; rc == 0 && i < c->r->n_queues; i++)
        if (c->r->queues[i].stage == RESTORE_KEYS)
            rc = restore_spine(c, &c->r->queues[i], e);
    return rc;
}

int restore_keys(struct restore *r, struct err *e)
{
    struct copying c = {.r = r};
    int rc = restore_link(r, &c.target, e);
    if (rc < 0)
        return rc;
    progress_init(&c.bar, &r->to->out, "Redis");
    rc = copy(&c, e);
    progress_end(&c.bar);
    for (size_t i = 0; i < c.n_spine; i++)
        key_fini(&c.spine[i]);
    for (size_t i = 0; i < c.n_batch; i++)
        key_fini(&c.batch[i]);
    free(c.spine);
    redis_sync_close(&c.target);
    return rc;
}
