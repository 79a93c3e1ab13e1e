/*
 * doorbell_uv - see doorbell_uv.h. Refuses to claim, to look into a payload, and to spin: a read that finds a full
 * batch skips to the end of its stream, because whoever is woken fetches until nothing is left.
 */
#include "doorbell_uv.h"

#include "clock.h"
#include "complaint.h"
#include "ipc.h"
#include "keys.h"
#include "log.h"
#include "redis_reply.h"
#include "redis_uv.h"
#include "shard.h"
#include <stdio.h>

enum {
    BELL_COUNT = 32,               /* entries of one stream in one read */
    BELL_LAZY_MS = 5,              /* the worker just woken may be idle again: its bands then need no second read */
    BELL_SATED_MS = 20,            /* the same where streams are read whether a worker waits or not, while none does */
    BELL_ERROR_MS = 500,           /* after an error answer */
    BELL_STREAMS = BAND_COUNT + 1, /* of a queue: bands, lane, then events */
    BELL_EVENTS = BAND_COUNT,
    BELL_LANES = 2, /* the bands together, and the lane: who serves one does not serve the other */
};

struct bell_stream {
    char key[KEY_MAX];
    char last[ENTRY_ID_MAX]; /* id last seen */
};

struct bell_queue {
    char name[QUEUE_MAX];
    struct bell_stream streams[BELL_STREAMS];
    bool armed[BELL_LANES];    /* its bands, its lane are in the read under way */
    uint32_t seen[BELL_LANES]; /* entries not yet told: a position is asked for first */
};

enum bell_state {
    BELL_DOWN,    /* no connection */
    BELL_ASKING,  /* positions are being read */
    BELL_REST,    /* the timer decides when to read */
    BELL_READING, /* a blocked read is under way */
};

struct doorbell {
    struct doorbell_hooks hooks;
    uint32_t first; /* number of its first queue, as the hooks know them */
    int block_ms;
    bool sated;                /* some queue was armed although nobody waited for it */
    struct redis_uv *redis;    /* owned; blocks */
    struct redis_uv *commands; /* borrowed */
    enum bell_state state;
    uv_timer_t timer; /* REST: read */
    char client_id[24];
    bool unblocking; /* CLIENT UNBLOCK is under way */
    uint32_t asked;  /* answers awaited in BELL_ASKING */
    uint64_t reads;  /* started; tells an unblock for an older read apart */
    struct complaint complaint;
    uint32_t n;
    struct bell_queue *queues; /* owned */
    const char **argv;         /* owned: the read's words */
    size_t *lens;
};

static void arm(struct doorbell *d);
static void ask_positions(struct doorbell *d);

static int command(struct doorbell *d, struct redis_uv *r, redis_uv_reply_fn on_reply, int argc,
                   const char *const argv[])
{
    size_t lens[8];
    assert(argc <= (int)ARRAY_LEN(lens));
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    return redis_uv_argv_at(r, d->queues[0].name, on_reply, d, argc, argv, lens);
}

static void on_timer(uv_timer_t *timer)
{
    struct doorbell *d = timer->data;
    switch (d->state) {
    case BELL_DOWN:
        return;
    case BELL_ASKING:
        ask_positions(d);
        return;
    case BELL_REST:
        arm(d);
        return;
    case BELL_READING:
        return; /* overdue: the connection's own timeout makes it anew */
    }
}

static void rest(struct doorbell *d, uint64_t ms)
{
    d->state = BELL_REST;
    (void)uv_timer_start(&d->timer, on_timer, ms, 0);
}

/* -- what was seen ---------------------------------------------------------------------------------------------------
 */

static const char *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->str != NULL && strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return NULL;
}

static void on_event(struct doorbell *d, uint32_t queue, const redisReply *fields)
{
    const char *type = field_of(fields, "t"), *due = field_of(fields, "due"), *entry = field_of(fields, "entry");
    const char *kind = field_of(fields, "kind"), *band = field_of(fields, "band");
    if (type == NULL)
        return;
    if (due != NULL)
        d->hooks.on_due(d->hooks.arg, d->first + queue, strtoll(due, NULL, 10));
    if (strcmp(type, "cancel") == 0 && band != NULL && entry != NULL) {
        char which[IPC_TEXT_MAX];
        (void)snprintf(which, sizeof which, "%s:%s", band, entry);
        d->hooks.on_cancel(d->hooks.arg, d->first + queue, which);
    }
    bool whole = kind == NULL || kind[0] == '\0';
    if (strcmp(type, "resume") == 0)
        d->hooks.on_resume(d->hooks.arg, d->first + queue, whole);
    if (strcmp(type, "pause") == 0 && whole)
        d->hooks.on_pause(d->hooks.arg, d->first + queue);
}

/* Moves the position past the entries; returns how many there were. */
static uint32_t take_entries(struct doorbell *d, uint32_t queue, uint32_t stream, const redisReply *entries)
{
    uint32_t n = 0;
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 2 || entry->element[0]->str == NULL)
            continue;
        char *last = d->queues[queue].streams[stream].last;
        (void)snprintf(last, ENTRY_ID_MAX, "%s", entry->element[0]->str);
        if (stream == BELL_EVENTS && entry->element[1]->type == REDIS_REPLY_ARRAY)
            on_event(d, queue, entry->element[1]);
        n++;
    }
    return n;
}

static bool find_stream(const struct doorbell *d, const char *key, uint32_t *ret_queue, uint32_t *ret_stream)
{
    for (uint32_t q = 0; q < d->n; q++) {
        for (uint32_t s = 0; s < BELL_STREAMS; s++) {
            if (strcmp(d->queues[q].streams[s].key, key) == 0) {
                *ret_queue = q;
                *ret_stream = s;
                return true;
            }
        }
    }
    return false;
}

/* -- positions: on a new connection, and after a full batch ----------------------------------------------------------
 */

struct ask {
    struct doorbell *d;
    uint32_t queue, stream;
};

/* Wakes come after the positions: what is added before a woken worker's last, empty fetch may be skipped, nothing
 * later. */
static void tell_entries(struct doorbell *d)
{
    for (uint32_t q = 0; q < d->n; q++) {
        for (int lane = 0; lane < BELL_LANES; lane++) {
            uint32_t seen = d->queues[q].seen[lane];
            d->queues[q].seen[lane] = 0;
            if (seen > 0)
                d->hooks.on_entries(d->hooks.arg, d->first + q, lane != 0, seen);
        }
    }
}

static void on_position(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct ask *ask = arg;
    struct doorbell *d = ask->d;
    if (r != NULL && r->type == REDIS_REPLY_ARRAY) {
        char *last = d->queues[ask->queue].streams[ask->stream].last;
        const redisReply *entry = r->elements > 0 ? r->element[0] : NULL;
        if (entry == NULL)
            (void)snprintf(last, ENTRY_ID_MAX, "0-0");
        else if (entry->type == REDIS_REPLY_ARRAY && entry->elements > 0 && entry->element[0]->str != NULL)
            (void)snprintf(last, ENTRY_ID_MAX, "%s", entry->element[0]->str);
    }
    free(ask);
    assert(d->asked > 0);
    d->asked--;
    if (d->asked > 0 || d->state != BELL_ASKING)
        return;
    tell_entries(d);
    rest(d, r != NULL && r->type != REDIS_REPLY_ERROR ? 0 : BELL_ERROR_MS);
}

/* Reads the id of a stream's last entry, so that the next read begins there. */
static void ask_position(struct doorbell *d, uint32_t queue, uint32_t stream)
{
    struct ask *ask = malloc(sizeof *ask);
    if (ask == NULL)
        return;
    *ask = (struct ask){d, queue, stream};
    const char *argv[] = {"XREVRANGE", d->queues[queue].streams[stream].key, "+", "-", "COUNT", "1"};
    size_t lens[ARRAY_LEN(argv)];
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        lens[i] = strlen(argv[i]);
    if (redis_uv_argv(d->redis, on_position, ask, ARRAY_LEN(argv), argv, lens) == 0)
        d->asked++;
    else
        free(ask);
}

static void on_client_id(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct doorbell *d = arg;
    if (r != NULL && r->type == REDIS_REPLY_INTEGER)
        (void)snprintf(d->client_id, sizeof d->client_id, "%lld", r->integer);
}

/* Events from before this connection are the heartbeat's matter; entries from before it are found by the fetches of
 * booting and woken workers: the bands begin at 0-0 and skip forward by themselves. */
static void ask_positions(struct doorbell *d)
{
    const char *argv[] = {"CLIENT", "ID"};
    d->state = BELL_ASKING;
    (void)command(d, d->redis, on_client_id, ARRAY_LEN(argv), argv);
    for (uint32_t q = 0; q < d->n; q++) {
        for (uint32_t s = 0; s < BAND_COUNT; s++)
            (void)snprintf(d->queues[q].streams[s].last, ENTRY_ID_MAX, "0-0");
        ask_position(d, q, BELL_EVENTS);
    }
}

/* -- the read --------------------------------------------------------------------------------------------------------
 */

static bool bands_wanted(const struct doorbell *d)
{
    for (uint32_t q = 0; q < d->n; q++)
        if (d->hooks.wanted(d->hooks.arg, d->first + q, false) || d->hooks.wanted(d->hooks.arg, d->first + q, true))
            return true;
    return false;
}

static void take_streams(struct doorbell *d, const redisReply *r)
{
    for (size_t i = 0; i < r->elements; i++) {
        const redisReply *pair = r->element[i];
        uint32_t queue, stream;
        if (pair->type != REDIS_REPLY_ARRAY || pair->elements < 2 || pair->element[0]->str == NULL ||
            !find_stream(d, pair->element[0]->str, &queue, &stream))
            continue;
        uint32_t n = take_entries(d, queue, stream, pair->element[1]);
        if (stream != BELL_EVENTS)
            d->queues[queue].seen[stream == BAND_LARGE] += n;
        if (stream != BELL_EVENTS && n >= BELL_COUNT)
            ask_position(d, queue, stream);
    }
}

static void on_read(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct doorbell *d = arg;
    if (r == NULL)
        return; /* on_state says the rest */
    (void)uv_timer_stop(&d->timer);
    for (uint32_t q = 0; q < d->n; q++)
        d->queues[q].armed[0] = d->queues[q].armed[1] = false;
    if (r->type == REDIS_REPLY_ERROR) {
        struct err why;
        (void)redis_reply_error(r->str, &why);
        if (complaint_news(&d->complaint, why.message, clock_mono_ms()))
            log_error("the doorbell cannot read; heartbeats wake workers meanwhile", KV_S("why", why.message));
        rest(d, BELL_ERROR_MS);
        return;
    }
    (void)complaint_over(&d->complaint);
    d->state = BELL_ASKING; /* while the hooks run: a worker that becomes idle there starts no read */
    if (r->type == REDIS_REPLY_ARRAY)
        take_streams(d, r);
    if (d->asked > 0)
        return;
    tell_entries(d);
    rest(d, r->type != REDIS_REPLY_ARRAY || bands_wanted(d) ? 0 : d->sated ? BELL_SATED_MS : BELL_LAZY_MS);
}

static int add_words(struct doorbell *d, int argc, bool ids)
{
    for (uint32_t q = 0; q < d->n; q++) {
        struct bell_queue *bell = &d->queues[q];
        for (uint32_t s = 0; s < BELL_STREAMS; s++)
            if (s == BELL_EVENTS || bell->armed[s == BAND_LARGE])
                d->argv[argc++] = ids ? bell->streams[s].last : bell->streams[s].key;
    }
    return argc;
}

enum { BELL_WORDS = 6 }; /* XREAD COUNT n BLOCK ms STREAMS */

static bool always(const struct doorbell *d, uint32_t queue)
{
    return d->hooks.always != NULL && d->hooks.always(d->hooks.arg, d->first + queue);
}

static void arm(struct doorbell *d)
{
    char count[16], block[16];
    (void)snprintf(count, sizeof count, "%d", BELL_COUNT);
    (void)snprintf(block, sizeof block, "%d", d->block_ms);
    const char *const words[BELL_WORDS] = {"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"};
    memcpy(d->argv, words, sizeof words);
    d->sated = false;
    for (uint32_t q = 0; q < d->n; q++) {
        for (int lane = 0; lane < BELL_LANES; lane++)
            d->queues[q].armed[lane] = d->hooks.wanted(d->hooks.arg, d->first + q, lane != 0);
        if (!d->queues[q].armed[0] && always(d, q))
            d->sated = d->queues[q].armed[0] = true;
    }
    int argc = add_words(d, add_words(d, BELL_WORDS, false), true);
    for (int i = 0; i < argc; i++)
        d->lens[i] = strlen(d->argv[i]);
    if (redis_uv_argv(d->redis, on_read, d, argc, d->argv, d->lens) < 0) {
        d->state = BELL_DOWN;
        return;
    }
    d->state = BELL_READING;
    d->reads++;
}

static bool outdated(const struct doorbell *d)
{
    for (uint32_t q = 0; d->state == BELL_READING && q < d->n; q++)
        for (int lane = 0; lane < BELL_LANES; lane++)
            if (!d->queues[q].armed[lane] && d->hooks.wanted(d->hooks.arg, d->first + q, lane != 0))
                return true;
    return false;
}

/* 0 means that the read had not reached Redis yet, or had just ended: if it is still needed, it is tried again with the
 * next worker that becomes idle or at once. */
static void on_unblocked(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct doorbell *d = arg;
    d->unblocking = false;
    if (r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 0 && outdated(d))
        doorbell_touch(d);
}

void doorbell_touch(struct doorbell *d)
{
    if (d->state == BELL_REST) {
        if (bands_wanted(d) && uv_timer_get_due_in(&d->timer) <= BELL_LAZY_MS)
            arm(d);
        return;
    }
    if (d->unblocking || d->client_id[0] == '\0' || !outdated(d))
        return;
    const char *argv[] = {"CLIENT", "UNBLOCK", d->client_id};
    d->unblocking = command(d, d->commands, on_unblocked, ARRAY_LEN(argv), argv) == 0;
}

bool doorbell_listens(const struct doorbell *d, uint32_t queue)
{
    const struct bell_queue *bell = &d->queues[queue - d->first];
    if (always(d, queue - d->first))
        return d->state == BELL_READING || d->state == BELL_REST;
    for (int lane = 0; lane < BELL_LANES; lane++)
        if (bell->armed[lane] != d->hooks.wanted(d->hooks.arg, queue, lane != 0))
            return false;
    return d->state == BELL_READING && (bell->armed[0] || bell->armed[1]);
}

void doorbell_renew(struct doorbell *d)
{
    if (d->state == BELL_READING)
        redis_uv_reset(d->redis);
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)e;
    struct doorbell *d = arg;
    (void)uv_timer_stop(&d->timer);
    d->client_id[0] = '\0';
    d->state = BELL_DOWN;
    if (ready)
        ask_positions(d);
}

static void name_queue(struct bell_queue *queue, const char *name)
{
    for (int band = 0; band < BAND_COUNT; band++)
        (void)keys_stream(queue->streams[band].key, name, (enum band)band);
    (void)keys_of(queue->streams[BELL_EVENTS].key, name, "ev");
    (void)snprintf(queue->name, sizeof queue->name, "%s", name);
}

/* A new connection begins with the positions of all queues; what comes meanwhile has higher ids. */
void doorbell_add(struct doorbell *d, const char *name)
{
    assert(d->n < DOORBELL_QUEUES_MAX);
    name_queue(&d->queues[d->n++], name);
    if (d->state != BELL_DOWN)
        redis_uv_reset(d->redis);
}

int doorbell_new(uv_loop_t *loop, const struct conf *conf, const char (*names)[QUEUE_MAX], uint32_t first, uint32_t n,
                 int block_ms, struct redis_uv *commands, const struct doorbell_hooks *hooks, struct doorbell **ret,
                 struct err *e)
{
    struct doorbell *d = calloc(1, sizeof *d);
    if (d == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the doorbell");
    *d = (struct doorbell){.hooks = *hooks, .commands = commands, .first = first, .n = n, .block_ms = block_ms};
    size_t words = BELL_WORDS + 2 * (size_t)DOORBELL_QUEUES_MAX * BELL_STREAMS;
    d->queues = calloc(DOORBELL_QUEUES_MAX, sizeof *d->queues);
    d->argv = calloc(words, sizeof *d->argv);
    d->lens = calloc(words, sizeof *d->lens);
    if (d->queues == NULL || d->argv == NULL || d->lens == NULL)
        goto out;
    for (uint32_t q = 0; q < n; q++)
        name_queue(&d->queues[q], names[q]);
    (void)uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    d->redis = redis_uv_new(loop, &conf->redis, "stint-doorbell", (uint64_t)block_ms, on_state, d);
    if (d->redis == NULL) {
        uv_close((uv_handle_t *)&d->timer, NULL);
        goto out;
    }
    if (n > 0)
        (void)redis_uv_reaches(d->redis, names[0]);
    *ret = d;
    return 0;
out:
    doorbell_free(d);
    return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the doorbell of %u queues", n);
}

void doorbell_close(struct doorbell *d)
{
    if (d == NULL || d->redis == NULL)
        return;
    uv_close((uv_handle_t *)&d->timer, NULL);
    redis_uv_close(d->redis, NULL, NULL);
    d->redis = NULL;
    d->state = BELL_DOWN;
}

void doorbell_free(struct doorbell *d)
{
    if (d == NULL)
        return;
    free(d->queues);
    free(d->argv);
    free(d->lens);
    free(d);
}
