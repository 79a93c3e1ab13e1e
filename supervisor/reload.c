/*
 * reload - see reload.h. One macro a section, from the table that also says which key is reloadable; refuses to take
 * over half a file: the caller comes here only with one that was read and checked whole.
 */
#include "reload.h"

#include <stdio.h>

static void note(struct reload_names *names, const char *section, const char *key)
{
    if (names->n < RELOAD_NAMES_MAX)
        (void)snprintf(names->names[names->n], RELOAD_NAME_MAX, "%s.%s", section, key);
    names->n++;
}

/* One key: differs? reloadable: take over and note; else only note. */
static void take(struct reload_report *r, const char *section, const char *key, bool reloadable, void *current,
                 const void *fresh, size_t size)
{
    if (memcmp(current, fresh, size) == 0)
        return;
    note(reloadable ? &r->changed : &r->needs_restart, section, key);
    if (reloadable)
        memcpy(current, fresh, size);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

#define TAKE_KEY(type, key, def, min, max, reloadable, doc) TAKE_##type(key, reloadable)
#define TAKE_NUMBER(key, reloadable)                        take(r, section, #key, reloadable, &c->key, &f->key, sizeof c->key);
/* What follows the terminating NUL of a text means nothing and must not count as a change. */
#define TAKE_TEXT(key, reloadable)                                                                                     \
    if (!same_text(c->key, f->key))                                                                                    \
        take(r, section, #key, reloadable, c->key, f->key, sizeof c->key);
#define TAKE_STR(key, reloadable)      TAKE_TEXT(key, reloadable)
#define TAKE_LIST(key, reloadable)     TAKE_TEXT(key, reloadable)
#define TAKE_INT(key, reloadable)      TAKE_NUMBER(key, reloadable)
#define TAKE_DURATION(key, reloadable) TAKE_NUMBER(key, reloadable)
#define TAKE_SIZE(key, reloadable)     TAKE_NUMBER(key, reloadable)
#define TAKE_BOOL(key, reloadable)     TAKE_NUMBER(key, reloadable)

#define S(name, table)                                                                                                 \
    static void take_##name(struct reload_report *r, const char *section, struct conf_##name *c,                       \
                            const struct conf_##name *f)                                                               \
    {                                                                                                                  \
        table(TAKE_KEY)                                                                                                \
    }
CONF_SECTIONS(S)
S(queue, CONF_QUEUE)
S(pool, CONF_POOL)
S(kind, CONF_KIND)
#undef S

/* A queue whose section is gone has one shard again. */
static void take_queues(struct conf *current, const struct conf *fresh, struct reload_report *ret)
{
    static const struct conf_queue plain = {.shards = 1};
    char section[RELOAD_NAME_MAX / 2 + 32];
    for (size_t i = 0; i < fresh->n_queues; i++) {
        const char *name = fresh->queues[i].name;
        size_t k = 0;
        while (k < current->n_queues && strcmp(current->queues[k].name, name) != 0)
            k++;
        if (k == current->n_queues && k < CONF_QUEUE_MAX) {
            current->queues[current->n_queues] = plain;
            memcpy(current->queues[current->n_queues++].name, name, QUEUE_MAX);
        }
    }
    for (size_t i = 0; i < current->n_queues; i++) {
        const struct conf_queue *f = &plain;
        for (size_t k = 0; k < fresh->n_queues; k++)
            if (strcmp(fresh->queues[k].name, current->queues[i].name) == 0)
                f = &fresh->queues[k];
        (void)snprintf(section, sizeof section, "queue.%.64s", current->queues[i].name);
        take_queue(ret, section, &current->queues[i], f);
    }
}

/* Queues that a pool lists now and did not. One that it lists no more is served until a restart, as an old one's
 * workers may hold its jobs. */
static void take_listed(struct conf *current, const struct conf *fresh, struct reload_report *ret)
{
    char section[RELOAD_NAME_MAX / 2 + 32];
    for (size_t i = 0; i < current->n_pools; i++) {
        const struct conf_pool *pool = &current->pools[i], *f = conf_pool_of(fresh, pool->name);
        size_t added = 0, refused = 0, gone = 0;
        for (size_t k = 0; f != NULL && conf_pool_lists(pool) && k < fresh->n_listed; k++)
            if (&fresh->pools[fresh->listed[k].pool] == f && conf_pool_listing(current, fresh->listed[k].name) == NULL)
                *(conf_listed_add(current, pool, fresh->listed[k].name, NULL) == 0 ? &added : &refused) += 1;
        for (size_t k = 0; f != NULL && k < current->n_listed; k++)
            gone += &current->pools[current->listed[k].pool] == pool &&
                    conf_pool_listing(fresh, current->listed[k].name) != f;
        (void)snprintf(section, sizeof section, "pool.%.64s", pool->name);
        if (added > 0)
            note(&ret->changed, section, "queues(added)");
        if (refused > 0) /* those that are gone have their places still */
            note(&ret->needs_restart, section, "queues(too many)");
        if (gone > 0)
            note(&ret->needs_restart, section, "queues(removed)");
    }
}

/* One queue or several is what a pool is: it stays until a restart. The first of several names the pool's workers in
 * Redis and stays, too. */
static void take_pool_row(struct reload_report *ret, const char *section, struct conf_pool *current,
                          const struct conf_pool *fresh)
{
    struct conf_pool f = *fresh;
    if (conf_pool_lists(current) != conf_pool_lists(fresh)) {
        note(&ret->needs_restart, section, "queues");
        memcpy(f.queues, current->queues, sizeof f.queues);
        memcpy(f.queues_file, current->queues_file, sizeof f.queues_file);
    } else if (conf_pool_lists(current)) {
        memcpy(f.queue, current->queue, sizeof f.queue);
    }
    take_pool(ret, section, current, &f);
}

static void take_pools(struct conf *current, const struct conf *fresh, struct reload_report *ret)
{
    char section[RELOAD_NAME_MAX / 2 + 32];
    for (size_t i = 0; i < current->n_pools; i++) {
        const struct conf_pool *f = conf_pool_of(fresh, current->pools[i].name);
        (void)snprintf(section, sizeof section, "pool.%.64s", current->pools[i].name);
        if (f != NULL) {
            take_pool_row(ret, section, &current->pools[i], f);
        } else if (current->pools[i].workers > 0 || conf_pool_scaled(&current->pools[i])) {
            current->pools[i].workers = current->pools[i].target_wait = 0;
            note(&ret->changed, section, "(removed)");
        }
    }
    for (size_t i = 0; i < fresh->n_pools; i++) {
        (void)snprintf(section, sizeof section, "pool.%.64s", fresh->pools[i].name);
        if (conf_pool_of(current, fresh->pools[i].name) != NULL)
            continue;
        bool room = current->n_pools < CONF_POOL_MAX; /* rows of the removed stay until a restart */
        if (room)
            current->pools[current->n_pools++] = fresh->pools[i];
        note(room ? &ret->changed : &ret->needs_restart, section, "(added)");
    }
}

static struct conf_kind *kind_row(struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_kinds; i++)
        if (strcmp(c->kinds[i].name, name) == 0)
            return &c->kinds[i];
    return NULL;
}

static void take_kinds(struct conf *current, const struct conf *fresh, struct reload_report *ret)
{
    char section[RELOAD_NAME_MAX / 2];
    for (size_t i = 0; i < fresh->n_kinds; i++) {
        const struct conf_kind *f = &fresh->kinds[i];
        (void)snprintf(section, sizeof section, "kind.%.32s", f->name);
        struct conf_kind *c = kind_row(current, f->name);
        if (c != NULL) {
            take_kind(ret, section, c, f);
        } else if (current->n_kinds < CONF_KIND_MAX) {
            current->kinds[current->n_kinds++] = *f;
            note(&ret->changed, section, "(added)");
        }
    }
}

void reload_apply(struct conf *current, const struct conf *fresh, struct reload_report *ret)
{
    *ret = (struct reload_report){0};
#define S(name, table) take_##name(ret, #name, &current->name, &fresh->name);
    CONF_SECTIONS(S)
#undef S
    take_queues(current, fresh, ret);
    take_pools(current, fresh, ret);
    take_listed(current, fresh, ret);
    take_kinds(current, fresh, ret);
}
