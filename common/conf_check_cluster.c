/*
 * conf_check_cluster - what [redis] cluster = yes forbids. Pure.
 */
#include "conf_fields.h"

#include "redis_slots.h"

static bool runs_match(const struct conf_pool *pool)
{
    char item[CONF_STR_MAX];
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, item, sizeof item);)
        if (strcmp(item, "match") == 0)
            return true;
    return false;
}

/* The wait model reads the feeds of all match queues in one blocked command, which must be of one slot. */
static int check_match(const struct conf *c, struct err *e)
{
    const char *queue = NULL;
    for (size_t i = 0; i < c->n_pools; i++) {
        const struct conf_pool *pool = &c->pools[i];
        if (!runs_match(pool))
            continue;
        if (queue != NULL && strcmp(queue, pool->queue) != 0)
            return err_set(
                e, ERR_BAD_CONFIG,
                "[redis] cluster: kind match has two queues here, %s and %s; on a cluster a host serves one of them",
                queue, pool->queue);
        queue = pool->queue;
    }
    return 0;
}

int conf_check_cluster(const struct conf *c, struct err *e)
{
    struct redis_address seed;
    if (!c->redis.cluster && c->redis.nodes[0] != '\0')
        return err_set(e, ERR_BAD_CONFIG,
                       "[redis] nodes are those of a cluster: set cluster = yes, or leave nodes empty");
    if (!c->redis.cluster)
        return 0;
    int rc = redis_seed(c->redis.url, "", 0, &seed, e);
    if (rc == 0 && seed.db != 0)
        return err_set(e, ERR_BAD_CONFIG,
                       "[redis] url: a cluster has database 0 alone; take the number at its end out");
    for (size_t n = 1; rc == 0; n++)
        rc = redis_seed(c->redis.url, c->redis.nodes, n, &seed, e);
    return rc != ERR_NOT_FOUND ? rc : check_match(c, e);
}
