/*
 * simulate_books - what a run was told of each of its people, and whether all of it can be true.
 *
 * Runs in: ctl. Pure. Owner: the caller's struct; the crowd is borrowed.
 *
 * Answers and events are noted as they come; at the end simulate_books_close puts the events in the order of their
 * number (that is the order of their commits) and looks for what must never be: somebody in two pairs, a pair that does
 * not fit, a join without an end, a job without an answer. Each such fault is counted, the first of them with their
 * evidence.
 */
#pragma once

#include "simulate_crowd.h"
#include <jansson.h>

/* X(id, name, what it means) */
#define SIMULATE_FAULTS(X)                                                                                             \
    X(NO_ANSWER, "no_answer", "jobs without an answer")                                                                \
    X(DEAD, "dead", "jobs that died")                                                                                  \
    X(NO_END, "no_end", "people who joined and have no end")                                                           \
    X(FORGOTTEN, "forgotten", "people the pool did not know any more")                                                 \
    X(TWO_PAIRS, "two_pairs", "people in two pairs at once")                                                           \
    X(UNFIT, "unfit", "pairs that do not fit")                                                                         \
    X(AGAIN, "again", "pairs met again too soon")                                                                      \
    X(UNTOLD, "untold", "pairs of which one side was not told")                                                        \
    X(CHANGED, "changed", "events told again differently")                                                             \
    X(IMPOSSIBLE, "impossible", "events that cannot be")                                                               \
    X(LEFT_BEHIND, "left_behind", "tickets left in the pool")

enum simulate_fault {
#define X(id, name, text) SIMULATE_FAULT_##id,
    SIMULATE_FAULTS(X)
#undef X
        SIMULATE_FAULT_COUNT
};

enum { SIMULATE_PAIR_MAX = 48, SIMULATE_EVIDENCE_MAX = 20, SIMULATE_TEXT_MAX = 240 };

enum simulate_event_type { SIMULATE_EV_MATCHED, SIMULATE_EV_RELEASED, SIMULATE_EV_EXPIRED };

struct simulate_event {
    int64_t seq;
    enum simulate_event_type type;
    int64_t a, b;       /* persons; b: SIMULATE_NOBODY for EXPIRED */
    int64_t wait_ms[2]; /* of MATCHED: by the pool's clock */
    bool waits[2];      /* of RELEASED: who is back in the pool */
    bool timely;        /* of EXPIRED: the longest wait was over, not silence */
    uint32_t pair;      /* index; UINT32_MAX for EXPIRED */
};

enum simulate_pair_state { SIMULATE_PAIR_TOLD, SIMULATE_PAIR_ASKED, SIMULATE_PAIR_CONFIRMED, SIMULATE_PAIR_RELEASED };

struct simulate_pair {
    char id[SIMULATE_PAIR_MAX];
    uint32_t a, b;
    int64_t told_ms, vote_ms; /* run clock */
    bool matched;             /* its match was told: after its end, when who matched died before telling */
    enum simulate_pair_state state;
};

enum simulate_answer { SIMULATE_UNANSWERED, SIMULATE_QUEUED, SIMULATE_AT_ONCE, SIMULATE_REFUSED, SIMULATE_MUTE };
enum simulate_farewell { SIMULATE_NO_LEAVE, SIMULATE_ASKED, SIMULATE_LEFT_WELL, SIMULATE_ABSENT };

/* One person. Times of the run's clock, ms; SIMULATE_NOBODY: not yet. */
struct simulate_record {
    int64_t joined_ms, answered_ms, left_ms, matched_seen_ms;
    int64_t created_ms;    /* PostgreSQL's clock, of the answer */
    int64_t first_wait_ms; /* the wait until the first match, of the pool's clock; set by close */
    int64_t partner;       /* of the first match; set by close */
    uint64_t answer_pair;  /* hash of the pair a submit's answer named; 0: none */
    enum simulate_answer answer;
    enum simulate_farewell farewell;
    bool expired, offline; /* set by close */
};

struct simulate_books {
    const struct simulate_crowd *crowd;
    struct simulate_record *records; /* owned; one a person */
    struct simulate_event *events;   /* owned */
    size_t n_events, cap_events;
    struct simulate_pair *pairs; /* owned */
    uint32_t n_pairs, cap_pairs;
    struct simulate_index {
        uint64_t *keys;   /* owned; 0: free */
        uint32_t *values; /* owned */
        size_t size, used;
    } by_seq, by_pair;
    size_t repeated, strangers; /* events told again; events of people who are not the run's */
    size_t faults[SIMULATE_FAULT_COUNT];
    char evidence[SIMULATE_EVIDENCE_MAX][SIMULATE_TEXT_MAX];
    size_t n_evidence;
};

/* ERR_OUT_OF_MEMORY. */
int simulate_books_init(struct simulate_books *b, const struct simulate_crowd *crowd, struct err *e);
void simulate_books_fini(struct simulate_books *b); /* twice-safe */
/* Notes a fault with its evidence. */
void simulate_books_fault(struct simulate_books *b, enum simulate_fault fault, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* "no_answer"; and what it means. */
const char *simulate_fault_name(enum simulate_fault fault);
const char *simulate_fault_text(enum simulate_fault fault);
/* All faults together. */
size_t simulate_books_faults(const struct simulate_books *b);

/* An event of the pool's stream. The event when it is new and the run's own, else NULL: told before, of others, or not
 * readable (a fault). Borrowed until the next. Ends the process when memory is short. */
const struct simulate_event *simulate_books_event(struct simulate_books *b, int64_t seq, const json_t *data,
                                                  int64_t now_ms);
/* The answer to a submit (result may be NULL: done and mute). */
void simulate_books_joined(struct simulate_books *b, uint32_t person, const json_t *result, int64_t now_ms);
/* The answer to a leave. True when the person was there. */
bool simulate_books_left(struct simulate_books *b, uint32_t person, const json_t *result);
/* People matched by the answer to their submit of whose pair no event has told yet. */
size_t simulate_books_untold(const struct simulate_books *b);
/* The end: orders the events and judges everything. rematch_ms: how long the same two must not be paired again. */
void simulate_books_close(struct simulate_books *b, int64_t rematch_ms);
