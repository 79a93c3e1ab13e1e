/*
 * top_view - see top_view.h. Refuses to leave out what is down: that is why somebody looks.
 */
#include "top_view.h"

#include "buf.h"
#include "queue_call.h"
#include "queue_rows.h"
#include "worker_rows.h"

#include <stdio.h>

enum { BARS_LEAST = 10, BARS_BEFORE = 24, TEXT_MAX = 1 << 20 };

static const char *const ORDER_NAMES[TOP_ORDER_COUNT] = {"name", "time", "amount"};

const char *top_order_name(enum top_order order)
{
    return ORDER_NAMES[order];
}

/* -- order -----------------------------------------------------------------------------------------------------------
 */

/* Larger first. */
static int by_number(int64_t a, int64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int queue_by_name(const void *a, const void *b)
{
    return strcmp(json_text(*(json_t *const *)a, "queue"), json_text(*(json_t *const *)b, "queue"));
}

static int queue_by_time(const void *a, const void *b)
{
    int order = by_number(queue_rows_sum(*(json_t *const *)a).oldest_ms, queue_rows_sum(*(json_t *const *)b).oldest_ms);
    return order != 0 ? order : queue_by_name(a, b);
}

static int queue_by_amount(const void *a, const void *b)
{
    int order = by_number(queue_rows_sum(*(json_t *const *)a).ready, queue_rows_sum(*(json_t *const *)b).ready);
    return order != 0 ? order : queue_by_name(a, b);
}

static int worker_by_name(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int order = strcmp(json_text(x, "pool"), json_text(y, "pool"));
    return order != 0 ? order : -by_number(json_number(x, "slot", 0), json_number(y, "slot", 0));
}

static int worker_by_time(const void *a, const void *b)
{
    int order =
        by_number(json_number(*(json_t *const *)a, "since_ms", 0), json_number(*(json_t *const *)b, "since_ms", 0));
    return order != 0 ? order : worker_by_name(a, b);
}

static int worker_by_amount(const void *a, const void *b)
{
    int order =
        by_number(json_number(*(json_t *const *)a, "rss_bytes", 0), json_number(*(json_t *const *)b, "rss_bytes", 0));
    return order != 0 ? order : worker_by_name(a, b);
}

typedef int (*compare_fn)(const void *a, const void *b);

/* The items for which wanted holds (NULL: all), in order. *ret_n of them, borrowed; the caller frees the array. */
static json_t **sorted(const json_t *items, bool (*wanted)(const json_t *item), compare_fn compare, size_t *ret_n)
{
    size_t n = json_array_size(items);
    json_t **all = calloc(n + 1, sizeof(json_t *));
    *ret_n = 0;
    for (size_t i = 0; i < n && all != NULL; i++) {
        json_t *item = json_array_get(items, i);
        if (wanted == NULL || wanted(item))
            all[(*ret_n)++] = item;
    }
    if (all != NULL)
        qsort(all, *ret_n, sizeof(json_t *), compare);
    return all;
}

/* -- parts -----------------------------------------------------------------------------------------------------------
 */

static void print_supervisor(const struct host_reply *item, struct out *o)
{
    const char *state = json_text(item->reply, "state");
    char up[32];
    if (item->e.code != 0)
        out_tinted(o, TINT_RED, "supervisor  DOWN: %s", item->e.message);
    else
        out_tinted(o, strcmp(state, "running") == 0 ? TINT_GREEN : TINT_YELLOW,
                   "supervisor  %s: %s%s%s, up %s, version %s", state, json_text(item->reply, "instance"),
                   *item->name != '\0' ? " of " : "", item->name, out_ms(up, json_number(item->reply, "uptime_ms", 0)),
                   json_text(item->reply, "version"));
}

/* Short while all is well: what stays the same is what `stint status` is for. */
static void print_head(const struct top_state *state, struct out *o)
{
    const struct host_replies *supervisors = &state->status->supervisors;
    char when[32];
    (void)out_time(when, state->now_ms);
    out_tinted(o, TINT_BOLD, "stint  %s", strlen(when) > 11 ? when + 11 : when);
    for (size_t i = 0; i < supervisors->n; i++)
        print_supervisor(&supervisors->items[i], o);
    if (supervisors->n == 0)
        (void)status_view_down(o, state->status, STATUS_SUPERVISOR);
    bool redis_down = status_view_down(o, state->status, STATUS_REDIS);
    if (!status_view_down(o, state->status, STATUS_POSTGRES) && !redis_down)
        out_tinted(o, TINT_GREEN, "services    Redis and PostgreSQL reachable");
}

/* One number over all queues, now and over the last minutes. */
static void print_history(struct out *o, const char *label, const char *now, const struct history *h, size_t skip)
{
    char bars[HISTORY_BARS_MAX];
    size_t columns = o->columns > 0 ? (size_t)o->columns : 80, room = columns > BARS_BEFORE ? columns - BARS_BEFORE : 0;
    size_t steps = MIN_OF(room, (size_t)HISTORY_STEPS);
    bool any = steps >= BARS_LEAST && history_count(h, steps) > skip + 1;
    out_line(o, "%-8s %7s  %s", label, now, any ? history_bars(h, steps, skip, bars) : "");
}

static double rate_of(const json_t *queues, const char *which)
{
    double sum = -1;
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *rate = json_object_get(json_object_get(json_array_get(queues, i), "rates"), which);
        if (json_is_number(rate))
            sum = (sum < 0 ? 0 : sum) + json_number_value(rate);
    }
    return sum;
}

/* "12.5", "1200", "-" for what is not known. */
static char *rate_words(char out[static 32], double rate)
{
    if (rate < 0)
        (void)snprintf(out, 32, "-");
    else
        (void)snprintf(out, 32, rate < 99.95 ? "%.1f" : "%.0f", rate);
    return out;
}

static void print_histories(const struct top_state *state, struct out *o)
{
    char ready[32], done[32];
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(state->status->queues); i++)
        sum += queue_rows_sum(json_array_get(state->status->queues, i)).ready;
    (void)snprintf(ready, sizeof ready, "%lld", (long long)sum);
    out_line(o, "%s", "");
    print_history(o, "ready", ready, state->ready, 0);
    print_history(o, "done/s", rate_words(done, rate_of(state->status->queues, "done")), state->done, 1);
}

static int queue_row(struct table *t, const json_t *stats)
{
    char age[32], rate[32];
    struct queue_sums sums = queue_rows_sum(stats);
    const json_t *rates = json_object_get(stats, "rates");
    const char *const which[] = {"in", "done"};
    int64_t dead = json_number(stats, "dead", 0);
    bool paused = json_is_true(json_object_get(stats, "paused"));
    int rc = table_row(t);
    if (rc < 0)
        return rc;
    table_set(t, 0, "%s", json_text(stats, "queue"));
    table_set(t, 1, "%lld", (long long)sums.ready);
    table_set(t, 2, "%lld", (long long)sums.active);
    table_set(t, 3, "%lld", (long long)json_number(stats, "scheduled", 0));
    table_set(t, 4, "%lld", (long long)dead);
    table_set(t, 5, "%s", sums.oldest_ms > 0 ? out_ms(age, sums.oldest_ms) : "-");
    for (size_t i = 0; i < ARRAY_LEN(which); i++) {
        const json_t *value = json_object_get(rates, which[i]);
        table_set(t, 6 + i, "%s", rate_words(rate, json_is_number(value) ? json_number_value(value) : -1));
    }
    table_set(t, 8, "%s",
              paused                                                        ? "paused"
              : json_array_size(json_object_get(stats, "paused_kinds")) > 0 ? "kinds paused"
                                                                            : "");
    table_tint(t, 4, dead > 0 ? TINT_RED : TINT_NONE);
    table_tint(t, 8, TINT_YELLOW);
    return 0;
}

static void print_queues(const struct top_state *state, struct out *o)
{
    static const char *const titles[] = {"QUEUE",    ">READY", ">ACTIVE", ">-SCHEDULED", ">DEAD",
                                         ">-OLDEST", ">IN/S",  ">DONE/S", "?STATE",      NULL};
    static const compare_fn orders[TOP_ORDER_COUNT] = {queue_by_name, queue_by_time, queue_by_amount};
    struct table t;
    size_t n, quiet;
    json_t *shown = queue_rows_shown(state->status->queues, &quiet);
    AUTO_FREE json_t **queues = sorted(shown, NULL, orders[state->order], &n);
    table_init(&t, titles);
    for (size_t i = 0; i < n; i++)
        (void)queue_row(&t, queues[i]);
    if (n > 0)
        out_line(o, "%s", "");
    table_print(&t, o);
    queue_rows_print_quiet(o, quiet);
    table_fini(&t);
    json_decref(shown);
}

static void print_pools(const struct top_state *state, struct out *o)
{
    const json_t *pools = state->status->pools;
    struct table t;
    worker_rows_pool_table(&t);
    for (size_t i = 0; i < json_array_size(pools); i++)
        (void)worker_rows_pool_add(&t, json_array_get(pools, i));
    if (t.n_rows > 0)
        out_line(o, "%s", "");
    table_print(&t, o);
    table_fini(&t);
}

static bool has_job(const json_t *worker)
{
    return *json_text(worker, "job") != '\0';
}

static void print_jobs(const struct top_state *state, struct out *o)
{
    static const compare_fn orders[TOP_ORDER_COUNT] = {worker_by_name, worker_by_time, worker_by_amount};
    const json_t *all = state->status->workers;
    struct table t;
    size_t n;
    AUTO_FREE json_t **workers = sorted(all, has_job, orders[state->order], &n);
    if (json_array_size(all) == 0)
        return;
    out_line(o, "%s", "");
    out_tinted(o, n > 0 ? TINT_BOLD : TINT_DIM, "%zu of %zu workers here have a job", n, json_array_size(all));
    worker_rows_table(&t);
    for (size_t i = 0; i < n; i++)
        (void)worker_rows_add(&t, workers[i]);
    table_print(&t, o);
    table_fini(&t);
}

void top_view_print(const struct top_state *state, struct out *o)
{
    print_head(state, o);
    print_histories(state, o);
    print_queues(state, o);
    status_view_print_dead(o, state->status->queues);
    print_pools(state, o);
    print_jobs(state, o);
}

char *top_view_fit(const char *text, size_t rows, const char *footer)
{
    struct buf out;
    size_t lines = 0;
    const char *end = text;
    buf_init(&out, TEXT_MAX);
    for (const char *next; lines + 1 < rows && (next = strchr(end, '\n')) != NULL; lines++)
        end = next + 1;
    (void)buf_add(&out, text, (size_t)(end - text));
    for (; lines + 1 < rows; lines++)
        (void)buf_adds(&out, "\n");
    (void)buf_addf(&out, "%s\n", footer);
    char *fit = buf_take(&out);
    buf_fini(&out);
    return fit;
}
