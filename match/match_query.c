/*
 * match_query - best-first search in the index.
 *
 * The score of a candidate is its order plus the price of the distance. A bucket's bound is its first order plus the
 * price of the way to its cell: nobody in it can score below. Buckets wait in a heap by bound; the search ends when the
 * best found beats every bound left. It refuses to look at more than the budget: a pool of a million strangers must not
 * hold up a round.
 */
#include "match_index_impl.h"

#include <math.h>

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
    return a->bound != b->bound ? a->bound < b->bound : a->bucket < b->bucket;
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

/* Straight distance from who to the cell; 0 when one has no place. */
static double cell_gap(const struct search *s, const struct cell *c)
{
    const struct match_profile *who = s->q->who;
    if (!(who->flags & MATCH_PLACED) || c->x == CELL_NONE)
        return 0;
    double edge = cell_edge(s->ix);
    double dx = axis_gap((double)who->pos[0], c->x, edge), dy = axis_gap((double)who->pos[1], c->y, edge),
           dz = axis_gap((double)who->pos[2], c->z, edge);
    return sqrt(dx * dx + dy * dy + dz * dz);
}

static int64_t price_ms(const struct match_index *ix, double km)
{
    return (int64_t)(ix->rules->ms_per_km * km);
}

static void open_bucket(struct search *s, uint32_t b)
{
    struct match_index *ix = s->ix;
    const struct place_bucket *p = &ix->buckets[b];
    unsigned young = p->cell.band * BAND_YEARS;
    if (young > s->high || young + BAND_YEARS - 1 < s->low)
        return;
    double gap = cell_gap(s, &p->cell);
    if (s->reach > 0 && gap > s->reach)
        return;
    struct heap_item item = {.bucket = b, .far_ms = price_ms(ix, ix->rules->plane ? gap / 10 : gap)};
    if (s->q->from != MATCH_FROM_START)
        item.chunk = match_bucket_seek(&p->people, s->q->from - item.far_ms);
    if (item.chunk == p->people.n_chunks)
        return;
    item.bound = p->people.chunks[item.chunk]->order[0] + item.far_ms;
    heap_push(ix, item);
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
    double cells = l->n, edge = cell_edge(s->ix);
    if (s->reach > 0) {
        double n = (s->high / BAND_YEARS) - (s->low / BAND_YEARS) + 1;
        for (int i = 0; i < 3; i++) {
            low[i] = (int)floor(((double)s->q->who->pos[i] - s->reach) / edge);
            high[i] = (int)floor(((double)s->q->who->pos[i] + s->reach) / edge);
            n *= high[i] - low[i] + 1;
        }
        if (n * 4 < cells) { /* a look-up costs about four steps of a walk */
            open_cells(s, gender, seeking, low, high);
            return;
        }
    }
    for (uint32_t i = 0; i < l->n; i++)
        open_bucket(s, l->buckets[i]);
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
    s->ix->n_heap = 0;
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        for (unsigned seeking = 1; who->seeking >> g & 1 && seeking <= GENDER_ALL; seeking++)
            if (seeking >> who->gender & 1 && s->ix->classes[class_of(g, seeking)].n > 0)
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
    if (!match_rules_fit(s->ix->rules, s->q->who, &c->w.p, s->q->now_ms, &stage))
        return;
    int64_t score = c->order + distance_ms(s->ix, s->q->who, &c->w.p);
    if (!beats(s->ix, score, slot, found))
        return;
    found->slot = slot;
    found->score = score;
    found->stage = stage;
}

static void look_through(struct search *s, const struct heap_item *item, struct match_found *found)
{
    const struct match_chunk *c = s->ix->buckets[item->bucket].people.chunks[item->chunk];
    for (uint32_t i = 0; i < c->n; i++) {
        if (i + 4 < c->n)
            __builtin_prefetch(&s->ix->slots[c->slot[i + 4]]);
        if (found->slot != MATCH_NO_SLOT && c->order[i] + item->far_ms > found->score)
            break;
        s->looked++;
        look_at(s, c->slot[i], found);
    }
}

/* Puts the bucket's next chunk back into the heap. */
static void go_on(struct match_index *ix, struct heap_item item)
{
    const struct match_bucket *b = &ix->buckets[item.bucket].people;
    if (++item.chunk == b->n_chunks)
        return;
    item.bound = b->chunks[item.chunk]->order[0] + item.far_ms;
    heap_push(ix, item);
}

void match_index_best(struct match_index *ix, const struct match_query *q, struct match_found *ret)
{
    struct search s = {.ix = ix, .q = q};
    *ret = (struct match_found){.slot = MATCH_NO_SLOT, .from = MATCH_FROM_START};
    open_all(&s);
    while (ix->n_heap > 0) {
        if (ret->slot != MATCH_NO_SLOT && ix->heap[0].bound > ret->score)
            break;
        if (s.looked >= q->budget) {
            ret->exhausted = true;
            /* A run of equal bounds longer than the budget must not hold the cursor for ever. */
            ret->from = q->from == ix->heap[0].bound ? q->from + 1 : ix->heap[0].bound;
            break;
        }
        struct heap_item item = heap_pop(ix);
        look_through(&s, &item, ret);
        go_on(ix, item);
    }
    ret->looked = s.looked;
}

size_t match_index_some(struct match_index *ix, const struct match_query *q, uint32_t ret_slots[], size_t max)
{
    struct search s = {.ix = ix, .q = q};
    size_t n = 0;
    open_all(&s);
    while (ix->n_heap > 0 && n < max && s.looked < q->budget) {
        struct heap_item item = heap_pop(ix);
        const struct match_chunk *c = ix->buckets[item.bucket].people.chunks[item.chunk];
        for (uint32_t i = 0; i < c->n && n < max; i++, s.looked++)
            if (match_rules_fit(ix->rules, q->who, &ix->slots[c->slot[i]].w.p, q->now_ms, NULL))
                ret_slots[n++] = c->slot[i];
        go_on(ix, item);
    }
    return n;
}

static uint32_t bucket_before(const struct match_bucket *b, int64_t order, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_chunks && n < max && b->chunks[i]->order[0] < order; i++)
        for (uint32_t k = 0; k < b->chunks[i]->n && b->chunks[i]->order[k] < order; k++)
            n++;
    return n;
}

uint32_t match_index_ahead(struct match_index *ix, const struct match_profile *who, int64_t key_ms, uint32_t max)
{
    uint32_t n = 0;
    for (unsigned seeking = 1; seeking <= GENDER_ALL; seeking++) {
        const struct class_list *l = &ix->classes[class_of(who->gender, seeking)];
        for (uint32_t i = 0; seeking & who->seeking && i < l->n && n < max; i++)
            n += bucket_before(&ix->buckets[l->buckets[i]].people, key_ms, max - n);
    }
    return MIN_OF(n, max);
}
