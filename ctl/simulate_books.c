/*
 * simulate_books - see simulate_books.h. It refuses to judge while events come: one that was told late would look like
 * a fault, and one told twice is none.
 */
#include "simulate_books.h"

#include "alloc.h"
#include "queue_call.h"
#include "ticket_hash.h"

#include <stdarg.h>
#include <stdio.h>

enum { SIZE_FIRST = 1024, NO_INDEX = -1 };

static const struct {
    const char *name, *text;
} faults[SIMULATE_FAULT_COUNT] = {
#define X(id, name, text) {name, text},
    SIMULATE_FAULTS(X)
#undef X
};

const char *simulate_fault_name(enum simulate_fault fault)
{
    return faults[fault].name;
}

const char *simulate_fault_text(enum simulate_fault fault)
{
    return faults[fault].text;
}

size_t simulate_books_faults(const struct simulate_books *b)
{
    size_t n = 0;
    for (size_t i = 0; i < SIMULATE_FAULT_COUNT; i++)
        n += b->faults[i];
    return n;
}

void simulate_books_fault(struct simulate_books *b, enum simulate_fault fault, const char *format, ...)
{
    va_list args;
    b->faults[fault]++;
    if (b->n_evidence == SIMULATE_EVIDENCE_MAX)
        return;
    char *text = b->evidence[b->n_evidence++];
    int used = snprintf(text, SIMULATE_TEXT_MAX, "%s: ", faults[fault].name);
    va_start(args, format);
    (void)vsnprintf(text + used, SIMULATE_TEXT_MAX - (size_t)used, format, args);
    va_end(args);
}

/* -- indexes: open addressing, at most half full ----------------------------------------------------------------------
 */

static size_t place_of_key(const struct simulate_index *x, uint64_t key)
{
    size_t i = ticket_hash_mix(key) % x->size;
    while (x->keys[i] != 0 && x->keys[i] != key)
        i = (i + 1) % x->size;
    return i;
}

static int64_t index_find(const struct simulate_index *x, uint64_t key)
{
    size_t i = x->size == 0 ? 0 : place_of_key(x, key);
    return x->size == 0 || x->keys[i] == 0 ? NO_INDEX : (int64_t)x->values[i];
}

static void index_add(struct simulate_index *x, uint64_t key, uint32_t value)
{
    if (2 * (x->used + 1) > x->size) {
        struct simulate_index grown = {.size = x->size == 0 ? SIZE_FIRST : 2 * x->size, .used = x->used};
        grown.keys = alloc_zero(grown.size, sizeof *grown.keys);
        grown.values = alloc_zero(grown.size, sizeof *grown.values);
        for (size_t i = 0; i < x->size; i++) {
            size_t to = x->keys[i] == 0 ? 0 : place_of_key(&grown, x->keys[i]);
            if (x->keys[i] != 0) {
                grown.keys[to] = x->keys[i];
                grown.values[to] = x->values[i];
            }
        }
        free(x->keys);
        free(x->values);
        *x = grown;
    }
    size_t i = place_of_key(x, key);
    x->used += x->keys[i] == 0;
    x->keys[i] = key;
    x->values[i] = value;
}

/* -- life ------------------------------------------------------------------------------------------------------------
 */

int simulate_books_init(struct simulate_books *b, const struct simulate_crowd *crowd, struct err *e)
{
    uint32_t n = crowd->trace->n_persons;
    *b = (struct simulate_books){.crowd = crowd, .records = calloc((size_t)n + 1, sizeof *b->records)};
    if (b->records == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the records of %u people", n);
    for (uint32_t i = 0; i < n; i++)
        b->records[i] = (struct simulate_record){.joined_ms = SIMULATE_NOBODY,
                                                 .answered_ms = SIMULATE_NOBODY,
                                                 .left_ms = SIMULATE_NOBODY,
                                                 .matched_seen_ms = SIMULATE_NOBODY,
                                                 .created_ms = SIMULATE_NOBODY,
                                                 .first_wait_ms = SIMULATE_NOBODY,
                                                 .partner = SIMULATE_NOBODY};
    return 0;
}

void simulate_books_fini(struct simulate_books *b)
{
    free(b->records);
    free(b->events);
    free(b->pairs);
    free(b->by_seq.keys);
    free(b->by_seq.values);
    free(b->by_pair.keys);
    free(b->by_pair.values);
    *b = (struct simulate_books){0};
}

/* -- events ----------------------------------------------------------------------------------------------------------
 */

static struct simulate_pair *pair_by_name(const struct simulate_books *b, const char *id)
{
    int64_t i = index_find(&b->by_pair, ticket_hash_text(id));
    return i == NO_INDEX ? NULL : &b->pairs[i];
}

static uint32_t add_pair(struct simulate_books *b, const char *id, const struct simulate_event *ev, int64_t now_ms)
{
    if (b->n_pairs == b->cap_pairs) {
        b->cap_pairs = b->cap_pairs == 0 ? SIZE_FIRST : 2 * b->cap_pairs;
        b->pairs = alloc_must(reallocarray(b->pairs, b->cap_pairs, sizeof *b->pairs));
    }
    struct simulate_pair *p = &b->pairs[b->n_pairs];
    *p = (struct simulate_pair){.a = (uint32_t)ev->a, .b = (uint32_t)ev->b, .told_ms = now_ms, .vote_ms = INT64_MAX};
    (void)snprintf(p->id, sizeof p->id, "%s", id);
    index_add(&b->by_pair, ticket_hash_text(id), b->n_pairs);
    return b->n_pairs++;
}

/* Reads the event. False when it is none, with `ret_why` saying what is wrong with it. */
static bool read_event(const struct simulate_crowd *c, const json_t *data, struct simulate_event *ret,
                       const char **ret_why)
{
    const char *type = json_text(data, "t"), *pair = json_text(data, "pair");
    bool matched = strcmp(type, "matched") == 0, released = strcmp(type, "released") == 0;
    *ret_why = "no such type";
    if (!matched && !released && strcmp(type, "expired") != 0)
        return false;
    *ret = (struct simulate_event){.type = matched    ? SIMULATE_EV_MATCHED
                                           : released ? SIMULATE_EV_RELEASED
                                                      : SIMULATE_EV_EXPIRED,
                                   .a = simulate_crowd_find(c, json_text(data, matched || released ? "a" : "id")),
                                   .b = SIMULATE_NOBODY,
                                   .pair = UINT32_MAX};
    ret->timely = strcmp(json_text(data, "reason"), "expired") == 0;
    if (!matched && !released)
        return true;
    ret->b = simulate_crowd_find(c, json_text(data, "b"));
    ret->wait_ms[0] = json_number(data, "wait_a_ms", -1);
    ret->wait_ms[1] = json_number(data, "wait_b_ms", -1);
    ret->waits[0] = json_is_true(json_object_get(data, "a_waits"));
    ret->waits[1] = json_is_true(json_object_get(data, "b_waits"));
    *ret_why = "no pair, or a pair without waits";
    return *pair != '\0' && strlen(pair) < SIMULATE_PAIR_MAX &&
           (released || (ret->wait_ms[0] >= 0 && ret->wait_ms[1] >= 0));
}

static bool same(const struct simulate_event *a, const struct simulate_event *b)
{
    return a->type == b->type && a->a == b->a && a->b == b->b && a->pair == b->pair && a->timely == b->timely &&
           memcmp(a->wait_ms, b->wait_ms, sizeof a->wait_ms) == 0 && memcmp(a->waits, b->waits, sizeof a->waits) == 0;
}

static const struct simulate_event *keep(struct simulate_books *b, const struct simulate_event *ev)
{
    if (b->n_events == b->cap_events) {
        b->cap_events = b->cap_events == 0 ? SIZE_FIRST : 2 * b->cap_events;
        b->events = alloc_must(reallocarray(b->events, b->cap_events, sizeof *b->events));
    }
    index_add(&b->by_seq, (uint64_t)ev->seq, (uint32_t)b->n_events);
    b->events[b->n_events] = *ev;
    return &b->events[b->n_events++];
}

/* The pair of the event, which may hear of its end before its match. False for one that cannot be. */
static bool find_pair(struct simulate_books *b, struct simulate_event *ev, const char *id, bool repeated,
                      int64_t now_ms)
{
    struct simulate_pair *known = pair_by_name(b, id);
    ev->pair = known != NULL ? (uint32_t)(known - b->pairs) : add_pair(b, id, ev, now_ms);
    if (ev->type != SIMULATE_EV_MATCHED || repeated)
        return true;
    if (b->pairs[ev->pair].matched) {
        simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE, "event %lld: pair %s is matched a second time", (long long)ev->seq, id);
        return false;
    }
    b->pairs[ev->pair].matched = true;
    return true;
}

const struct simulate_event *simulate_books_event(struct simulate_books *b, int64_t seq, const json_t *data,
                                                  int64_t now_ms)
{
    struct simulate_event ev;
    const char *why = "";
    if (seq <= 0 || !read_event(b->crowd, data, &ev, &why)) {
        simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE, "event %lld: %s", (long long)seq,
                             seq <= 0 ? "no number" : why);
        return NULL;
    }
    ev.seq = seq;
    bool pair = ev.type != SIMULATE_EV_EXPIRED;
    if (ev.a == SIMULATE_NOBODY || (pair && ev.b == SIMULATE_NOBODY)) {
        b->strangers++;
        if (pair && ev.a != ev.b)
            simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE,
                                 "event %lld: somebody of the run is paired with a stranger", (long long)seq);
        return NULL;
    }
    int64_t known = index_find(&b->by_seq, (uint64_t)seq);
    if (pair && !find_pair(b, &ev, json_text(data, "pair"), known != NO_INDEX, now_ms))
        return NULL;
    if (known == NO_INDEX)
        return keep(b, &ev);
    b->repeated++;
    if (!same(&b->events[known], &ev))
        simulate_books_fault(b, SIMULATE_FAULT_CHANGED, "event %lld came twice, with different content",
                             (long long)seq);
    return NULL;
}

/* -- answers ---------------------------------------------------------------------------------------------------------
 */

void simulate_books_joined(struct simulate_books *b, uint32_t person, const json_t *result, int64_t now_ms)
{
    struct simulate_record *r = &b->records[person];
    const json_t *queued = json_object_get(result, "queued"),
                 *pair = json_array_get(json_object_get(result, "pairs"), 0);
    if (r->answer != SIMULATE_UNANSWERED)
        return;
    r->answered_ms = now_ms;
    r->answer = SIMULATE_MUTE;
    if (json_is_object(queued)) {
        r->answer = SIMULATE_QUEUED;
        r->created_ms = json_number(queued, "created_ms", SIMULATE_NOBODY);
    } else if (pair != NULL) {
        r->answer = SIMULATE_AT_ONCE;
        r->answer_pair = ticket_hash_text(json_text(pair, "pair"));
    } else if (json_array_size(json_object_get(result, "dropped")) > 0) {
        r->answer = SIMULATE_REFUSED;
    }
}

bool simulate_books_left(struct simulate_books *b, uint32_t person, const json_t *result)
{
    struct simulate_record *r = &b->records[person];
    bool absent = strcmp(json_text(result, "state"), "absent") == 0;
    r->farewell = absent ? SIMULATE_ABSENT : SIMULATE_LEFT_WELL;
    return !absent;
}

size_t simulate_books_untold(const struct simulate_books *b)
{
    size_t n = 0;
    for (uint32_t i = 0; i < b->crowd->trace->n_persons; i++)
        n += b->records[i].answer == SIMULATE_AT_ONCE && index_find(&b->by_pair, b->records[i].answer_pair) == NO_INDEX;
    return n;
}

/* -- judgement -------------------------------------------------------------------------------------------------------
 */

static int by_seq(const void *pa, const void *pb)
{
    const struct simulate_event *a = pa, *b = pb;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Where a person is while the events are gone through again. */
struct standing {
    int64_t pair; /* NO_INDEX: in none */
    bool gone;
};

static const char *name(const struct simulate_books *b, int64_t person, char id[static SIMULATE_ID_MAX])
{
    return simulate_crowd_id(b->crowd, (uint32_t)person, id);
}

static void enter_pair(struct simulate_books *b, struct standing *who, const struct simulate_event *ev, int side)
{
    char id[SIMULATE_ID_MAX];
    int64_t me = side == 0 ? ev->a : ev->b, other = side == 0 ? ev->b : ev->a;
    if (who[me].gone)
        simulate_books_fault(b, SIMULATE_FAULT_TWO_PAIRS, "%s is matched by event %lld after having gone",
                             name(b, me, id), (long long)ev->seq);
    else if (who[me].pair != NO_INDEX)
        simulate_books_fault(b, SIMULATE_FAULT_TWO_PAIRS, "%s is in pair %s and, by event %lld, in pair %s",
                             name(b, me, id), b->pairs[who[me].pair].id, (long long)ev->seq, b->pairs[ev->pair].id);
    who[me].pair = ev->pair;
    if (b->records[me].partner == SIMULATE_NOBODY) {
        b->records[me].partner = other;
        b->records[me].first_wait_ms = ev->wait_ms[side];
    }
}

static void judge_match(struct simulate_books *b, struct standing *who, const struct simulate_event *ev)
{
    char one[SIMULATE_ID_MAX], other[SIMULATE_ID_MAX];
    const char *misfit = simulate_crowd_misfit(b->crowd, (uint32_t)ev->a, (uint32_t)ev->b);
    if (misfit != NULL)
        simulate_books_fault(b, SIMULATE_FAULT_UNFIT, "%s and %s, pair %s: %s", name(b, ev->a, one),
                             name(b, ev->b, other), b->pairs[ev->pair].id, misfit);
    enter_pair(b, who, ev, 0);
    enter_pair(b, who, ev, 1);
}

static void judge_release(struct simulate_books *b, struct standing *who, const struct simulate_event *ev)
{
    const struct simulate_pair *p = &b->pairs[ev->pair];
    if (who[ev->a].pair != ev->pair || who[ev->b].pair != ev->pair || p->state == SIMULATE_PAIR_CONFIRMED)
        simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE, "event %lld releases pair %s, which %s", (long long)ev->seq,
                             p->id, p->state == SIMULATE_PAIR_CONFIRMED ? "was confirmed" : "is over");
    who[ev->a].pair = who[ev->b].pair = NO_INDEX;
}

static void judge_expiry(struct simulate_books *b, struct standing *who, const struct simulate_event *ev)
{
    char id[SIMULATE_ID_MAX];
    if (who[ev->a].pair != NO_INDEX)
        simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE, "event %lld: %s expires while in pair %s",
                             (long long)ev->seq, name(b, ev->a, id), b->pairs[who[ev->a].pair].id);
    who[ev->a].gone = true;
    b->records[ev->a].expired = true;
    b->records[ev->a].offline = !ev->timely;
}

static void judge_person(struct simulate_books *b, const struct standing *who, uint32_t person)
{
    char id[SIMULATE_ID_MAX];
    const struct simulate_record *r = &b->records[person];
    bool paired = who[person].pair != NO_INDEX;
    bool confirmed = paired && b->pairs[who[person].pair].state == SIMULATE_PAIR_CONFIRMED;
    if (r->joined_ms == SIMULATE_NOBODY || r->answer == SIMULATE_REFUSED || r->answer == SIMULATE_UNANSWERED)
        return; /* never there; a job without an answer is a fault of its own */
    if (r->answer == SIMULATE_AT_ONCE && index_find(&b->by_pair, r->answer_pair) == NO_INDEX)
        simulate_books_fault(b, SIMULATE_FAULT_UNTOLD, "%s was matched by its submit's answer, and no event told of it",
                             name(b, person, id));
    else if (r->farewell == SIMULATE_ABSENT && !r->expired && !confirmed)
        simulate_books_fault(b, SIMULATE_FAULT_FORGOTTEN, "%s left, and the pool knew nobody of that name",
                             name(b, person, id));
    else if (r->farewell != SIMULATE_LEFT_WELL && r->farewell != SIMULATE_ABSENT && !r->expired && !confirmed)
        simulate_books_fault(b, SIMULATE_FAULT_NO_END, "%s joined and is %s", name(b, person, id),
                             paired ? "in a pair that never ended" : "neither matched nor gone");
}

/* The last time two people were in one pair, by the pair of them. */
static void judge_again(struct simulate_books *b, int64_t rematch_ms)
{
    struct simulate_index met = {0};
    for (uint32_t i = 0; i < b->n_pairs; i++) {
        const struct simulate_pair *p = &b->pairs[i];
        uint64_t two = ((uint64_t)MIN_OF(p->a, p->b) << 32 | MAX_OF(p->a, p->b)) + 1;
        int64_t before = index_find(&met, two);
        if (before != NO_INDEX && p->told_ms - b->pairs[before].told_ms < rematch_ms)
            simulate_books_fault(b, SIMULATE_FAULT_AGAIN, "pairs %s and %s are of the same two", b->pairs[before].id,
                                 p->id);
        index_add(&met, two, i);
    }
    free(met.keys);
    free(met.values);
}

void simulate_books_close(struct simulate_books *b, int64_t rematch_ms)
{
    struct standing *who = alloc_zero((size_t)b->crowd->trace->n_persons + 1, sizeof *who);
    for (uint32_t i = 0; i < b->crowd->trace->n_persons; i++)
        who[i].pair = NO_INDEX;
    for (uint32_t i = 0; i < b->n_pairs; i++)
        if (!b->pairs[i].matched)
            simulate_books_fault(b, SIMULATE_FAULT_IMPOSSIBLE, "pair %s is released and was never told", b->pairs[i].id);
    if (b->n_events > 0)
        qsort(b->events, b->n_events, sizeof *b->events, by_seq);
    for (size_t i = 0; i < b->n_events; i++) {
        const struct simulate_event *ev = &b->events[i];
        if (ev->type == SIMULATE_EV_MATCHED)
            judge_match(b, who, ev);
        else if (ev->type == SIMULATE_EV_RELEASED)
            judge_release(b, who, ev);
        else
            judge_expiry(b, who, ev);
    }
    for (uint32_t i = 0; i < b->crowd->trace->n_persons; i++)
        judge_person(b, who, i);
    judge_again(b, rematch_ms);
    free(who);
}
