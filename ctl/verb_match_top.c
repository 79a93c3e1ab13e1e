/*
 * verb_match_top - `stint match top`: a pool live, or once where there is no terminal. Once it runs, a service that
 * goes away is said on the screen and waited for: that is when somebody looks.
 */
#include "clock.h"
#include "match_pools.h"
#include "match_top_view.h"
#include "queue_call.h"
#include "screen.h"
#include "verb.h"

#include <stdio.h>

enum { INTERVAL_MS = 1000, POOLS_KEPT = 64, ONCE_COLUMNS = 100 };

const struct arg_spec verb_match_top_options[] = {
    {"once", ARG_FLAG, NULL, "print it once (so without a terminal)", NULL, 0, 0},
    {"interval", ARG_DURATION, "1s", "between two looks; default 1s", NULL, 200, 60000},
    {"events", ARG_FLAG, NULL, "show whose the newest events are: ids of the application", NULL, 0, 0},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

/* How many waited in one pool. */
struct waited {
    char pool[QUEUE_MAX];
    struct history waiting;
};

struct top {
    struct session *s;
    struct match_pools pools; /* of the last look that succeeded */
    char pool[QUEUE_MAX];     /* that is shown; "": the first */
    struct match_events events;
    struct waited waited[POOLS_KEPT];
    size_t n_waited;
    bool paused;
    struct err trouble; /* of the last look; code 0: none */
};

static struct history *waited_of(struct top *t, const char *pool)
{
    for (size_t i = 0; i < t->n_waited; i++)
        if (strcmp(t->waited[i].pool, pool) == 0)
            return &t->waited[i].waiting;
    if (t->n_waited == POOLS_KEPT)
        return NULL;
    struct waited *w = &t->waited[t->n_waited++];
    (void)snprintf(w->pool, sizeof w->pool, "%s", pool);
    history_init(&w->waiting);
    return &w->waiting;
}

static void remember(struct top *t)
{
    for (size_t i = 0; i < json_array_size(t->pools.pools); i++) {
        const json_t *stats = json_array_get(t->pools.pools, i);
        struct history *h = waited_of(t, json_text(stats, "pool"));
        if (h != NULL && !match_pools_stale(stats))
            history_set(h, t->pools.now_ms, match_pools_number(json_object_get(stats, "queue"), "total", 0));
    }
}

/* Where the pool that is shown stands among all; the first when it is gone. */
static size_t shown_index(const struct top *t)
{
    for (size_t i = 0; i < json_array_size(t->pools.pools); i++)
        if (strcmp(json_text(json_array_get(t->pools.pools, i), "pool"), t->pool) == 0)
            return i;
    return 0;
}

static void choose(struct top *t, size_t index)
{
    const char *name = json_text(json_array_get(t->pools.pools, index), "pool");
    if (strcmp(t->pool, name) == 0)
        return;
    (void)snprintf(t->pool, sizeof t->pool, "%.*s", QUEUE_MAX - 1, name);
    match_events_init(&t->events, t->pools.queue, t->pool);
}

/* Looks again. What was known stays when that fails. */
static int look(struct top *t, struct err *e)
{
    struct match_pools fresh = {.pools = NULL};
    int rc = match_pools_read(t->s, args_text(&t->s->args, "queue", NULL), &fresh, e);
    if (rc == 0 && match_pools_find(&fresh, t->pool[0] != '\0' ? t->pool : NULL, e) == NULL)
        rc = ERR_NOT_FOUND;
    if (rc < 0) {
        match_pools_fini(&fresh);
        return rc;
    }
    match_pools_fini(&t->pools);
    t->pools = fresh;
    remember(t);
    if (t->events.key[0] == '\0') {
        size_t index = shown_index(t);
        t->pool[0] = '\0';
        choose(t, index);
    }
    return match_events_read(&t->events, t->s, t->pools.now_ms, e);
}

static void draw(struct top *t, struct canvas *c, bool live)
{
    size_t index = shown_index(t);
    struct match_top_state state = {.stats = json_array_get(t->pools.pools, index),
                                    .index = index,
                                    .n = json_array_size(t->pools.pools),
                                    .waiting = waited_of(t, t->pool),
                                    .events = &t->events,
                                    .now_ms = t->pools.now_ms,
                                    .ids = args_has(&t->s->args, "events"),
                                    .live = live,
                                    .paused = t->paused,
                                    .trouble = t->trouble.code != 0 ? t->trouble.message : NULL};
    match_top_view(&state, c);
}

/* -- once ------------------------------------------------------------------------------------------------------------
 */

static void print_json(struct top *t)
{
    json_t *events = json_array();
    for (size_t i = 0; i < t->events.n; i++) {
        const struct match_event *event = &t->events.newest[i];
        json_t *record =
            json_pack("{s:I, s:s, s:s}", "at_ms", (json_int_t)event->at_ms, "event", event->word, "what", event->what);
        if (args_has(&t->s->args, "events"))
            (void)json_object_set_new(record, "whose", json_string(event->whose));
        (void)json_array_append_new(events, record);
    }
    json_t *record = json_pack("{s:s, s:O, s:o}", "pool", t->pool, "stats",
                               json_array_get(t->pools.pools, shown_index(t)), "events", events);
    out_json(&t->s->out, record);
    json_decref(record);
}

static void print_once(struct top *t)
{
    struct out *o = &t->s->out;
    struct canvas c;
    if (o->json) {
        print_json(t);
        return;
    }
    canvas_init(&c, o->columns > 0 ? (size_t)o->columns : ONCE_COLUMNS, CANVAS_ROWS_MOST, o->colour);
    draw(t, &c, false);
    (void)fputs(c.text.data != NULL ? c.text.data : "", o->to);
    canvas_fini(&c);
}

/* -- live ------------------------------------------------------------------------------------------------------------
 */

static void show(struct top *t)
{
    struct canvas c;
    size_t columns, rows;
    screen_size(&columns, &rows);
    canvas_init(&c, columns, rows, t->s->out.colour);
    draw(t, &c, true);
    if (c.text.data != NULL && !c.text.failed)
        screen_draw(c.text.data);
    canvas_fini(&c);
}

/* What a key does. False: it ends the view. */
static bool act(struct top *t, int event)
{
    size_t n = json_array_size(t->pools.pools), index = shown_index(t);
    struct err ignored = {.code = 0};
    switch (event) {
    case SCREEN_END:
    case 'q':
    case 'Q':
        return false;
    case 'p':
    case 'P':
        t->paused = !t->paused;
        return true;
    case ' ':
    case 'n':
    case SCREEN_NEXT:
        choose(t, (index + 1) % n);
        (void)match_events_read(&t->events, t->s, t->pools.now_ms, &ignored);
        return true;
    case 'b':
    case SCREEN_BACK:
        choose(t, (index + n - 1) % n);
        (void)match_events_read(&t->events, t->s, t->pools.now_ms, &ignored);
        return true;
    default:
        return true;
    }
}

static void watch(struct top *t, struct screen *screen)
{
    int64_t interval_ms = args_int(&t->s->args, "interval", INTERVAL_MS);
    uint64_t looked_ms = clock_mono_ms();
    for (bool more = true; more;) {
        show(t);
        more = act(t, screen_wait(screen, interval_ms - (int64_t)(clock_mono_ms() - looked_ms)));
        if (!more || clock_mono_ms() - looked_ms < (uint64_t)interval_ms)
            continue;
        looked_ms = clock_mono_ms();
        t->trouble = (struct err){.code = 0};
        if (!t->paused)
            (void)look(t, &t->trouble);
    }
}

int verb_match_top(struct session *s)
{
    struct err e = {.code = 0};
    struct screen screen = {.signal_fd = -1};
    const char *pool = args_positional(&s->args, 0);
    int rc = match_pools_check_name(pool, &e);
    AUTO_FREE struct top *t = calloc(1, sizeof *t);
    if (rc == 0 && t == NULL)
        rc = err_set(&e, ERR_OUT_OF_MEMORY, "no memory for the view");
    if (rc < 0)
        return session_fail(s, &e);
    t->s = s;
    if (pool != NULL) {
        (void)snprintf(t->pool, sizeof t->pool, "%s", pool);
    }
    rc = look(t, &e);
    bool live = !s->out.json && !args_has(&s->args, "once") && screen_possible();
    if (rc == 0 && live)
        rc = screen_open(&screen, &e);
    if (rc == 0 && live)
        watch(t, &screen);
    else if (rc == 0)
        print_once(t);
    screen_close(&screen);
    match_pools_fini(&t->pools);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
