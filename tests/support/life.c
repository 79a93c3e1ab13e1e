/*
 * Why: the reference the Functions are held against: what a job's life is, in the plainest terms, with no regard for
 * speed. Refuses to: look into Redis for what it should know itself; the one exception is the order in which parked
 * jobs come back.
 */
#include "life.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { CRASH_LIMIT = 2, FREE_MAX = 25, SUSPECT_MAX = 3, BEAT_MAX = 100 };

const char *const life_bands[LIFE_BANDS] = {"express", "high", "normal", "low", "large"};
const char *const life_kinds[LIFE_KINDS] = {"probe", "match"};
const char *const life_op_names[OPS] = {"ack", "done", "retry", "dead", "snooze", "cancelled", "lane", "free"};
const char *const life_policy_names[LIFE_POLICIES] = {"once", "lane", "quarantine", "free"};
static const char *const swrr = "1211213121"; /* 6:3:1 over bands 1, 2, 3, smoothly */

static struct life_job *by_id(struct life *m, const char *id)
{
    for (int i = 0; i < LIFE_JOBS; i++)
        if (m->jobs[i].state != NONE && strcmp(m->jobs[i].id, id) == 0)
            return &m->jobs[i];
    return NULL;
}

uint64_t life_random(struct life *m, uint64_t below)
{
    uint64_t z = (m->random += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

void life_note(struct life *m, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(m->log[m->operations % LIFE_LOG], sizeof m->log[0], format, ap);
    va_end(ap);
}

void life_complain(struct life *m, const char *condition, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    for (unsigned i = m->operations >= LIFE_LOG ? m->operations - LIFE_LOG + 1 : 0; i <= m->operations; i++)
        print_error("%u: %s\n", i, m->log[i % LIFE_LOG]);
    fail_msg("seed %llu, operation %u: %s: %s", (unsigned long long)m->seed, m->operations, condition, text);
}

const char *life_consumer(int consumer, char out[static 32])
{
    snprintf(out, 32, "h-%d:%d:1", consumer / 3 + 1, consumer % 3);
    return out;
}

const char *life_instance(int consumer)
{
    return consumer / 3 == 0 ? "h-1" : "h-2";
}

struct life_job *life_pick(struct life *m, unsigned states)
{
    int start = (int)life_random(m, LIFE_JOBS);
    for (int i = 0; i < LIFE_JOBS; i++) {
        struct life_job *j = &m->jobs[(start + i) % LIFE_JOBS];
        if (j->state != NONE && (states & (1u << j->state)))
            return j;
    }
    return NULL;
}

struct life_job *life_place(struct life *m)
{
    struct life_job *free_place = NULL;
    for (int i = 0; i < LIFE_JOBS && !free_place; i++)
        if (m->jobs[i].state == NONE)
            free_place = &m->jobs[i];
    if (!free_place)
        free_place = life_pick(m, 1u << DONE | 1u << CANCELLED | 1u << EXPIRED);
    if (free_place)
        *free_place = (struct life_job){0};
    return free_place;
}

static void left(struct life *m, struct life_job *j)
{
    int at = m->stale_count++ % LIFE_STALE;
    m->stale[at].band = j->band;
    snprintf(m->stale[at].entry, sizeof m->stale[at].entry, "%s", j->entry);
}

void life_ready(struct life *m, struct life_job *j)
{
    j->state = READY;
    j->seq = ++m->seq;
    j->due = false;
    j->hash = j->hash || j->by_entry;
    j->by_entry = false;
    j->known = j->hash;
}

void life_ready_or_later(struct life *m, struct life_job *j, bool later)
{
    if (later) {
        j->state = SCHEDULED;
        j->hash = j->known = true;
    } else {
        life_ready(m, j);
    }
}

void life_end(struct life *m, struct life_job *j, enum life_state state)
{
    j->state = state;
    j->run = 0;
    j->known = true; /* a status remains */
    m->cancelled += state == CANCELLED;
    m->expired += state == EXPIRED;
}

void life_dead(struct life_job *j)
{
    j->state = DEAD;
    j->run = 0;
    j->hash = j->known = true;
}

bool life_leave_claim(struct life *m, struct life_job *j)
{
    left(m, j);
    j->claims++;
    if (j->cancel)
        life_end(m, j, CANCELLED);
    return j->cancel;
}

void life_replayed(struct life *m, struct life_job *j, bool later, unsigned run)
{
    j->run = run;
    j->was_claims = j->claims;
    j->was_attempts = j->attempts;
    j->was_crashes = j->crashes;
    j->was_suspect = j->suspect;
    j->replays++;
    j->was_strikes = j->strikes;
    j->was_band = j->band;
    j->was_home = j->home;
    j->attempts = j->crashes = j->suspect = j->strikes = 0;
    j->malformed = false; /* its option was refused and is gone */
    life_ready_or_later(m, j, later);
}

int life_undone(struct life *m, unsigned run, int *ret_started)
{
    int undone = 0, started = 0;
    for (int i = 0; i < LIFE_JOBS; i++) {
        struct life_job *j = &m->jobs[i];
        if (j->run != run || run == 0)
            continue;
        if (j->state == ACTIVE || j->claims != j->was_claims) {
            started++;
            continue;
        }
        j->attempts = j->was_attempts;
        j->crashes = j->was_crashes;
        j->suspect = j->was_suspect;
        j->strikes = j->was_strikes;
        j->band = j->was_band;
        j->home = j->was_home;
        j->replays--;
        j->due = false;
        life_dead(j);
        undone++;
    }
    *ret_started = started;
    return undone;
}

int life_held(const struct life *m, int consumer)
{
    int n = 0;
    for (int i = 0; i < LIFE_JOBS; i++)
        n += m->jobs[i].state == ACTIVE && m->jobs[i].consumer == consumer;
    return n;
}

int life_draw_max(struct life *m, int consumer, uint64_t below)
{
    int first = consumer / 3 * 3, max = (int)life_random(m, below);
    return life_held(m, first) + life_held(m, first + 1) + life_held(m, first + 2) + max > 100 ? 0 : max;
}

static struct life_job *oldest_ready(struct life *m, int band)
{
    struct life_job *oldest = NULL;
    for (int i = 0; i < LIFE_JOBS; i++) {
        struct life_job *j = &m->jobs[i];
        if (j->state == READY && j->band == band && (!oldest || j->seq < oldest->seq))
            oldest = j;
    }
    return oldest;
}

/* True when the job must not run and was put where it belongs. */
static bool set_aside(struct life *m, struct life_job *j)
{
    if (j->malformed)
        life_dead(j);
    else if (j->expired)
        life_end(m, j, EXPIRED);
    else if (m->paused_kind[j->kind]) {
        j->state = PARKED;
        j->hash = j->known = true;
    } else {
        return false;
    }
    return true;
}

/* The jobs a fetch must answer, in order. */
static int expect_fetch(struct life *m, bool lane, int turn, int max, struct life_job *expected[])
{
    int row[4] = {lane ? LIFE_LANE : 0}, rows = 1, n = 0, aside = 0, most = lane ? 1 : 4;
    for (int i = 0; rows < most; i++) {
        int band = swrr[(turn + i) % 10] - '0';
        bool seen = false;
        for (int r = 1; r < rows; r++)
            seen = seen || row[r] == band;
        if (!seen)
            row[rows++] = band;
    }
    for (int r = 0; r < most && n < max; r++) {
        /* Reads what is still wanted at a time, and stops between reads once 100 jobs were put aside. */
        for (bool more = true; more && n < max && aside < 100;) {
            int want = max - n, got = 0;
            for (struct life_job *j; got < want && (j = oldest_ready(m, row[r])) != NULL; got++) {
                if (set_aside(m, j)) {
                    aside++;
                } else {
                    j->state = ACTIVE;
                    expected[n++] = j;
                }
            }
            more = got == want;
        }
        if (aside >= 100)
            break;
    }
    return n;
}

static void check_job(struct life *m, const struct life_job *j, const redisReply *f, size_t i)
{
    LIFE_CHECK(m, strcmp(ftest_job_text(f, i, JOB_AT_ID), j->id) == 0, "fetched %s, expected %s",
               ftest_job_text(f, i, JOB_AT_ID), j->id);
    LIFE_CHECK(m, strcmp(ftest_job_text(f, i, JOB_AT_KIND), life_kinds[j->kind]) == 0, "%s", j->id);
    LIFE_CHECK(m, strcmp(ftest_job_text(f, i, JOB_AT_BAND), life_bands[j->band]) == 0, "%s", j->id);
    LIFE_CHECK(m, strcmp(ftest_job_text(f, i, JOB_AT_PAYLOAD), j->payload) == 0, "%s", j->id);
    const int numbers[][2] = {{JOB_AT_EPOCH, j->claims + 1}, {JOB_AT_ATTEMPTS, j->attempts},
                              {JOB_AT_CRASHES, j->crashes},  {JOB_AT_HANDBACKS, j->handbacks},
                              {JOB_AT_REPLAYS, j->replays},  {JOB_AT_SUSPECT, j->suspect},
                              {JOB_AT_HAS_HASH, j->hash}};
    for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
        LIFE_CHECK(m, ftest_job_int(f, i, numbers[k][0]) == numbers[k][1], "%s: element %d is %lld, expected %d", j->id,
                   numbers[k][0], ftest_job_int(f, i, numbers[k][0]), numbers[k][1]);
}

void life_fetched(struct life *m, const redisReply *f, int consumer, bool lane, int turn, int max)
{
    const char *status = f->element[0]->str;
    if (max == 0 || !m->lease[consumer / 3] || m->paused) {
        const char *expected = max == 0 ? "empty" : !m->lease[consumer / 3] ? "fenced" : "paused";
        LIFE_CHECK(m, strcmp(status, expected) == 0, "%s, expected %s", status, expected);
        return;
    }
    struct life_job *expected[LIFE_JOBS];
    int n = expect_fetch(m, lane, turn, max, expected);
    LIFE_CHECK(m, (int)ftest_jobs(f) == n, "%zu jobs, expected %d", ftest_jobs(f), n);
    for (int i = 0; i < n; i++) {
        check_job(m, expected[i], f, (size_t)i);
        snprintf(expected[i]->entry, ENTRY_ID_MAX, "%s", ftest_job_text(f, (size_t)i, JOB_AT_ENTRY));
        expected[i]->consumer = consumer;
    }
}

static unsigned served_kinds(const struct life *m)
{
    return (m->lease[0] ? m->serves[0] : 0) | (m->lease[1] ? m->serves[1] : 0);
}

static void to_lane(struct life *m, struct life_job *j)
{
    if (j->band == LIFE_LANE || !(served_kinds(m) & 1u << j->kind))
        return;
    j->home = j->band;
    j->band = LIFE_LANE;
}

void life_beat(struct life *m, int host, unsigned serves)
{
    uint64_t last = m->seq, after = 0;
    m->lease[host] = true;
    m->serves[host] = serves;
    for (int looked = 0; looked < BEAT_MAX; looked++) {
        struct life_job *next = NULL;
        for (int i = 0; i < LIFE_JOBS; i++) {
            struct life_job *j = &m->jobs[i];
            if (j->state == READY && j->band == LIFE_LANE && j->seq > after && j->seq <= last &&
                (!next || j->seq < next->seq))
                next = j;
        }
        if (!next)
            return;
        after = next->seq;
        if (served_kinds(m) & 1u << next->kind)
            continue;
        next->band = next->home;
        life_ready(m, next);
    }
}

void life_finished(struct life *m, struct life_job *j, int op, bool later, bool keep)
{
    if (op == OP_ACK || op == OP_DONE) {
        left(m, j);
        j->claims++;
        j->state = DONE;
        j->run = 0;
        j->known = op == OP_DONE && keep;
        j->hash = j->known;
        m->done++;
        if (!j->known)
            *j = (struct life_job){0};
        return;
    }
    if (life_leave_claim(m, j))
        return;
    bool spent = op == OP_FREE && ++j->strikes > FREE_MAX;
    j->attempts += op == OP_RETRY || op == OP_LANE || op == OP_DEAD || spent;
    j->handbacks += op == OP_FREE && !spent;
    if (op == OP_RETRY || op == OP_LANE || op == OP_FREE)
        j->hash = j->known = true;
    if (op == OP_LANE)
        to_lane(m, j);
    if (op == OP_DEAD || spent)
        life_dead(j);
    else if (op == OP_CANCELLED)
        life_end(m, j, CANCELLED);
    else
        life_ready_or_later(m, j, later);
}

/* The next active job of the consumer after seq in band, in the order in which Redis lists pending entries. */
static struct life_job *next_held(struct life *m, int consumer, int band, uint64_t after)
{
    struct life_job *next = NULL;
    for (int i = 0; i < LIFE_JOBS; i++) {
        struct life_job *j = &m->jobs[i];
        if (j->state == ACTIVE && j->consumer == consumer && j->band == band && j->seq > after &&
            (!next || j->seq < next->seq))
            next = j;
    }
    return next;
}

static void blame(struct life *m, struct life_job *j, int policy, bool later)
{
    j->hash = j->known = true;
    if (policy == LIFE_FREE && j->strikes < FREE_MAX) {
        j->strikes++;
        j->handbacks++;
    } else if (++j->crashes >= CRASH_LIMIT || policy == LIFE_QUARANTINE) {
        life_dead(j);
        return;
    }
    if (policy == LIFE_TO_LANE)
        to_lane(m, j);
    life_ready_or_later(m, j, later);
}

void life_crashed(struct life *m, int consumer, const struct life_job *blamed, bool round, int policy, bool later)
{
    bool alone = life_held(m, consumer) == 1;
    for (int band = 0; band < LIFE_BANDS; band++) {
        uint64_t last = m->seq;
        uint64_t after = 0;
        for (struct life_job *j; (j = next_held(m, consumer, band, after)) != NULL && j->seq <= last;) {
            after = j->seq;
            if (life_leave_claim(m, j))
                continue;
            if (j == blamed || (round && ((alone && j->suspect) || j->strikes >= SUSPECT_MAX))) {
                blame(m, j, policy, later);
            } else if (round) {
                j->suspect = 1;
                j->strikes++;
                life_ready(m, j);
            } else {
                j->handbacks++;
                life_ready(m, j);
            }
        }
    }
}

void life_learn_order(struct life *m)
{
    for (int band = 0; band < LIFE_BANDS; band++) {
        redisReply *r = ftest_redis(m->ctx, "XRANGE stint:{q}:s:%s - +", life_bands[band]);
        for (size_t i = 0; i < r->elements; i++) {
            const redisReply *fields = r->element[i]->element[1];
            struct life_job *j = NULL;
            for (size_t k = 0; k + 1 < fields->elements; k += 2)
                if (strcmp(fields->element[k]->str, "id") == 0)
                    j = by_id(m, fields->element[k + 1]->str);
            if (j && j->state == PARKED)
                life_ready(m, j);
        }
        freeReplyObject(r);
    }
}

static void check_count(struct life *m, const json_t *stats, const char *name, long long expected)
{
    long long got = json_integer_value(json_object_get(stats, name));
    LIFE_CHECK(m, got == expected, "%s is %lld, expected %lld", name, got, expected);
}

/* What the ledger says dead letters take is the sum of what each of them was counted with. */
static void check_dead_bytes(struct life *m, long long told)
{
    long long sum = 0;
    for (int i = 0; i < LIFE_JOBS; i++) {
        if (m->jobs[i].state != DEAD)
            continue;
        redisReply *r = ftest_redis(m->ctx, "HGET stint:{q}:j:%s bytes", m->jobs[i].id);
        LIFE_CHECK(m, r->type == REDIS_REPLY_STRING, "%s is dead and not weighed", m->jobs[i].id);
        sum += strtoll(r->str, NULL, 10);
        freeReplyObject(r);
    }
    LIFE_CHECK(m, sum == told, "dead letters take %lld bytes, the ledger says %lld", sum, told);
}

void life_check_counts(struct life *m)
{
    long long count[STATES] = {0}, ready[LIFE_BANDS] = {0}, active[LIFE_BANDS] = {0};
    for (int i = 0; i < LIFE_JOBS; i++) {
        const struct life_job *j = &m->jobs[i];
        count[j->state]++;
        ready[j->band] += j->state == READY;
        active[j->band] += j->state == ACTIVE;
    }
    json_t *stats = ftest_json(ftest_call(m->ctx, "stint_stats", NULL));
    for (int b = 0; b < LIFE_BANDS; b++) {
        const json_t *band = json_object_get(json_object_get(stats, "bands"), life_bands[b]);
        check_count(m, band, "ready", ready[b]);
        check_count(m, band, "active", active[b]);
    }
    const json_t *ledger = json_object_get(stats, "ledger");
    check_count(m, ledger, "done", m->done);
    check_count(m, ledger, "cancelled", m->cancelled);
    check_count(m, ledger, "expired", m->expired);
    check_count(m, ledger, "purged", m->purged);
    check_count(m, stats, "scheduled", count[SCHEDULED]);
    check_count(m, stats, "parked", count[PARKED]);
    check_count(m, stats, "dead", count[DEAD]);
    check_dead_bytes(m, json_integer_value(json_object_get(ledger, "dead_bytes")));
    check_count(m, stats, "enqueued", m->enqueued);
    check_count(m, stats, "drift", 0);
    json_decref(stats);
}

void life_check_jobs(struct life *m)
{
    static const char *const names[STATES] = {"",     "ready", "active",    "scheduled", "scheduled",
                                              "dead", "done",  "cancelled", "expired"};
    for (int i = 0; i < LIFE_JOBS; i++) {
        const struct life_job *j = &m->jobs[i];
        if (j->state == NONE || !j->known)
            continue;
        redisReply *r = ftest_call(m->ctx, "stint_job", j->id, NULL);
        LIFE_CHECK(m, r->type == REDIS_REPLY_STRING, "%s is %s: %s", j->id, names[j->state], r->str);
        json_t *shown = ftest_json(r);
        const char *state = json_string_value(json_object_get(shown, "state"));
        LIFE_CHECK(m, strcmp(state, names[j->state]) == 0, "%s is %s, expected %s", j->id, state, names[j->state]);
        if (j->state < DONE) {
            check_count(m, shown, "attempts", j->attempts);
            check_count(m, shown, "crashes", j->crashes);
            check_count(m, shown, "handbacks", j->handbacks);
            check_count(m, shown, "replays", j->replays);
            check_count(m, shown, "epoch", j->claims + (j->state == ACTIVE));
            LIFE_CHECK(m, strcmp(json_string_value(json_object_get(shown, "payload")), j->payload) == 0, "%s", j->id);
        }
        json_decref(shown);
    }
}
