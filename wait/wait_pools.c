/*
 * wait_pools - a bounded set of models by pool name.
 *
 * It refuses a pool too many rather than an event of a pool it knows.
 */
#include "wait_pools.h"

#include "ticket_hash.h"

void wait_pools_init(struct wait_pools *ps, uint64_t seed)
{
    *ps = (struct wait_pools){.seed = seed};
}

void wait_pools_fini(struct wait_pools *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        wait_model_free(ps->pools[i].model);
    ps->n = 0;
}

struct wait_pool *wait_pools_of(struct wait_pools *ps, const char *name)
{
    for (size_t i = 0; i < ps->n; i++)
        if (!name || !*name || strcmp(ps->pools[i].name, name) == 0)
            return &ps->pools[i];
    return NULL;
}

struct wait_pool *wait_pools_make(struct wait_pools *ps, const char *name)
{
    size_t len = strlen(name);
    struct wait_pool *p = len > 0 ? wait_pools_of(ps, name) : NULL;
    if (p || len == 0 || len >= sizeof p->name || ps->n == WAIT_POOLS_MAX)
        return p;
    p = &ps->pools[ps->n];
    p->model = wait_model_new(ps->seed ^ ticket_hash(name, ""));
    if (!p->model)
        return NULL;
    memcpy(p->name, name, len + 1);
    ps->n++;
    return p;
}

void wait_pools_event(struct wait_pools *ps, const struct wait_event *ev)
{
    struct wait_pool *p = wait_pools_make(ps, ev->pool);
    if (p)
        wait_model_event(p->model, ev);
    else
        ps->refused++;
}

void wait_pools_refresh(struct wait_pools *ps, int64_t now_ms)
{
    for (size_t i = 0; i < ps->n; i++)
        wait_model_refresh(ps->pools[i].model, now_ms);
}
