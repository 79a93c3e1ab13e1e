/* The engine against a slow, obvious reference: the same events, the same pairs, for every policy and geometry. */
#include "match_index.h"
#include "match_max.h"
#include "place.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { EVENTS = 240000, PEOPLE = 400, HISTORY = 6 };

struct person { /* the reference's own idea of a person */
    bool waiting;
    uint64_t id;
    int gender, seeking, age, low, high, x, y, far;
    int64_t created, key;
    uint64_t hist[HISTORY];
};

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static bool knows(const struct person *a, uint64_t id)
{
    for (int i = 0; i < HISTORY; i++)
        if (a->hist[i] == id)
            return true;
    return false;
}

static bool fits(const struct person *a, const struct person *b)
{
    int64_t dx = a->x - b->x, dy = a->y - b->y, d2 = dx * dx + dy * dy;
    return a->seeking >> b->gender & 1 && b->seeking >> a->gender & 1 && b->age >= a->low && b->age <= a->high &&
           a->age >= b->low && a->age <= b->high && d2 <= (int64_t)a->far * a->far && d2 <= (int64_t)b->far * b->far &&
           !knows(a, b->id) && !knows(b, a->id) && a->id != b->id;
}

static int64_t score(const struct person *a, const struct person *w, enum match_policy policy)
{
    if (policy == MATCH_FCFS)
        return w->created;
    double dx = a->x - w->x, dy = a->y - w->y;
    return w->key + (int64_t)(1000 * (sqrt(dx * dx + dy * dy) / 10));
}

static int reference(const struct person *all, const struct person *a, enum match_policy policy)
{
    int best = -1;
    for (int i = 0; i < PEOPLE; i++) {
        const struct person *w = &all[i];
        if (!w->waiting || !fits(a, w))
            continue;
        if (best >= 0) {
            int64_t s = score(a, w, policy), b = score(a, &all[best], policy);
            if (s > b || (s == b && (w->created > all[best].created ||
                                     (w->created == all[best].created && w->id > all[best].id))))
                continue;
        }
        best = i;
    }
    return best;
}

static void make_person(struct person *p, uint64_t id, int64_t now)
{
    static const int fars[] = {100, 250, 500, 5000};
    *p = (struct person){
        .waiting = false, .id = id, .gender = (int)rnd(3), .age = 18 + (int)rnd(40), .created = now - rnd(50)};
    p->seeking = rnd(5) ? 1 << rnd(3) : 7;
    p->low = p->age - (int)rnd(12) < 18 ? 18 : p->age - (int)rnd(12);
    p->low = p->low < 18 ? 18 : p->low;
    p->high = p->age + (int)rnd(12);
    p->x = (int)rnd(800) - 400;
    p->y = (int)rnd(800) - 400;
    p->far = fars[rnd(4)];
    p->key = p->created - rnd(600) * 1000;
    for (int i = 0; i < HISTORY; i++)
        p->hist[i] = rnd(3) == 0 && id > 600 ? id - 1 - rnd(500) : UINT64_MAX;
}

static struct match_waiter waiter_of(const struct person *p)
{
    struct match_waiter w = {.key_ms = p->key, .expires_ms = INT64_MAX, .id = malloc(24)};
    (void)snprintf(w.id, 24, "%020llu", (unsigned long long)p->id);
    w.p = (struct match_profile){.pos = {(float)p->x, (float)p->y, 0},
                                 .max_chord = (float)p->far,
                                 .created_ms = p->created,
                                 .gone_ms = INT64_MAX,
                                 .hash = p->id + 1,
                                 .gender = (uint8_t)p->gender,
                                 .seeking = (uint8_t)p->seeking,
                                 .age = (uint8_t)p->age,
                                 .age_min = (uint8_t)p->low,
                                 .age_max = (uint8_t)p->high,
                                 .flags = MATCH_PLACED,
                                 .level = MATCH_LEVEL_NONE};
    w.p.lists = calloc(1, sizeof *w.p.lists + HISTORY * sizeof w.p.lists->excluded[0]);
    for (int i = 0; i < HISTORY; i++)
        if (p->hist[i] != UINT64_MAX)
            w.p.lists->excluded[w.p.lists->n_excluded++] = (struct match_excluded){p->hist[i] + 1, INT64_MAX};
    return w;
}

static void remove_id(struct match_index *ix, uint64_t id)
{
    char text[24];
    struct match_waiter w;
    (void)snprintf(text, sizeof text, "%020llu", (unsigned long long)id);
    uint32_t slot = match_index_find(ix, text);
    assert_int_not_equal(slot, MATCH_NO_SLOT);
    match_index_take(ix, slot, &w);
    match_waiter_fini(&w);
}

static void play(enum match_policy policy)
{
    struct match_rules rules = {
        .policy = policy, .plane = true, .ms_per_km = policy == MATCH_FCFS ? 0 : 1000, .level_span = -1};
    struct match_index *ix = match_index_new(&rules);
    struct person *all = calloc(PEOPLE, sizeof *all);
    int64_t now = 1000000000;
    int pairs = 0, n_waiting = 0;
    seed = 11 + (uint64_t)policy;
    for (int event = 0; event < EVENTS / 2; event++) {
        int i = (int)rnd(PEOPLE);
        now += rnd(1000);
        if (all[i].waiting) { /* leaves */
            remove_id(ix, all[i].id);
            all[i].waiting = false;
            n_waiting--;
            continue;
        }
        make_person(&all[i], (uint64_t)event, now);
        struct match_waiter w = waiter_of(&all[i]);
        struct match_found found;
        const struct match_query q = {&w.p, now, MATCH_FROM_START, UINT32_MAX};
        match_index_best(ix, &q, &found);
        int expected = reference(all, &all[i], policy);
        if (expected < 0) {
            uint32_t slot;
            assert_int_equal(found.slot, MATCH_NO_SLOT);
            assert_int_equal(match_index_add(ix, &w, &slot), 0);
            all[i].waiting = true;
            n_waiting++;
        } else {
            assert_int_not_equal(found.slot, MATCH_NO_SLOT);
            assert_int_equal(strtoull(match_index_at(ix, found.slot)->id, NULL, 10), all[expected].id);
            remove_id(ix, all[expected].id);
            all[expected].waiting = false;
            n_waiting--;
            match_waiter_fini(&w);
            pairs++;
        }
        assert_int_equal(match_index_count(ix), n_waiting);
    }
    assert_true(pairs > EVENTS / 40);
    free(all);
    match_index_free(ix);
}

static void test_index_best_agrees_with_reference_over_events(void **state)
{
    (void)state;
    play(MATCH_GREEDY);
    play(MATCH_FCFS);
}

static void test_index_best_with_a_budget_goes_on_from_its_cursor(void **state)
{
    (void)state;
    struct match_rules rules = {.policy = MATCH_GREEDY, .plane = true, .ms_per_km = 1000, .level_span = -1};
    struct match_index *ix = match_index_new(&rules);
    uint32_t slot;
    for (int i = 0; i < 5000; i++) { /* the only one who fits is the last */
        struct person p = {.id = (uint64_t)i,
                           .gender = 1,
                           .seeking = 1,
                           .age = 25,
                           .low = 18,
                           .high = i == 4999 ? 60 : 30,
                           .far = 5000,
                           .created = i,
                           .key = i};
        for (int k = 0; k < HISTORY; k++)
            p.hist[k] = UINT64_MAX;
        struct match_waiter w = waiter_of(&p);
        assert_int_equal(match_index_add(ix, &w, &slot), 0);
    }
    struct person me = {.id = 9999, .gender = 0, .seeking = 2, .age = 50, .low = 18, .high = 60, .far = 5000};
    struct match_waiter w = waiter_of(&me);
    struct match_query q = {&w.p, 10000, MATCH_FROM_START, 256};
    struct match_found found;
    int attempts = 0;
    do {
        match_index_best(ix, &q, &found);
        assert_true(found.looked <= 256 + 64);
        q.from = found.from;
        attempts++;
    } while (found.exhausted && attempts < 100);
    assert_int_not_equal(found.slot, MATCH_NO_SLOT);
    assert_true(attempts > 10);
    match_waiter_fini(&w);
    match_index_free(ix);
}

/* Largest matching by trying everything. */
static int brute(const uint8_t adj[12][12], int n, unsigned used)
{
    int v = 0, best;
    while (v < n && used >> v & 1)
        v++;
    if (v == n)
        return 0;
    best = brute(adj, n, used | 1u << v);
    for (int u = v + 1; u < n; u++)
        if (adj[v][u] && !(used >> u & 1)) {
            int with = 1 + brute(adj, n, used | 1u << v | 1u << u);
            best = with > best ? with : best;
        }
    return best;
}

static void test_max_augment_finds_the_maximum_of_random_graphs(void **state)
{
    (void)state;
    seed = 3;
    for (int turn = 0; turn < 4000; turn++) {
        uint8_t adj[12][12] = {0};
        uint32_t first[13] = {0}, to[144], mate[12], roots[12], n = 2 + rnd(11), m = 0;
        for (uint32_t a = 0; a < n; a++)
            for (uint32_t b = a + 1; b < n; b++)
                adj[a][b] = adj[b][a] = rnd(4) == 0;
        for (uint32_t a = 0; a < n; a++) {
            first[a] = m;
            mate[a] = MATCH_ALONE;
            roots[a] = a;
            for (uint32_t b = 0; b < n; b++)
                if (adj[a][b])
                    to[m++] = b;
        }
        first[n] = m;
        for (uint32_t a = 0; a < n; a++) /* some greedy start */
            for (uint32_t b = 0; b < n && rnd(2); b++)
                if (adj[a][b] && mate[a] == MATCH_ALONE && mate[b] == MATCH_ALONE) {
                    mate[a] = b;
                    mate[b] = a;
                }
        const struct match_graph g = {n, first, to};
        assert_true(match_max_augment(&g, mate, roots, n) >= 0);
        int pairs = 0;
        for (uint32_t a = 0; a < n; a++) {
            if (mate[a] == MATCH_ALONE)
                continue;
            assert_int_equal(mate[mate[a]], a);
            assert_true(adj[a][mate[a]]);
            pairs += a < mate[a];
        }
        assert_int_equal(pairs, brute((const uint8_t(*)[12])adj, (int)n, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_best_agrees_with_reference_over_events),
        cmocka_unit_test(test_index_best_with_a_budget_goes_on_from_its_cursor),
        cmocka_unit_test(test_max_augment_finds_the_maximum_of_random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
