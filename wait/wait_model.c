/*
 * wait_model - who waits, who came, who went: the events' side of the model.
 *
 * It refuses to fail: an event about somebody unknown, twice the same, or out of order changes counts a little and
 * nothing else; the worker's markers and repetitions bring the table of people back to the truth.
 */
#include "wait_model_impl.h"

#include "place.h"
#include <math.h>

#define PRICE_S_PER_KM 1.0 /* until a marker tells */
enum { PEOPLE_MIN = 256 };

const int wait_within_s[WAIT_WITHIN] = {30, 60, 120, 300};

const char *wait_reason_name(enum wait_reason reason)
{
    static const char *const names[WAIT_REASON_COUNT] = {"none", "distance", "age", "genders", "balance", "quiet"};
    return reason < WAIT_REASON_COUNT ? names[reason] : names[0];
}

const char *wait_confidence_name(enum wait_confidence confidence)
{
    return confidence == WAIT_CONFIDENCE_OK ? "ok" : "low";
}

uint64_t wait_random(struct wait_model *m)
{
    uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct wait_model *wait_model_new(uint64_t seed)
{
    struct wait_model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->random = seed;
    m->scale = 1;
    m->price_s_per_km = PRICE_S_PER_KM;
    m->hash_mask = 2 * PEOPLE_MIN - 1;
    m->cap_people = PEOPLE_MIN;
    m->people = calloc(m->cap_people, sizeof *m->people);
    m->by_hash = calloc(m->hash_mask + 1, sizeof *m->by_hash);
    for (int g = 0; g < GENDER_COUNT; g++) {
        m->sides[g].level50 = m->sides[g].base50 = 0.5;
        m->sides[g].level90 = m->sides[g].base90 = 0.9;
        m->sides[g].rival.p50_s = m->sides[g].rival.p90_s = -1;
        for (int k = 0; k <= CURVE_STEPS; k++)
            m->sides[g].ahead.ratio[k] = 1;
        m->sides[g].cover50 = m->sides[g].cover90 = -1;
    }
    if (m->people && m->by_hash)
        return m;
    wait_model_free(m);
    return NULL;
}

void wait_model_free(struct wait_model *m)
{
    if (!m)
        return;
    free(m->people);
    free(m->by_hash);
    free(m->edges);
    free(m);
}

/* -- fit -------------------------------------------------------------------------------------------------------------
 */

bool wait_regions_meet(const struct wait_person *a, const struct wait_person *b)
{
    if (a->n_regions == 0 || b->n_regions == 0)
        return true;
    for (int i = 0; i < a->n_regions; i++)
        for (int k = 0; k < b->n_regions; k++)
            if (a->regions[i] == b->regions[k])
                return true;
    return false;
}

bool wait_fits(const struct wait_person *a, const struct wait_person *b)
{
    if (!(a->seeking >> b->gender & 1) || !(b->seeking >> a->gender & 1))
        return false;
    if (b->age < a->age_min || b->age > a->age_max || a->age < b->age_min || a->age > b->age_max)
        return false;
    if (a->placed && b->placed) {
        double d2 = place_chord2(a->pos, b->pos), fa = (double)a->max_chord, fb = (double)b->max_chord;
        if ((fa > 0 && d2 > fa * fa) || (fb > 0 && d2 > fb * fb))
            return false;
    }
    return wait_regions_meet(a, b);
}

/* -- people ----------------------------------------------------------------------------------------------------------
 */

static uint32_t home(const struct wait_model *m, uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32) & m->hash_mask;
}

uint32_t wait_find(const struct wait_model *m, uint64_t hash)
{
    for (uint32_t i = home(m, hash); m->by_hash[i]; i = (i + 1) & m->hash_mask)
        if (m->people[m->by_hash[i] - 1].who.hash == hash)
            return m->by_hash[i] - 1;
    return UINT32_MAX;
}

static void put(struct wait_model *m, uint32_t person)
{
    uint32_t i = home(m, m->people[person].who.hash);
    while (m->by_hash[i])
        i = (i + 1) & m->hash_mask;
    m->by_hash[i] = person + 1;
}

static bool grow(struct wait_model *m)
{
    uint32_t cap = m->cap_people * 2;
    struct waiting *people = realloc(m->people, cap * sizeof *people);
    if (!people)
        return false;
    m->people = people;
    uint32_t *by_hash = calloc(2 * (size_t)cap, sizeof *by_hash);
    if (!by_hash)
        return false;
    free(m->by_hash);
    m->by_hash = by_hash;
    m->hash_mask = 2 * cap - 1;
    m->cap_people = cap;
    for (uint32_t i = 0; i < m->n_people; i++)
        put(m, i);
    return true;
}

static bool add_person(struct wait_model *m, const struct wait_event *ev)
{
    if (m->n_people == WAIT_PEOPLE_MAX || (m->n_people == m->cap_people && !grow(m))) {
        m->overflow++;
        return false;
    }
    m->people[m->n_people] = (struct waiting){.who = ev->who, .heard_ms = ev->at_ms};
    put(m, m->n_people++);
    return true;
}

static void unput(struct wait_model *m, uint32_t person)
{
    uint32_t hole = home(m, m->people[person].who.hash);
    while (m->by_hash[hole] != person + 1)
        hole = (hole + 1) & m->hash_mask;
    for (uint32_t i = (hole + 1) & m->hash_mask; m->by_hash[i]; i = (i + 1) & m->hash_mask) {
        uint32_t at = home(m, m->people[m->by_hash[i] - 1].who.hash);
        if (((i - at) & m->hash_mask) >= ((i - hole) & m->hash_mask)) {
            m->by_hash[hole] = m->by_hash[i];
            hole = i;
        }
    }
    m->by_hash[hole] = 0;
}

static void remove_person(struct wait_model *m, uint32_t person)
{
    uint32_t last = m->n_people - 1;
    unput(m, person);
    if (person != last) {
        unput(m, last);
        m->people[person] = m->people[last];
    }
    m->n_people--;
    if (person != last)
        put(m, person);
}

/* -- events ----------------------------------------------------------------------------------------------------------
 */

static void arrive(struct wait_model *m, const struct wait_event *ev)
{
    struct side *s = &m->sides[ev->who.gender];
    rate_add(&s->rate, (double)ev->at_ms / 1000);
    week_look(&m->week, (double)ev->at_ms / 1000);
    week_add(&m->week, ev->who.gender);
    s->lately.arrivals++;
    s->recent[s->next_recent] = ev->who;
    crowd_put(&s->crowd, s->next_recent, &s->recent[s->next_recent]);
    s->next_recent = (s->next_recent + 1) % WAIT_RECENT_MAX;
    s->n_recent = MIN_OF(s->n_recent + 1, (uint32_t)WAIT_RECENT_MAX);
    s->arrivals++;
}

/* Keeps what is said about somebody who begins to wait, to be compared with what happens. */
static void tell_new(struct wait_model *m, struct waiting *w, int64_t now_ms)
{
    if (m->n_told_now == TOLD_PER_REFRESH || m->refreshes == 0)
        return;
    struct side *s = &m->sides[w->who.gender];
    struct told *t = &s->told[s->n_told % CALIBRATE_LAST];
    *t = (struct told){.from_ms = now_ms};
    wait_curve_of(m, &w->who, (double)now_ms / 1000, &t->curve);
    t->foretold = (float)wait_foretold(s, &t->curve);
    wait_pinball_told(s, t);
    w->told = ++s->n_told;
    m->n_told_now++;
}

static void close_told(struct side *s, const struct waiting *w, int64_t at_ms, bool matched)
{
    if (w->told == 0 || w->told + CALIBRATE_LAST <= s->n_told)
        return;
    struct told *t = &s->told[(w->told - 1) % CALIBRATE_LAST];
    t->ended = true;
    t->matched = matched;
    t->at_once = matched && at_ms == w->heard_ms; /* paired on arrival: nothing had to be told */
    if (t->at_once && w->told == s->n_told) {     /* its place in the ring is free again */
        s->n_told--;
        return;
    }
    t->at = (float)curve_cdf(&t->curve, fmax(0, (double)(at_ms - t->from_ms) / 1000));
}

static void join(struct wait_model *m, const struct wait_event *ev)
{
    uint32_t known = wait_find(m, ev->who.hash);
    if (ev->type == WAIT_JOIN && known == UINT32_MAX)
        arrive(m, ev);
    if (known != UINT32_MAX) {
        m->people[known].who = ev->who;
        m->people[known].heard_ms = ev->at_ms;
        return;
    }
    m->resynced += ev->type == WAIT_HERE;
    if (add_person(m, ev) && ev->type == WAIT_JOIN)
        tell_new(m, &m->people[m->n_people - 1], ev->at_ms);
}

void wait_minutes(struct wait_model *m, int64_t now_ms)
{
    int64_t minute = now_ms / 60000;
    if (minute - m->minute >= MINUTES)
        memset(m->minute_matches, 0, sizeof m->minute_matches);
    for (int64_t k = MAX_OF(m->minute + 1, minute - MINUTES + 1); k <= minute; k++)
        m->minute_matches[k % MINUTES] = 0;
    m->minute = MAX_OF(m->minute, minute);
}

static void finish(struct wait_model *m, const struct wait_event *ev)
{
    uint32_t person = wait_find(m, ev->who.hash);
    bool matched = ev->type == WAIT_MATCH;
    if (matched) {
        wait_minutes(m, ev->at_ms);
        m->minute_matches[m->minute % MINUTES]++;
    }
    if (person == UINT32_MAX) {
        if (matched)
            m->sides[ev->who.gender].matched++;
        return;
    }
    const struct waiting *w = &m->people[person];
    struct side *s = &m->sides[w->who.gender];
    double wait_s = fmax(0, (double)(ev->at_ms - w->who.joined_ms) / 1000);
    wait_lately_end(&s->lately, wait_s, matched, matched && wait_s <= 0.5);
    if (wait_s > 0.5) { /* who was paired at once never waited: it says nothing about patience */
        bool kept = w->told != 0 && w->told + CALIBRATE_LAST > s->n_told;
        const struct told *told = kept ? &s->told[(w->told - 1) % CALIBRATE_LAST] : NULL;
        patience_add(&s->patience, wait_s, !matched);
        wait_kept_add(s, told, matched);
        wait_pinball_end(s, told, wait_s, matched);
    }
    *(matched ? &s->matched : &s->left) += 1;
    *(matched ? &s->set_matched[w->who.seeking] : &s->set_left[w->who.seeking]) += 1;
    close_told(s, w, ev->at_ms, matched);
    remove_person(m, person);
}

static void forget(struct wait_model *m, uint64_t hash)
{
    uint32_t person = wait_find(m, hash);
    if (person != UINT32_MAX)
        remove_person(m, person);
}

/* The worker's count is the truth; people it no longer speaks of have gone without our hearing of it. */
static void mark(struct wait_model *m, const struct wait_event *ev)
{
    week_look(&m->week, (double)ev->at_ms / 1000); /* nobody came: that is seen too */
    for (int g = 0; g < GENDER_COUNT; g++)
        m->sides[g].marked = ev->waiting[g];
    if (ev->price_ms_per_km >= 0)
        m->price_s_per_km = (double)ev->price_ms_per_km / 1000;
    for (uint32_t i = 0; ev->keep_ms > 0 && i < m->n_people;) {
        if (m->people[i].heard_ms + ev->keep_ms >= ev->at_ms) {
            i++;
            continue;
        }
        remove_person(m, i);
        m->dropped++;
    }
}

void wait_model_event(struct wait_model *m, const struct wait_event *ev)
{
    if (ev->who.gender >= GENDER_COUNT)
        return;
    switch (ev->type) {
    case WAIT_JOIN:
    case WAIT_HERE:
        join(m, ev);
        return;
    case WAIT_LEAVE:
    case WAIT_MATCH:
        finish(m, ev);
        return;
    case WAIT_MARK:
        mark(m, ev);
        return;
    case WAIT_GONE:
        forget(m, ev->who.hash);
        return;
    case WAIT_EVENT_TYPES:
        return;
    }
}

const struct wait_person *wait_model_person(const struct wait_model *m, uint64_t hash)
{
    uint32_t person = wait_find(m, hash);
    return person == UINT32_MAX ? NULL : &m->people[person].who;
}

uint32_t wait_model_ahead(const struct wait_model *m, const struct wait_person *who)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_people; i++) {
        const struct wait_person *p = &m->people[i].who;
        n += p->gender == who->gender && p->seeking & who->seeking && p->hash != who->hash && p->key_ms < who->key_ms;
    }
    return n;
}

void wait_model_refresh_tickets(struct wait_model *m, int64_t now_ms)
{
    wait_minutes(m, now_ms);
    wait_ahead_refresh(m, (double)now_ms / 1000);
    wait_field_refresh(m, now_ms);
    wait_mix_prepare(m);
    wait_lately_refresh(m, now_ms);
    m->n_told_now = 0;
    wait_calibrate(m, now_ms);
    m->refreshes++;
    m->refreshed_ms = now_ms;
}

void wait_model_refresh(struct wait_model *m, int64_t now_ms)
{
    wait_model_refresh_tickets(m, now_ms);
    wait_publish(m, now_ms);
}
