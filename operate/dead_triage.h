/*
 * dead_triage - dead letters by fingerprint: few problems instead of many letters.
 *
 * Runs in: ctl, console. Owner: the caller. Memory is bounded: DEAD_TRIAGE_GROUPS problems, DEAD_TRIAGE_NAMES builds
 * and hosts of each; what is beyond is counted and said.
 */
#pragma once

#include "dead_advice.h"
#include "dead_letters.h"

enum { DEAD_TRIAGE_GROUPS = 10000, DEAD_TRIAGE_NAMES = 8 };

struct triage_name {
    char text[96];
    size_t n;
    int64_t first_ms;
};

/* Distinct names in order of first appearance; `more` counts letters whose name found no room. */
struct triage_names {
    struct triage_name items[DEAD_TRIAGE_NAMES];
    size_t n, more;
};

/* One problem. */
struct triage_group {
    size_t n;
    int64_t first_ms, last_ms;
    struct triage_names kinds, causes, codes, queues, builds, hosts;
    struct dead_letter example; /* the latest; owns no last_error */
    char *message;              /* owned, of the example */
};

struct dead_triage {
    json_t *index;                /* owned: fingerprint -> position in groups */
    struct triage_group **groups; /* owned */
    size_t n, cap, letters;
    size_t beyond; /* letters of problems that found no room */
};

struct dead_triage *dead_triage_new(void);    /* NULL without memory */
void dead_triage_free(struct dead_triage *t); /* NULL-safe */
/* Counts a letter, in order of death (oldest first). Borrows. */
void dead_triage_add(struct dead_triage *t, const struct dead_letter *letter);
/* The largest problem first. */
void dead_triage_sort(struct dead_triage *t);
/* What an operator does next about a problem. Returns out. */
char *dead_triage_step(const struct triage_group *g, char out[static DEAD_ADVICE_MAX]);
/* A problem as a record: numbers, names with their counts, an example, the next step. New reference. */
json_t *dead_triage_record(const struct dead_triage *t, const struct triage_group *g);
