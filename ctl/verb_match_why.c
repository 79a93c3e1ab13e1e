/*
 * verb_match_why - `stint match why POOL TICKET`: why somebody waits, in sentences with numbers. PostgreSQL is the
 * record of what became of the ticket, the wait model of what is to come. Refuses to fail because one of the two is
 * away: it says so and tells what the other knows.
 */
#include "match_ask.h"
#include "match_pools.h"
#include "match_words.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_match_why_options[] = {
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {.name = NULL},
};

static const char RECORD_SQL[] =
    "SELECT t.state, (stint.now_ms() - t.created_ms)::bigint AS age_ms, (stint.now_ms() - t.touched_ms)::bigint AS "
    "silent_ms, "
    "t.presence_ms, (t.expires_ms - stint.now_ms())::bigint AS left_ms, t.fairness, "
    "(stint.now_ms() - t.changed_ms)::bigint AS changed_ago_ms, coalesce(t.reason, '') AS reason, "
    "coalesce(t.body #>> '{consent,relax}', 'false') AS relax, coalesce(t.pair_id, '') AS pair, "
    "coalesce(m.state, '') AS pair_state, coalesce((stint.now_ms() - m.matched_ms)::bigint, -1) AS matched_ago_ms, "
    "coalesce((m.confirm_by_ms - stint.now_ms())::bigint, -1) AS confirm_left_ms, "
    "coalesce(CASE WHEN m.a = t.id THEN m.wait_a_ms ELSE m.wait_b_ms END, -1) AS waited_ms "
    "FROM stint.match_ticket t LEFT JOIN stint.match_pair m ON m.id = t.pair_id WHERE t.pool = $1 AND t.id = $2";

static const struct {
    const char *reason, *words;
} GONE[] = {
    {"left", "it was taken out"},
    {"expired", "its longest wait was over"},
    {"offline", "it was silent for longer than its presence, no touch came"},
    {"confirmed", "its pair was confirmed"},
    {"no_show", "it did not show up for its pair"},
};

/* What is known of one ticket. */
struct why {
    const char *pool, *ticket;
    json_t *record, *wait, *stats; /* owned; NULL: not known */
    struct err record_err, wait_err;
    struct match_pools pools;
};

/* -- gathering -------------------------------------------------------------------------------------------------------
 */

/* The row as an object; bigints become numbers. */
static json_t *row_record(const PGresult *rows)
{
    enum { INT8_OID = 20, INT4_OID = 23 };
    json_t *record = json_object();
    for (int c = 0; c < PQnfields(rows); c++) {
        const char *text = PQgetvalue(rows, 0, c);
        bool number = PQftype(rows, c) == INT8_OID || PQftype(rows, c) == INT4_OID;
        (void)json_object_set_new(record, PQfname(rows, c), number ? json_integer(atoll(text)) : json_string(text));
    }
    return record;
}

static void gather_record(struct session *s, struct why *w)
{
    const char *const params[] = {w->pool, w->ticket};
    PGresult *rows = NULL;
    if (session_sql(s, RECORD_SQL, 2, params, &rows, &w->record_err) < 0)
        return;
    if (PQntuples(rows) == 1)
        w->record = row_record(rows);
    else
        (void)err_set(
            &w->record_err, ERR_NOT_FOUND,
            "PostgreSQL has no ticket \"%.128s\" in pool %.64s: it was never submitted, its job has not been played "
            "yet, or it has been gone for more than 10 min",
            w->ticket, w->pool);
    PQclear(rows);
}

/* The pool's numbers make the sentences better; without them there are fewer. */
static void gather_stats(struct session *s, struct why *w)
{
    struct err ignored = {.code = 0};
    if (match_pools_read(s, args_text(&s->args, "queue", NULL), &w->pools, &ignored) == 0)
        w->stats = json_incref(match_pools_find(&w->pools, w->pool, &ignored));
}

static bool waits(const struct why *w)
{
    return w->record == NULL || strcmp(json_text(w->record, "state"), "waiting") == 0;
}

static int gather(struct session *s, struct why *w, struct err *e)
{
    gather_record(s, w);
    if (w->record_err.code == ERR_NOT_FOUND) {
        *e = w->record_err;
        return e->code;
    }
    if (!waits(w))
        return 0;
    (void)match_ask_ticket(s, args_text(&s->args, "queue", NULL), w->pool, w->ticket, &w->wait, &w->wait_err);
    if (w->record == NULL && w->wait == NULL) {
        *e = w->record_err;
        return e->code;
    }
    gather_stats(s, w);
    return 0;
}

/* -- telling ---------------------------------------------------------------------------------------------------------
 */

static void say_waiting(const struct why *w, json_t *sentences)
{
    char waited[32], silent[32], presence[32] = "", left[32];
    const json_t *r = w->record;
    int64_t presence_ms = json_number(r, "presence_ms", 0), left_ms = json_number(r, "left_ms", 0);
    match_words_say(sentences, "It waits, for %s so far; heard of %s ago%s%s.",
                    match_words_exact(waited, json_number(r, "age_ms", 0)),
                    match_words_exact(silent, json_number(r, "silent_ms", 0)),
                    presence_ms > 0 ? ", gone when silent for " : "",
                    presence_ms > 0 ? match_words_exact(presence, presence_ms) : "");
    if (left_ms > 0)
        match_words_say(sentences, "It may wait %s more.", match_words_exact(left, left_ms));
    else
        match_words_say(sentences, "Its longest wait is over: it goes with the pool's next round.");
    if (strcmp(json_text(r, "relax"), "true") == 0)
        match_words_say(sentences, "It consented to wider age and distance after a while.");
    else
        match_words_say(sentences, "It did not consent to wider age and distance: its limits stay as they are.");
}

static void say_matched(const struct why *w, json_t *sentences)
{
    char waited[32], ago[32], left[32];
    const json_t *r = w->record;
    match_words_say(sentences, "It does not wait: it was matched %s ago after %s, pair %s (%s).",
                    out_ms(ago, json_number(r, "matched_ago_ms", -1)), out_ms(waited, json_number(r, "waited_ms", -1)),
                    json_text(r, "pair"), json_text(r, "pair_state"));
    if (json_number(r, "confirm_left_ms", -1) > 0)
        match_words_say(sentences, "The pair is released when it is not confirmed within %s.",
                        out_ms(left, json_number(r, "confirm_left_ms", -1)));
}

static void say_gone(const struct why *w, json_t *sentences)
{
    char ago[32];
    const char *reason = json_text(w->record, "reason"), *words = "";
    for (size_t i = 0; i < ARRAY_LEN(GONE); i++)
        if (strcmp(reason, GONE[i].reason) == 0)
            words = GONE[i].words;
    match_words_say(sentences, "It does not wait: it has been gone for %s: %s%s%s%s.",
                    out_ms(ago, json_number(w->record, "changed_ago_ms", -1)), *words != '\0' ? words : reason,
                    *words != '\0' ? " (" : "", *words != '\0' ? reason : "", *words != '\0' ? ")" : "");
}

static json_t *record_words(const struct why *w)
{
    json_t *sentences = json_array();
    const char *state = json_text(w->record, "state");
    if (w->record == NULL)
        match_words_say(sentences, "PostgreSQL cannot be asked (%s).", w->record_err.message);
    else if (strcmp(state, "waiting") == 0)
        say_waiting(w, sentences);
    else if (strcmp(state, "matched") == 0)
        say_matched(w, sentences);
    else
        say_gone(w, sentences);
    return sentences;
}

/* Why there is no estimate. */
static void say_no_wait(const struct why *w, json_t *sentences)
{
    if (w->wait_err.code == ERR_NOT_FOUND)
        match_words_say(sentences,
                        "The wait model has not heard of it yet: those who wait are told to it again within a minute.");
    else
        match_words_say(sentences, "%s", w->wait_err.message);
}

/* Headings with their sentences, in the order they are told. */
static json_t *all_words(const struct why *w)
{
    json_t *told = json_array();
    match_words_told(told, "state", record_words(w));
    if (w->wait != NULL) {
        match_words_person(w->wait, w->stats, told);
    } else if (waits(w)) {
        json_t *sentences = json_array();
        say_no_wait(w, sentences);
        match_words_told(told, "estimate", sentences);
    }
    return told;
}

static void print_json(struct session *s, const struct why *w, const json_t *told)
{
    json_t *record =
        json_pack("{s:s, s:s, s:O*, s:O*}", "pool", w->pool, "ticket", w->ticket, "record", w->record, "wait", w->wait);
    if (w->record == NULL)
        (void)json_object_set_new(record, "record_error", json_string(w->record_err.message));
    if (waits(w) && w->wait == NULL)
        (void)json_object_set_new(record, "wait_error", json_string(w->wait_err.message));
    (void)json_object_set_new(record, "sentences", match_words_object(told));
    out_json(&s->out, record);
    json_decref(record);
}

int verb_match_why(struct session *s)
{
    struct err e = {.code = 0};
    struct why w = {.pool = args_positional(&s->args, 0), .ticket = args_positional(&s->args, 1)};
    int rc = match_pools_check_name(w.pool, &e);
    if (rc == 0 && (strlen(w.ticket) > 128 || *w.ticket == '\0'))
        rc = err_set(&e, ERR_BAD_ARGUMENT, "TICKET: a ticket's id has 1 to 128 characters");
    if (rc == 0)
        rc = gather(s, &w, &e);
    if (rc == 0) {
        json_t *told = all_words(&w);
        if (s->out.json)
            print_json(s, &w, told);
        out_tinted(&s->out, TINT_BOLD, "%s in pool %s", w.ticket, w.pool);
        match_words_print(told, &s->out);
        json_decref(told);
    }
    json_decref(w.record);
    json_decref(w.wait);
    json_decref(w.stats);
    match_pools_fini(&w.pools);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
