/*
 * match_query - best-first search in the index.
 *
 * The score of a candidate is its order plus the price of the distance. A bucket's bound is its first order plus the
 * price of the way to its cell: nobody in it can score below; a district's is the same of all its buckets. They wait in
 * a heap by bound, a district gives way to its buckets when its turn comes, and the search ends when the best found
 * beats every bound left. It refuses to look at more than the budget: a pool of a million strangers must not hold up a
 * round.
 */
#include "match_index_impl.h"

#include <math.h>

enum {
    RUN = 8,        /* people looked at in one bucket before another's turn may come */
    LIST_LINES = 4, /* cache lines of a list asked for ahead */
};

struct search {
    struct match_index *ix;
    const struct match_query *q;
    double reach;       /* farthest cell of interest, in units of places; 0: any */
    unsigned low, high; /* ages of interest */
    uint32_t looked;
};

/* -- heap ------------------------------------------------------------------------------------------------------------
 */

static bool sooner(const struct heap_item *a, const struct heap_item *b)
{
    return a->bound != b->bound ? a->bound < b->bound : a->number < b->number;
}

static void heap_push(struct match_index *ix, struct heap_item item)
{
    uint32_t i = ix->n_heap++;
    while (i > 0 && sooner(&item, &ix->heap[(i - 1) / 2])) {
        ix->heap[i] = ix->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    ix->heap[i] = item;
}

static struct heap_item heap_pop(struct match_index *ix)
{
    struct heap_item top = ix->heap[0], last = ix->heap[--ix->n_heap];
    uint32_t i = 0;
    for (uint32_t child = 1; child < ix->n_heap; child = 2 * i + 1) {
        if (child + 1 < ix->n_heap && sooner(&ix->heap[child + 1], &ix->heap[child]))
            child++;
        if (!sooner(&ix->heap[child], &last))
            break;
        ix->heap[i] = ix->heap[child];
        i = child;
    }
    ix->heap[i] = last;
    return top;
}

/* -- which buckets ---------------------------------------------------------------------------------------------------
 */

static double axis_gap(double at, int cell, double edge)
{
    double low = cell * edge, high = low + edge;
    return at < low ? low - at : at > high ? at - high : 0;
}

/* Straight distance from who to a cube of edge `edge` at c; 0 when one has no place. */
static double cube_gap(const struct search *s, const struct cell *c, double edge)
{
    const struct match_profile *who = s->q->who;
    if (!(who->flags & MATCH_PLACED) || c->x == CELL_NONE)
        return 0;
    double dx = axis_gap((double)who->pos[0], c->x, edge), dy = axis_gap((double)who->pos[1], c->y, edge),
           dz = axis_gap((double)who->pos[2], c->z, edge);
    return sqrt(dx * dx + dy * dy + dz * dz);
}

static int64_t price_ms(const struct match_index *ix, double km)
{
    return (int64_t)(ix->rules->ms_per_km * km);
}

/* What the way to a cube costs at least; 1 ms less, so that rounding can never make it cost more than a person in it.
 */
static int64_t least_price_ms(const struct match_index *ix, double gap)
{
    int64_t price = price_ms(ix, ix->rules->plane ? gap / 10 : gap);
    return price > 0 ? price - 1 : 0;
}

/* Puts the bucket back into the heap from where the item stands, unless it is at its end. */
static void go_on(struct match_index *ix, struct heap_item item)
{
    const struct match_bucket *b = &ix->buckets[item.number].people;
    if (item.chunk < b->n_chunks && item.at == b->chunks[item.chunk]->n) {
        item.chunk++;
        item.at = 0;
    }
    if (item.chunk == b->n_chunks)
        return;
    item.bound = b->chunks[item.chunk]->entry[item.at].order + item.far_ms;
    heap_push(ix, item);
}

static void open_bucket(struct search *s, uint32_t b)
{
    struct match_index *ix = s->ix;
    const struct place_bucket *p = &ix->buckets[b];
    unsigned young = p->cell.band * BAND_YEARS;
    if (young > s->high || young + BAND_YEARS - 1 < s->low)
        return;
    double gap = cube_gap(s, &p->cell, cell_edge(ix));
    if (s->reach > 0 && gap > s->reach)
        return;
    struct heap_item item = {.number = b, .far_ms = least_price_ms(ix, gap)};
    if (s->q->from != MATCH_FROM_START) {
        uint32_t at;
        match_bucket_seek(&p->people, s->q->from - item.far_ms, &item.chunk, &at);
        item.at = (uint16_t)at;
        go_on(ix, item);
        return;
    }
    item.bound = p->first + item.far_ms;
    heap_push(ix, item);
}

static void push_district(struct search *s, uint32_t number)
{
    const struct district *d = &s->ix->districts[number];
    double gap = cube_gap(s, &d->cell, cell_edge(s->ix) * DISTRICT_CELLS);
    if (s->reach > 0 && gap > s->reach)
        return;
    heap_push(s->ix,
              (struct heap_item){.number = number, .bound = d->first + least_price_ms(s->ix, gap), .district = true});
}

/* A district's buckets take its place; its bound, which may have been too careful, is set right. */
static void open_district(struct search *s, uint32_t number)
{
    struct district *d = &s->ix->districts[number];
    d->first = INT64_MAX;
    for (uint32_t i = 0; i < d->buckets.n; i++) {
        d->first = MIN_OF(d->first, s->ix->buckets[d->buckets.at[i]].first);
        open_bucket(s, d->buckets.at[i]);
    }
}

/* Opens the buckets of one class cell by cell: worth it when the reach is small against the class. */
static void open_cells(struct search *s, unsigned gender, unsigned seeking, const int low[3], const int high[3])
{
    struct cell c = {.gender = (uint8_t)gender, .seeking = (uint8_t)seeking};
    for (unsigned band = s->low / BAND_YEARS; band <= s->high / BAND_YEARS; band++) {
        c.band = (uint8_t)band;
        c.x = CELL_NONE;
        c.y = c.z = 0;
        uint32_t b = match_index_bucket(s->ix, &c);
        if (b != MATCH_NO_SLOT)
            open_bucket(s, b);
        for (int x = low[0]; x <= high[0]; x++)
            for (int y = low[1]; y <= high[1]; y++)
                for (int z = low[2]; z <= high[2]; z++) {
                    c.x = (int16_t)x;
                    c.y = (int16_t)y;
                    c.z = (int16_t)z;
                    b = match_index_bucket(s->ix, &c);
                    if (b != MATCH_NO_SLOT)
                        open_bucket(s, b);
                }
    }
}

static void open_class(struct search *s, unsigned gender, unsigned seeking)
{
    const struct class_list *l = &s->ix->classes[class_of(gender, seeking)];
    int low[3], high[3];
    double buckets = l->n_buckets, edge = cell_edge(s->ix);
    if (s->reach > 0) {
        double n = (s->high / BAND_YEARS) - (s->low / BAND_YEARS) + 1;
        for (int i = 0; i < 3; i++) {
            low[i] = (int)floor(((double)s->q->who->pos[i] - s->reach) / edge);
            high[i] = (int)floor(((double)s->q->who->pos[i] + s->reach) / edge);
            n *= high[i] - low[i] + 1;
        }
        if (n * 4 < buckets) { /* a look-up costs about four steps of a walk */
            open_cells(s, gender, seeking, low, high);
            return;
        }
    }
    for (uint32_t i = 0; i < l->districts.n; i++)
        push_district(s, l->districts.at[i]);
}

static void open_all(struct search *s)
{
    const struct match_profile *who = s->q->who;
    const struct match_rules *r = s->ix->rules;
    unsigned stage = match_rules_stage(r, who, s->q->now_ms), years = stage * r->relax_years;
    s->low = who->age_min > MATCH_AGE_MIN + years ? who->age_min - years : MATCH_AGE_MIN;
    s->high = MIN_OF(who->age_max + years, (unsigned)MATCH_AGE_MAX);
    bool bounded = who->flags & MATCH_PLACED && who->max_chord > 0;
    s->reach = bounded ? (double)who->max_chord * (100 + (double)stage * r->relax_percent) / 100 + 0.001 : 0;
    match_seeker_init(&s->ix->seeker, r, who, s->q->now_ms);
    s->ix->n_heap = 0;
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        for (unsigned seeking = 1; who->seeking >> g & 1 && seeking <= GENDER_ALL; seeking++)
            if (seeking >> who->gender & 1 && s->ix->classes[class_of(g, seeking)].n_buckets > 0)
                open_class(s, g, seeking);
}

/* -- looking ---------------------------------------------------------------------------------------------------------
 */

/* True when (score, a) is before (found) in the order of service. */
static bool beats(const struct match_index *ix, int64_t score, uint32_t slot, const struct match_found *found)
{
    if (found->slot == MATCH_NO_SLOT || score != found->score)
        return found->slot == MATCH_NO_SLOT || score < found->score;
    const struct match_waiter *a = &ix->slots[slot].w, *b = &ix->slots[found->slot].w;
    if (a->p.created_ms != b->p.created_ms)
        return a->p.created_ms < b->p.created_ms;
    return strcmp(a->id, b->id) < 0;
}

static int64_t distance_ms(const struct match_index *ix, const struct match_profile *a, const struct match_profile *b)
{
    return ix->rules->ms_per_km > 0 ? price_ms(ix, match_rules_km(ix->rules, a, b)) : 0;
}

int64_t match_index_score(const struct match_index *ix, const struct match_profile *who, const struct match_waiter *w)
{
    return match_index_order(ix, w) + distance_ms(ix, who, &w->p);
}

static void look_at(struct search *s, uint32_t slot, struct match_found *found)
{
    const struct slot *c = &s->ix->slots[slot];
    unsigned stage;
    if (!match_seeker_fit(&s->ix->seeker, &c->w.p, &stage))
        return;
    int64_t score = c->order;
    if (s->ix->rules->ms_per_km > 0)
        score += price_ms(s->ix, match_rules_km(s->ix->rules, s->q->who, &c->w.p));
    if (!beats(s->ix, score, slot, found))
        return;
    found->slot = slot;
    found->score = score;
    found->stage = stage;
}

/* People of one bucket whose turn it is. */
struct run {
    struct heap_item item;           /* at: the first after them */
    const struct match_entry *entry; /* the first; n of them */
    uint32_t n;
};

/* Takes the next run out of the heap: those whose bound is not above any other bucket's, and a few more. False: nobody
 * is left, or none whose bound is at most `most`. */
static bool next_run(struct search *s, int64_t most, struct run *ret)
{
    struct match_index *ix = s->ix;
    while (ix->n_heap > 0 && ix->heap[0].bound <= most) {
        ret->item = heap_pop(ix);
        if (ret->item.district) {
            open_district(s, ret->item.number);
            continue;
        }
        const struct match_chunk *c = ix->buckets[ret->item.number].people.chunks[ret->item.chunk];
        int64_t other = ix->n_heap > 0 ? ix->heap[0].bound : INT64_MAX;
        uint32_t i = ret->item.at, least = MIN_OF(i + RUN, c->n);
        ret->entry = &c->entry[i];
        while (i < c->n && c->entry[i].order + ret->item.far_ms <= most &&
               (i < least || c->entry[i].order + ret->item.far_ms <= other))
            i++;
        ret->n = i - ret->item.at;
        ret->item.at = (uint16_t)i;
        return true;
    }
    return false;
}

/* Looks at those of a run who may fit. Their profiles, then their lists are asked of the memory ahead: a pool of a
 * million does not fit any cache. */
static void look_through(struct search *s, const struct run *run, struct match_found *found)
{
    const struct slot *slots = s->ix->slots;
    uint32_t may[MATCH_CHUNK], n = 0;
    for (uint32_t i = 0; i < run->n; i++) {
        if (!match_seeker_may(&s->ix->seeker, &run->entry[i].brief))
            continue;
        __builtin_prefetch(&slots[run->entry[i].slot]);
        __builtin_prefetch((const char *)&slots[run->entry[i].slot] + 64);
        may[n++] = run->entry[i].slot;
    }
    for (uint32_t i = 0; i < n; i++) {
        const char *lists = (const char *)slots[may[i]].w.p.lists;
        for (int line = 0; lists && line < LIST_LINES; line++)
            __builtin_prefetch(lists + 64 * line);
    }
    for (uint32_t i = 0; i < n; i++)
        look_at(s, may[i], found);
}

void match_index_best(struct match_index *ix, const struct match_query *q, struct match_found *ret)
{
    struct search s = {.ix = ix, .q = q};
    struct run run;
    *ret = (struct match_found){.slot = MATCH_NO_SLOT, .from = MATCH_FROM_START};
    open_all(&s);
    while (s.looked < q->budget && next_run(&s, ret->slot == MATCH_NO_SLOT ? INT64_MAX : ret->score, &run)) {
        look_through(&s, &run, ret);
        s.looked += run.n;
        go_on(ix, run.item);
    }
    ret->looked = s.looked;
    if (ix->n_heap == 0 || (ret->slot != MATCH_NO_SLOT && ix->heap[0].bound > ret->score))
        return;
    ret->exhausted = true;
    /* A run of equal bounds longer than the budget must not hold the cursor for ever. */
    ret->from = ix->heap[0].bound > q->from ? ix->heap[0].bound : q->from + 1;
}

size_t match_index_some(struct match_index *ix, const struct match_query *q, uint32_t ret_slots[], size_t max)
{
    struct search s = {.ix = ix, .q = q};
    struct run run;
    unsigned stage;
    size_t n = 0;
    open_all(&s);
    while (n < max && s.looked < q->budget && next_run(&s, INT64_MAX, &run)) {
        for (uint32_t i = 0; i < run.n && n < max; i++)
            if (match_seeker_may(&ix->seeker, &run.entry[i].brief) &&
                match_seeker_fit(&ix->seeker, &ix->slots[run.entry[i].slot].w.p, &stage))
                ret_slots[n++] = run.entry[i].slot;
        s.looked += run.n;
        go_on(ix, run.item);
    }
    return n;
}

static uint32_t district_before(const struct match_index *ix, const struct district *d, int64_t order, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t i = 0; d->first < order && i < d->buckets.n && n < max; i++)
        n += match_bucket_before(&ix->buckets[d->buckets.at[i]].people, order);
    return n;
}

uint32_t match_index_ahead(struct match_index *ix, const struct match_profile *who, int64_t key_ms, uint32_t max)
{
    uint32_t n = 0;
    for (unsigned seeking = 1; seeking <= GENDER_ALL; seeking++) {
        const struct numbers *l = &ix->classes[class_of(who->gender, seeking)].districts;
        for (uint32_t i = 0; seeking & who->seeking && i < l->n && n < max; i++)
            n += district_before(ix, &ix->districts[l->at[i]], key_ms, max - n);
    }
    return MIN_OF(n, max);
}
