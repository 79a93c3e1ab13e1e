/*
 * people - draws by a linear congruential generator; everything else is arithmetic.
 *
 * It refuses to look like any trace: these pools are made to be hard in one way each. Traces are bench/waits' matter.
 */
#include "people.h"

#include "match_ticket.h"
#include "place.h"
#include "ticket_hash.h"
#include <math.h>
#include <stdio.h>

enum { REGULARS = 16, MET = 1024, PLACES = 200 };

static const char *const mix_names[PEOPLE_MIX_COUNT] = {"balanced", "lopsided", "strangers", "excluded"};

const char *people_mix_name(enum people_mix mix)
{
    return mix_names[mix];
}

int people_mix_find(const char *name)
{
    for (int i = 0; i < PEOPLE_MIX_COUNT; i++)
        if (strcmp(name, mix_names[i]) == 0)
            return i;
    return -1;
}

uint32_t people_draw(struct people *p, uint32_t n)
{
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((p->random >> 33) % n);
}

/* Uniform in 0 … 1. */
static double unit(struct people *p)
{
    return people_draw(p, 1u << 24) / (double)(1u << 24);
}

/* Normal with mean 0 and deviation 1, near enough: the sum of twelve. */
static double bell(struct people *p)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += unit(p);
    return sum;
}

static void put_somewhere(struct people *p, struct match_profile *who)
{
    double lat = 52.5, lon = 13.4, km = 15 * sqrt(unit(p)), way = 2 * M_PI * unit(p);
    if (!p->city) {
        /* Half of all live in the first 14 of the 200 places. */
        uint64_t place = ticket_hash_mix((uint64_t)(PLACES * pow(unit(p), 4)) + 1);
        lat = (double)(place % 11000) / 100 - 50;
        lon = (double)(place / 11000 % 36000) / 100 - 180;
        km = fabs(20 * bell(p));
    }
    place_of(lat + km / 111.2 * cos(way), lon + km / 111.2 * sin(way) / cos(lat * M_PI / 180), who->pos);
    who->flags |= MATCH_PLACED;
}

static void give_tastes(struct people *p, struct match_profile *who)
{
    int age = (int)fmin(75, fmax(18, 32 + 8 * bell(p)));
    who->age = (uint8_t)age;
    who->age_min = p->narrow ? (uint8_t)MAX_OF(18, age - 3) : MATCH_AGE_MIN;
    who->age_max = p->narrow ? (uint8_t)(age + 3) : MATCH_AGE_MAX;
    who->max_chord = p->narrow ? (float)place_chord_km(5 + 20 * unit(p)) : 0;
}

static void exclude(struct match_waiter *w, const uint64_t hashes[], uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (match_ticket_exclude(w, hashes[i], INT64_MAX) < 0)
            abort();
}

static uint64_t regular(uint32_t number)
{
    return ticket_hash_mix(number + UINT64_C(0x100000000));
}

static struct match_waiter person(struct people *p, int64_t now_ms, bool woman)
{
    struct match_waiter w = {.expires_ms = INT64_MAX, .touched_ms = now_ms, .id = malloc(24)};
    if (!w.id)
        abort();
    uint64_t id = ++p->next_id;
    (void)snprintf(w.id, 24, "t-%016llx", (unsigned long long)ticket_hash_mix(id));
    w.p = (struct match_profile){.created_ms = now_ms,
                                 .gone_ms = INT64_MAX,
                                 .hash = ticket_hash_mix(id),
                                 .gender = woman ? GENDER_FEMALE : GENDER_MALE,
                                 .seeking = woman ? 1 << GENDER_MALE : 1 << GENDER_FEMALE,
                                 .flags = p->relax ? MATCH_CONSENT_RELAX : 0,
                                 .level = MATCH_LEVEL_NONE};
    put_somewhere(p, &w.p);
    give_tastes(p, &w.p);
    return w;
}

struct match_waiter people_waiting(struct people *p, int64_t now_ms)
{
    bool woman = people_draw(p, 100) < (p->mix == PEOPLE_LOPSIDED ? 3 : 50);
    struct match_waiter w = person(p, now_ms, woman);
    w.p.created_ms = now_ms - people_draw(p, 600000);
    w.key_ms = w.p.created_ms - people_draw(p, 600000);
    if (p->mix == PEOPLE_STRANGERS)
        w.p.age_min = w.p.age_max = 100;
    if (p->mix == PEOPLE_EXCLUDED) {
        uint64_t regulars[REGULARS];
        for (uint32_t i = 0; i < REGULARS; i++)
            regulars[i] = regular(i);
        exclude(&w, regulars, REGULARS);
    }
    return w;
}

struct match_waiter people_arriving(struct people *p, int64_t now_ms)
{
    bool woman = people_draw(p, 100) < (p->mix == PEOPLE_LOPSIDED ? 10 : 50);
    struct match_waiter w = person(p, now_ms, woman);
    if (p->mix == PEOPLE_STRANGERS) {
        w.p.age_min = MATCH_AGE_MIN;
        w.p.age_max = MATCH_AGE_MAX;
    }
    if (p->mix == PEOPLE_EXCLUDED) {
        uint64_t met[MET];
        for (uint32_t i = 0; i < MET; i++)
            met[i] = ticket_hash_mix(1 + people_draw(p, (uint32_t)MIN_OF(p->next_id, (uint64_t)UINT32_MAX)));
        w.p.hash = regular(people_draw(p, REGULARS));
        exclude(&w, met, MET);
    }
    return w;
}
