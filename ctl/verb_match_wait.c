/*
 * verb_match_wait - `stint match wait`: how long people will wait. Of groups, as the supervisors' metrics threads
 * publish it in Redis; of one person, by ticket or by attributes, as the metrics thread on this host answers. Refuses
 * to estimate anything itself.
 */
#include "match_ask.h"
#include "match_person_options.h"
#include "match_pools.h"
#include "match_words.h"
#include "queue_call.h"
#include "queue_rows.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_match_wait_options[] = {
    {"ticket", ARG_TEXT, "ID", "of one who waits: position, what is left, why, what would help", NULL, 1, 128},
    MATCH_PERSON_OPTIONS,
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

/* -- groups ----------------------------------------------------------------------------------------------------------
 */

static void set_percent(struct table *t, size_t column, const json_t *share)
{
    if (json_is_number(share) && json_number_value(share) >= 0)
        table_set(t, column, "%.0f %%", json_number_value(share) * 100);
    else
        table_set(t, column, "-");
}

static void set_wait(struct table *t, size_t column, const json_t *cell, const char *name)
{
    char text[32];
    double seconds = match_pools_number(cell, name, -1);
    table_set(t, column, "%s", seconds >= 0 && seconds <= 5 ? "<5 s" : match_words_wait(text, seconds));
}

static void cell_row(struct table *t, const json_t *cell)
{
    static const char *const within[] = {"30", "60", "120", "300"};
    const json_t *seeking = json_object_get(cell, "seeking");
    char waiting[32];
    AUTO_FREE char *sought = queue_rows_words(seeking);
    bool all = !json_is_array(seeking);
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s%s%s", json_text(cell, "gender"), all ? "" : " seeking ", all || sought == NULL ? "" : sought);
    table_set(t, 1, "%s", match_pools_waiting(cell, waiting));
    set_wait(t, 2, cell, "p50_s");
    set_wait(t, 3, cell, "p90_s");
    for (size_t i = 0; i < ARRAY_LEN(within); i++)
        set_percent(t, 4 + i, json_object_get(json_object_get(cell, "within"), within[i]));
    set_percent(t, 8, json_object_get(cell, "matched"));
    set_percent(t, 9, json_object_get(cell, "share"));
    table_set(t, 10, "%s", json_text(cell, "confidence"));
}

static void print_cells(struct session *s, const json_t *estimates)
{
    static const char *const titles[] = {"~WHO",    ">WAITING", ">HALF IN", ">90 % IN", "->30 S",     ">60 S",
                                         "->2 MIN", "->5 MIN",  ">EVER",    "->SHARE",  "CONFIDENCE", NULL};
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_array_size(estimates); i++)
        cell_row(&t, json_array_get(estimates, i));
    if (t.n_rows == 0)
        out_line(&s->out, "no estimate yet: fewer than 20 people of any gender have come");
    table_print(&t, &s->out);
    table_fini(&t);
}

static void print_waits(struct session *s, const json_t *stats)
{
    const json_t *health = json_object_get(stats, "health");
    char source[160];
    out_tinted(&s->out, TINT_BOLD, "pool %s: %lld waiting, %s", json_text(stats, "pool"),
               (long long)json_number(json_object_get(stats, "queue"), "total", 0), json_text(health, "message"));
    out_tinted(&s->out, match_pools_stale(stats) ? TINT_RED : TINT_DIM, "%s%s", match_pools_source(stats, source),
               match_pools_stale(stats) ? ": too old to be believed" : "");
    print_cells(s, json_object_get(stats, "estimates"));
}

static int show_waits(struct session *s, const struct match_pools *pools, json_t *stats, struct err *e)
{
    (void)pools;
    (void)e;
    if (s->out.json)
        out_json(&s->out, stats);
    else
        print_waits(s, stats);
    return 0;
}

static int show_groups(struct session *s, const char *pool, struct err *e)
{
    int rc = match_pools_each(s, pool, show_waits, e);
    if (rc == 0)
        out_remark(
            &s->out,
            "HALF IN, 90 %% IN: of those who stay; 30 S to 5 MIN: the chance by then; EVER: before they leave; SHARE: "
            "matched of those gone; <20, 40+ or -: the number would tell of a group of fewer than 20");
    return rc;
}

/* -- one person ------------------------------------------------------------------------------------------------------
 */

static int show_person(struct session *s, const char *pool, const char *ticket, struct err *e)
{
    const char *queue = args_text(&s->args, "queue", NULL);
    json_t *wait = NULL;
    int rc = ticket != NULL ? match_ask_ticket(s, queue, pool, ticket, &wait, e)
                            : match_ask_person(s, queue, pool, &wait, e);
    if (rc == ERR_NOT_FOUND && ticket != NULL) {
        struct err why = *e;
        rc = err_set(e, rc, "%.300s; \"stint match why %.64s %.128s\" says what became of it", why.message, pool,
                     ticket);
    }
    if (rc < 0)
        return rc;
    json_t *told = json_array();
    match_words_person(wait, NULL, told);
    if (s->out.json)
        out_json(&s->out, wait);
    else
        match_words_print(told, &s->out);
    json_decref(told);
    json_decref(wait);
    return 0;
}

int verb_match_wait(struct session *s)
{
    struct err e = {.code = 0};
    const char *pool = args_positional(&s->args, 0), *ticket = args_text(&s->args, "ticket", NULL);
    bool described = match_ask_described(&s->args);
    int rc = match_pools_check_name(pool, &e);
    if (rc == 0 && pool == NULL && (ticket != NULL || described))
        rc = err_set(&e, ERR_BAD_ARGUMENT,
                     "POOL is missing: one person waits in one pool; usage: stint match wait POOL %s",
                     ticket != NULL ? "--ticket ID" : "--gender GENDER --seeking F,M");
    if (rc == 0 && ticket != NULL && described)
        rc = err_set(&e, ERR_BAD_ARGUMENT, "--ticket and attributes are two questions: ask one at a time");
    if (rc == 0)
        rc = ticket != NULL || described ? show_person(s, pool, ticket, &e) : show_groups(s, pool, &e);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
