/*
 * pool_choice - see pool_choice.h. Refuses to go on without a pool that was asked for: a unit that runs nothing looks
 * as if it ran.
 */
#include "pool_choice.h"

#include <stdio.h>

static bool chosen(const struct pool_choice *choice, const char *name)
{
    for (size_t i = 0; i < choice->n; i++)
        if (strcmp(choice->names[i], name) == 0)
            return true;
    return false;
}

int pool_choice_add(struct pool_choice *choice, const char *name, struct err *e)
{
    if (chosen(choice, name))
        return 0;
    if (choice->n == CONF_POOL_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--pool: more than %d pools are named", CONF_POOL_MAX);
    choice->names[choice->n++] = name;
    return 0;
}

static int unknown(const struct conf *c, const char *name, struct err *e)
{
    enum { LIST_MAX = 400 };
    char list[LIST_MAX] = "";
    size_t len = 0;
    for (size_t i = 0; i < c->n_pools && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "", c->pools[i].name);
    return err_set(e, ERR_BAD_ARGUMENT, "there is no pool \"%.60s\" in %.200s; its pools: %s", name,
                   c->path[0] != '\0' ? c->path : "the defaults and the environment", list);
}

int pool_choice_apply(const struct pool_choice *choice, struct conf *c, struct err *e)
{
    size_t kept = 0;
    if (choice->n == 0)
        return 0;
    for (size_t i = 0; i < choice->n; i++)
        if (conf_pool_of(c, choice->names[i]) == NULL)
            return unknown(c, choice->names[i], e);
    for (size_t i = 0; i < c->n_pools; i++) {
        if (!chosen(choice, c->pools[i].name))
            continue;
        if (kept != i)
            c->pools[kept] = c->pools[i];
        kept++;
    }
    c->n_pools = kept;
    return 0;
}
