/*
 * fetch_call - the calls of the Functions a worker makes: their arguments, and what their answers mean.
 *
 * Runs in: worker. Pure: builds and reads, sends nothing.
 */
#pragma once

#include "job_batch.h"

enum fetch_call { CALL_NONE, CALL_FETCH, CALL_FINISH, CALL_HANDBACK, CALL_RECLAIM };

/* An argument list under construction; borrows every text until it was sent. */
struct fetch_args {
    const char **argv; /* owned */
    size_t *lens;      /* owned */
    size_t cap;
    int n;
    char key[64 + QUEUE_MAX]; /* KEYS[1], set once */
    const char *lane;         /* borrowed: the pool's lane; "": it fetches from the bands */
    char numbers[4][24];
    int n_numbers;
};

/* For batches of at most batch_cap jobs. lane: borrowed. */
void fetch_args_init(struct fetch_args *a, const char *queue, const char *lane, size_t batch_cap);
void fetch_args_fini(struct fetch_args *a);
/* From now on all calls are to that queue. */
void fetch_args_queue(struct fetch_args *a, const char *queue);

/* stint_fetch. instance and consumer are borrowed. */
void fetch_args_fetch(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max);
/* stint_finish of every item of the batch in JOB_ENDED, which it moves to JOB_TELLING. */
void fetch_args_finish(struct fetch_args *a, const char *instance, const char *consumer, uint64_t turn, uint32_t max,
                       struct job_batch *batch);
/* stint_handback of the first item in JOB_RETURNED and all with the same reason and delay, at most `most`; moves them to
 * JOB_RETURNING. */
void fetch_args_handback(struct fetch_args *a, const char *consumer, struct job_batch *batch, size_t most);
/* stint_crash with nobody to blame: everything pending for the consumer is handed back. */
void fetch_args_reclaim(struct fetch_args *a, const char *consumer);
/* stint_progress. */
void fetch_args_progress(struct fetch_args *a, const char *id, const char *epoch, const char *percent, const char *message);

enum fetch_status { FETCHED_OK, FETCHED_EMPTY, FETCHED_PAUSED, FETCHED_LIMITED, FETCHED_FENCED, FETCHED_STATUS_COUNT };

struct fetched {
    enum fetch_status status;
    const redisReply *jobs; /* borrowed: array of job replies */
};

/* Reads FETCHED (docs/protocol.md §3). 0 or ERR_PROTOCOL with e. */
int fetched_read(const redisReply *reply, struct fetched *ret, struct err *e);
/* Reads stint_finish's answer. ret_fenced: array of "<band>:<entry>" that were not this claim's any more, borrowed; NULL when
 * all were. */
int finished_read(const redisReply *reply, const redisReply **ret_fenced, struct fetched *ret, struct err *e);
/* True when the item's entry is among them. */
bool fenced_has(const redisReply *fenced, const struct job_core *item);

/* What an error reply asks for. */
enum fetch_refusal {
    REFUSAL_LATER,     /* the server cannot now (loading, disk full, busy …): again after a while */
    REFUSAL_RECONNECT, /* this connection or library will not do: connect anew */
    REFUSAL_BUG,       /* our arguments are wrong: stop */
};
enum fetch_refusal fetch_refusal_of(const char *error_text);
