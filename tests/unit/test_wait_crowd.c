/* Many people at once say the same as one after the other: who fits whom, which share fits, and a curve backwards. */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PEOPLE = 1500, ASKING = 60, CURVES = 2000 };

static uint64_t seed = 1;

static uint32_t draw(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

/* Somebody within 60 km; one in eight has no place, one in four has regions. */
static struct wait_person somebody(uint64_t hash)
{
    struct wait_person p = {.hash = hash, .gender = (uint8_t)draw(GENDER_COUNT), .placed = draw(8) > 0};
    p.seeking = (uint8_t)(1 + draw(GENDER_ALL));
    p.age = (uint8_t)(18 + draw(60));
    p.age_min = (uint8_t)MAX_OF(18, p.age - (int)draw(30));
    p.age_max = (uint8_t)MIN_OF(120, p.age + (int)draw(30));
    for (int k = 0; k < 3 && p.placed; k++)
        p.pos[k] = (float)draw(6000) / 100;
    p.max_chord = draw(4) ? (float)(1 + draw(60)) + 0.37F : 0; /* nobody lives just on an edge */
    p.n_regions = draw(4) ? 0 : 1;
    p.regions[0] = draw(3);
    return p;
}

static struct wait_person with_wish(const struct wait_person *who, int wish)
{
    struct wait_person w = *who;
    if (wish == WAIT_REASON_DISTANCE)
        w.max_chord *= 2;
    if (wish == WAIT_REASON_AGE) {
        w.age_min = (uint8_t)MAX_OF(18, w.age_min - 5);
        w.age_max = (uint8_t)MIN_OF(120, w.age_max + 5);
    }
    if (wish == WAIT_REASON_GENDERS)
        w.seeking = GENDER_ALL;
    return w;
}

static void test_crowd_fits_whom_people_fit_one_by_one(void **state)
{
    static struct crowd c;
    static struct wait_person people[PEOPLE];
    uint8_t sets[CROWD_MAX];
    uint32_t fit = 0;
    (void)state;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        people[i] = somebody(i + 1);
        crowd_put(&c, i, &people[i]);
    }
    for (int k = 0; k < ASKING; k++) {
        struct wait_person who = somebody(9000 + (uint64_t)k);
        struct wishes ws;
        wishes_of(&who, WISHES_WIDER, &ws);
        assert_true(ws.set & WISH_OWN);
        crowd_match(&c, &ws, sets);
        for (uint32_t i = 0; i < PEOPLE; i++) {
            unsigned set = sets[i] ? crowd_meets(&c, &ws, i, sets[i]) : 0;
            for (int w = 0; w < WISHES; w++) {
                struct wait_person wider = with_wish(&who, w);
                bool asked = ws.set >> w & 1;
                assert_int_equal(set >> w & 1, asked && wait_fits(&wider, &people[i]));
            }
            fit += set != 0;
        }
    }
    assert_true(fit > ASKING);
    crowd_clear(&c);
    struct wait_person who = somebody(1);
    struct wishes ws;
    wishes_of(&who, 0, &ws);
    crowd_put(&c, 0, &people[0]);
    crowd_match(&c, &ws, sets);
    for (int i = 1; i < CROWD_BLOCK; i++)
        assert_int_equal(sets[i], 0); /* who was forgotten fits nobody */
}

/* The formula of docs/wait-model.md, plainly. */
static double near_enough(const struct wait_person *a, const struct wait_person *b)
{
    double ra = (double)a->max_chord, rb = (double)b->max_chord, r = ra > 0 && rb > 0 ? fmin(ra, rb) : fmax(ra, rb);
    if (!wait_regions_meet(a, b))
        return 0;
    if (!a->placed || !b->placed || r <= 0)
        return 1;
    double d = sqrt(place_chord2(a->pos, b->pos));
    return d >= r + 9 ? 0 : d <= r - 9 ? 1 : 1 / (1 + exp((d - r) / 1.5));
}

static struct wait_share plain_share(const struct side *s, const struct wait_person *who)
{
    double n = s->n_recent, sought = 0, aged = 0, near = 0, all = 0;
    for (uint32_t i = 0; i < s->n_recent; i++) {
        const struct wait_person *b = &s->recent[i];
        if (!(b->seeking >> who->gender & 1) || b->hash == who->hash)
            continue;
        bool fits =
            b->age >= who->age_min && b->age <= who->age_max && who->age >= b->age_min && who->age <= b->age_max;
        double close = near_enough(who, b);
        sought++;
        aged += fits;
        near += close;
        all += fits ? close : 0;
    }
    double p = (sought + 0.1) / (n + 1) * (aged + 1) / (sought + 4) * (near + 1) / (sought + 4);
    return (struct wait_share){fmin(1, (all + 20) / (n + 20 / p)), all + 20};
}

static void test_crowd_shares_of_all_wishes_are_those_of_each(void **state)
{
    (void)state;
    struct wait_model *m = wait_model_new(1);
    for (uint32_t i = 0; i < PEOPLE * GENDER_COUNT; i++) {
        struct wait_event ev = {.type = WAIT_JOIN, .at_ms = i, .who = somebody(i + 1)};
        wait_model_event(m, &ev);
    }
    for (int k = 0; k < ASKING; k++) {
        /* Half of them are among the arrivals. */
        struct wait_person who =
            k % 2 ? somebody(9000 + (uint64_t)k) : m->sides[k % GENDER_COUNT].recent[draw(PEOPLE / 2)];
        struct wishes ws;
        wishes_of(&who, WISHES_WIDER, &ws);
        for (int g = 0; g < GENDER_COUNT; g++) {
            struct wait_share shares[WISHES];
            unsigned set = wishes_seeking(&ws, g);
            wait_shares(&m->sides[g], g, &ws, set, shares);
            for (int w = 0; w < WISHES; w++) {
                struct wait_person wider = with_wish(&who, w);
                struct wait_share plain = plain_share(&m->sides[g], &wider);
                if (!(set >> w & 1))
                    continue;
                assert_float_equal(shares[w].part, plain.part, 1e-7);
                assert_float_equal(shares[w].events, plain.events, 1e-4);
            }
        }
    }
    wait_model_free(m);
}

static void test_curve_inverse_is_where_the_curve_is(void **state)
{
    (void)state;
    for (int i = 0; i < CURVES; i++) {
        struct wait_curve c = {.tail = 1e-5F * (float)(1 + draw(1000)), .sigma = (float)draw(120) / 100};
        float scale = 1.0F / (float)(1 + draw(2000));
        for (int k = 1; k <= CURVE_STEPS; k++) /* flat in places: probes that are taken for long */
            c.hazard[k] = c.hazard[k - 1] + (draw(4) ? scale * (float)(k * (int)draw(20)) : 0);
        double p = 0.1 + draw(886) / 1000.0, t = curve_quantile(&c, p);
        assert_true(isfinite(t) && t >= 0 && t <= 1e5);
        assert_float_equal(curve_cdf(&c, t), p, 1e-6);
    }
    const struct wait_curve never = {.tail = 1e-9F};
    assert_float_equal(curve_quantile(&never, 0.5), 1e5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crowd_fits_whom_people_fit_one_by_one),
        cmocka_unit_test(test_crowd_shares_of_all_wishes_are_those_of_each),
        cmocka_unit_test(test_curve_inverse_is_where_the_curve_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
