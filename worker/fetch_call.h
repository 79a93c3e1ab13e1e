/*
 * fetch_call - the calls of the Functions a worker makes: their arguments, and what their answers mean.
 *
 * Runs in: worker. Pure: builds and reads, sends nothing.
 */
#pragma once

#include "job_batch.h"
#include "job_entry.h"
#include "job_packed.h"
#include "keys.h"

enum {
    LIBRARY_SHORT = 6
}; /* the Functions library has stint_ack, stint_keep, stint_adopt and gates from this version on */

enum { FETCH_ENDS_MAX = 1000 }; /* as many ends a Function takes in one call (docs/protocol.md §3) */

/* An argument list under construction; borrows every text until it was sent. */
struct fetch_args {
    const char **argv; /* owned */
    size_t *lens;      /* owned */
    size_t cap;
    int n;
    char key[64 + QUEUE_MAX]; /* KEYS[1], set once */
    const char *lane;         /* borrowed: the pool's lane; "": it fetches from the bands */
    char tag[QUEUE_TAG_MAX];  /* the queue's; "": not told yet */
    struct packed_text packed;
    char numbers[4][24];
    int n_numbers;
    char keys[3][KEY_MAX + CONSUMER_MAX];
};

/* For batches of at most batch_cap jobs. lane: borrowed. */
void fetch_args_init(struct fetch_args *a, const char *queue, const char *lane, size_t batch_cap);
void fetch_args_fini(struct fetch_args *a);
/* From now on all calls are to that queue. */
void fetch_args_queue(struct fetch_args *a, const char *queue);

/* stint_fetch; gate: asks to be let read by itself from now on. instance and consumer are borrowed. */
void fetch_args_fetch(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max,
                      bool gate);
/* XREADGROUP of band, of express before it, with the consumer's gate beside them: at most max of either. */
void fetch_args_read(struct fetch_args *a, const char *consumer, enum band band, uint32_t max);
/* True when the end of an item in JOB_ENDED can be told by stint_ack or stint_keep. */
bool fetch_short(const struct job_core *item);
/* stint_ack, stint_keep or stint_keep_packed of the first item in JOB_ENDED that fetch_short() takes, and of those that
 * go into the same call, at most FETCH_ENDS_MAX; moves them to JOB_TELLING as this part of the turn. False: there is
 * none. */
bool fetch_args_short(struct fetch_args *a, struct job_batch *batch, uint8_t part);
/* stint_adopt of n entries of bands. */
struct fetch_odd {
    enum band band;
    char entry[ENTRY_ID_MAX];
};
void fetch_args_adopt(struct fetch_args *a, const char *consumer, const struct fetch_odd odd[], size_t n);
/* stint_finish of the items of the batch in JOB_ENDED, at most FETCH_ENDS_MAX, which it moves to JOB_TELLING as this
 * part of the turn. */
void fetch_args_finish(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max,
                       struct job_batch *batch, uint8_t part);
/* stint_handback of the first item in JOB_RETURNED and all with the same reason and delay, at most `most`; moves them
 * to JOB_RETURNING. */
void fetch_args_handback(struct fetch_args *a, const char *consumer, struct job_batch *batch, size_t most);
/* stint_crash with nobody to blame: everything pending for the consumer is handed back. */
void fetch_args_reclaim(struct fetch_args *a, const char *consumer);
/* stint_progress. */
void fetch_args_progress(struct fetch_args *a, const char *id, const char *epoch, const char *percent,
                         const char *message);

enum fetch_status { FETCHED_OK, FETCHED_EMPTY, FETCHED_PAUSED, FETCHED_LIMITED, FETCHED_FENCED, FETCHED_STATUS_COUNT };

struct fetched {
    enum fetch_status status;
    const redisReply *jobs; /* borrowed: array of job replies */
    bool gate;              /* the consumer's gate is open: what comes next it may read by itself */
    const char *tag;        /* borrowed: the queue's, told with the gate; "" by a library before 7 */
};

/* Reads FETCHED (docs/protocol.md §3). 0 or ERR_PROTOCOL with e. */
int fetched_read(const redisReply *reply, struct fetched *ret, struct err *e);
/* Reads stint_finish's answer. ret_fenced: array of "<band>:<entry>" that were not this claim's any more, borrowed;
 * NULL when all were. */
int finished_read(const redisReply *reply, const redisReply **ret_fenced, struct fetched *ret, struct err *e);
/* Reads the answer of stint_ack and stint_keep; ret_fenced as above. */
int short_read(const redisReply *reply, const redisReply **ret_fenced, struct err *e);
/* True when the item's entry is among them. */
bool fenced_has(const redisReply *fenced, const struct job_core *item);

/* What an error reply asks for. */
enum fetch_refusal {
    REFUSAL_LATER,     /* the server cannot now (loading, disk full, busy …): again after a while */
    REFUSAL_RECONNECT, /* this connection or library will not do: connect anew */
    REFUSAL_BUG,       /* our arguments are wrong: stop */
};
enum fetch_refusal fetch_refusal_of(const char *error_text);
