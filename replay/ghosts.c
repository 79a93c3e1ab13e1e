/*
 * ghosts - an index of their own, asked as the living one is.
 *
 * It refuses rules of its own: who fits and who comes first is the engine's to say.
 */
#include "ghosts.h"

struct ghosts {
    struct match_index *ix;
    uint32_t *found; /* owned; room for all of them */
    uint32_t cap;
};

struct ghosts *ghosts_new(const struct match_rules *rules)
{
    struct ghosts *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->ix = match_index_new(rules);
    if (g->ix)
        return g;
    free(g);
    return NULL;
}

void ghosts_free(struct ghosts *g)
{
    if (!g)
        return;
    match_index_free(g->ix);
    free(g->found);
    free(g);
}

static struct match_lists *copy_lists(const struct match_lists *l)
{
    size_t size = sizeof *l + l->n_excluded * sizeof l->excluded[0];
    struct match_lists *copy = malloc(size);
    return copy ? memcpy(copy, l, size) : NULL;
}

/* It neither expires nor falls silent. */
static int copy_waiter(const struct match_waiter *w, struct match_waiter *ret)
{
    *ret = *w;
    ret->id = strdup(w->id);
    ret->p.lists = w->p.lists ? copy_lists(w->p.lists) : NULL;
    ret->p.gone_ms = INT64_MAX;
    if (ret->id && (ret->p.lists || !w->p.lists))
        return 0;
    match_waiter_fini(ret);
    return -ENOMEM;
}

static int room(struct ghosts *g)
{
    if (match_index_count(g->ix) < g->cap)
        return 0;
    uint32_t cap = g->cap ? g->cap * 2 : 256;
    uint32_t *found = realloc(g->found, cap * sizeof *found);
    if (!found)
        return -ENOMEM;
    g->found = found;
    g->cap = cap;
    return 0;
}

int ghosts_add(struct ghosts *g, const struct match_waiter *w)
{
    struct match_waiter copy;
    uint32_t slot;
    if (room(g) < 0 || copy_waiter(w, &copy) < 0)
        return -ENOMEM;
    int rc = match_index_add(g->ix, &copy, &slot);
    if (rc < 0)
        match_waiter_fini(&copy);
    return rc;
}

/* Whether a goes before b with this arrival: by score, then by who came first. */
static bool preferred(const struct ghosts *g, const struct match_profile *who, const struct match_waiter *a,
                      const struct match_waiter *b)
{
    if (a->p.hash == b->p.hash) /* its own double (wishes.h): it stands in its place */
        return true;
    int64_t score_a = match_index_score(g->ix, who, a), score_b = match_index_score(g->ix, who, b);
    if (score_a != score_b)
        return score_a < score_b;
    if (a->p.created_ms != b->p.created_ms)
        return a->p.created_ms < b->p.created_ms;
    return strcmp(a->id, b->id) < 0;
}

void ghosts_arrival(struct ghosts *g, const struct match_profile *who, const struct match_waiter *partner,
                    int64_t now_ms, ghost_taken_fn fn, void *arg)
{
    const struct match_query q = {who, now_ms, MATCH_FROM_START, UINT32_MAX};
    size_t n = match_index_some(g->ix, &q, g->found, match_index_count(g->ix));
    for (size_t i = 0; i < n; i++) {
        const struct match_waiter *w = match_index_at(g->ix, g->found[i]);
        struct match_waiter gone;
        if (partner && !preferred(g, who, w, partner))
            continue;
        fn(arg, w->id, w->p.created_ms);
        match_index_take(g->ix, g->found[i], &gone);
        match_waiter_fini(&gone);
    }
}
