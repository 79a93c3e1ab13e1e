/*
 * match_max - maximum-cardinality matching in a general graph, from a matching already there.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure. Source: J. Edmonds, "Paths, Trees, and Flowers", 1965; breadth-first search
 * with union-find bases. A vertex that is matched stays matched (its partner may change), and a failed search's tree is
 * never looked at again.
 */
#pragma once

#include "base.h"

enum { MATCH_MAX_VERTICES = 16384 };
#define MATCH_ALONE UINT32_MAX

/* A graph as rows: neighbours of v are to[first[v]] … to[first[v + 1] - 1]; every edge is in both rows. Borrowed. */
struct match_graph {
    uint32_t n;
    const uint32_t *first; /* n + 1 */
    const uint32_t *to;
};

/* Tries to match each of the roots in turn, changing mate (n entries, MATCH_ALONE when single). Returns how many roots
 * found a partner, or -ENOMEM (mate is a valid matching all the same). Deterministic. */
int match_max_augment(const struct match_graph *g, uint32_t mate[], const uint32_t roots[], size_t n_roots);
