/*
 * reference - one pool played the slow, obvious way, from the rules of docs/matching.md: arrays, and a look at
 * everybody.
 *
 * For the proof that the engine does the same. It shares places and hashes of ids with it (common/), nothing else.
 */
#pragma once

#include "base.h"

enum { REF_PEOPLE = 96, REF_ARRIVALS = 400, REF_REGIONS = 2, REF_BLOCKED = 3 };
enum ref_state { REF_NONE, REF_WAITING, REF_MATCHED };
enum ref_policy { REF_GREEDY, REF_FCFS, REF_MAX };

struct ref_rules {
    enum ref_policy policy;
    bool replace;
    int64_t relax_after_ms, relax_every_ms, presence_ms, expires_ms, pending_ms, rematch_ms, cooldown_ms, grace_ms;
    unsigned stages, years, percent, regions_stage;
    int level_span; /* -1: levels do not matter */
    double max_km;  /* of who names none; 0: any */
    bool bounded;   /* the engine looks at few: which partner it takes cannot be foretold */
};

struct ref_ticket {
    unsigned gender, seeking, age, age_min, age_max;
    bool placed, relax, has_created, has_level;
    double lat, lon, max_km; /* max_km 0: not given */
    int level;
    unsigned regions[REF_REGIONS], n_regions; /* numbers */
    unsigned blocked[REF_BLOCKED], n_blocked; /* people */
    unsigned fairness;
    int64_t created_ms, presence_ms, expires_ms; /* 0: not given */
};

struct ref_person {
    enum ref_state state;
    struct ref_ticket t;
    float pos[3];
    int64_t created_ms, key_ms, touched_ms, presence_ms, expires_ms, gone_ms, rest_until_ms;
    unsigned self, fairness, partner;
    int64_t matched_ms, confirm_by_ms;
    bool fresh;     /* paired in this round */
    bool submitted; /* entered in this round */
};

struct ref_pool {
    struct ref_rules rules;
    unsigned n; /* ids 0 … n - 1 */
    struct ref_person who[REF_PEOPLE];
    char id[REF_PEOPLE][24];
    uint64_t hash[REF_PEOPLE];
    int64_t met_until[REF_PEOPLE][REF_PEOPLE];
    struct ref_person arrivals[REF_ARRIVALS];
    int64_t arrived_ms[REF_ARRIVALS];
    uint64_t n_arrivals;
    int64_t now_ms;
};

enum { REF_NOBODY = REF_PEOPLE };

/* Whether two may be paired now. */
bool ref_fits(const struct ref_pool *p, unsigned a, unsigned b);
/* The partner that a would get; REF_NOBODY. */
unsigned ref_best(const struct ref_pool *p, unsigned a);
/* The key of docs/matching.md of a person with the arrivals so far. */
int64_t ref_key_ms(const struct ref_pool *p, const struct ref_person *who);
void ref_arrival(struct ref_pool *p, const struct ref_person *who);
/* A ticket comes in. Why it was refused, or NULL; *ret_partner then. key_ms is given: it is checked elsewhere. */
const char *ref_submit(struct ref_pool *p, unsigned a, const struct ref_ticket *t, unsigned *ret_partner);
/* "left", "grace", or NULL: nobody of that id. */
const char *ref_leave(struct ref_pool *p, unsigned a, bool disconnected);
void ref_touch(struct ref_pool *p, unsigned a, int64_t asked_ms);
void ref_pair(struct ref_pool *p, unsigned a, unsigned b);
void ref_confirm(struct ref_pool *p, unsigned a, bool mutual);
/* votes: 0 none, 1 yes, 2 no, 3 absent; of a and of its partner. */
void ref_release(struct ref_pool *p, unsigned a, int vote_a, int vote_b);
/* Expiry and overdue pairs. */
void ref_pass_time(struct ref_pool *p, int64_t watch_from_ms);
/* Everybody waiting once more in order of key, each with the best. */
void ref_try_all(struct ref_pool *p);
/* Somebody submitted in this round waits though exchanging partners would give him one. */
bool ref_loses_pair(const struct ref_pool *p);
/* The round is over. */
void ref_round_over(struct ref_pool *p);
