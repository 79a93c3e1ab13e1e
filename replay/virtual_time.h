/*
 * virtual_time - plays a trace through the product's own matcher and wait model, as fast as the processor allows.
 *
 * Runs in: ctl, bench, tests. Pure: no I/O; the clock it measures costs with is an argument. Owner: the caller owns the
 * result until replay_result_fini.
 *
 *   event ─► match_op ─► match_round_apply ─► match_feed ─► wait_feed_parse ─► wait_model_event ─┐
 *   every 5 s: cycle, repetitions, marker ────────────────────┘        every refresh: the field ─┴─► wait_model_ticket
 *
 * An event is a round of its own. Nobody is watched for presence and nobody expires: who leaves when is the trace's to
 * say.
 */
#pragma once

#include "match_rules.h"
#include "trace.h"
#include "wait_model.h"

struct replay_options {
    struct match_rules rules;   /* replay_rules */
    int64_t refresh_ms;         /* between two refreshes of the model; 0: no model, outcomes alone */
    uint64_t seed;              /* of the model and of the pair ids */
    int64_t again_ms;           /* who still waits after so long is foretold the rest; 0: nobody is */
    bool would;                 /* also how long each would have waited with wider wishes (replay_outcome.would_ms) */
    bool no_ghosts;             /* no virtual waits */
    uint64_t (*clock_ns)(void); /* to measure costs; NULL: not measured */
    void (*progress)(void *arg, size_t done, size_t total); /* about a hundred times; NULL: never */
    void *progress_arg;
};

enum replay_end { REPLAY_STILL_WAITS, REPLAY_MATCHED, REPLAY_LEFT };
#define REPLAY_NOBODY  UINT32_MAX
#define REPLAY_NO_WAIT INT64_C(-1)

/* The wider wishes the model may name as what would help: enum wait_reason DISTANCE, AGE, GENDERS. */
enum { REPLAY_WISHES = WAIT_REASON_GENDERS - WAIT_REASON_DISTANCE + 1 };

/* What became of one person. */
struct replay_outcome {
    enum replay_end end;
    bool queued;      /* had to wait at all */
    uint32_t partner; /* in trace.persons; REPLAY_NOBODY */
    int64_t wait_ms;  /* until matched, gone, or the trace's end */
    int64_t
        virtual_ms; /* what it would have been without leaving; REPLAY_NO_WAIT: nobody who came would have ended it */
    double km;      /* MATCHED: between the two */
    int64_t
        would_ms[REPLAY_WISHES]; /* wait with each wish wider; REPLAY_NO_WAIT: unknown, or nobody would have ended it */
};

/* What a person who had to wait was told. */
struct replay_prediction {
    bool made;
    struct wait_estimate told;
    bool made_again;
    struct wait_curve_summary again; /* the rest, told after again_ms */
};

/* Costs in nanoseconds, one by one. */
struct replay_costs {
    uint32_t *ns; /* owned */
    size_t n, cap;
};

enum { REPLAY_TARGETS = 4 };
/* 60, 90, 120, 180 s: median waits the balance is asked about. */
extern const int replay_targets_s[REPLAY_TARGETS];

struct replay_result {
    struct replay_outcome *outcomes;       /* owned; one a person */
    struct replay_prediction *predictions; /* owned; one a person */
    uint32_t n;
    struct replay_costs rounds, tickets;
    struct replay_costs fields, refreshes; /* a refresh without the published groups, and a whole one (one in 60) */
    struct wait_balance balance[REPLAY_TARGETS];             /* when the last of those to be judged had joined */
    struct wait_class classes[REPLAY_TARGETS][GENDER_COUNT]; /* the same of every gender */
    struct wait_stats stats;                                 /* at the end */
};

/* The rules of a configuration for a trace: places on a plane, nobody watched, nobody expiring. ERR_BAD_CONFIG as
 * match_rules_load. */
int replay_rules(const struct conf_match *conf, const char *policy, struct match_rules *ret, struct err *e);
/* 0, ERR_OUT_OF_MEMORY, or ERR_REFUSED when the engine will not take the trace; ret holds nothing then. */
int replay_run(const struct trace *t, const struct replay_options *options, struct replay_result *ret, struct err *e);
void replay_result_fini(struct replay_result *r); /* twice-safe */
/* The cost that p of them (0 to 1) do not exceed; 0 when there is none. Sorts them. */
uint32_t replay_costs_at(struct replay_costs *c, double p);
