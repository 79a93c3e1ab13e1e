/*
 * queue_stats - see queue_stats.h. The answer is foreign text: every member is looked up by name and type, and an
 * answer that lacks one is refused whole rather than shown with zeros.
 */
#include "queue_stats.h"

#include "buf.h"
#include "keys.h"

#include <jansson.h>
#include <stdio.h>

static int queue_stats_int(const json_t *o, const char *key, int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        return err_set(e, ERR_PROTOCOL, "stint_stats: \"%s\" is missing or no whole number", key);
    *ret = json_integer_value(v);
    return 0;
}

static int queue_stats_bands(struct queue_stats *s, const json_t *root, struct err *e)
{
    const json_t *bands = json_object_get(root, "bands");
    for (int i = 0; i < BAND_COUNT; i++) {
        const json_t *band = json_object_get(bands, band_name((enum band)i));
        int rc;
        if (!json_is_object(band))
            return err_set(e, ERR_PROTOCOL, "stint_stats: the band %s is missing", band_name((enum band)i));
        if ((rc = queue_stats_int(band, "ready", &s->bands[i].ready, e)) < 0 ||
            (rc = queue_stats_int(band, "active", &s->bands[i].active, e)) < 0 ||
            (rc = queue_stats_int(band, "oldest_ms", &s->bands[i].oldest_ms, e)) < 0)
            return rc;
    }
    return 0;
}

static int queue_stats_numbers(struct queue_stats *s, const json_t *root, struct err *e)
{
    const struct {
        const char *key;
        int64_t *place;
    } rows[] = {
        {"now", &s->now_ms}, {"scheduled", &s->scheduled}, {"parked", &s->parked},     {"next_due", &s->next_due_ms},
        {"dead", &s->dead},  {"instances", &s->instances}, {"enqueued", &s->enqueued}, {"drift", &s->drift},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = queue_stats_int(root, rows[i].key, rows[i].place, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The object's counts, but names that start with `but` (NULL: all). An empty Lua table arrives as []. */
static size_t queue_stats_counts(json_t *o, const char *but, struct queue_count *counts, size_t max)
{
    size_t n = 0;
    const char *name;
    json_t *v;
    json_object_foreach(o, name, v)
    {
        if (n == max || !json_is_integer(v) || (but != NULL && strncmp(name, but, strlen(but)) == 0))
            continue;
        (void)snprintf(counts[n].name, sizeof counts[n].name, "%s", name);
        counts[n++].value = json_integer_value(v);
    }
    return n;
}

static int queue_stats_fill(struct queue_stats *s, json_t *root, struct err *e)
{
    int rc;
    if (!json_is_object(root))
        return err_set(e, ERR_PROTOCOL, "stint_stats: the answer is no JSON object");
    if ((rc = queue_stats_bands(s, root, e)) < 0 || (rc = queue_stats_numbers(s, root, e)) < 0)
        return rc;
    s->paused = json_is_true(json_object_get(root, "paused"));
    s->n_paused_kinds = json_array_size(json_object_get(root, "paused_kinds"));
    s->n_causes = queue_stats_counts(json_object_get(root, "dead_causes"), NULL, s->causes, QUEUE_STATS_CAUSES_MAX);
    s->n_counters = queue_stats_counts(json_object_get(root, "ledger"), "dead:", s->counters, QUEUE_STATS_COUNTERS_MAX);
    s->json = json_dumps(root, JSON_COMPACT);
    return s->json != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "stint_stats: no memory for the answer");
}

int queue_stats_read(struct queue_stats *s, const char *text, size_t len, uint64_t now_mono_ms, struct err *e)
{
    struct queue_stats fresh = {.read_ms = now_mono_ms, .resets = s->resets};
    memcpy(fresh.queue, s->queue, sizeof fresh.queue);
    json_error_t where;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    int rc = root != NULL ? queue_stats_fill(&fresh, root, e)
                          : err_set(e, ERR_PROTOCOL, "stint_stats: the answer is no JSON: %s at byte %d", where.text,
                                    where.position);
    json_decref(root);
    if (rc < 0)
        return rc;
    free(s->json);
    *s = fresh;
    return 0;
}

void queue_stats_fini(struct queue_stats *s)
{
    if (s == NULL)
        return;
    free(s->json);
    s->json = NULL;
    s->read_ms = 0;
}

int64_t queue_stats_counter(const struct queue_stats *s, const char *name)
{
    for (size_t i = 0; i < s->n_counters; i++)
        if (strcmp(s->counters[i].name, name) == 0)
            return s->counters[i].value;
    return 0;
}

int queue_stats_json(const struct queue_stats *queues, size_t n, const char *instance, uint64_t now_mono_ms,
                     struct buf *out)
{
    json_t *name = json_string(instance);
    AUTO_FREE char *quoted = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    json_decref(name);
    (void)buf_addf(out, "{\"instance\":%s,\"queues\":[", quoted != NULL ? quoted : "null");
    for (size_t i = 0; i < n; i++) {
        const struct queue_stats *q = &queues[i];
        (void)buf_adds(out, i != 0 ? "," : "");
        if (q->json == NULL) /* a queue's name needs no escapes */
            (void)buf_addf(out, "{\"queue\":\"%s\",\"age_ms\":null}", q->queue);
        else
            (void)buf_addf(out, "{\"age_ms\":%llu,%s", (unsigned long long)(now_mono_ms - q->read_ms), q->json + 1);
    }
    (void)buf_adds(out, "]}\n");
    return out->failed ? -ENOSPC : 0;
}
