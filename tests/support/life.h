/*
 * life - a small reference model of a job's life, to hold the Functions against.
 *
 * Runs in: tests. Every check ends the running cmocka test with the seed and the last operations.
 * Owns: nothing in Redis; the caller does each operation there and then tells the model.
 */
#pragma once

#include "ftest.h"

enum { LIFE_JOBS = 160, LIFE_STALE = 64, LIFE_LOG = 24, LIFE_CONSUMERS = 6, LIFE_BANDS = 5, LIFE_KINDS = 2 };
enum { LIFE_LANE = LIFE_BANDS - 1 }; /* the last band is the lane */

enum life_state { NONE, READY, ACTIVE, SCHEDULED, PARKED, DEAD, DONE, CANCELLED, EXPIRED, STATES };
enum life_op { OP_ACK, OP_DONE, OP_RETRY, OP_DEAD, OP_SNOOZE, OP_CANCELLED, OP_LANE, OP_FREE, OPS };
enum life_policy { LIFE_ONCE, LIFE_TO_LANE, LIFE_QUARANTINE, LIFE_FREE, LIFE_POLICIES };

extern const char *const life_bands[LIFE_BANDS];
extern const char *const life_kinds[LIFE_KINDS]; /* the first is not tracked */
extern const char *const life_op_names[OPS];
extern const char *const life_policy_names[LIFE_POLICIES];

struct life_job {
    enum life_state state;
    char id[JOB_ID_MAX], entry[ENTRY_ID_MAX], payload[24];
    int band, kind, consumer;
    int home;    /* band it came from, in the lane */
    int strikes; /* times it was let off a death */
    int claims, attempts, crashes, handbacks, replays, suspect;
    bool hash;      /* a job hash exists, and fetch says so */
    bool by_entry;  /* its id is its entry's name: it gets a hash when it leaves that entry */
    bool known;     /* stint_job and stint_cancel can find it */
    bool cancel;    /* asked to be cancelled while active */
    bool expired;   /* must end as expired instead of starting */
    bool malformed; /* must end as a dead letter instead of starting */
    uint64_t seq;   /* order in its stream, or of its due time */
    bool due;       /* scheduled: its time has come */
    unsigned run;   /* number of the replay run it came back by; 0 once it ended */
    int was_claims, was_attempts, was_crashes, was_suspect, was_strikes, was_band, was_home; /* before that replay */
};

struct life {
    redisContext *ctx; /* borrowed */
    uint64_t seed, random, seq, made;
    struct life_job jobs[LIFE_JOBS];
    struct {
        int band;
        char entry[ENTRY_ID_MAX];
    } stale[LIFE_STALE]; /* the latest claims that ended: a zombie's */
    int stale_count;
    bool lease[2], paused, paused_kind[LIFE_KINDS];
    unsigned serves[2]; /* kinds the host runs from the lane, a bit each */
    long long done, cancelled, expired, purged, enqueued;
    char log[LIFE_LOG][200];
    unsigned operations; /* number of the running one */
    unsigned runs, run;  /* replay runs so far; the one that can be undone, 0 when none */
};

#define LIFE_CHECK(m, condition, ...)                                                                                  \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            life_complain(m, #condition, __VA_ARGS__);                                                                 \
    } while (0)

/* Fails the test: prints the latest operations, the seed, and the text. */
void life_complain(struct life *m, const char *condition, const char *format, ...) PRINTF_LIKE(3, 4);
/* Says what the running operation is, for life_complain. */
void life_note(struct life *m, const char *format, ...) PRINTF_LIKE(2, 3);
/* A number in [0, below) from the seed. */
uint64_t life_random(struct life *m, uint64_t below);

/* Names of the model's consumer number: h-1:0:1 … h-2:2:1, and of its instance. Static storage or out. */
const char *life_consumer(int consumer, char out[static 32]);
const char *life_instance(int consumer);
/* A random job in one of the states (a bit each), or NULL. Borrowed until the model moves on. */
struct life_job *life_pick(struct life *m, unsigned states);
/* A free place, zeroed, taken from an ended job when there is none; NULL when only living jobs are left. */
struct life_job *life_place(struct life *m);
/* How many jobs the consumer holds. */
int life_held(const struct life *m, int consumer);
/* How many jobs to ask for, in [0, below). One sweep moves at most 100: a host never holds more, so that one call shows
 * the whole arrow. */
int life_draw_max(struct life *m, int consumer, uint64_t below);

/* Arrows: the job becomes ready under a new entry; or scheduled when later; ends; dies. */
void life_ready(struct life *m, struct life_job *j);
void life_ready_or_later(struct life *m, struct life_job *j, bool later);
void life_end(struct life *m, struct life_job *j, enum life_state state);
void life_dead(struct life_job *j);
/* The claim ends. True when the job asked to be cancelled and ends here. */
bool life_leave_claim(struct life *m, struct life_job *j);
/* An accepted finish op. keep: a done job's status is kept. */
void life_finished(struct life *m, struct life_job *j, int op, bool later, bool keep);
/* All the consumer holds is moved as by stint_crash: blamed at that policy, or as a round (suspects), or handed back.
 */
void life_crashed(struct life *m, int consumer, const struct life_job *blamed, bool round, int policy, bool later);
/* A host said (again) which kinds it runs from the lane: ready jobs there that nobody runs go home. */
void life_beat(struct life *m, int host, unsigned serves);
/* A FETCHED reply for this turn and max, from the bands or from the lane: checked against the model job by job, which
 * it moves on. */
void life_fetched(struct life *m, const redisReply *f, int consumer, bool lane, int turn, int max);
/* A dead letter is replayed, by a run when run is not 0. */
void life_replayed(struct life *m, struct life_job *j, bool later, unsigned run);
/* The run is undone: what nobody claimed since is dead again, as it was. Returns how many; *ret_started: the others. */
int life_undone(struct life *m, unsigned run, int *ret_started);
/* Parked jobs come back in no stated order: learns it from the streams. */
void life_learn_order(struct life *m);

/* Each state's count, the ledger's counters and its drift, against stint_stats. */
void life_check_counts(struct life *m);
/* Each job that can be found, against stint_job. */
void life_check_jobs(struct life *m);
