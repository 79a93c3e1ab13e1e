/*
 * Why: arrows that are right one by one can still lose a job together. Random sequences of operations run against a
 * real Redis and against a small model of the life cycle; after every one, each state's count and the ledger must
 * agree. Refuses to: use time. What is due, and whose lease ended, is set by hand, so a seed repeats a run exactly.
 *
 * STINT_SEED=n draws another run than the usual one, STINT_OPERATIONS=n makes it longer; both are printed.
 */
#include "life.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

enum { OPERATIONS = 20000, FAR_MS = 6000000, DEEP_EVERY = 500 };

/* Operations: each does it in Redis and in the model. */

static void op_enqueue(struct life *m)
{
    struct life_job *twin =
        life_random(m, 10) == 0 ? life_pick(m, 1u << READY | 1u << ACTIVE | 1u << SCHEDULED | 1u << DEAD) : NULL;
    if (twin && (twin->hash || twin->by_entry)) {
        char options[256];
        snprintf(options, sizeof options, "{\"kind\":\"match\",\"id\":\"%s\"}", twin->id);
        life_note(m, "enqueue a duplicate of %s", twin->id);
        free(ftest_enqueue(m->ctx, options, "{}", "duplicate"));
        return;
    }
    struct life_job *j = life_place(m);
    if (!j)
        return;
    bool later = life_random(m, 4) == 0, named = life_random(m, 2) == 0;
    char options[256], name[64] = "", delay[64] = "";
    *j = (struct life_job){.band = (int)life_random(m, 4), .kind = (int)life_random(m, 2)};
    snprintf(j->payload, sizeof j->payload, "{\"n\":%llu}", (unsigned long long)++m->made);
    if (named)
        snprintf(name, sizeof name, ",\"id\":\"job:%llu\"", (unsigned long long)m->made);
    if (later)
        snprintf(delay, sizeof delay, ",\"delay_ms\":%d", FAR_MS);
    snprintf(options, sizeof options, "{\"kind\":\"%s\",\"band\":\"%s\"%s%s}", life_kinds[j->kind], life_bands[j->band],
             name, delay);
    life_note(m, "enqueue %s", options);
    AUTO_FREE char *id = ftest_enqueue(m->ctx, options, j->payload, later ? "scheduled" : "ready");
    snprintf(j->id, sizeof j->id, "%s", id);
    j->hash = later || (named && j->kind == 1);
    life_ready_or_later(m, j, later);
    j->by_entry = !later && !named;
    j->known = j->hash || j->by_entry;
    m->enqueued++;
}

static void op_plain(struct life *m)
{
    struct life_job *j = life_place(m);
    if (!j)
        return;
    *j = (struct life_job){.band = (int)life_random(m, 4), .kind = (int)life_random(m, 2)};
    snprintf(j->payload, sizeof j->payload, "{\"n\":%llu}", (unsigned long long)++m->made);
    j->malformed = life_random(m, 12) == 0;
    j->expired = !j->malformed && life_random(m, 12) == 0;
    life_note(m, "XADD %s %s%s%s", life_bands[j->band], life_kinds[j->kind], j->malformed ? " malformed" : "",
              j->expired ? " expired" : "");
    redisReply *reply = ftest_redis(m->ctx, "XADD stint:{q}:s:%s * kind %s payload %s o %s", life_bands[j->band],
                                    life_kinds[j->kind], j->payload,
                                    j->malformed ? "["
                                    : j->expired ? "{\"expires_at_ms\":1}"
                                                 : "{}");
    snprintf(j->id, sizeof j->id, "%s-%s", life_bands[j->band], reply->str);
    freeReplyObject(reply);
    life_ready(m, j);
    j->known = true; /* its id is that of its entry, until it is moved */
    m->enqueued++;
}

static void op_fetch(struct life *m)
{
    int consumer = (int)life_random(m, LIFE_CONSUMERS), turn = (int)life_random(m, 1000),
        max = life_draw_max(m, consumer, 7);
    if (max == 0)
        return;
    char name[32], turn_text[16], max_text[16];
    snprintf(turn_text, sizeof turn_text, "%d", turn);
    snprintf(max_text, sizeof max_text, "%d", max);
    bool lane = life_random(m, 4) == 0;
    life_note(m, "fetch %d%s turn %d max %d", consumer, lane ? " from the lane" : "", turn, max);
    redisReply *f = ftest_call(m->ctx, "stint_fetch", life_instance(consumer), life_consumer(consumer, name), turn_text,
                               max_text, lane ? "large" : NULL, NULL);
    life_fetched(m, f, consumer, lane, turn, max);
    freeReplyObject(f);
}

static void op_finish(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << ACTIVE);
    bool zombie = m->stale_count > 0 && (!j || life_random(m, 5) == 0);
    if (!zombie && !j)
        return;
    int op = (int)life_random(m, OPS + 4) % OPS, consumer = zombie ? (int)life_random(m, LIFE_CONSUMERS) : j->consumer;
    bool later = life_random(m, 3) == 0, keep = life_random(m, 2) == 0, lane = life_random(m, 4) == 0;
    if (!zombie && op == OP_ACK && j->hash)
        op = OP_DONE;
    int at = zombie ? (int)life_random(m, (uint64_t)MIN_OF(m->stale_count, LIFE_STALE)) : 0;
    const char *entry = zombie ? m->stale[at].entry : j->entry,
               *band = life_bands[zombie ? m->stale[at].band : j->band];
    char delay[16], name[32], turn_text[16], max_text[16], id[JOB_ID_MAX];
    int turn = (int)life_random(m, 1000), max = life_draw_max(m, consumer, 6);
    snprintf(turn_text, sizeof turn_text, "%d", turn);
    snprintf(max_text, sizeof max_text, "%d", max);
    snprintf(delay, sizeof delay, "%d", op == OP_DONE ? (keep ? FAR_MS : 0) : later ? FAR_MS : 0);
    snprintf(id, sizeof id, "%s", j ? j->id : "nobody");
    life_note(m, "finish %s %s %s delay %s%s, fetch %d", life_op_names[op], id, entry, delay,
              zombie ? " by a zombie" : "", max);
    redisReply *r = ftest_call(m->ctx, "stint_finish", life_instance(consumer), life_consumer(consumer, name),
                               turn_text, max_text, "1", life_op_names[op], band, entry, id,
                               "{\"cause\":\"handler_error\"}", delay, lane ? "large" : NULL, NULL);
    LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY, "%s", r->str);
    LIFE_CHECK(m, r->element[0]->integer == !zombie, "accepted %lld", r->element[0]->integer);
    LIFE_CHECK(m, r->elements == (zombie ? 3 : 2), "%zu elements", r->elements); /* the third names who was fenced */
    if (!zombie)
        life_finished(m, j, op, later, keep);
    life_fetched(m, r->element[1], consumer, lane, turn, max);
    freeReplyObject(r);
}

static void op_handback(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << ACTIVE);
    if (!j)
        return;
    bool later = life_random(m, 3) == 0;
    char name[32];
    life_note(m, "hand back %s%s", j->id, later ? " later" : "");
    long long n = ftest_int(ftest_call(m->ctx, "stint_handback", life_consumer(j->consumer, name), "drain",
                                       later ? "6000000" : "0", life_bands[j->band], j->entry, NULL));
    LIFE_CHECK(m, n == 1, "handed back %lld", n);
    if (life_leave_claim(m, j))
        return;
    j->handbacks++;
    life_ready_or_later(m, j, later);
}

static void op_crash(struct life *m)
{
    int consumer = (int)life_random(m, LIFE_CONSUMERS), how = (int)life_random(m, 3), n = life_held(m, consumer),
        policy = (int)life_random(m, LIFE_POLICIES);
    bool later = life_random(m, 3) == 0;
    const struct life_job *blamed = NULL;
    for (int i = 0; i < LIFE_JOBS && how == 0; i++)
        if (m->jobs[i].state == ACTIVE && m->jobs[i].consumer == consumer)
            blamed = &m->jobs[i];
    char name[32], blame[64] = "";
    if (blamed)
        snprintf(blame, sizeof blame, "%s:%s", life_bands[blamed->band], blamed->entry);
    life_note(m, "crash of %d blaming %s (%s)%s", consumer, how == 1 ? "the round" : blame, life_policy_names[policy],
              later ? " later" : "");
    redisReply *r = ftest_call(m->ctx, "stint_crash", life_consumer(consumer, name), how == 1 ? "*" : blame,
                               "{\"cause\":\"signal:SIGSEGV\"}", "f", "2", later ? "6000000" : "0",
                               life_policy_names[policy], NULL);
    LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY, "%s", r->str);
    LIFE_CHECK(m, (int)r->element[0]->elements == n && r->element[1]->integer == 0, "moved %zu of %d",
               r->element[0]->elements, n);
    freeReplyObject(r);
    life_crashed(m, consumer, blamed, how == 1, policy, later);
}

static void op_host(struct life *m)
{
    int host = (int)life_random(m, 2);
    if (!m->lease[host] || life_random(m, 2) == 0) {
        static const char *const kinds[] = {"", "\"probe\"", "\"match\"", "\"probe\",\"match\""};
        unsigned serves = (unsigned)life_random(m, ARRAY_LEN(kinds));
        char info[96];
        snprintf(info, sizeof info, "{\"lanes\":{\"q\":{\"large\":[%s]},\"other\":{}}}", kinds[serves]);
        life_note(m, "beat of host %d: %s", host, info);
        freeReplyObject(ftest_call(m->ctx, "stint_beat", host ? "h-2" : "h-1", "6000000", info, NULL));
        life_beat(m, host, serves);
        return;
    }
    if (life_random(m, 5) != 0)
        return;                           /* mostly alive */
    bool proven = life_random(m, 2) == 0; /* declared gone before its lease ends */
    life_note(m, "host %d is %s", host, proven ? "gone" : "lost");
    if (!proven)
        freeReplyObject(ftest_redis(m->ctx, "ZADD stint:{q}:i 1 h-%d", host + 1));
    static const char *const lost = "{\"cause\":\"worker_lost\"}";
    redisReply *r = proven ? ftest_call(m->ctx, "stint_gone", host ? "h-2" : "h-1", lost, "2", NULL)
                           : ftest_call(m->ctx, "stint_sweep", lost, "2", NULL);
    LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY && r->element[1]->integer == 0, "%s", r->str ? r->str : "some remained");
    freeReplyObject(r);
    m->lease[host] = false;
    for (int c = host * 3; c < host * 3 + 3; c++) {
        const struct life_job *only = NULL;
        int n = life_held(m, c);
        for (int i = 0; i < LIFE_JOBS && n == 1; i++)
            if (m->jobs[i].state == ACTIVE && m->jobs[i].consumer == c)
                only = &m->jobs[i];
        life_crashed(m, c, only, n > 1, LIFE_ONCE, false);
    }
}

static void op_make_due(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << SCHEDULED);
    if (!j || j->due)
        return;
    j->due = true;
    j->seq = ++m->seq;
    life_note(m, "%s is due", j->id);
    freeReplyObject(ftest_redis(m->ctx, "ZADD stint:{q}:d XX %llu %s", (unsigned long long)j->seq, j->id));
}

static void op_promote(struct life *m)
{
    int max = 1 + (int)life_random(m, 5), moved = 0;
    char text[16];
    snprintf(text, sizeof text, "%d", max);
    life_note(m, "promote %d", max);
    redisReply *r = ftest_call(m->ctx, "stint_promote", text, NULL);
    for (struct life_job *first; moved < max; moved++) {
        first = NULL;
        for (int i = 0; i < LIFE_JOBS; i++) {
            struct life_job *j = &m->jobs[i];
            if (j->state == SCHEDULED && j->due && (!first || j->seq < first->seq))
                first = j;
        }
        if (!first)
            break;
        if (m->paused_kind[first->kind])
            first->state = PARKED;
        else
            life_ready(m, first);
        first->due = false;
    }
    LIFE_CHECK(m, r->element[0]->integer == moved, "promoted %lld, expected %d", r->element[0]->integer, moved);
    freeReplyObject(r);
}

static void op_cancel(struct life *m)
{
    struct life_job *j = life_pick(m, ~0u);
    if (!j)
        return;
    static const char *const answers[STATES] = {"",     "cancelled", "cancelling", "cancelled", "cancelled",
                                                "dead", "done",      "cancelled",  "expired"};
    life_note(m, "cancel %s", j->id);
    redisReply *r = ftest_call(m->ctx, "stint_cancel", j->id, "r", "me", NULL);
    if (!j->known) {
        ftest_assert_error(r, "STINT_NOTFOUND", j->id);
        return;
    }
    LIFE_CHECK(m, r->type == REDIS_REPLY_STRING && strstr(r->str, answers[j->state]), "%s, expected %s", r->str,
               answers[j->state]);
    freeReplyObject(r);
    if (j->state == ACTIVE)
        j->cancel = true;
    else if (j->state == READY || j->state == SCHEDULED || j->state == PARKED)
        life_end(m, j, CANCELLED);
}

static void op_pause(struct life *m)
{
    int what = (int)life_random(m, 3); /* a kind, or the queue */
    bool *flag = what == 2 ? &m->paused : &m->paused_kind[what];
    const char *kind = what == 2 ? "" : life_kinds[what];
    if (!*flag && life_random(m, 5) != 0)
        return; /* mostly running */
    life_note(m, "%s \"%s\"", *flag ? "resume" : "pause", kind);
    long long changed = ftest_int(ftest_call(m->ctx, *flag ? "stint_resume" : "stint_pause", kind, "me", "r", NULL));
    LIFE_CHECK(m, changed == 1, "changed %lld", changed);
    *flag = !*flag;
    while (!*flag && what < 2 && changed == 1) /* at most 100 parked jobs a call */
        changed = ftest_int(ftest_call(m->ctx, "stint_resume", kind, "me", "r", NULL));
    if (!*flag && what < 2)
        life_learn_order(m);
    for (int i = 0; i < LIFE_JOBS && what < 2; i++)
        LIFE_CHECK(m, *flag || m->jobs[i].state != PARKED || m->jobs[i].kind != what, "%s is still parked",
                   m->jobs[i].id);
}

static void op_replay(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << DEAD);
    if (!j)
        return;
    bool later = life_random(m, 3) == 0;
    const char *expected = j->replays >= 3 ? "guard" : "ready";
    life_note(m, "replay %s%s", j->id, later ? " later" : "");
    redisReply *r = ftest_call(m->ctx, "stint_replay", "me",
                               later ? "{\"guard\":3,\"delay_ms\":6000000}" : "{\"guard\":3}", j->id, NULL);
    LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY && strcmp(r->element[0]->str, expected) == 0, "expected %s", expected);
    freeReplyObject(r);
    if (j->replays >= 3)
        return;
    life_replayed(m, j, later, 0);
}

/* A replay run over a few letters, in steps of one; the latest run can be undone. */
static void op_run(struct life *m)
{
    enum { LETTERS = 6 };
    struct life_job *letters[LETTERS];
    int n = 0, moved = 0;
    bool later = life_random(m, 3) == 0;
    char run[24];
    snprintf(run, sizeof run, "r%u", ++m->runs);
    m->run = m->runs;
    life_note(m, "run %s%s", run, later ? " later" : "");
    freeReplyObject(ftest_call(m->ctx, "stint_replay_open", run, "me", "r",
                               later ? "{\"guard\":3,\"delay_ms\":6000000}" : "{\"guard\":3}", "{}", "d", NULL));
    for (int i = 0; i < LIFE_JOBS && n < LETTERS; i++)
        if (m->jobs[i].state == DEAD && life_random(m, 2) == 0) {
            letters[n] = &m->jobs[i];
            ftest_int(ftest_call(m->ctx, "stint_replay_select", run, "d", letters[n++]->id, NULL));
        }
    freeReplyObject(ftest_call(m->ctx, "stint_replay_begin", run, "d", NULL));
    for (int i = 0; i < n; i++) {
        json_t *told = ftest_json(ftest_call(m->ctx, "stint_replay_step", run, "d", "1", NULL));
        bool guarded = letters[i]->replays >= 3;
        moved += !guarded;
        LIFE_CHECK(m, json_integer_value(json_object_get(told, "moved")) == !guarded, "%s", letters[i]->id);
        LIFE_CHECK(m, json_integer_value(json_object_get(told, "replayed")) == moved, "%s", letters[i]->id);
        json_decref(told);
        if (!guarded)
            life_replayed(m, letters[i], later, m->run);
    }
}

static void op_undo(struct life *m)
{
    char run[24];
    int started;
    if (m->run == 0)
        return;
    snprintf(run, sizeof run, "r%u", m->run);
    life_note(m, "undo run %s", run);
    json_t *told = ftest_json(ftest_call(m->ctx, "stint_replay_undo", run, "me", "r", "100", NULL));
    int undone = life_undone(m, m->run, &started);
    long long ended = json_integer_value(json_object_get(told, "succeeded")) +
                      json_integer_value(json_object_get(told, "failed")) +
                      json_integer_value(json_object_get(told, "dropped"));
    LIFE_CHECK(m, json_integer_value(json_object_get(told, "undone")) == undone, "undone %lld, expected %d",
               json_integer_value(json_object_get(told, "undone")), undone);
    LIFE_CHECK(m, json_integer_value(json_object_get(told, "replayed")) - ended - undone == started,
               "%s: %lld ended, %d still under way", run, ended, started);
    json_decref(told);
    m->run = 0;
}

static void op_purge(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << DEAD);
    if (!j)
        return;
    life_note(m, "purge %s", j->id);
    long long n = ftest_int(ftest_call(m->ctx, "stint_purge", "me", "r", j->id, "nobody", NULL));
    LIFE_CHECK(m, n == 1, "purged %lld", n);
    m->purged++;
    *j = (struct life_job){0};
}

enum { RETURN_ARGS_MAX = 256 };

/* A letter leaves the queue for somewhere else and comes back: purged once, enqueued once more, otherwise as it was. */
static void op_leave_and_return(struct life *m)
{
    struct life_job *j = life_pick(m, 1u << DEAD);
    if (!j)
        return;
    life_note(m, "leave and return %s", j->id);
    redisReply *h = ftest_redis(m->ctx, "HGETALL stint:{q}:j:%s", j->id);
    char *died = ftest_text(ftest_redis(m->ctx, "HGET stint:{q}:j:%s died", j->id)), token[64], count[16];
    (void)snprintf(token, sizeof token, "%s:0", died);
    free(died);
    long long n = ftest_int(ftest_call(m->ctx, "stint_dead_remove", "drain", "me", "r", "", "u", j->id, "1:0", NULL));
    LIFE_CHECK(m, n == 0, "removed %lld of another death", n);
    n = ftest_int(
        ftest_call(m->ctx, "stint_dead_remove", "drain", "me", "r", "", "u", j->id, token, "nobody", token, NULL));
    LIFE_CHECK(m, n == 1, "removed %lld", n);
    const char *args[RETURN_ARGS_MAX] = {"me", "r", "i", "keep", j->id, count};
    LIFE_CHECK(m, h->elements + 6 <= RETURN_ARGS_MAX, "%zu fields", h->elements);
    (void)snprintf(count, sizeof count, "%zu", h->elements);
    for (size_t i = 0; i < h->elements; i++)
        args[6 + i] = h->element[i]->str;
    for (int round = 0; round < 2; round++) {
        redisReply *r = ftest_call_argv(m->ctx, "stint_dead_import", (int)h->elements + 6, args);
        LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY && strcmp(r->element[0]->str, round == 0 ? "imported" : "same") == 0,
                   "%s: %s", j->id, r->type == REDIS_REPLY_ARRAY ? r->element[0]->str : r->str);
        freeReplyObject(r);
    }
    freeReplyObject(h);
    m->purged++;
    m->enqueued++;
}

/* The proof (docs/operations/fsck.md) finds nothing wrong with what the Functions did: every place, then every key. */
static void check_proof(struct life *m)
{
    static const char *const places[] = {
        "books",        "entry:express",  "entry:high",  "entry:normal",  "entry:low", "entry:large", "pending:express",
        "pending:high", "pending:normal", "pending:low", "pending:large", "d",         "dead",        "fp",
        "parked:match", "parked:probe"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        redisReply *r = ftest_call(m->ctx, "stint_fsck", places[i], "0", "250", NULL);
        LIFE_CHECK(m, r->type == REDIS_REPLY_ARRAY && r->elements == 6, "%s: %s", places[i], r->str);
        const redisReply *f = r->element[2];
        for (size_t n = 0; n < f->elements; n++) /* the model adds malformed entries of its own */
            LIFE_CHECK(m, strcmp(f->element[n]->element[0]->str, "entry_malformed") == 0, "fsck of %s: %s %s: %s",
                       places[i], f->element[n]->element[0]->str, f->element[n]->element[3]->str,
                       f->element[n]->element[4]->str);
        freeReplyObject(r);
    }
    redisReply *keys = ftest_redis(m->ctx, "KEYS stint:{q}:*");
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *f =
            ftest_call(m->ctx, "stint_fsck_look", "key", keys->element[i]->str + strlen("stint:{q}:"), NULL);
        LIFE_CHECK(m, f->type == REDIS_REPLY_ARRAY && f->elements == 0, "fsck of %s: %s", keys->element[i]->str,
                   f->type == REDIS_REPLY_ARRAY ? f->element[0]->element[4]->str : f->str);
        freeReplyObject(f);
    }
    freeReplyObject(keys);
}

/* How often each operation is drawn, in parts of the sum. */
static const struct {
    unsigned weight;
    void (*run)(struct life *m);
} operations[] = {
    {20, op_enqueue}, {12, op_plain},    {20, op_fetch},   {36, op_finish},          {4, op_handback}, {3, op_crash},
    {2, op_host},     {12, op_make_due}, {12, op_promote}, {3, op_cancel},           {1, op_pause},    {4, op_replay},
    {3, op_purge},    {2, op_run},       {2, op_undo},     {3, op_leave_and_return},
};

static unsigned long long env_number(const char *name, unsigned long long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_functions_random_operations_agree_with_the_model(void **state)
{
    struct life *m = calloc(1, sizeof *m);
    m->ctx = ftest_ctx(state);
    m->seed = m->random = env_number("STINT_SEED", 1);
    unsigned count = (unsigned)env_number("STINT_OPERATIONS", OPERATIONS), sum = 0;
    print_message("STINT_SEED=%llu STINT_OPERATIONS=%u\n", (unsigned long long)m->seed, count);
    ftest_int(ftest_call(m->ctx, "stint_config", "track:probe", "0", "me", NULL));
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        sum += operations[i].weight;
    m->lease[0] = true; /* the fixture's */
    for (m->operations = 0; m->operations < count; m->operations++) {
        unsigned draw = (unsigned)life_random(m, sum), i = 0;
        while (draw >= operations[i].weight)
            draw -= operations[i++].weight;
        life_note(m, "(nothing to do)");
        operations[i].run(m);
        life_check_counts(m);
        if (m->operations % DEEP_EVERY == DEEP_EVERY - 1) {
            life_check_jobs(m);
            check_proof(m);
        }
    }
    print_message("%lld enqueued, %lld done, %lld cancelled, %lld expired, %lld purged\n", m->enqueued, m->done,
                  m->cancelled, m->expired, m->purged);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_functions_random_operations_agree_with_the_model, ftest_reset),
    };
    return cmocka_run_group_tests(tests, ftest_setup, ftest_teardown);
}
