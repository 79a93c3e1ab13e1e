/*
 * match_op - what one match job asks for.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure.
 *
 *   {"v":1,"op":"submit","pool":P, …ticket fields, or "ticket":{…}}
 * {"v":1,"op":"leave","pool":P,"id":T[,"disconnected":true]}
 *   {"v":1,"op":"touch","pool":P,"id":T}                                  {"v":1,"op":"cycle","pool":P}
 *   {"v":1,"op":"confirm","pool":P,"pair":X[,"votes":{T:"yes|no|absent"}]}
 * {"v":1,"op":"release","pool":P,"pair":X[,"votes":{…}]}
 */
#pragma once

#include "err.h"
#include "match_ticket.h"

enum match_op_type {
    MATCH_SUBMIT,
    MATCH_LEAVE,
    MATCH_TOUCH,
    MATCH_CYCLE,
    MATCH_CONFIRM,
    MATCH_RELEASE,
    MATCH_OP_COUNT
};
enum match_vote { MATCH_VOTE_NONE, MATCH_VOTE_YES, MATCH_VOTE_NO, MATCH_VOTE_ABSENT };
enum { MATCH_PAIR_ID_MAX = 48 };

struct match_op {
    enum match_op_type type;
    char pool[MATCH_POOL_MAX];
    char id[MATCH_ID_MAX];        /* leave, touch */
    char pair[MATCH_PAIR_ID_MAX]; /* confirm, release */
    bool disconnected;            /* leave: may come back within the grace */
    struct {
        char id[MATCH_ID_MAX];
        enum match_vote vote;
    } votes[2];
    size_t n_votes;
    json_t *root;         /* owned */
    const json_t *ticket; /* submit: inside root */
};

/* Reads a payload. 0, or ERR_BAD_PAYLOAD with e naming field and allowed values, or ERR_OUT_OF_MEMORY. A bad *ticket*
 * is not an error here: it is dropped by the round with its reason. */
int match_op_parse(const char *payload, size_t len, struct match_op *ret, struct err *e);
void match_op_fini(struct match_op *op); /* twice-safe */
const char *match_op_name(enum match_op_type type);
