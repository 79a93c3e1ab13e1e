/*
 * fsck_walk - see fsck_walk.h. The judging is the server's (stint_fsck, stint_fsck_look): everything about a job is read
 * there in one step, so a job that moves is never at fault. This file only keeps cursors. Refuses to read a payload.
 */
#include "fsck_walk.h"

#include "clock.h"
#include "fsck_postgres.h"
#include "keys.h"
#include "queue_rows.h"

#include <poll.h>
#include <stdio.h>

enum { KINDS_MAX = 1000, COUNT_TRIES = 5, CAUSES_MAX = 256, SECOND_LOOK_MS = 200, AGAIN_MS = 500 };

struct cause_count {
    char cause[80]; /* the counter: dead:<cause>, or dead_bytes */
    int64_t counted, told;
};

/* How many dead letters there are by cause and how many bytes they take, counted while none moved. */
struct causes {
    size_t n;
    struct cause_count items[CAUSES_MAX];
    char first_token[48], token[48];
    bool moved; /* a dead letter moved during the walk */
};

struct kinds {
    size_t n;
    char names[KINDS_MAX][KIND_MAX];
};

int fsck_walk_call(struct fsck_walk *w, const struct queue_call *c, redisReply **ret_reply, struct err *e)
{
    uint64_t began = clock_mono_ns();
    int rc = queue_call_run(&w->s->stores, c, ret_reply, e);
    w->slowest_us = MAX_OF(w->slowest_us, (clock_mono_ns() - began) / 1000);
    w->calls++;
    progress_update(w->bar, (size_t)MIN_OF(w->looked, w->expected), (size_t)w->expected);
    return rc;
}

/* One finding of a reply: fault, place, subject, id, seen. A fault this program does not know is of a newer library. */
static int keep_fault(struct fsck_walk *w, const redisReply *fault, struct fsck_findings *f, struct err *e)
{
    if (fault->type != REDIS_REPLY_ARRAY || fault->elements != 5)
        return err_set(e, ERR_PROTOCOL, "stint_fsck answered what is no finding");
    int known = fsck_fault_find(fault->element[0]->str);
    if (known < 0)
        return err_set(e, ERR_PROTOCOL, "stint_fsck found \"%.60s\", which this stint does not know: use the newer one",
                       fault->element[0]->str);
    return fsck_findings_add(f, (enum fsck_fault_id)known, w->queue, fault->element[1]->str, fault->element[2]->str,
                             (size_t)fault->element[2]->len, fault->element[3]->str, fault->element[4]->str, e);
}

static int keep_faults(struct fsck_walk *w, const redisReply *faults, struct fsck_findings *f, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < faults->elements; i++)
        rc = keep_fault(w, faults->element[i], f, e);
    return rc;
}

static struct cause_count *cause_at(struct causes *c, const char *cause)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->items[i].cause, cause) == 0)
            return &c->items[i];
    if (c->n == CAUSES_MAX || strlen(cause) >= sizeof c->items[0].cause)
        return NULL;
    struct cause_count *at = &c->items[c->n++];
    *at = (struct cause_count){.counted = 0};
    (void)snprintf(at->cause, sizeof at->cause, "%s", cause);
    return at;
}

/* Adds a slice's counts of dead letters, and the server's own as they are now. */
static void count_causes(struct causes *c, const redisReply *reply)
{
    const redisReply *counts = reply->element[3], *told = reply->element[5];
    for (size_t i = 0; i + 1 < counts->elements; i += 2) {
        struct cause_count *at = cause_at(c, counts->element[i]->str);
        if (at != NULL)
            at->counted += counts->element[i + 1]->integer;
    }
    for (size_t i = 0; i + 1 < told->elements; i += 2) {
        struct cause_count *at = cause_at(c, told->element[i]->str);
        if (at != NULL)
            at->told = strtoll(told->element[i + 1]->str, NULL, 10);
    }
    (void)snprintf(c->token, sizeof c->token, "%s", reply->element[4]->str);
    if (c->first_token[0] == '\0')
        (void)snprintf(c->first_token, sizeof c->first_token, "%s", c->token);
    c->moved = c->moved || strcmp(c->first_token, c->token) != 0;
}

/* Walks one place to its end. causes may be NULL. */
static int walk_place(struct fsck_walk *w, const char *place, struct causes *causes, struct fsck_findings *f,
                      struct err *e)
{
    char cursor[80] = "0", count[16];
    int rc = 0;
    (void)snprintf(count, sizeof count, "%d", FSCK_SLICE);
    while (rc == 0 && cursor[0] != '\0') {
        struct queue_call c;
        redisReply *reply = NULL;
        queue_call_init(&c, "stint_fsck", w->queue);
        queue_call_add(&c, place);
        queue_call_add(&c, cursor);
        queue_call_add(&c, count);
        rc = fsck_walk_call(w, &c, &reply, e);
        if (rc == 0 && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6))
            rc = err_set(e, ERR_PROTOCOL, "stint_fsck answered what is no slice");
        if (rc == 0)
            rc = keep_faults(w, reply->element[2], f, e);
        if (rc == 0) {
            (void)snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
            w->looked += (uint64_t)reply->element[1]->integer;
            if (causes != NULL)
                count_causes(causes, reply);
        }
        freeReplyObject(reply);
    }
    return rc;
}

static int keep_wrong_counts(struct fsck_walk *w, const struct causes *c, struct fsck_findings *f, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        const struct cause_count *at = &c->items[i];
        char subject[96], seen[160];
        if (at->counted == at->told)
            continue;
        (void)snprintf(subject, sizeof subject, "%s", at->cause);
        (void)snprintf(seen, sizeof seen, "K:ledger says %s = %lld; counted %lld", subject, (long long)at->told,
                       (long long)at->counted);
        rc = fsck_findings_add(f, FSCK_dead_counter, w->queue, "books", subject, strlen(subject), "", seen, e);
        if (rc == 0)
            (void)snprintf(f->items[f->n - 1].value, FSCK_VALUE_MAX, "%lld %.41s", (long long)at->counted, c->token);
    }
    return rc;
}

/* Dead letters: their faults once, their numbers by cause as often as it takes to count them while none moves. A queue
 * whose letters never rest is not counted: the sum is proved by the ledger all the same. */
static int walk_dead(struct fsck_walk *w, struct fsck_findings *f, struct err *e)
{
    AUTO_FREE struct causes *c = malloc(sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the causes of dead letters");
    int rc = 0;
    for (int i = 0; rc == 0 && i < COUNT_TRIES; i++) {
        struct fsck_findings again = {.n = 0};
        *c = (struct causes){.n = 0};
        rc = walk_place(w, "dead", c, i == 0 ? f : &again, e);
        fsck_findings_fini(&again);
        if (rc == 0 && !c->moved)
            return keep_wrong_counts(w, c, f, e);
    }
    return rc;
}

static int look_at(struct fsck_walk *w, struct queue_call *c, struct fsck_findings *f, struct err *e)
{
    redisReply *reply = NULL;
    if (c->argc == 0)
        return 0;
    int rc = fsck_walk_call(w, c, &reply, e);
    if (rc == 0)
        rc = keep_faults(w, reply, f, e);
    freeReplyObject(reply);
    queue_call_init(c, "stint_fsck_look", w->queue);
    return rc;
}

static void keep_kind(struct kinds *kinds, const char *suffix)
{
    if (strncmp(suffix, "p:", 2) != 0 || strlen(suffix) - 2 >= KIND_MAX || kinds->n == KINDS_MAX)
        return;
    for (size_t i = 0; i < kinds->n; i++)
        if (strcmp(kinds->names[i], suffix + 2) == 0)
            return;
    (void)snprintf(kinds->names[kinds->n++], KIND_MAX, "%s", suffix + 2);
}

/* One page of the server's keys, judged. */
static int look_at_keys(struct fsck_walk *w, const redisReply *keys, struct kinds *kinds, struct fsck_findings *f,
                        struct err *e)
{
    char prefix[KEY_MAX];
    size_t skip = strlen(keys_prefix(prefix, w->queue)) + 1;
    struct queue_call c;
    int rc = 0;
    queue_call_init(&c, "stint_fsck_look", w->queue);
    for (size_t i = 0; rc == 0 && i < keys->elements; i++) {
        const redisReply *key = keys->element[i];
        if ((size_t)key->len <= skip)
            continue;
        keep_kind(kinds, key->str + skip);
        queue_call_add(&c, "key");
        queue_call_add_bytes(&c, key->str + skip, (size_t)key->len - skip);
        w->looked++;
        if (c.argc == 2 * FSCK_SLICE)
            rc = look_at(w, &c, f, e);
    }
    if (rc == 0)
        rc = look_at(w, &c, f, e);
    if (rc == 0 && w->postgres)
        rc = fsck_postgres_keys(w, keys, skip, f, e);
    return rc;
}

static int walk_keys(struct fsck_walk *w, struct kinds *kinds, struct fsck_findings *f, struct err *e)
{
    char pattern[KEY_MAX + 4], cursor[32] = "0", prefix[KEY_MAX];
    (void)snprintf(pattern, sizeof pattern, "%s:*", keys_prefix(prefix, w->queue));
    int rc = 0;
    do {
        struct redis_sync *redis;
        redisReply *reply = NULL;
        const char *const argv[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "200"};
        rc = session_redis(w->s, &redis, e);
        if (rc == 0)
            rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
        if (rc == 0) {
            (void)snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
            rc = look_at_keys(w, reply->element[1], kinds, f, e);
        }
        freeReplyObject(reply);
    } while (rc == 0 && strcmp(cursor, "0") != 0);
    return rc;
}

static int walk_all(struct fsck_walk *w, struct fsck_findings *f, struct err *e)
{
    AUTO_FREE struct kinds *kinds = calloc(1, sizeof *kinds);
    char place[FSCK_PLACE_MAX];
    if (kinds == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the kinds");
    int rc = walk_place(w, "books", NULL, f, e);
    for (int band = 0; rc == 0 && band < BAND_COUNT; band++) {
        (void)snprintf(place, sizeof place, "entry:%s", band_name((enum band)band));
        rc = walk_place(w, place, NULL, f, e);
        (void)snprintf(place, sizeof place, "pending:%s", band_name((enum band)band));
        if (rc == 0)
            rc = walk_place(w, place, NULL, f, e);
    }
    if (rc == 0)
        rc = walk_place(w, "d", NULL, f, e);
    if (rc == 0)
        rc = walk_dead(w, f, e);
    if (rc == 0)
        rc = walk_place(w, "fp", NULL, f, e);
    if (rc == 0)
        rc = walk_keys(w, kinds, f, e);
    for (size_t i = 0; rc == 0 && i < kinds->n; i++) {
        (void)snprintf(place, sizeof place, "parked:%s", kinds->names[i]);
        rc = walk_place(w, place, NULL, f, e);
    }
    return rc == 0 && w->postgres ? fsck_postgres_claims(w, f, e) : rc;
}

/* Marks which of f's findings from `from` on, at most a slice of them, are still seen. Returns how many were asked about, or an
 * error. Those that PostgreSQL or a count told were looked at by themselves. */
static int look_again(struct fsck_walk *w, const struct fsck_findings *f, size_t from, bool keep[], struct err *e)
{
    struct fsck_findings seen = {.n = 0};
    struct queue_call c;
    size_t to = MIN_OF(f->n, from + FSCK_SLICE);
    queue_call_init(&c, "stint_fsck_look", w->queue);
    for (size_t i = from; i < to; i++) {
        queue_call_add(&c, f->items[i].place);
        queue_call_add_bytes(&c, f->items[i].subject, f->items[i].subject_len);
    }
    int rc = look_at(w, &c, &seen, e);
    for (size_t i = from; i < to; i++) {
        enum fsck_fault_id fault = f->items[i].fault;
        keep[i] = fault == FSCK_dead_counter || fault == FSCK_outcome_missing || fault == FSCK_outcome_orphan;
        for (size_t j = 0; !keep[i] && j < seen.n; j++)
            keep[i] = seen.items[j].fault == fault && strcmp(seen.items[j].place, f->items[i].place) == 0 &&
                      seen.items[j].subject_len == f->items[i].subject_len &&
                      memcmp(seen.items[j].subject, f->items[i].subject, f->items[i].subject_len) == 0;
    }
    fsck_findings_fini(&seen);
    return rc < 0 ? rc : (int)(to - from);
}

/* Looks again at all that seemed wrong and forgets what is right by now. *ret_settling: some of the rest may yet settle. */
static int second_look(struct fsck_walk *w, struct fsck_findings *f, bool *ret_settling, struct err *e)
{
    AUTO_FREE bool *keep = calloc(f->n + 1, sizeof *keep);
    if (keep == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a second look");
    int n = 0;
    for (size_t i = 0; n >= 0 && i < f->n; i += FSCK_SLICE)
        n = look_again(w, f, i, keep, e);
    if (n < 0)
        return n;
    fsck_findings_keep(f, keep);
    *ret_settling = false;
    for (size_t i = 0; i < f->n; i++)
        *ret_settling = *ret_settling || fsck_fault_row(f->items[i].fault)->settles;
    return 0;
}

/* For the progress bar only: each job is met about twice, in its place and as its hash. */
static int expect(struct fsck_walk *w, struct err *e)
{
    json_t *stats = NULL;
    int rc = queue_rows_ask(w->s, w->queue, &stats, e);
    if (rc == ERR_REDIS_REFUSED) { /* a key of the wrong type: it will be found */
        w->expected += 1;
        return 0;
    }
    if (rc < 0)
        return rc;
    struct queue_sums sums = queue_rows_sum(stats);
    w->expected += (uint64_t)(sums.ready + 2 * sums.active + json_number(stats, "scheduled", 0)) * 2;
    w->expected += (uint64_t)json_number(stats, "dead", 0) * 3 + 1;
    json_decref(stats);
    return 0;
}

int fsck_walk_queue(struct fsck_walk *w, int64_t settle_ms, struct fsck_findings *f, struct err *e)
{
    struct fsck_findings mine = {.n = 0};
    int rc = expect(w, e);
    if (rc == 0)
        rc = walk_all(w, &mine, e);
    uint64_t began = clock_mono_ms();
    bool settling = mine.n > 0;
    int wait = SECOND_LOOK_MS;
    while (rc == 0 && settling) {
        (void)poll(NULL, 0, wait);
        rc = second_look(w, &mine, &settling, e);
        settling = settling && clock_mono_ms() - began < (uint64_t)settle_ms;
        wait = AGAIN_MS;
    }
    for (size_t i = 0; rc == 0 && i < mine.n; i++) {
        const struct fsck_finding *it = &mine.items[i];
        rc = fsck_findings_add(f, it->fault, it->queue, it->place, it->subject, it->subject_len, it->id, it->seen, e);
        if (rc == 0 && f->beyond == 0)
            memcpy(f->items[f->n - 1].value, it->value, sizeof it->value);
    }
    f->beyond += mine.beyond;
    fsck_findings_fini(&mine);
    return rc;
}
