/*
 * queue_rows - see queue_rows.h. Refuses to compute what stint_stats already says: drift and totals are the server's.
 */
#include "queue_rows.h"

#include "buf.h"

int queue_rows_ask(struct session *s, const char *queue, json_t **ret_stats, struct err *e)
{
    return queue_stats_ask(&s->stores, queue, ret_stats, e);
}

struct queue_sums queue_rows_sum(const json_t *stats)
{
    struct queue_sums sums = {.ready = 0};
    json_t *bands = json_object_get(stats, "bands"), *band;
    const char *name;
    json_object_foreach(bands, name, band)
    {
        int64_t oldest = json_number(band, "oldest_ms", 0);
        sums.ready += json_number(band, "ready", 0);
        sums.active += json_number(band, "active", 0);
        sums.oldest_ms = MAX_OF(sums.oldest_ms, oldest);
    }
    return sums;
}

static bool is_quiet(const json_t *stats)
{
    struct queue_sums sums = queue_rows_sum(stats);
    return sums.ready == 0 && sums.active == 0 && json_number(stats, "scheduled", 0) == 0 && json_number(stats, "parked", 0) == 0 &&
           json_number(stats, "dead", 0) == 0 && json_number(stats, "drift", 0) == 0 && !json_is_true(json_object_get(stats, "paused")) &&
           json_array_size(json_object_get(stats, "paused_kinds")) == 0;
}

json_t *queue_rows_shown(const json_t *queues, size_t *ret_quiet)
{
    json_t *shown = json_array();
    size_t n = json_array_size(queues);
    for (size_t i = 0; i < n; i++)
        if (n <= QUEUE_ROWS_MANY || !is_quiet(json_array_get(queues, i)))
            (void)json_array_append(shown, json_array_get(queues, i));
    *ret_quiet = n - json_array_size(shown);
    return shown;
}

void queue_rows_print_quiet(struct out *o, size_t quiet)
{
    if (quiet > 0)
        out_line(o, "and %zu more queues with nothing in them", quiet);
}

void queue_rows_table(struct table *t)
{
    static const char *const titles[] = {"QUEUE",   ">READY", ">ACTIVE", ">SCHEDULED", ">DEAD", ">DONE",
                                         ">OLDEST", ">HOSTS", ">DRIFT",  "STATE",      NULL};
    table_init(t, titles);
}

char *queue_rows_words(const json_t *value)
{
    struct buf out;
    buf_init(&out, 4096);
    (void)buf_adds(&out, "");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        (void)buf_addf(&out, "%s%s", i > 0 ? ", " : "", text != NULL ? text : "?");
    }
    json_t *members = json_is_object(value) ? (json_t *)(uintptr_t)value : NULL, *member;
    const char *name;
    json_object_foreach(members, name, member)(void)
        buf_addf(&out, "%s%s %lld", out.len > 0 ? ", " : "", name, (long long)json_integer_value(member));
    char *text = buf_take(&out);
    buf_fini(&out);
    return text;
}

static void set_count(struct table *t, size_t column, int64_t n, enum tint when_positive)
{
    table_set(t, column, "%lld", (long long)n);
    if (n != 0)
        table_tint(t, column, when_positive);
}

int queue_rows_row(struct table *t, const json_t *stats)
{
    struct queue_sums sums = queue_rows_sum(stats);
    char age[32];
    int rc = table_row(t);
    if (rc < 0)
        return rc;
    table_set(t, 0, "%s", json_text(stats, "queue"));
    set_count(t, 1, sums.ready, TINT_NONE);
    set_count(t, 2, sums.active, TINT_GREEN);
    set_count(t, 3, json_number(stats, "scheduled", 0), TINT_NONE);
    set_count(t, 4, json_number(stats, "dead", 0), TINT_RED);
    set_count(t, 5, json_number(json_object_get(stats, "ledger"), "done", 0), TINT_NONE);
    table_set(t, 6, "%s", sums.oldest_ms > 0 ? out_ms(age, sums.oldest_ms) : "-");
    set_count(t, 7, json_number(stats, "instances", 0), TINT_NONE);
    set_count(t, 8, json_number(stats, "drift", 0), TINT_RED);
    AUTO_FREE char *kinds = queue_rows_words(json_object_get(stats, "paused_kinds"));
    bool paused = json_is_true(json_object_get(stats, "paused"));
    if (paused)
        table_set(t, 9, "paused");
    else if (kinds != NULL && *kinds != '\0')
        table_set(t, 9, "paused: %s", kinds);
    else
        table_set(t, 9, "running");
    table_tint(t, 9, paused || (kinds != NULL && *kinds != '\0') ? TINT_YELLOW : TINT_NONE);
    return 0;
}
