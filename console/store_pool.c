/*
 * store_pool - see store_pool.h. Refuses to open more connections than it was made for, however many ask.
 */
#include "store_pool.h"

#include <pthread.h>
#include <stdio.h>

struct store_pool {
    pthread_mutex_t lock;
    pthread_cond_t back;
    struct stores items[STORE_POOL_SIZE];
    bool taken[STORE_POOL_SIZE];
};

struct store_pool *store_pool_new(const struct conf *conf)
{
    struct store_pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->back, NULL);
    for (size_t i = 0; i < STORE_POOL_SIZE; i++)
        p->items[i] = (struct stores){.conf = conf, .application = "stint-console"};
    return p;
}

void store_pool_free(struct store_pool *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < STORE_POOL_SIZE; i++)
        stores_fini(&p->items[i]);
    (void)pthread_cond_destroy(&p->back);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

struct stores *store_pool_take(struct store_pool *p, const char *name)
{
    struct stores *s = NULL;
    (void)pthread_mutex_lock(&p->lock);
    while (s == NULL) {
        for (size_t i = 0; s == NULL && i < STORE_POOL_SIZE; i++)
            if (!p->taken[i]) {
                p->taken[i] = true;
                s = &p->items[i];
            }
        if (s == NULL)
            (void)pthread_cond_wait(&p->back, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    (void)snprintf(s->actor, sizeof s->actor, "%s@console", name);
    return s;
}

void store_pool_put(struct store_pool *p, struct stores *s)
{
    (void)pthread_mutex_lock(&p->lock);
    p->taken[s - p->items] = false;
    (void)pthread_cond_signal(&p->back);
    (void)pthread_mutex_unlock(&p->lock);
}
