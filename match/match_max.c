/*
 * match_max - Edmonds' blossoms.
 *
 * It refuses to know people: the caller says who is a vertex and who fits whom.
 */
#include "match_max.h"

struct search {
    const struct match_graph *g;
    uint32_t *mate, *base, *parent, *queue, *mark;
    uint8_t *seen, *even, *dead;
    uint32_t *touched; /* vertices whose base, parent, seen, even must be reset */
    uint32_t n_touched, head, tail, stamp, root;
};

static uint32_t find_base(const struct search *s, uint32_t v)
{
    while (s->base[v] != v) {
        s->base[v] = s->base[s->base[v]];
        v = s->base[v];
    }
    return v;
}

static void see(struct search *s, uint32_t v)
{
    if (!s->seen[v]) {
        s->seen[v] = 1;
        s->touched[s->n_touched++] = v;
    }
}

static void make_even(struct search *s, uint32_t v)
{
    see(s, v);
    if (!s->even[v]) {
        s->even[v] = 1;
        s->queue[s->tail++] = v;
    }
}

/* Nearest common base of the alternating paths from a and b to the root. */
static uint32_t meeting(struct search *s, uint32_t a, uint32_t b)
{
    s->stamp++;
    for (;;) {
        a = find_base(s, a);
        s->mark[a] = s->stamp;
        if (a == s->root || s->mate[a] == MATCH_ALONE)
            break;
        a = s->parent[s->mate[a]];
    }
    for (;;) {
        b = find_base(s, b);
        if (s->mark[b] == s->stamp)
            return b;
        b = s->parent[s->mate[b]];
    }
}

/* Shrinks one side of the odd cycle into base b. */
static void shrink(struct search *s, uint32_t v, uint32_t b, uint32_t child)
{
    while (find_base(s, v) != b) {
        uint32_t m = s->mate[v];
        s->parent[v] = child;
        child = m;
        s->base[find_base(s, v)] = b;
        s->base[find_base(s, m)] = b;
        make_even(s, m);
        v = s->parent[m];
    }
}

/* Looks at the neighbours of even vertex v. Returns the free end of an augmenting path, or MATCH_ALONE. */
static uint32_t grow(struct search *s, uint32_t v)
{
    for (uint32_t i = s->g->first[v]; i < s->g->first[v + 1]; i++) {
        uint32_t w = s->g->to[i];
        if (s->dead[w] || w == v || s->mate[v] == w || find_base(s, v) == find_base(s, w))
            continue;
        if (s->even[w]) {
            uint32_t b = meeting(s, v, w);
            shrink(s, v, b, w);
            shrink(s, w, b, v);
        } else if (!s->seen[w]) {
            see(s, w);
            s->parent[w] = v;
            if (s->mate[w] == MATCH_ALONE)
                return w;
            make_even(s, s->mate[w]);
        }
    }
    return MATCH_ALONE;
}

static void flip(struct search *s, uint32_t w)
{
    while (w != MATCH_ALONE) {
        uint32_t v = s->parent[w], next = s->mate[v];
        s->mate[v] = w;
        s->mate[w] = v;
        w = next;
    }
}

static bool augment(struct search *s, uint32_t root)
{
    uint32_t end = MATCH_ALONE;
    s->root = root;
    s->head = s->tail = s->n_touched = 0;
    make_even(s, root);
    while (s->head < s->tail && end == MATCH_ALONE)
        end = grow(s, s->queue[s->head++]);
    if (end != MATCH_ALONE)
        flip(s, end);
    for (uint32_t i = 0; i < s->n_touched; i++) {
        uint32_t v = s->touched[i];
        s->dead[v] = end == MATCH_ALONE;
        s->seen[v] = s->even[v] = 0;
        s->base[v] = v;
    }
    return end != MATCH_ALONE;
}

int match_max_augment(const struct match_graph *g, uint32_t mate[], const uint32_t roots[], size_t n_roots)
{
    assert(g->n <= MATCH_MAX_VERTICES);
    size_t words = 5 * (size_t)g->n;
    AUTO_FREE uint32_t *memory = calloc(words + g->n, sizeof *memory);
    if (!memory)
        return -ENOMEM;
    uint8_t *flags = (uint8_t *)(memory + words);
    struct search s = {.g = g,
                       .mate = mate,
                       .base = memory,
                       .parent = memory + g->n,
                       .queue = memory + 2 * (size_t)g->n,
                       .mark = memory + 3 * (size_t)g->n,
                       .touched = memory + 4 * (size_t)g->n,
                       .seen = flags,
                       .even = flags + g->n,
                       .dead = flags + 2 * (size_t)g->n};
    int found = 0;
    for (uint32_t v = 0; v < g->n; v++)
        s.base[v] = v;
    for (size_t i = 0; i < n_roots; i++)
        if (mate[roots[i]] == MATCH_ALONE && augment(&s, roots[i]))
            found++;
    return found;
}
