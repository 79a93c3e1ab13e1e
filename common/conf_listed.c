/*
 * conf_listed - the queues of pools that serve several: read from the configuration and its files, checked, handed on.
 * Refuses a queue that two pools would serve in different ways.
 */
#include "conf_fields.h"

#include "buf.h"
#include "keys.h"
#include "shard.h"

#include <fcntl.h>
#include <stdio.h>

enum { LISTED_LINE_MAX = 1024 }; /* of [listed.POOL], in bytes: an INI line holds twice that */

bool conf_pool_lists(const struct conf_pool *pool)
{
    return pool->queues[0] != '\0' || pool->queues_file[0] != '\0';
}

const struct conf_pool *conf_pool_listing(const struct conf *c, const char *queue)
{
    for (size_t i = 0; i < c->n_listed; i++)
        if (strcmp(c->listed[i].name, queue) == 0)
            return &c->pools[c->listed[i].pool];
    return NULL;
}

static void append(struct conf *c, const struct conf_pool *pool, const char *name)
{
    struct conf_listed *l = &c->listed[c->n_listed++];
    *l = (struct conf_listed){.pool = (uint16_t)(pool - c->pools)};
    memcpy(l->name, name, strlen(name));
}

int conf_listed_add(struct conf *c, const struct conf_pool *pool, const char *name, struct err *e)
{
    if (!keys_queue_valid(name))
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queues: \"%.100s\" is no queue name: 1 to %d of A-Z a-z 0-9 . _ -",
                       pool->name, name, QUEUE_MAX - 1);
    const struct conf_pool *other = conf_pool_listing(c, name);
    if (other != NULL)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queues: \"%s\" is listed twice%s%s; one pool lists a queue, once",
                       pool->name, name, other != pool ? ", also by pool " : "", other != pool ? other->name : "");
    if (c->n_listed == CONF_LISTED_MAX)
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] queues: the pools list more than %d queues together, which is the most one "
                       "supervisor serves; divide them "
                       "among hosts (--pool), or let customers share a queue",
                       pool->name, CONF_LISTED_MAX);
    append(c, pool, name);
    return 0;
}

/* A bare name stands beside the configuration. */
static int read_file(struct conf *c, const struct conf_pool *pool, struct err *e)
{
    char path[CONF_STR_MAX * 2];
    const char *slash = pool->queues_file[0] != '/' ? strrchr(c->path, '/') : NULL;
    (void)snprintf(path, sizeof path, "%.*s%s", slash != NULL ? (int)(slash - c->path + 1) : 0, c->path,
                   pool->queues_file);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queues_file %s: %s", pool->name, path, err_text(-errno));
    AUTO_FREE char *text = conf_slurp(fd, path, e);
    if (text == NULL)
        return ERR_BAD_CONFIG;
    int rc = 0, number = 1;
    for (char *line = text, *next; rc == 0 && *line != '\0'; line = next, number++) {
        size_t len = strcspn(line, "\n");
        next = line + len + (line[len] == '\n');
        line[strcspn(line, "\n#")] = '\0';
        char *name = line + strspn(line, " \t\r");
        name[strcspn(name, "\r")] = '\0';
        size_t n = strlen(name);
        while (n > 0 && (name[n - 1] == ' ' || name[n - 1] == '\t'))
            name[--n] = '\0';
        struct err why;
        if (n > 0 && (rc = conf_listed_add(c, pool, name, &why)) < 0)
            (void)err_set(e, rc, "%s:%d: %s", path, number, why.message);
    }
    return rc;
}

static int read_pool(struct conf *c, struct conf_pool *pool, struct err *e)
{
    char item[CONF_STR_MAX];
    size_t first = c->n_listed;
    int rc = 0;
    for (const char *cursor = pool->queues; rc == 0 && conf_list_next(&cursor, item, sizeof item);)
        rc = conf_listed_add(c, pool, item, e);
    if (rc == 0 && pool->queues_file[0] != '\0')
        rc = read_file(c, pool, e);
    if (rc < 0)
        return rc;
    if (c->n_listed == first)
        return err_set(e, ERR_BAD_CONFIG, "[pool.%s] queues_file %s names no queue: write one name a line", pool->name,
                       pool->queues_file);
    if (pool->queue[0] != '\0' && strcmp(pool->queue, c->listed[first].name) != 0)
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] has queue and queues; keep one of them: queue = %s can be named in queues, too",
                       pool->name, pool->queue);
    return 0;
}

int conf_listed_read(struct conf *c, struct err *e)
{
    int rc = 0;
    c->n_listed = 0;
    memset(c->listed, 0, sizeof c->listed);
    for (size_t i = 0; rc == 0 && i < c->n_pools; i++)
        if (conf_pool_lists(&c->pools[i]))
            rc = read_pool(c, &c->pools[i], e);
    return rc;
}

void conf_listed_print(const struct conf *c, struct buf *out)
{
    size_t used = 0, line = 0;
    for (size_t i = 0; i < c->n_listed; i++) {
        const struct conf_listed *l = &c->listed[i];
        bool section = i == 0 || c->listed[i - 1].pool != l->pool;
        if (section)
            (void)buf_addf(out, "\n\n[listed.%s]\n", c->pools[l->pool].name);
        bool begin = section || used + strlen(l->name) + 2 > LISTED_LINE_MAX;
        (void)(begin ? buf_addf(out, "%s%zu = %s", section ? "" : "\n", line++, l->name)
                     : buf_addf(out, ", %s", l->name));
        used = (begin ? 8 : used + 2) + strlen(l->name);
    }
    if (c->n_listed > 0)
        (void)buf_adds(out, "\n");
}

/* It was checked by who printed it: only what would not fit is refused. */
int conf_listed_inherit(struct conf *c, const char *pool_name, const char *value, struct err *e)
{
    const struct conf_pool *pool = conf_pool_of(c, pool_name);
    char item[QUEUE_MAX];
    for (const char *cursor = value; pool != NULL && conf_list_next(&cursor, item, sizeof item);) {
        if (c->n_listed == CONF_LISTED_MAX)
            return err_set(e, ERR_BAD_CONFIG, "inherited configuration: more than %d listed queues", CONF_LISTED_MAX);
        append(c, pool, item);
    }
    return 0;
}

size_t conf_queues(const struct conf *c, const char *ret_queues[], size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_pools; i++) {
        size_t k = 0;
        while (k < n && strcmp(ret_queues[k], c->pools[i].queue) != 0)
            k++;
        if (k == n && n < max && !conf_pool_lists(&c->pools[i]))
            ret_queues[n++] = c->pools[i].queue;
    }
    for (size_t i = 0; i < c->n_listed && n < max; i++)
        ret_queues[n++] = c->listed[i].name;
    return n;
}

static int check_pool(const struct conf *c, const struct conf_pool *pool, struct err *e)
{
    const struct conf_pool *listing = conf_pool_listing(c, pool->queue);
    if (!conf_pool_lists(pool))
        return listing == NULL
                   ? 0
                   : err_set(e, ERR_BAD_CONFIG,
                             "[pool.%s] queue: \"%s\" is among the queues of pool %s, whose workers serve it already",
                             pool->name, pool->queue, listing->name);
    char item[CONF_STR_MAX];
    for (const char *cursor = pool->kinds; conf_list_next(&cursor, item, sizeof item);)
        if (strcmp(item, "match") == 0)
            return err_set(
                e, ERR_BAD_CONFIG,
                "[pool.%s] queues: kind match is worked on in one queue (its people wait there); set queue instead",
                pool->name);
    if (pool->lane[0] != '\0')
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] lane: a pool that serves several queues serves their bands; drop lane, or set queue",
                       pool->name);
    if (conf_pool_scaled(pool))
        return err_set(e, ERR_BAD_CONFIG,
                       "[pool.%s] target_wait: waiting is not measured over several queues; set workers instead",
                       pool->name);
    return 0;
}

int conf_listed_check(const struct conf *c, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n_pools; i++)
        rc = check_pool(c, &c->pools[i], e);
    for (size_t i = 0; rc == 0 && i < c->n_listed; i++)
        if (conf_queue_shards(c, c->listed[i].name) > 1)
            rc = err_set(
                e, ERR_BAD_CONFIG,
                "[queue.%s] shards: the queue is one of several of pool %s, and those have none; set shards = 1",
                c->listed[i].name, c->pools[c->listed[i].pool].name);
    return rc;
}
