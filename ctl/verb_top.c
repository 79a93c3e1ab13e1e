/*
 * verb_top - `stint top`: the whole system live, or once where there is no terminal. Once it runs, a service that goes
 * away is said on the screen and waited for.
 */
#include "clock.h"
#include "queue_call.h"
#include "queue_rows.h"
#include "screen.h"
#include "top_rates.h"
#include "top_view.h"
#include "verb.h"

#include <poll.h>
#include <stdio.h>

enum { INTERVAL_MS = 1000, QUEUES_KEPT = 256 };

const struct arg_spec verb_top_options[] = {
    {"once", ARG_FLAG, NULL, "print it once, after two looks (so without a terminal)", NULL, 0, 0},
    {"interval", ARG_DURATION, "1s", "between two looks; default 1s", NULL, 100, 60000},
    {"sort", ARG_ENUM, "BY",
     "queues and running jobs by name, time (oldest, longest) or amount (most that wait, most memory)",
     "name|time|amount", 0, 0},
    {.name = NULL},
};

struct top {
    struct session *s;
    struct status_view status; /* of the last look */
    struct top_rates rates[QUEUES_KEPT];
    size_t n_rates;
    struct history ready, done;
    bool looked; /* before, so that what was done since is known */
    enum top_order order;
    bool paused;
};

static struct top_rates *rates_of(struct top *t, const char *queue)
{
    for (size_t i = 0; i < t->n_rates; i++)
        if (strcmp(t->rates[i].queue, queue) == 0)
            return &t->rates[i];
    if (t->n_rates == QUEUES_KEPT)
        return NULL;
    top_rates_init(&t->rates[t->n_rates], queue);
    return &t->rates[t->n_rates++];
}

static void remember(struct top *t)
{
    const json_t *queues = t->status.queues;
    int64_t now_ms = (int64_t)clock_wall_ms(), ready = 0, done = 0;
    for (size_t i = 0; i < json_array_size(queues); i++) {
        json_t *stats = json_array_get(queues, i);
        struct top_rates *rates = rates_of(t, json_text(stats, "queue"));
        ready += queue_rows_sum(stats).ready;
        if (rates == NULL)
            continue;
        done += top_rates_look(rates, stats);
        (void)json_object_set_new(stats, "rates", top_rates_json(rates));
    }
    if (t->status.errors[STATUS_REDIS].code != 0 && json_array_size(queues) == 0)
        return;
    history_set(&t->ready, now_ms, (double)ready);
    history_known(&t->done, t->looked ? t->done.newest * HISTORY_STEP_MS : now_ms, now_ms);
    history_add(&t->done, now_ms, (double)done);
    t->looked = true;
}

static int look(struct top *t, struct err *e)
{
    struct status_view fresh;
    int rc = status_view_gather(t->s, &fresh, e);
    if (rc < 0)
        return rc;
    status_view_fini(&t->status);
    t->status = fresh;
    remember(t);
    return 0;
}

static void print(const struct top *t, struct out *o)
{
    struct top_state state = {.status = &t->status,
                              .ready = &t->ready,
                              .done = &t->done,
                              .now_ms = (int64_t)clock_wall_ms(),
                              .order = t->order};
    top_view_print(&state, o);
}

/* -- once ------------------------------------------------------------------------------------------------------------
 */

static int once(struct top *t, struct err *e)
{
    (void)poll(NULL, 0, (int)args_int(&t->s->args, "interval", INTERVAL_MS));
    int rc = look(t, e);
    if (rc == 0 && t->s->out.json)
        status_view_print(t->s, &t->status);
    else if (rc == 0)
        print(t, &t->s->out);
    return rc;
}

/* -- live ------------------------------------------------------------------------------------------------------------
 */

/* Drawn at once, so that the screen never stands half empty. */
static void draw(struct top *t)
{
    struct out *o = &t->s->out;
    char *text = NULL, footer[128];
    size_t len = 0, columns, rows;
    screen_size(&columns, &rows);
    out_init(o, stdout, stderr, false, args_has(&t->s->args, "quiet"), args_has(&t->s->args, "no-color"));
    o->to = open_memstream(&text, &len);
    if (o->to != NULL) {
        print(t, o);
        (void)fclose(o->to);
        (void)snprintf(footer, sizeof footer, "%sq quits  %s  s sorts (by %s)%s",
                       o->colour ? out_tint_code(t->paused ? TINT_YELLOW : TINT_DIM) : "",
                       t->paused ? "paused, p goes on" : "p pauses", top_order_name(t->order),
                       o->colour ? "\033[0m" : "");
        AUTO_FREE char *fit = text != NULL ? top_view_fit(text, rows, footer) : NULL;
        if (fit != NULL)
            screen_draw(fit);
    }
    free(text);
    o->to = stdout;
}

/* What a key does. False: it ends the view. */
static bool act(struct top *t, int event)
{
    if (event == SCREEN_END || event == 'q' || event == 'Q')
        return false;
    if (event == 'p' || event == 'P')
        t->paused = !t->paused;
    if (event == 's' || event == 'S')
        t->order = (enum top_order)(((unsigned)t->order + 1) % TOP_ORDER_COUNT);
    return true;
}

static int watch(struct top *t, struct screen *screen, struct err *e)
{
    int64_t interval_ms = args_int(&t->s->args, "interval", INTERVAL_MS);
    uint64_t looked_ms = clock_mono_ms();
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        draw(t);
        more = act(t, screen_wait(screen, interval_ms - (int64_t)(clock_mono_ms() - looked_ms)));
        if (!more || clock_mono_ms() - looked_ms < (uint64_t)interval_ms)
            continue;
        looked_ms = clock_mono_ms();
        if (!t->paused)
            rc = look(t, e);
    }
    return rc;
}

int verb_top(struct session *s)
{
    struct err e = {.code = 0};
    struct screen screen = {.signal_fd = -1};
    int code = EXIT_DONE;
    AUTO_FREE struct top *t = calloc(1, sizeof *t);
    if (t == NULL) {
        (void)err_set(&e, ERR_OUT_OF_MEMORY, "no memory for the view");
        return session_fail(s, &e);
    }
    t->s = s;
    t->order = (enum top_order)args_int(&s->args, "sort", TOP_BY_NAME);
    history_init(&t->ready);
    history_init(&t->done);
    bool live = !s->out.json && !args_has(&s->args, "once") && screen_possible();
    int rc = look(t, &e);
    if (rc == 0 && live)
        rc = screen_open(&screen, &e);
    if (rc == 0)
        rc = live ? watch(t, &screen, &e) : once(t, &e);
    screen_close(&screen);
    if (rc == 0 && !live)
        code = status_view_exit_code(&t->status);
    status_view_fini(&t->status);
    return rc < 0 ? session_fail(s, &e) : code;
}
