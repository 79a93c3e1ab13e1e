/*
 * match_people - people who come into a match_world, and what a test asks of it: who is paired, and whether it is sound.
 *
 * For tests of the matcher. Everything is static: include it in one test program.
 */
#pragma once

#include "match_world.h"

/* One submit of a simple person within an open round. */
UNUSED static void world_person(struct world *w, const char *id, const char *gender, const char *seeking, int age,
                                const char *more)
{
    char payload[1024];
    (void)snprintf(payload, sizeof payload,
                   "{\"v\":1,\"op\":\"submit\",\"pool\":\"p\",\"id\":\"%s\",\"gender\":\"%s\",\"seeking\":[\"%s\"],"
                   "\"age\":%d%s%s}",
                   id, gender, seeking, age, *more ? "," : "", more);
    (void)world_op(w, payload);
}

/* Nobody in two live pairs, nobody both paired and waiting. */
UNUSED static void world_check(struct world *w)
{
    for (size_t i = 0; i < w->n_pairs; i++) {
        if (!w->pairs[i].live)
            continue;
        assert_int_equal(match_index_find(w->ix, w->pairs[i].a), MATCH_NO_SLOT);
        assert_int_equal(match_index_find(w->ix, w->pairs[i].b), MATCH_NO_SLOT);
        for (size_t k = i + 1; k < w->n_pairs; k++) {
            if (!w->pairs[k].live)
                continue;
            assert_string_not_equal(w->pairs[i].a, w->pairs[k].a);
            assert_string_not_equal(w->pairs[i].a, w->pairs[k].b);
            assert_string_not_equal(w->pairs[i].b, w->pairs[k].a);
            assert_string_not_equal(w->pairs[i].b, w->pairs[k].b);
        }
    }
}

UNUSED static size_t world_live(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_pairs; i++)
        n += w->pairs[i].live;
    return n;
}

UNUSED static const char *world_partner(const struct world *w, const char *id)
{
    for (size_t i = 0; i < w->n_pairs; i++) {
        if (w->pairs[i].live && strcmp(w->pairs[i].a, id) == 0)
            return w->pairs[i].b;
        if (w->pairs[i].live && strcmp(w->pairs[i].b, id) == 0)
            return w->pairs[i].a;
    }
    return NULL;
}

/* A world on the heap. */
UNUSED static struct world *world_new(enum match_policy policy)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w, policy);
    return w;
}

/* Ends it, and looks whether it was sound to the end. */
UNUSED static void world_end_all(struct world *w)
{
    world_check(w);
    world_fini(w);
    free(w);
}

/* People <prefix><from>… of 25 years, submitted in rounds of at most 256. */
UNUSED static void world_people(struct world *w, const char *prefix, int from, int n, const char *gender, const char *seeking,
                                const char *more)
{
    char id[32];
    for (int i = 0; i < n;) {
        world_begin(w);
        for (int k = 0; k < 256 && i < n; k++, i++) {
            (void)snprintf(id, sizeof id, "%s%04d", prefix, from + i);
            world_person(w, id, gender, seeking, 25, more);
        }
        world_end(w);
    }
}
