/*
 * simulate_live - see simulate_live.h. It refuses to wait for anybody: who is due acts at the next turn, however far
 * behind the service is, and its own lateness is measured so that it can be told from the service's.
 */
#include "simulate_live.h"

#include "alloc.h"
#include "clock.h"
#include "keys.h"
#include "queue_call.h"

#include <math.h>
#include <stdio.h>

enum { ASK_AGAIN_MS = 100, ASK_MOST = 4 };                /* the model hears of a join a moment after its answer */
enum { DRAW_NOTIFY, DRAW_VOTE, DRAW_THINK, DRAW_SILENT }; /* what a number is drawn for */

static void schedule(struct simulate_live *v, uint32_t person)
{
    simulate_agenda_add(&v->agenda, simulate_life_due_ms(&v->run->lives[person]), person);
}

static char *name_job(const struct simulate_live *v, uint32_t person, char op, unsigned n,
                      char ret[static SIMULATE_JOB_MAX])
{
    char id[SIMULATE_ID_MAX];
    (void)snprintf(ret, SIMULATE_JOB_MAX, "%s.%c%u", simulate_crowd_id(&v->run->crowd, person, id), op, n);
    return ret;
}

static char *short_payload(const struct simulate_live *v, const char *op, uint32_t person)
{
    char id[SIMULATE_ID_MAX], text[320];
    (void)snprintf(text, sizeof text, "{\"v\":1,\"op\":\"%s\",\"pool\":\"%s\",\"id\":\"%s\"}", op, v->run->setup.pool,
                   simulate_crowd_id(&v->run->crowd, person, id));
    return alloc_dup(text);
}

/* -- what people do --------------------------------------------------------------------------------------------------
 */

static double cell_number(const json_t *cell, const char *name)
{
    const json_t *value = json_object_get(cell, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static struct simulate_told told_of(const json_t *estimate, int64_t now_ms)
{
    static const char *const within[SIMULATE_WITHIN_COUNT] = {"30", "60", "120", "300"};
    struct simulate_told t = {.at_ms = now_ms,
                              .p50 = cell_number(estimate, "p50_s"),
                              .p90 = cell_number(estimate, "p90_s"),
                              .mean = cell_number(estimate, "mean_s"),
                              .matched = cell_number(estimate, "matched")};
    for (int i = 0; i < SIMULATE_WITHIN_COUNT; i++)
        t.within[i] = cell_number(json_object_get(estimate, "within"), within[i]);
    return t;
}

static unsigned set_of(const json_t *names)
{
    unsigned set = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        int g = gender_by_name(json_string_value(json_array_get(names, i)));
        set |= g >= 0 ? 1U << g : 0;
    }
    return set;
}

/* The group of one's gender and tastes, else that of the gender. */
static void look_at_board(struct simulate_live *v, uint32_t person)
{
    const struct trace_person *p = &v->run->crowd.trace->persons[person];
    const json_t *cells = json_object_get(v->board, "estimates"), *best = NULL;
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *cell = json_array_get(cells, i), *seeking = json_object_get(cell, "seeking");
        bool own = json_is_array(seeking) && set_of(seeking) == p->seeking;
        if (gender_by_name(json_text(cell, "gender")) == p->gender &&
            (own || (best == NULL && !json_is_array(seeking))))
            best = cell;
        if (own && best == cell)
            break;
    }
    if (best != NULL)
        v->run->told[SIMULATE_SOURCE_BOARD][person] = told_of(best, v->run->now_ms);
}

static void join(struct simulate_live *v, uint32_t person, int64_t due_ms)
{
    struct simulate_run *r = v->run;
    char job[SIMULATE_JOB_MAX];
    const struct simulate_ticket how = {.pool = r->setup.pool,
                                        .presence_ms = r->setup.presence_ms,
                                        .notify = simulate_run_draw(r, person, DRAW_NOTIFY) < r->setup.notify};
    r->books.records[person].joined_ms = r->now_ms;
    r->joined++;
    r->here++;
    simulate_numbers_add(&r->late_ms, (double)(r->now_ms - due_ms));
    look_at_board(v, person);
    simulate_jobs_send(v->jobs, SIMULATE_OP_SUBMIT, person, name_job(v, person, 's', 0, job),
                       simulate_crowd_submit(&r->crowd, person, &how), true);
}

static void leave(struct simulate_live *v, uint32_t person)
{
    struct simulate_run *r = v->run;
    char job[SIMULATE_JOB_MAX];
    r->leaves++;
    r->books.records[person].farewell = SIMULATE_ASKED;
    simulate_jobs_send(v->jobs, SIMULATE_OP_LEAVE, person, name_job(v, person, 'l', 0, job),
                       short_payload(v, "leave", person), true);
}

static void act(struct simulate_live *v, uint32_t person, int64_t due_ms)
{
    struct simulate_run *r = v->run;
    char job[SIMULATE_JOB_MAX];
    enum simulate_stage before = r->lives[person].stage;
    enum simulate_act deed = simulate_life_act(&r->lives[person], r->now_ms);
    bool left = r->lives[person].stage == SIMULATE_LEAVING || r->lives[person].stage == SIMULATE_SILENT;
    if (before != r->lives[person].stage && left && r->books.records[person].left_ms == SIMULATE_NOBODY)
        r->books.records[person].left_ms = r->now_ms;
    if (deed == SIMULATE_JOIN)
        join(v, person, due_ms);
    else if (deed == SIMULATE_LEAVE)
        leave(v, person);
    else if (deed == SIMULATE_TOUCH)
        simulate_jobs_send(v->jobs, SIMULATE_OP_TOUCH, person, name_job(v, person, 't', (unsigned)r->touches++, job),
                           short_payload(v, "touch", person), false);
    if (deed != SIMULATE_NOTHING)
        schedule(v, person);
}

static void gone(struct simulate_live *v, uint32_t person, enum simulate_end end)
{
    struct simulate_run *r = v->run;
    if (r->lives[person].stage == SIMULATE_GONE)
        return;
    simulate_life_ended(&r->lives[person], end);
    r->here--;
    if (r->books.records[person].left_ms == SIMULATE_NOBODY)
        r->books.records[person].left_ms = r->now_ms;
}

/* -- pairs -----------------------------------------------------------------------------------------------------------
 */

static void decide(struct simulate_live *v, uint32_t number)
{
    struct simulate_run *r = v->run;
    struct simulate_pair *p = &r->books.pairs[number];
    const uint32_t who[2] = {p->a, p->b};
    const char *votes[2];
    char ids[2][SIMULATE_ID_MAX], job[SIMULATE_JOB_MAX], text[640];
    bool yes = true;
    if (p->state != SIMULATE_PAIR_TOLD)
        return;
    for (int i = 0; i < 2; i++) {
        enum simulate_stage stage = r->lives[who[i]].stage;
        if (v->pair_of[who[i]] != number || (stage != SIMULATE_PAIRED && stage != SIMULATE_SILENT))
            return; /* one of them is leaving: the pool releases the pair */
        bool agrees = simulate_run_draw(r, number * 2 + (uint32_t)i, DRAW_VOTE) < r->setup.yes;
        votes[i] = stage == SIMULATE_SILENT ? "absent" : agrees ? "yes" : "no";
        yes = yes && *votes[i] == 'y';
        (void)simulate_crowd_id(&r->crowd, who[i], ids[i]);
    }
    p->state = SIMULATE_PAIR_ASKED;
    (void)snprintf(text, sizeof text,
                   "{\"v\":1,\"op\":\"%s\",\"pool\":\"%s\",\"pair\":\"%s\",\"votes\":{\"%s\":\"%s\",\"%s\":\"%s\"}}",
                   yes ? "confirm" : "release", r->setup.pool, p->id, ids[0], votes[0], ids[1], votes[1]);
    *(yes ? &r->confirms : &r->releases) += 1;
    simulate_jobs_send(v->jobs, SIMULATE_OP_PAIR, number, name_job(v, p->a, 'p', number, job), alloc_dup(text), true);
    for (int i = 0; i < 2; i++)
        if (*votes[i] == 'a') { /* told the pool that they are away: no answer is needed to be gone */
            r->books.records[who[i]].farewell = SIMULATE_LEFT_WELL;
            gone(v, who[i], SIMULATE_LEFT);
        }
}

/* An exponential time to think, well within the time a pair may stay open. */
static int64_t thinking_ms(const struct simulate_run *r, uint32_t pair)
{
    double mean = (double)r->setup.vote_ms / r->setup.speed;
    double most = r->setup.pending_ms > 0 ? (double)r->setup.pending_ms * .5 : 600000.0;
    return (int64_t)fmin(-mean * log1p(-simulate_run_draw(r, pair, DRAW_THINK)), most);
}

static void on_matched(struct simulate_live *v, const struct simulate_event *ev)
{
    struct simulate_run *r = v->run;
    const int64_t who[2] = {ev->a, ev->b};
    struct simulate_pair *p = &r->books.pairs[ev->pair];
    for (int i = 0; i < 2; i++) {
        uint32_t person = (uint32_t)who[i];
        struct simulate_record *record = &r->books.records[person];
        v->pair_of[person] = ev->pair;
        if (record->matched_seen_ms == SIMULATE_NOBODY && record->created_ms != SIMULATE_NOBODY && r->setup.store_known)
            simulate_numbers_add(&r->match_ms, (double)(clock_wall_ms() + r->setup.store_ahead_ms -
                                                        (record->created_ms + ev->wait_ms[i])));
        if (record->matched_seen_ms == SIMULATE_NOBODY)
            record->matched_seen_ms = r->now_ms;
        if (simulate_life_paired(&r->lives[person], r->now_ms))
            schedule(v, person);
    }
    p->vote_ms = r->now_ms + (r->phase == SIMULATE_RUNNING ? thinking_ms(r, ev->pair) : 0);
    simulate_agenda_add(&v->agenda, p->vote_ms, (uint32_t)SIMULATE_DO_PAIR << SIMULATE_DO_SHIFT | ev->pair);
}

static void on_released(struct simulate_live *v, const struct simulate_event *ev)
{
    struct simulate_run *r = v->run;
    const int64_t who[2] = {ev->a, ev->b};
    r->books.pairs[ev->pair].state = SIMULATE_PAIR_RELEASED;
    for (int i = 0; i < 2; i++) {
        uint32_t person = (uint32_t)who[i];
        if (v->pair_of[person] != ev->pair)
            continue;
        simulate_life_released(&r->lives[person], r->now_ms);
        if (r->phase != SIMULATE_RUNNING && r->lives[person].stage != SIMULATE_GONE)
            simulate_life_close(&r->lives[person], r->now_ms);
        schedule(v, person);
    }
}

void simulate_live_on_event(void *arg, int64_t seq, const json_t *data)
{
    struct simulate_live *v = arg;
    const struct simulate_event *ev = simulate_books_event(&v->run->books, seq, data, v->run->now_ms);
    v->news_ms = v->run->now_ms;
    if (ev == NULL)
        return;
    if (ev->type == SIMULATE_EV_MATCHED && v->run->books.pairs[ev->pair].state == SIMULATE_PAIR_RELEASED)
        return; /* told after its end: who matched died in between */
    if (ev->type == SIMULATE_EV_MATCHED)
        on_matched(v, ev);
    else if (ev->type == SIMULATE_EV_RELEASED)
        on_released(v, ev);
    else
        gone(v, (uint32_t)ev->a, SIMULATE_EXPIRED);
}

/* -- what they are told ----------------------------------------------------------------------------------------------
 */

void simulate_live_on_notice(void *arg, const char *ticket, const json_t *data)
{
    struct simulate_live *v = arg;
    struct simulate_run *r = v->run;
    int64_t person = simulate_crowd_find(&r->crowd, ticket);
    const json_t *estimate = json_object_get(data, "estimate");
    struct simulate_told told = told_of(estimate != NULL ? estimate : data, r->now_ms);
    if (person == SIMULATE_NOBODY || r->lives[person].stage != SIMULATE_WAITING || isnan(told.p50) || isnan(told.p90)) {
        r->notices_foreign++;
        return;
    }
    if (r->n_notices == r->cap_notices) {
        r->cap_notices = r->cap_notices == 0 ? 1024 : 2 * r->cap_notices;
        r->notices = alloc_must(reallocarray(r->notices, r->cap_notices, sizeof *r->notices));
    }
    r->notices[r->n_notices++] = (struct simulate_notice){(uint32_t)person, r->now_ms, told.p50, told.p90};
}

static void ask_model(struct simulate_live *v, uint32_t person)
{
    char id[SIMULATE_ID_MAX], path[SIMULATE_ASK_PATH_MAX];
    if (v->ask == NULL || v->run->lives[person].stage != SIMULATE_WAITING)
        return;
    (void)snprintf(path, sizeof path, "/v1/wait?queue=%s&pool=%s&ticket=%s", v->run->setup.queue, v->run->setup.pool,
                   simulate_crowd_id(&v->run->crowd, person, id));
    simulate_ask_get(v->ask, path, person);
}

void simulate_live_on_estimate(void *arg, uint32_t person, int status, const char *body)
{
    struct simulate_live *v = arg;
    if (status == 404 && ++v->asked[person] < ASK_MOST) {
        simulate_agenda_add(&v->agenda, v->run->now_ms + ASK_AGAIN_MS,
                            (uint32_t)SIMULATE_DO_ASK << SIMULATE_DO_SHIFT | person);
        return;
    }
    json_t *json = status == 200 ? json_loads(body, 0, NULL) : NULL;
    if (json != NULL)
        v->run->told[SIMULATE_SOURCE_PERSON][person] = told_of(json_object_get(json, "estimate"), v->run->now_ms);
    json_decref(json);
}

static void on_board(void *arg, const redisReply *reply, const struct err *e)
{
    struct simulate_live *v = arg;
    (void)e;
    v->board_asked = false;
    json_t *board =
        reply != NULL && reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, (size_t)reply->len, 0, NULL) : NULL;
    if (board == NULL)
        return;
    json_decref(v->board);
    v->board = board;
}

void simulate_live_ask_board(struct simulate_live *v)
{
    char key[KEY_MAX], field[KEY_MAX];
    (void)snprintf(field, sizeof field, "pool:%s", v->run->setup.pool);
    const char *argv[] = {"HGET", keys_of(key, v->run->setup.queue, "stats"), field};
    if (!v->board_asked)
        v->board_asked = redis_uv_argv(v->redis, on_board, v, (int)ARRAY_LEN(argv), argv, NULL) == 0;
}

/* -- answers ---------------------------------------------------------------------------------------------------------
 */

static void on_joined(struct simulate_live *v, uint32_t person, const json_t *result)
{
    struct simulate_run *r = v->run;
    struct simulate_record *record = &r->books.records[person];
    simulate_books_joined(&r->books, person, result, r->now_ms);
    simulate_numbers_add(&r->join_ms, (double)(r->now_ms - record->joined_ms));
    if (record->answer == SIMULATE_REFUSED) {
        gone(v, person, SIMULATE_DROPPED);
        return;
    }
    simulate_life_answered(&r->lives[person], r->now_ms);
    if (record->answer == SIMULATE_QUEUED) {
        r->told[SIMULATE_SOURCE_ANSWER][person] =
            told_of(json_object_get(json_object_get(result, "queued"), "estimate"), r->now_ms);
        ask_model(v, person);
    }
    schedule(v, person);
}

static void on_pair_answer(struct simulate_live *v, uint32_t number, const json_t *result)
{
    struct simulate_pair *p = &v->run->books.pairs[number];
    if (strcmp(json_text(result, "state"), "confirmed") != 0)
        return; /* released or over already: an event says so */
    p->state = SIMULATE_PAIR_CONFIRMED;
    gone(v, p->a, SIMULATE_MATCHED);
    gone(v, p->b, SIMULATE_MATCHED);
}

void simulate_live_on_answer(void *arg, enum simulate_op op, uint32_t of, const char *id, const char *state,
                             const json_t *result)
{
    struct simulate_live *v = arg;
    struct simulate_books *books = &v->run->books;
    v->news_ms = v->run->now_ms;
    if (*state == '\0') {
        simulate_books_fault(books, SIMULATE_FAULT_NO_ANSWER, "job %s was sent and never ended", id);
        return;
    }
    if (strcmp(state, "done") != 0) {
        bool refused = strcmp(state, "refused") == 0;
        simulate_books_fault(books, SIMULATE_FAULT_DEAD, "job %s is %s%s%s", id, state, refused ? ": " : "",
                             refused ? json_text(result, "why") : "; \"stint job show\" says why");
        if (op == SIMULATE_OP_SUBMIT)
            gone(v, of, SIMULATE_DROPPED);
        return;
    }
    if (op == SIMULATE_OP_SUBMIT) {
        on_joined(v, of, result);
    } else if (op == SIMULATE_OP_LEAVE) {
        (void)simulate_books_left(books, of, result);
        gone(v, of, SIMULATE_LEFT);
    } else if (op == SIMULATE_OP_PAIR) {
        on_pair_answer(v, of, result);
    }
}

/* -- turns -----------------------------------------------------------------------------------------------------------
 */

/* -- turns -----------------------------------------------------------------------------------------------------------
 */

void simulate_live_close(struct simulate_live *v)
{
    struct simulate_run *r = v->run;
    r->phase = SIMULATE_CLOSING;
    r->horizon_ms = r->now_ms;
    v->news_ms = r->now_ms;
    for (uint32_t i = 0; i < r->crowd.trace->n_persons; i++) {
        simulate_life_close(&r->lives[i], r->now_ms);
        schedule(v, i);
    }
    for (uint32_t i = 0; i < r->books.n_pairs; i++)
        if (r->books.pairs[i].state == SIMULATE_PAIR_TOLD)
            simulate_agenda_add(&v->agenda, r->now_ms, (uint32_t)SIMULATE_DO_PAIR << SIMULATE_DO_SHIFT | i);
}

void simulate_live_act(struct simulate_live *v)
{
    struct simulate_entry due;
    while (simulate_agenda_take(&v->agenda, v->run->now_ms, &due)) {
        uint32_t of = due.of & ((1U << SIMULATE_DO_SHIFT) - 1);
        switch (due.of >> SIMULATE_DO_SHIFT) {
        case SIMULATE_DO_PERSON:
            act(v, of, due.due_ms);
            break;
        case SIMULATE_DO_PAIR:
            decide(v, of);
            break;
        case SIMULATE_DO_ASK:
            ask_model(v, of);
            break;
        default:
            break;
        }
    }
}

/* Whether all is said: nobody is here, no job is open, both sides of every answered pair were told. */
bool simulate_live_settled(const struct simulate_live *v)
{
    const struct simulate_run *r = v->run;
    return r->here == 0 && simulate_jobs_unsent(v->jobs) == 0 && simulate_jobs_unanswered(v->jobs) == 0 &&
           simulate_books_untold(&r->books) == 0;
}

/* -- life ------------------------------------------------------------------------------------------------------------
 */

void simulate_live_plan(struct simulate_live *v)
{
    struct simulate_run *r = v->run;
    const struct trace *t = r->crowd.trace;
    for (uint32_t i = 0; i < t->n_persons; i++) {
        const struct trace_person *p = &t->persons[i];
        int64_t leave_ms =
            p->leave_ms == TRACE_STAYS ? SIMULATE_NEVER : (int64_t)((double)p->leave_ms / r->setup.speed);
        simulate_life_init(&r->lives[i], (int64_t)((double)p->join_ms / r->setup.speed), leave_ms,
                           r->setup.presence_ms / 3, simulate_run_draw(r, i, DRAW_SILENT) < r->setup.silent);
        v->pair_of[i] = UINT32_MAX;
        schedule(v, i);
    }
    r->horizon_ms = (int64_t)((double)t->horizon_ms / r->setup.speed);
}
