/*
 * wait_pools - a bounded set of models by pool name.
 *
 * It refuses a pool too many rather than an event of a pool it knows.
 */
#include "wait_pools.h"

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

void wait_pools_event(struct wait_pools *ps, const struct wait_event *ev)
{
    struct wait_pool *p = ev->pool[0] ? wait_pools_of(ps, ev->pool) : NULL;
    if (!p && ev->pool[0] && ps->n < WAIT_POOLS_MAX) {
        p = &ps->pools[ps->n];
        p->model = wait_model_new(ps->seed + ps->n);
        memcpy(p->name, ev->pool, sizeof p->name);
        p = p->model ? &ps->pools[ps->n++] : NULL;
    }
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
