/*
 * simulate_run - one run of `stint match simulate`: how it is to be, and what came of it.
 *
 * Runs in: ctl. Owner: the verb's; simulate_uv fills it, simulate_report and simulate_files read it. Times are
 * milliseconds of the run's clock (real ones, from its start); trace time is that times `speed`.
 */
#pragma once

#include "conf.h"
#include "metrics_address.h"
#include "simulate_books.h"
#include "simulate_life.h"
#include "simulate_score.h"

/* X(id, name, what it is): who foretold a wait at the join. */
#define SIMULATE_SOURCES(X)                                                                                            \
    X(PERSON, "person", "/v1/wait for the ticket")                                                                     \
    X(BOARD, "board", "the published group of one's gender and tastes")                                                \
    X(ANSWER, "answer", "the submit's own answer, from the supply alone")

enum simulate_source {
#define X(id, name, text) SIMULATE_SOURCE_##id,
    SIMULATE_SOURCES(X)
#undef X
        SIMULATE_SOURCE_COUNT
};

enum { SIMULATE_WITHIN_COUNT = 4 }; /* within 30, 60, 120, 300 s */

/* Told to one person; seconds of real time. p50 NAN: nothing. */
struct simulate_told {
    int64_t at_ms;
    double p50, p90, mean, within[SIMULATE_WITHIN_COUNT], matched;
};

/* A change told to somebody who waits. */
struct simulate_notice {
    uint32_t person;
    int64_t at_ms;
    double p50, p90;
};

/* A growing list of numbers. */
struct simulate_numbers {
    float *values; /* owned */
    size_t n, cap;
};

struct simulate_setup {
    const struct conf *conf;
    const char *queue, *pool;
    struct metrics_address metrics; /* port 0: HTTP is off, or the port is not known */
    const char *actor;
    double speed;               /* trace seconds a second */
    double yes, silent, notify; /* shares of votes, of leavers, of people */
    int64_t presence_ms;        /* of a ticket; touched every third of it */
    int64_t vote_ms;            /* mean time to decide, of the trace's time */
    int64_t pending_ms;         /* how long a pair may stay undecided; 0: for ever */
    int64_t give_up_ms;         /* after so long without any news the run ends */
    uint64_t seed;
    int64_t store_ahead_ms;                                     /* PostgreSQL's clock minus ours */
    bool store_known;                                           /* that was asked */
    char events_from[ENTRY_ID_MAX], notices_from[ENTRY_ID_MAX]; /* entries after these are the run's */
};

enum simulate_phase { SIMULATE_RUNNING, SIMULATE_CLOSING, SIMULATE_OVER };

struct simulate_run {
    struct simulate_setup setup;
    struct simulate_crowd crowd;
    struct simulate_books books;
    struct simulate_life *lives;                        /* owned; one a person */
    struct simulate_told *told[SIMULATE_SOURCE_COUNT];  /* owned; one a person */
    struct simulate_notice *notices;                    /* owned */
    size_t n_notices, cap_notices, notices_foreign;     /* foreign: not of people who wait here */
    struct simulate_numbers join_ms, match_ms, late_ms; /* join to answer, match to event, the run's own lateness */
    enum simulate_phase phase;
    int64_t now_ms, horizon_ms, took_ms;
    uint32_t joined, here; /* ever; in the pool now as far as we know */
    uint32_t waiting[GENDER_COUNT];
    size_t touches, leaves, confirms, releases, unanswered; /* jobs sent; answers still awaited */
    size_t sent, refused;
    bool interrupted, gave_up;
};

/* lives and told for the crowd's people. ERR_OUT_OF_MEMORY. */
int simulate_run_init(struct simulate_run *r, const struct trace *trace, const char *run, struct err *e);
void simulate_run_fini(struct simulate_run *r); /* twice-safe */
/* Adds a number; ends the process when memory is short. */
void simulate_numbers_add(struct simulate_numbers *n, double value);
/* The p-quantile (0 to 1), sorting them; NAN without any. */
double simulate_numbers_quantile(struct simulate_numbers *n, double p);
/* A number of [0, 1) that belongs to the person and the purpose: the same in every run of that seed. */
double simulate_run_draw(const struct simulate_run *r, uint32_t person, unsigned purpose);
/* What became of everybody who joined, in trace seconds. *ret_of: the person of each. Both are the caller's; returns
 * how many. After simulate_books_close. Ends the process when memory is short. */
size_t simulate_run_cases(const struct simulate_run *r, struct simulate_case **ret, uint32_t **ret_of);
