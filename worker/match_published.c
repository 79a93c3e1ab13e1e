/*
 * match_published - a pool's published cells, read with suspicion.
 *
 * It refuses to pass on a figure that is no number, is negative, or contradicts itself: it came through a store that
 * others write to.
 */
#include "match_published.h"

#include <jansson.h>
#include <math.h>

#define PUBLISHED_MAX_S 1200.0

struct match_published *match_published_new(void)
{
    struct match_published *p = calloc(1, sizeof *p);
    if (p)
        p->holders = 1;
    return p;
}

struct match_published *match_published_hold(struct match_published *p)
{
    p->holders++;
    return p;
}

void match_published_drop(struct match_published *p)
{
    if (p && --p->holders == 0)
        free(p);
}

static const char *confidence_of(const json_t *cell)
{
    static const char *const names[] = {"low", "ok"};
    const char *name = json_string_value(json_object_get(cell, "confidence"));
    for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return names[i];
    return names[0];
}

/* 0 for null; -EINVAL for what is neither null nor a set of genders. */
static int seeking_of(const json_t *cell, uint8_t *ret_seeking)
{
    const json_t *v, *set = json_object_get(cell, "seeking");
    size_t i;
    unsigned seeking = 0;
    if (!set || (!json_is_null(set) && !json_is_array(set)))
        return -EINVAL;
    json_array_foreach(set, i, v)
    {
        const char *name = json_string_value(v);
        int g = name ? gender_by_name(name) : -1;
        if (g < 0)
            return -EINVAL;
        seeking |= 1U << g;
    }
    *ret_seeking = (uint8_t)seeking;
    return json_is_array(set) && seeking == 0 ? -EINVAL : 0;
}

static int read_cell(const json_t *cell, struct match_cell *ret)
{
    const char *name = json_string_value(json_object_get(cell, "gender"));
    const json_t *p50 = json_object_get(cell, "p50_s"), *p90 = json_object_get(cell, "p90_s");
    int g = name ? gender_by_name(name) : -1;
    if (g < 0 || !json_is_number(p50) || !json_is_number(p90) || seeking_of(cell, &ret->seeking) < 0)
        return -EINVAL;
    ret->gender = (uint8_t)g;
    ret->p50_s = json_number_value(p50);
    ret->p90_s = json_number_value(p90);
    ret->confidence = confidence_of(cell);
    return ret->p50_s >= 0 && ret->p50_s <= ret->p90_s && ret->p90_s <= PUBLISHED_MAX_S ? 0 : -EINVAL;
}

void match_published_take(struct match_published *p, const char *json, size_t len)
{
    const json_t *cell;
    size_t i;
    json_t *root = json_loadb(json, len, 0, NULL);
    p->n = 0;
    p->updated_ms = json_integer_value(json_object_get(root, "updatedMs"));
    json_array_foreach(json_object_get(root, "estimates"), i, cell)
    {
        if (p->n < MATCH_PUBLISHED_CELLS && read_cell(cell, &p->cells[p->n]) == 0)
            p->n++;
    }
    json_decref(root);
}

const struct match_cell *match_published_find(const struct match_published *p, unsigned gender, unsigned seeking,
                                              int64_t now_ms)
{
    const struct match_cell *found = NULL;
    if (!p || now_ms - p->updated_ms > MATCH_PUBLISHED_KEPT_MS)
        return NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct match_cell *c = &p->cells[i];
        if (c->gender == gender && c->seeking == seeking)
            return c;
        if (c->gender == gender && c->seeking == 0)
            found = c;
    }
    return found;
}
