/*
 * match_events - see match_events.h. An event may come twice: its number tells, and it is counted once.
 */
#include "match_events.h"

#include "queue_call.h"

#include <stdio.h>

enum { READ_MAX = 2000 };

void match_events_init(struct match_events *m, const char *queue, const char *pool)
{
    char suffix[96];
    *m = (struct match_events){.n = 0};
    (void)snprintf(suffix, sizeof suffix, "match:%s", pool);
    (void)keys_of(m->key, queue, suffix);
    history_init(&m->matched);
}

static bool is_known(const struct match_events *m, int64_t seq)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->newest[i].seq == seq)
            return true;
    return false;
}

static void copy_harmless(char *out, size_t size, const char *text)
{
    AUTO_FREE char *copy = out_harmless(text, strlen(text));
    (void)snprintf(out, size, "%s", copy != NULL ? copy : "");
}

/* A wait without the milliseconds of who was matched at once. */
static char *waited(char out[static 32], const json_t *data, const char *key)
{
    int64_t ms = json_number(data, key, -1);
    return ms >= 0 && ms < 1000 ? strcpy(out, "0 s") : out_ms(out, ms);
}

static void read_matched(const json_t *data, struct match_event *ret)
{
    char a[32], b[32], whose[MATCH_EVENT_TEXT_MAX];
    double km = json_number_value(json_object_get(data, "km"));
    int n = snprintf(ret->what, sizeof ret->what, "waited %s and %s", waited(a, data, "wait_a_ms"),
                     waited(b, data, "wait_b_ms"));
    if (km > 0 && n > 0)
        (void)snprintf(ret->what + n, sizeof ret->what - (size_t)n, ", %.0f km apart", km);
    (void)snprintf(whose, sizeof whose, "%.128s with %.128s", json_text(data, "a"), json_text(data, "b"));
    copy_harmless(ret->whose, sizeof ret->whose, whose);
}

static void read_released(const json_t *data, struct match_event *ret)
{
    char whose[MATCH_EVENT_TEXT_MAX];
    int back = (json_is_true(json_object_get(data, "a_waits")) ? 1 : 0) +
               (json_is_true(json_object_get(data, "b_waits")) ? 1 : 0);
    (void)snprintf(whose, sizeof whose, "%.128s and %.128s", json_text(data, "a"), json_text(data, "b"));
    copy_harmless(ret->whose, sizeof ret->whose, whose);
    (void)snprintf(whose, sizeof whose, "%.60s; %d of them wait again", json_text(data, "why"), back);
    copy_harmless(ret->what, sizeof ret->what, whose);
}

/* False when it is none that is shown. */
static bool read_event(const json_t *data, struct match_event *ret)
{
    const char *type = json_text(data, "t");
    bool gone = strcmp(type, "expired") == 0;
    (void)snprintf(ret->word, sizeof ret->word, "%.11s", gone ? "gone" : type);
    if (strcmp(type, "matched") == 0) {
        read_matched(data, ret);
    } else if (strcmp(type, "released") == 0) {
        read_released(data, ret);
    } else if (gone) {
        copy_harmless(ret->what, sizeof ret->what, json_text(data, "reason"));
        copy_harmless(ret->whose, sizeof ret->whose, json_text(data, "id"));
    } else {
        return false;
    }
    return true;
}

void match_events_take(struct match_events *m, const char *id, const char *seq, const char *data)
{
    struct match_event event = {.at_ms = atoll(id), .seq = atoll(seq)};
    json_t *record = json_loads(data, 0, NULL);
    (void)snprintf(m->last, sizeof m->last, "%s", id);
    if (record != NULL && read_event(record, &event) && !is_known(m, event.seq)) {
        if (strcmp(event.word, "matched") == 0)
            history_add(&m->matched, event.at_ms, 1);
        if (m->n == MATCH_EVENTS_KEPT)
            memmove(&m->newest[0], &m->newest[1], --m->n * sizeof m->newest[0]);
        m->newest[m->n++] = event;
    }
    json_decref(record);
}

static bool is_entry(const redisReply *entry)
{
    return entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 && entry->element[0]->type == REDIS_REPLY_STRING;
}

static int64_t entry_ms(const redisReply *entry)
{
    return is_entry(entry) ? atoll(entry->element[0]->str) : 0;
}

static void take_entry(struct match_events *m, const redisReply *entry)
{
    const char *seq = "0", *data = NULL;
    if (!is_entry(entry))
        return;
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, "seq") == 0)
            seq = fields->element[i + 1]->str;
        else if (strcmp(fields->element[i]->str, "data") == 0)
            data = fields->element[i + 1]->str;
    }
    if (data != NULL)
        match_events_take(m, entry->element[0]->str, seq, data);
}

int match_events_read(struct match_events *m, struct session *s, int64_t now_ms, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char from[ENTRY_ID_MAX + 1], count[16];
    bool first = m->last[0] == '\0';
    int64_t window_ms = now_ms - (int64_t)HISTORY_STEPS * HISTORY_STEP_MS;
    (void)snprintf(count, sizeof count, "%d", READ_MAX);
    if (first)
        (void)snprintf(from, sizeof from, "%lld", (long long)window_ms);
    else
        (void)snprintf(from, sizeof from, "(%s", m->last);
    const char *const back[] = {"XREVRANGE", m->key, "+", from, "COUNT", count};
    const char *const on[] = {"XRANGE", m->key, from, "+", "COUNT", count};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(on), first ? back : on, NULL);
    if (rc < 0)
        return rc;
    size_t n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    for (size_t i = 0; i < n; i++)
        take_entry(m, reply->element[first ? n - 1 - i : i]);
    if (first && n == READ_MAX) /* what came before these is not known */
        window_ms = entry_ms(reply->element[n - 1]);
    history_known(&m->matched, first ? window_ms : m->matched.newest * HISTORY_STEP_MS, now_ms);
    if (first && m->last[0] == '\0')
        (void)snprintf(m->last, sizeof m->last, "%lld-0", (long long)window_ms);
    freeReplyObject(reply);
    return 0;
}
