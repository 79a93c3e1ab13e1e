/*
 * simulate_watch_uv - see simulate_watch_uv.h. It refuses to miss an entry: each read goes on from the last that was
 * handed over, also after Redis was away.
 */
#include "simulate_watch_uv.h"

#include "keys.h"
#include "redis_uv.h"

#include <stdio.h>

enum { BATCH = 1000, BLOCK_MS = 2000 };

struct simulate_watch {
    struct redis_uv *redis;
    struct simulate_watch_fns fns;
    char events[KEY_MAX], notices[KEY_MAX];
    char last_event[ENTRY_ID_MAX], last_notice[ENTRY_ID_MAX];
    bool closing;
};

static void read_on(struct simulate_watch *w);

/* The value of a field of an entry; NULL when it has none of that name. */
static const redisReply *field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->type == REDIS_REPLY_STRING && strcmp(fields->element[i]->str, name) == 0 &&
            fields->element[i + 1]->type == REDIS_REPLY_STRING)
            return fields->element[i + 1];
    return NULL;
}

static void take_entry(struct simulate_watch *w, bool event, const redisReply *fields)
{
    const redisReply *data = field(fields, "data"), *seq = field(fields, "seq"), *id = field(fields, "id");
    json_t *json = data != NULL ? json_loadb(data->str, (size_t)data->len, 0, NULL) : NULL;
    if (event)
        w->fns.on_event(w->fns.arg, seq != NULL ? strtoll(seq->str, NULL, 10) : 0, json);
    else
        w->fns.on_notice(w->fns.arg, id != NULL ? id->str : "", json);
    json_decref(json);
}

static void take_stream(struct simulate_watch *w, const redisReply *stream)
{
    if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 || stream->element[0]->type != REDIS_REPLY_STRING)
        return;
    bool event = strcmp(stream->element[0]->str, w->events) == 0;
    const redisReply *entries = stream->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
            continue;
        (void)snprintf(event ? w->last_event : w->last_notice, ENTRY_ID_MAX, "%s", entry->element[0]->str);
        if (entry->element[1]->type == REDIS_REPLY_ARRAY)
            take_entry(w, event, entry->element[1]);
    }
}

static void on_entries(void *arg, const redisReply *reply, const struct err *e)
{
    struct simulate_watch *w = arg;
    (void)e;
    if (w->closing || reply == NULL) /* away: on_state reads on */
        return;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        take_stream(w, reply->element[i]);
    read_on(w);
}

static void read_on(struct simulate_watch *w)
{
    char count[16], block[16];
    (void)snprintf(count, sizeof count, "%d", BATCH);
    (void)snprintf(block, sizeof block, "%d", BLOCK_MS);
    const char *argv[] = {"XREAD",   "COUNT",   count,      "BLOCK",       block,
                          "STREAMS", w->events, w->notices, w->last_event, w->last_notice};
    (void)redis_uv_argv(w->redis, on_entries, w, (int)ARRAY_LEN(argv), argv, NULL);
}

static void on_state(void *arg, bool ready, const struct err *e)
{
    (void)e;
    if (ready)
        read_on(arg);
}

struct simulate_watch *simulate_watch_new(uv_loop_t *loop, const struct simulate_setup *setup,
                                          const struct simulate_watch_fns *fns)
{
    char suffix[KEY_MAX / 2];
    struct simulate_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->fns = *fns;
    (void)snprintf(suffix, sizeof suffix, "match:%s", setup->pool);
    (void)keys_of(w->events, setup->queue, suffix);
    (void)snprintf(suffix, sizeof suffix, "waits:%s", setup->pool);
    (void)keys_of(w->notices, setup->queue, suffix);
    memcpy(w->last_event, setup->events_from, sizeof w->last_event);
    memcpy(w->last_notice, setup->notices_from, sizeof w->last_notice);
    w->redis = redis_uv_new(loop, &setup->conf->redis, "stint-simulate-watch", BLOCK_MS, on_state, w);
    if (w->redis == NULL) {
        free(w);
        return NULL;
    }
    return w;
}

void simulate_watch_close(struct simulate_watch *w)
{
    if (w == NULL)
        return;
    w->closing = true;
    redis_uv_close(w->redis, free, w);
}
