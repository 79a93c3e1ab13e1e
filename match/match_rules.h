/*
 * match_rules - who may be paired with whom, and the numbers behind it (docs/matching.md).
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure: no I/O, no clock.
 * Owner: a profile borrows its lists; whoever holds the waiter owns them.
 *
 * Hard rules, never relaxed: gender sought both ways, age 18 or more, blocked either way, met too recently either way,
 * present, levels. Soft rules: age ranges, distance and regions, relaxed in stages for those who consented; between two
 * people the stricter stage counts.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "gender.h"

enum {
    MATCH_AGE_MIN = 18,
    MATCH_AGE_MAX = 120,
    MATCH_REGIONS_MAX = 8,
    MATCH_EXCLUDED_MAX = 1024, /* blocked, recent and history of one person together */
};

enum match_policy { MATCH_GREEDY, MATCH_FCFS, MATCH_MAX };

/* The rules of every pool of a worker; from the configuration, changed by a reload without a restart. */
struct match_rules {
    enum match_policy policy;
    bool plane;       /* places are hectometres on a plane (replay of traces) instead of kilometres on the Earth */
    bool replace;     /* the same ticket id again replaces; else it is refused */
    double ms_per_km; /* what a kilometre costs, in milliseconds of seniority */
    int64_t relax_after_ms, relax_every_ms;
    unsigned relax_stages, relax_years,
        relax_percent;            /* most stages; a stage adds so many years and percent of distance */
    unsigned relax_regions_stage; /* from this stage on regions do not bind; 0: they always do */
    int level_span;               /* -1: levels do not matter */
    double default_max_km;        /* radius of a ticket that names none; 0: any distance */
    int64_t presence_ms;          /* 0: only a ticket that asks for it is watched */
    int64_t expires_ms;           /* longest wait */
    int64_t pending_ms;           /* a pair not confirmed by then is released; 0: never */
    int64_t rematch_ms;           /* the same two not again for so long */
    int64_t cooldown_ms;          /* after a no-show */
    int64_t grace_ms;             /* a disconnected person may come back for so long */
    int64_t round_deadline_ms;
    unsigned fairness_step, fairness_max; /* seconds of seniority for a yes that met a no, and their most */
    uint32_t candidates_max;              /* most candidates of one attempt */
};

struct match_excluded {
    uint64_t hash;    /* of the other ticket (ticket_hash) */
    int64_t until_ms; /* INT64_MAX: for ever */
};

/* What is long or rare about a person. One allocation, owned by the waiter. */
struct match_lists {
    uint32_t n_regions, n_excluded;
    uint64_t regions[MATCH_REGIONS_MAX]; /* hashes of names */
    struct match_excluded excluded[];
};

enum { MATCH_PLACED = 1, MATCH_CONSENT_RELAX = 2, MATCH_CONSENT_NOTIFY = 4 }; /* match_profile.flags */
#define MATCH_LEVEL_NONE INT16_MIN

/* What decides who fits whom. One cache line. */
struct match_profile {
    float pos[3];              /* place.h; valid with MATCH_PLACED */
    float max_chord;           /* farthest partner; 0: any distance */
    int64_t created_ms;        /* when the wait began */
    int64_t gone_ms;           /* not present from then on */
    uint64_t hash;             /* ticket_hash of pool and id */
    struct match_lists *lists; /* the waiter's; NULL: none */
    uint8_t gender, seeking, age, age_min, age_max, flags;
    int16_t level;         /* MATCH_LEVEL_NONE: any */
    uint64_t not_excluded; /* bit h % 64 set: no excluded hash h; so 0 says nothing, the list is read */
};

/* The part of a profile that most strangers fail by; kept where a search reads in sequence. */
struct match_brief {
    float pos[3], max_chord;
    uint8_t age, age_min, age_max, flags;
};

enum { MATCH_MET_BITS = 16384 };

/* Somebody who looks for a partner, prepared once for many candidates. Borrows rules and profile. */
struct match_seeker {
    const struct match_rules *rules;
    const struct match_profile *who;
    int64_t now_ms;
    unsigned stage;                    /* of who */
    bool sieved;                       /* met is filled in: the list is long */
    uint64_t met[MATCH_MET_BITS / 64]; /* bit h % MATCH_MET_BITS: who's list may hold h */
};

/* Rules of [match]: preset first, then what the section says. ERR_BAD_CONFIG with e naming key and allowed values. */
int match_rules_load(struct match_rules *r, const struct conf_match *conf, struct err *e);
/* "greedy", "fcfs", "max". */
const char *match_policy_name(enum match_policy policy);
/* Relaxation stage of a person who waited since created_ms: 0 without consent. */
unsigned match_rules_stage(const struct match_rules *r, const struct match_profile *p, int64_t now_ms);
/* When the next stage begins; INT64_MAX when there is none. */
int64_t match_rules_next_stage_ms(const struct match_rules *r, const struct match_profile *p, int64_t now_ms);
/* True when the two may be paired now; *ret_stage (may be NULL): the stage it took, 0 when unrelaxed ranges fit. */
bool match_rules_fit(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b,
                     int64_t now_ms, unsigned *ret_stage);
static inline struct match_brief match_brief_of(const struct match_profile *p)
{
    return (struct match_brief){
        {p->pos[0], p->pos[1], p->pos[2]}, p->max_chord, p->age, p->age_min, p->age_max, p->flags};
}
void match_seeker_init(struct match_seeker *s, const struct match_rules *r, const struct match_profile *who,
                       int64_t now_ms);
/* False: the two cannot fit. True says no more than that match_seeker_fit has to be asked. */
bool match_seeker_may(const struct match_seeker *s, const struct match_brief *b);
/* match_rules_fit of who and b. */
bool match_seeker_fit(const struct match_seeker *s, const struct match_profile *b, unsigned *ret_stage);
/* Ground distance in km; 0 when one of them has no place. */
double match_rules_km(const struct match_rules *r, const struct match_profile *a, const struct match_profile *b);
