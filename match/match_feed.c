/*
 * match_feed - events for the wait model.
 *
 * It refuses to carry anything the model does not need: no exact place, no history, and no id but of who asked to be
 * told of changes.
 */
#include "match_feed.h"

#include "place.h"
#include "ticket_hash.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define COARSE 20.0 /* cells a degree */

struct entry {
    const char *fields[FEED_FIELDS_MAX];
    char text[FEED_FIELDS_MAX][64];
    size_t n;
};

static void put_s(struct entry *e, const char *name, const char *value)
{
    e->fields[e->n++] = name;
    e->fields[e->n++] = value;
}

static void put_i(struct entry *e, const char *name, int64_t value)
{
    char *text = e->text[e->n];
    (void)snprintf(text, sizeof e->text[0], "%" PRId64, value);
    put_s(e, name, text);
}

static void put_degrees(struct entry *e, const char *name, double value)
{
    char *text = e->text[e->n];
    (void)snprintf(text, sizeof e->text[0], "%.2f", value);
    put_s(e, name, text);
}

static void put_km(struct entry *e, const char *name, double value)
{
    char *text = e->text[e->n];
    (void)snprintf(text, sizeof e->text[0], "%.5g", value);
    put_s(e, name, text);
}

static void put_h(struct entry *e, const char *name, uint64_t value)
{
    char *text = e->text[e->n];
    (void)snprintf(text, sizeof e->text[0], "%016" PRIx64, value);
    put_s(e, name, text);
}

static void start(struct entry *e, const char *event, const char *pool, int64_t at_ms)
{
    e->n = 0;
    put_s(e, "e", event);
    put_s(e, "p", pool);
    put_i(e, "t", at_ms);
}

static void put_regions(struct entry *e, const struct match_lists *l)
{
    char *text = e->text[e->n];
    size_t at = 0;
    if (!l || l->n_regions == 0)
        return;
    for (uint32_t i = 0; i < l->n_regions && at + 9 < sizeof e->text[0]; i++)
        at += (size_t)snprintf(text + at, sizeof e->text[0] - at, "%s%06" PRIx32, i ? "," : "",
                               (uint32_t)l->regions[i] & 0xffffff);
    put_s(e, "c", text);
}

/* On the plane of a replay too the model is told degrees. */
static void put_place(struct entry *e, const struct match_rules *rules, const struct match_profile *p)
{
    double lat, lon;
    if (!(p->flags & MATCH_PLACED))
        return;
    if (rules->plane)
        place_plane_degrees((double)p->pos[0], (double)p->pos[1], &lat, &lon);
    else
        place_degrees(p->pos, &lat, &lon);
    put_degrees(e, "y", round(lat * COARSE) / COARSE);
    put_degrees(e, "z", round(lon * COARSE) / COARSE);
    if (p->max_chord > 0)
        put_km(e, "r", rules->plane ? (double)p->max_chord / 10 : place_ground_km((double)p->max_chord));
}

static void put_person(struct entry *e, const struct match_rules *rules, const struct match_waiter *w)
{
    const struct match_profile *p = &w->p;
    put_h(e, "h", p->hash);
    put_i(e, "j", p->created_ms);
    put_i(e, "k", w->key_ms);
    put_s(e, "g", gender_name(p->gender));
    put_i(e, "s", p->seeking);
    put_i(e, "a", p->age);
    put_i(e, "n", p->age_min);
    put_i(e, "x", p->age_max);
    if (p->flags & MATCH_CONSENT_NOTIFY)
        put_s(e, "i", w->id);
    put_regions(e, p->lists);
    put_place(e, rules, p);
}

static void tell_person(const char *event, const struct match_round *r, const struct match_waiter *w, match_feed_fn fn,
                        void *arg)
{
    struct entry e;
    start(&e, event, r->pool, r->now_ms);
    put_person(&e, r->rules, w);
    fn(arg, e.n, e.fields);
}

static void tell_end(const char *event, const struct match_round *r, const char *id, int gender, int64_t wait_ms,
                     match_feed_fn fn, void *arg)
{
    struct entry e;
    start(&e, event, r->pool, r->now_ms);
    put_h(&e, "h", ticket_hash(r->pool, id));
    put_i(&e, "w", wait_ms);
    if (gender >= 0)
        put_s(&e, "g", gender_name((unsigned)gender));
    fn(arg, e.n, e.fields);
}

void match_feed_round(const struct match_round *r, match_feed_fn fn, void *arg)
{
    for (uint32_t i = 0; i < r->n_parties; i++) {
        const struct match_party *p = &r->parties[i];
        if (!p->dirty)
            continue;
        uint32_t slot = match_index_find(r->ix, p->id);
        const struct match_waiter *w = slot != MATCH_NO_SLOT ? match_index_at(r->ix, slot) : p->w.id ? &p->w : NULL;
        bool fresh = p->whole && p->row_version == 0;
        if (w && fresh)
            tell_person("join", r, w, fn, arg);
        else if (w && p->state == MATCH_WAITING)
            tell_person("here", r, w, fn, arg);
        if (p->state == MATCH_MATCHED && !r->pairings[p->pair].stored)
            tell_end("match", r, p->id, p->w.p.gender, r->now_ms - p->w.p.created_ms, fn, arg);
        else if (p->state == MATCH_GONE && strcmp(p->reason, "confirmed") != 0)
            tell_end("leave", r, p->id, -1, 0, fn, arg);
    }
}

void match_feed_here(struct match_index *ix, const char *pool, int64_t now_ms, uint32_t *cursor, match_feed_fn fn,
                     void *arg)
{
    struct entry e;
    int told = 0;
    uint32_t slot = match_index_next(ix, *cursor);
    for (; slot != MATCH_NO_SLOT && told < FEED_HERE_MAX; slot = match_index_next(ix, slot + 1)) {
        struct match_waiter *w = match_index_at(ix, slot);
        if (now_ms - w->told_ms < FEED_HERE_EVERY_MS)
            continue;
        w->told_ms = now_ms;
        start(&e, "here", pool, now_ms);
        put_person(&e, match_index_rules(ix), w);
        fn(arg, e.n, e.fields);
        told++;
    }
    *cursor = slot == MATCH_NO_SLOT ? 0 : slot;
}

void match_feed_mark(const struct match_index *ix, const char *pool, int64_t now_ms,
                     const struct match_trouble *trouble, match_feed_fn fn, void *arg)
{
    static const char *const counts[GENDER_COUNT] = {"c0", "c1", "c2", "c3", "c4"};
    struct entry e;
    start(&e, "mark", pool, now_ms);
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        put_i(&e, counts[g], match_index_count_gender(ix, g));
    put_i(&e, "d", (int64_t)match_index_rules(ix)->ms_per_km);
    /* Three rounds of telling everybody, at FEED_HERE_MAX a cycle of five seconds. */
    put_i(&e, "keep", MAX_OF(INT64_C(300000), (int64_t)match_index_count(ix) * 3 * 5000 / FEED_HERE_MAX + 300000));
    if (trouble->conflicts > 0)
        put_i(&e, "conflicts", trouble->conflicts);
    if (trouble->stale > 0)
        put_i(&e, "stale", trouble->stale);
    fn(arg, e.n, e.fields);
}
