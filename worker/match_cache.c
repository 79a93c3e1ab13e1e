/*
 * match_cache - bookkeeping of pools.
 *
 * It refuses to be the truth: any doubt ends in match_cache_reset and reading PostgreSQL again.
 */
#include "match_cache.h"

#include <stdio.h>

static void cache_free(struct match_cache *c)
{
    match_cache_reset(c);
    match_published_drop(c->published);
    free(c);
}

struct match_cache *match_cache_of(struct match_caches *c, const char *pool)
{
    struct match_cache *found = NULL;
    size_t oldest = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->all[i]->pool, pool) == 0)
            found = c->all[i];
        if (c->all[i]->used < c->all[oldest]->used)
            oldest = i;
    }
    if (!found && c->n == MATCH_CACHES) {
        cache_free(c->all[oldest]);
        c->all[oldest] = c->all[--c->n];
    }
    if (!found) {
        found = calloc(1, sizeof *found);
        if (!found)
            return NULL;
        (void)snprintf(found->pool, sizeof found->pool, "%s", pool);
        c->all[c->n++] = found;
    }
    found->used = ++c->turns;
    return found;
}

void match_cache_reset(struct match_cache *c)
{
    match_index_free(c->ix);
    c->ix = NULL;
    c->warm = false;
    c->mark = (struct match_mark){0};
    c->sweep = c->here = 0;
}

int match_cache_open(struct match_cache *c, const struct match_rules *rules)
{
    if (!c->ix)
        c->ix = match_index_new(rules);
    return c->ix ? 0 : -ENOMEM;
}

void match_caches_reset(struct match_caches *c)
{
    for (size_t i = 0; i < c->n; i++)
        match_cache_reset(c->all[i]);
}

void match_caches_fini(struct match_caches *c)
{
    for (size_t i = 0; i < c->n; i++) {
        cache_free(c->all[i]);
    }
    c->n = 0;
}
