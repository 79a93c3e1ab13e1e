/*
 * verb_match_simulate - `stint match simulate`: a pool of made-up people on a live stack, judged at the end. Refuses a
 * pool that anybody else may be in.
 */
#include "clock.h"
#include "enqueue_options.h"
#include "keys.h"
#include "match_rules.h"
#include "queue_call.h"
#include "scenario.h"
#include "simulate_files.h"
#include "simulate_report.h"
#include "simulate_uv.h"
#include "simulate_view.h"
#include "ticket_hash.h"
#include "verb.h"

#include <stdio.h>
#include <sys/random.h>

enum { PRESENCE_MS = 30000, VOTE_MS = 4000, GIVE_UP_MS = 60000, RUN_LETTERS = 6, CLOCK_LOOKS = 7 };
#define POOL_PREFIX "sim-"

const struct arg_spec verb_match_simulate_options[] = {
    {"scenario", ARG_ENUM, "NAME", "the kind of traffic", SCENARIO_NAMES, 0, 0},
    {"trace", ARG_TEXT, "FILE|-", "instead of a scenario: a trace (see \"stint match replay\")", NULL, 1, 4095},
    {"rate", ARG_NUMBER, "R", "of a scenario: arrivals a second of its own time; default 1", NULL, 0, 100000},
    {"horizon", ARG_DURATION, "10m", "of a scenario: how long people come, in its own time; default 10m", NULL, 1000,
     INT64_C(604800000)},
    {"seed", ARG_INT, "N", "who comes when, and who votes how; default 1", NULL, 0, INT64_MAX},
    {"speed", ARG_NUMBER, "K",
     "compress the people's time K times; the service's timers (presence, pairs pending, relaxation) stay real; "
     "default 1",
     NULL, 0, 1000},
    {"pool", ARG_TEXT, "POOL", "default sim-SCENARIO; any name without sim- needs --yes when the pool has been used",
     NULL, 1, 64},
    {"presence", ARG_DURATION, "30s", "of each ticket, in real time; people touch every third of it; default 30s", NULL,
     3000, INT64_C(86400000)},
    {"yes-share", ARG_NUMBER, "S",
     "share of yes among the votes, 0 to 1: with a no the pair is released and both return; default 1", NULL, 0, 1},
    {"silent", ARG_NUMBER, "S", "share of those who leave by closing the app without a word, 0 to 1; default 0", NULL,
     0, 1},
    {"notify", ARG_NUMBER, "S", "share of people who consent to being told of changes, 0 to 1; default 0.1", NULL, 0,
     1},
    {"vote-time", ARG_DURATION, "4s", "mean time to decide about a partner, in the people's time; default 4s", NULL, 0,
     600000},
    {"out", ARG_TEXT, "DIR", "write trace.jsonl, outcomes.jsonl, predictions.jsonl, report.json", NULL, 1, 4000},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs match", NULL, 1, 64},
    {"yes", ARG_FLAG, NULL, "also in a pool that others use", NULL, 0, 0},
    {.name = NULL},
};

/* -- before ----------------------------------------------------------------------------------------------------------
 */

static int make_people(struct session *s, struct trace *ret, struct err *e)
{
    const char *scenario = args_text(&s->args, "scenario", NULL), *file = args_text(&s->args, "trace", NULL);
    double rate = args_number(&s->args, "rate", 1);
    if ((scenario == NULL) == (file == NULL))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "say who comes: --scenario " SCENARIO_NAMES ", or --trace FILE, and not both");
    if (file != NULL && (args_has(&s->args, "rate") || args_has(&s->args, "horizon")))
        return err_set(e, ERR_BAD_ARGUMENT, "--%s is of a scenario; a trace has its own",
                       args_has(&s->args, "rate") ? "rate" : "horizon");
    if (rate <= 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--rate: nobody would come; give more than 0 a second");
    return file != NULL ? trace_read(file, ret, e)
                        : scenario_make(scenario, (uint64_t)args_int(&s->args, "seed", 1), rate,
                                        args_int(&s->args, "horizon", 600000), ret, e);
}

static void name_pool(struct session *s, const struct trace *t, char ret[static 65])
{
    const char *given = args_text(&s->args, "pool", NULL);
    (void)snprintf(ret, 65, given != NULL ? "%s" : POOL_PREFIX "%.58s",
                   given != NULL          ? given
                   : *t->scenario != '\0' ? t->scenario
                                          : "trace");
}

/* Letters and digits that no other run has. */
static void name_run(char ret[static SIMULATE_RUN_MAX])
{
    uint64_t random = clock_mono_ns();
    ssize_t got = getrandom(&random, sizeof random, 0);
    (void)got; /* the clock alone will do */
    random = ticket_hash_mix(random);
    for (int i = 0; i < RUN_LETTERS; i++, random /= 36)
        ret[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[random % 36];
    ret[RUN_LETTERS] = '\0';
}

/* The id of a stream's last entry; *ret_used: it is there. */
static int last_entry(struct session *s, const char *queue, const char *what, const char *pool,
                      char ret[static ENTRY_ID_MAX], bool *ret_used, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX], suffix[KEY_MAX / 2];
    (void)snprintf(suffix, sizeof suffix, "%s:%s", what, pool);
    const char *const argv[] = {"XREVRANGE", keys_of(key, queue, suffix), "+", "-", "COUNT", "1"};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc < 0)
        return rc;
    *ret_used = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    (void)snprintf(ret, ENTRY_ID_MAX, "%s", *ret_used ? reply->element[0]->element[0]->str : "0-0");
    freeReplyObject(reply);
    return 0;
}

/* Does anybody publish, or keep, something about the pool? */
static int is_known(struct session *s, const char *queue, const char *pool, bool *ret_known, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX], field[80];
    (void)snprintf(field, sizeof field, "pool:%s", pool);
    const char *const argv[] = {"HEXISTS", keys_of(key, queue, "stats"), field};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc == 0)
        *ret_known = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    freeReplyObject(reply);
    return rc;
}

/* A simulation reads what becomes of its jobs; where no status is kept it would wait for ever. */
static int check_tracked(struct session *s, const char *queue, struct err *e)
{
    struct redis_sync *redis;
    redisReply *reply = NULL;
    char key[KEY_MAX];
    const char *const argv[] = {"HGET", keys_of(key, queue, "cfg"), "track:match"};
    int rc = session_redis(s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &reply, e, (int)ARRAY_LEN(argv), argv, NULL);
    if (rc == 0 && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "0") == 0)
        rc = err_set(e, ERR_REFUSED,
                     "queue %s keeps no status of match jobs (track:match is 0), so nothing could be judged", queue);
    freeReplyObject(reply);
    return rc;
}

static int check_pool(struct session *s, struct simulate_setup *setup, struct err *e)
{
    bool told = false, noticed = false, known = false;
    bool ours = strncmp(setup->pool, POOL_PREFIX, strlen(POOL_PREFIX)) == 0;
    if (strspn(setup->pool, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(setup->pool))
        return err_set(e, ERR_BAD_ARGUMENT, "--pool: \"%.64s\" is no name; allowed: A-Z a-z 0-9 . _ -", setup->pool);
    int rc = queue_list_check_known(&s->stores, setup->queue, e);
    if (rc == 0)
        rc = check_tracked(s, setup->queue, e);
    if (rc == 0)
        rc = last_entry(s, setup->queue, "match", setup->pool, setup->events_from, &told, e);
    if (rc == 0)
        rc = last_entry(s, setup->queue, "waits", setup->pool, setup->notices_from, &noticed, e);
    if (rc == 0)
        rc = is_known(s, setup->queue, setup->pool, &known, e);
    if (rc == 0 && (told || known) && !ours && !args_has(&s->args, "yes"))
        rc = err_set(
            e, ERR_REFUSED,
            "pool %s is in use: made-up people would be paired with real ones. Leave out --pool, name one that begins "
            "with " POOL_PREFIX ", or say --yes",
            setup->pool);
    return rc;
}

/* How far PostgreSQL's clock is ahead of ours, by the quickest of some answers. Without PostgreSQL events are not
 * timed. */
static void ask_clock(struct session *s, struct simulate_setup *setup)
{
    struct err e;
    int64_t quickest_ms = INT64_MAX;
    for (int i = 0; i < CLOCK_LOOKS; i++) {
        PGresult *rows = NULL;
        int64_t before_ms = clock_wall_ms();
        bool told = session_sql(s, "SELECT stint.now_ms()", 0, NULL, &rows, &e) == 0 && PQntuples(rows) == 1;
        int64_t took_ms = clock_wall_ms() - before_ms;
        if (told && took_ms < quickest_ms) {
            quickest_ms = took_ms;
            setup->store_ahead_ms = strtoll(PQgetvalue(rows, 0, 0), NULL, 10) - before_ms - took_ms / 2;
            setup->store_known = true;
        }
        PQclear(rows);
    }
}

static int set_up(struct session *s, struct simulate_setup *setup, struct match_rules *rules,
                  char queue[static QUEUE_MAX], struct err *e)
{
    int rc = session_conf(s, &setup->conf, e);
    if (rc == 0)
        rc = enqueue_options_queue(s, "match", args_text(&s->args, "queue", NULL), queue, e);
    if (rc == 0)
        rc = match_rules_load(rules, &setup->conf->match, e);
    if (rc < 0)
        return rc;
    setup->queue = queue;
    setup->actor = s->stores.actor;
    setup->seed = (uint64_t)args_int(&s->args, "seed", 1);
    setup->speed = args_number(&s->args, "speed", 1);
    setup->presence_ms = args_int(&s->args, "presence", PRESENCE_MS);
    setup->yes = args_number(&s->args, "yes-share", 1);
    setup->silent = args_number(&s->args, "silent", 0);
    setup->notify = args_number(&s->args, "notify", .1);
    setup->vote_ms = args_int(&s->args, "vote-time", VOTE_MS);
    setup->pending_ms = rules->pending_ms;
    setup->give_up_ms = GIVE_UP_MS;
    return setup->speed >= 0.1 ? 0 : err_set(e, ERR_BAD_ARGUMENT, "--speed: less than 0.1; allowed: 0.1 to 1000");
}

/* -- after -----------------------------------------------------------------------------------------------------------
 */

/* The run's tickets that PostgreSQL still takes for present. */
static void look_behind(struct session *s, struct simulate_run *r)
{
    struct err e;
    PGresult *rows = NULL;
    char like[SIMULATE_RUN_MAX + 4];
    (void)snprintf(like, sizeof like, "%s-%%", r->crowd.run);
    const char *const params[] = {r->setup.pool, like};
    if (session_sql(
            s, "SELECT id, state FROM stint.match_ticket WHERE pool = $1 AND id LIKE $2 AND state <> 'gone' LIMIT 100",
            2, params, &rows, &e) < 0) {
        out_remark(&s->out, "PostgreSQL was not asked whether tickets are left: %s", e.message);
        return;
    }
    for (int i = 0; i < PQntuples(rows); i++)
        simulate_books_fault(&r->books, SIMULATE_FAULT_LEFT_BEHIND, "ticket %s is still %s in PostgreSQL",
                             PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
    PQclear(rows);
}

/* The streams of a pool that only simulations use are of no use to anybody now. */
static void clean_up(struct session *s, const struct simulate_setup *setup)
{
    struct redis_sync *redis;
    struct err e;
    redisReply *reply = NULL;
    char events[KEY_MAX], notices[KEY_MAX], suffix[KEY_MAX / 2];
    if (strncmp(setup->pool, POOL_PREFIX, strlen(POOL_PREFIX)) != 0 || session_redis(s, &redis, &e) < 0)
        return;
    (void)snprintf(suffix, sizeof suffix, "match:%s", setup->pool);
    (void)keys_of(events, setup->queue, suffix);
    (void)snprintf(suffix, sizeof suffix, "waits:%s", setup->pool);
    const char *const argv[] = {"UNLINK", events, keys_of(notices, setup->queue, suffix)};
    if (redis_sync_argv(redis, &reply, &e, (int)ARRAY_LEN(argv), argv, NULL) == 0)
        freeReplyObject(reply);
}

static int finish(struct session *s, struct simulate_run *r, int64_t rematch_ms)
{
    struct err e = {.code = 0};
    const char *dir = args_text(&s->args, "out", NULL);
    simulate_books_close(&r->books, rematch_ms);
    look_behind(s, r);
    clean_up(s, &r->setup);
    json_t *report = simulate_report_make(r);
    simulate_view_report(s, report);
    int rc = dir != NULL ? simulate_files_write(r, report, dir, &e) : 0;
    json_decref(report);
    if (rc < 0)
        return session_fail(s, &e);
    return simulate_books_faults(&r->books) > 0 || r->interrupted || r->gave_up ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct session *s, const struct trace *t, struct simulate_run *r, const struct match_rules *rules,
               struct err *e)
{
    char name[SIMULATE_RUN_MAX];
    struct simulate_view view = {.s = s};
    int rc = check_pool(s, &r->setup, e);
    if (rc == 0 && args_has(&s->args, "out"))
        rc = simulate_files_prepare(args_text(&s->args, "out", ""), e);
    if (rc < 0)
        return rc;
    ask_clock(s, &r->setup);
    name_run(name);
    if (!metrics_address_find(r->setup.conf, &r->setup.metrics))
        out_remark(&s->out, "the metrics thread's address is not known: nobody is asked how long they wait "
                            "(metrics.enabled, metrics.port)");
    rc = simulate_run_init(r, t, name, e);
    if (rc == 0)
        rc = simulate_uv_live(r, simulate_view_progress, &view, e);
    simulate_view_end(&view);
    return rc < 0 ? rc : finish(s, r, rules->rematch_ms);
}

int verb_match_simulate(struct session *s)
{
    struct err e = {.code = 0};
    struct match_rules rules;
    struct trace people;
    struct simulate_run r = {.phase = SIMULATE_RUNNING};
    char queue[QUEUE_MAX], pool[65];
    int rc = make_people(s, &people, &e);
    if (rc < 0)
        return session_fail(s, &e);
    name_pool(s, &people, pool);
    r.setup.pool = pool;
    rc = set_up(s, &r.setup, &rules, queue, &e);
    if (rc == 0)
        rc = run(s, &people, &r, &rules, &e);
    simulate_run_fini(&r);
    trace_fini(&people);
    return rc < 0 ? session_fail(s, &e) : rc;
}
