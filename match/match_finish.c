/*
 * match_finish - policy `max`: after greedy, no pair that exists in the round is lost.
 *
 * Vertices are the people this round submitted or paired, and, for each of them, as many people still waiting as there
 * are submitted people without a partner: every augmenting path uses up at most one such stranger per path, so more
 * cannot matter. The same for each stranger who was matched on the way. Whoever is matched stays matched; partners may
 * change. It refuses to look at pairs of earlier rounds.
 */
#include "match_max.h"
#include "match_round.h"

enum { CORE_MAX = 2048, MAP_SIZE = 4 * MATCH_MAX_VERTICES, EDGES_MAX = 1 << 22 };

struct vertex {
    uint32_t party; /* MATCH_NO_SLOT: a stranger who is not in the round yet */
    uint32_t slot;  /* in the index; MATCH_NO_SLOT: the party holds the waiter */
    bool expanded;  /* a stranger whose own edges were gathered */
};

struct finish {
    struct match_round *r;
    struct vertex *v;
    uint32_t n, n_core, *map; /* map: slot -> vertex + 1, open addressing */
    uint32_t *edges;          /* pairs of vertices */
    size_t n_edges;
    uint32_t *mate, *roots;
    size_t n_roots;
};

static const struct match_profile *profile(const struct finish *f, uint32_t v)
{
    return f->v[v].slot != MATCH_NO_SLOT ? &match_index_at(f->r->ix, f->v[v].slot)->p
                                         : &f->r->parties[f->v[v].party].w.p;
}

static uint32_t vertex_of_slot(struct finish *f, uint32_t slot)
{
    uint32_t i = slot * UINT32_C(2654435761) % MAP_SIZE;
    while (f->map[i] && f->v[f->map[i] - 1].slot != slot)
        i = (i + 1) % MAP_SIZE;
    if (f->map[i])
        return f->map[i] - 1;
    if (f->n == MATCH_MAX_VERTICES)
        return MATCH_NO_SLOT;
    f->v[f->n] = (struct vertex){.party = MATCH_NO_SLOT, .slot = slot};
    f->map[i] = ++f->n;
    return f->n - 1;
}

/* People of this round: those paired in it, and those it submitted who wait (the roots). */
static void gather_core(struct finish *f)
{
    struct match_round *r = f->r;
    for (uint32_t i = 0; i < r->n_parties && f->n < CORE_MAX; i++) {
        const struct match_party *p = &r->parties[i];
        bool paired = p->state == MATCH_MATCHED && !r->pairings[p->pair].stored;
        if (paired) {
            f->v[f->n++] = (struct vertex){.party = i, .slot = MATCH_NO_SLOT};
        } else if (p->whole && p->state == MATCH_WAITING) {
            uint32_t v = vertex_of_slot(f, match_index_find(r->ix, p->id));
            f->v[v].party = i;
            f->roots[f->n_roots++] = v;
        }
    }
    f->n_core = f->n;
}

static void add_edge(struct finish *f, uint32_t a, uint32_t b)
{
    if (f->n_edges == EDGES_MAX)
        return;
    f->edges[2 * f->n_edges] = a;
    f->edges[2 * f->n_edges + 1] = b;
    f->n_edges++;
}

/* Edges from a to those of the vertices from `first` on who belong to the round, and to people waiting. */
static void gather_edges_of(struct finish *f, uint32_t a, uint32_t first)
{
    uint32_t found[MATCH_INDEX_TAKE_MAX];
    const struct match_rules *rules = f->r->rules;
    for (uint32_t b = first; b < f->n_core; b++)
        if (match_rules_fit(rules, profile(f, a), profile(f, b), f->r->now_ms, NULL))
            add_edge(f, a, b);
    const struct match_query q = {profile(f, a), f->r->now_ms, MATCH_FROM_START, rules->candidates_max};
    size_t n = match_index_some(f->r->ix, &q, found, MIN_OF(2 * f->n_roots, (size_t)MATCH_INDEX_TAKE_MAX));
    for (size_t i = 0; i < n; i++) {
        uint32_t b = vertex_of_slot(f, found[i]);
        if (b != MATCH_NO_SLOT && b >= f->n_core)
            add_edge(f, a, b);
    }
}

static int augment(struct finish *f)
{
    size_t n = f->n;
    AUTO_FREE uint32_t *first = calloc(n + 2, sizeof *first);
    AUTO_FREE uint32_t *to = malloc((2 * f->n_edges + 1) * sizeof *to);
    if (!first || !to)
        return -ENOMEM;
    for (size_t i = 0; i < 2 * f->n_edges; i++)
        first[f->edges[i] + 2]++;
    for (size_t v = 0; v < n; v++)
        first[v + 2] += first[v + 1];
    for (size_t i = 0; i < f->n_edges; i++) {
        to[first[f->edges[2 * i] + 1]++] = f->edges[2 * i + 1];
        to[first[f->edges[2 * i + 1] + 1]++] = f->edges[2 * i];
    }
    const struct match_graph g = {.n = f->n, .first = first, .to = to};
    return match_max_augment(&g, f->mate, f->roots, f->n_roots);
}

/* Pairs that the matching no longer holds are undone; those it newly holds are made. */
static int apply(struct finish *f)
{
    struct match_round *r = f->r;
    for (uint32_t v = 0; v < f->n; v++) {
        if (f->mate[v] == MATCH_ALONE || f->v[v].slot == MATCH_NO_SLOT)
            continue;
        int rc = match_round_draw(r, f->v[v].slot, &f->v[v].party);
        if (rc < 0)
            return rc;
        f->v[v].slot = MATCH_NO_SLOT;
    }
    for (uint32_t a = 0; a < f->n; a++) {
        uint32_t b = f->mate[a];
        if (b == MATCH_ALONE || b < a)
            continue;
        struct match_party *pa = &r->parties[f->v[a].party], *pb = &r->parties[f->v[b].party];
        if (pa->state == MATCH_MATCHED && pa->pair == pb->pair && pa->pair != MATCH_NO_PAIR)
            continue;
        uint32_t op = MATCH_NO_OP;
        for (int i = 0; i < 2; i++) {
            const struct match_party *p = i ? pb : pa;
            if (p->pair == MATCH_NO_PAIR)
                continue;
            r->pairings[p->pair].dropped = true;
            op = r->pairings[p->pair].op;
        }
        unsigned stage = 0;
        bool fit = match_rules_fit(r->rules, profile(f, a), profile(f, b), r->now_ms, &stage);
        assert(fit);
        int rc = match_round_pair(r, f->v[a].party, f->v[b].party, stage, op);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Augments until nothing is gained. A stranger whom one path matched may stand in the middle of another: then his own
 * edges count too. Returns how many roots found a partner. */
static int augment_all(struct finish *f)
{
    int gained = 0, more;
    for (uint32_t v = 0; v < f->n_core; v++)
        gather_edges_of(f, v, v + 1);
    do {
        more = augment(f);
        gained += more;
        for (uint32_t v = f->n_core; more > 0 && v < f->n; v++) {
            if (f->mate[v] == MATCH_ALONE || f->v[v].expanded)
                continue;
            f->v[v].expanded = true;
            gather_edges_of(f, v, 0);
        }
    } while (more > 0);
    return more < 0 ? more : gained;
}

static int finish_with(struct finish *f)
{
    gather_core(f);
    if (f->n_roots == 0)
        return 0;
    for (uint32_t v = 0; v < MATCH_MAX_VERTICES; v++)
        f->mate[v] = MATCH_ALONE;
    AUTO_FREE uint32_t *of_party = malloc((f->r->n_parties + 1) * sizeof *of_party);
    if (!of_party)
        return -ENOMEM;
    for (uint32_t v = 0; v < f->n_core; v++)
        of_party[f->v[v].party] = v;
    for (uint32_t v = 0; v < f->n_core; v++) {
        const struct match_party *p = &f->r->parties[f->v[v].party];
        if (p->state != MATCH_MATCHED)
            continue;
        const struct match_pairing *pair = &f->r->pairings[p->pair];
        f->mate[v] = of_party[pair->party[0] == f->v[v].party ? pair->party[1] : pair->party[0]];
    }
    int rc = augment_all(f);
    return rc <= 0 ? rc : apply(f);
}

int match_round_finish(struct match_round *r)
{
    if (r->rules->policy != MATCH_MAX)
        return 0;
    struct finish f = {.r = r};
    f.v = malloc(MATCH_MAX_VERTICES * sizeof *f.v);
    f.map = calloc(MAP_SIZE, sizeof *f.map);
    f.edges = malloc(2 * (size_t)EDGES_MAX * sizeof *f.edges);
    f.mate = malloc(MATCH_MAX_VERTICES * sizeof *f.mate);
    f.roots = malloc(MATCH_MAX_VERTICES * sizeof *f.roots);
    int rc = f.v && f.map && f.edges && f.mate && f.roots ? finish_with(&f) : -ENOMEM;
    free(f.v);
    free(f.map);
    free(f.edges);
    free(f.mate);
    free(f.roots);
    return rc;
}
