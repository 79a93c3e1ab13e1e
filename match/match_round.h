/*
 * match_round - one round of one pool: operations in, pairs and changed tickets out.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure: time and randomness are in the struct, what PostgreSQL
 * knows is given as facts. Owner: the caller owns the round and fini's it; index and supply are borrowed and are
 * changed as the round goes. If the round's transaction does not commit, the index no longer tells the truth and must
 * be rebuilt.
 *
 *              submit                     pair                     confirm
 *   (nobody) ─────────► waiting ───────────────────────► matched ───────────► gone
 *                        │  ▲        release, time-out       │
 *                        │  └─────────────────────────────────┤ the other left
 *                        └──► gone: left, offline, expired, replaced   └──► gone: left, no_show
 *
 * A party is a ticket this round read or changed; its `row_version` is what PostgreSQL's row must still say at commit.
 */
#pragma once

#include "match_index.h"
#include "match_op.h"
#include "match_supply.h"

enum {
    MATCH_PARTIES_MAX = 8192,
    MATCH_PAIRINGS_MAX = 4096,
    MATCH_EXPIRE_MAX = 2048,     /* tickets expired by one cycle */
    MATCH_TRY_MAX = 1024,        /* attempts of one cycle */
    MATCH_SWEEP = 256,           /* of these, people tried in turn whatever changed */
    MATCH_CYCLE_BUDGET = 400000, /* people looked at by one cycle */
    MATCH_FIRST = 32,            /* of each sort, those longest in turn: tried before better keys */
    MATCH_AHEAD_MAX = 100000,    /* "position" is counted so far */
};
#define MATCH_NO_PAIR UINT32_MAX
#define MATCH_NO_OP   UINT32_MAX

enum match_state { MATCH_WAITING, MATCH_MATCHED, MATCH_GONE };

struct match_party {
    char *id; /* owned */
    enum match_state state;
    int64_t row_version;   /* of the live row before the round; 0: there was none */
    bool dirty;            /* the row must be written */
    bool whole;            /* … with all columns: it was submitted in this round */
    char *body;            /* owned; with whole */
    struct match_waiter w; /* MATCHED: here; WAITING: in the index instead */
    const char *reason;    /* GONE; static */
    uint32_t pair;         /* MATCHED: its pairing */
};

enum match_end { MATCH_PENDING, MATCH_CONFIRMED, MATCH_RELEASED };

struct match_pairing {
    char id[MATCH_PAIR_ID_MAX];
    uint32_t party[2]; /* of the smaller id first */
    bool stored;       /* PostgreSQL had it before the round */
    bool dropped;      /* undone within the round: as if it never was */
    enum match_end end;
    bool mutual;     /* confirmed with two yes: never again */
    const char *why; /* RELEASED: static */
    uint32_t op;     /* operation that made or ended it */
    int64_t matched_ms, confirm_by_ms, wait_ms[2];
    double km;
    unsigned stage;
};

struct match_met { /* who met whom, in either order */
    char a[MATCH_ID_MAX], b[MATCH_ID_MAX];
    int64_t until_ms;
};

struct match_rest { /* cooldown of an id */
    char id[MATCH_ID_MAX];
    int64_t until_ms;
};

enum match_verdict {
    MATCH_V_PARTY,   /* submit: as its party ends up (queued, paired, gone) */
    MATCH_V_DROPPED, /* submit: reason */
    MATCH_V_DONE,    /* state in text: left, grace, touched, confirmed, released */
    MATCH_V_ABSENT,  /* nobody of that id, no such pair */
    MATCH_V_MATCHED, /* touch of somebody who is matched */
    MATCH_V_STALE,   /* a cycle too old */
    MATCH_V_CYCLED,
};

/* What became of one operation. */
struct match_reply {
    enum match_verdict verdict;
    uint32_t party, pair;              /* where they apply */
    char reason[MATCH_FIELD_MAX + 16]; /* DROPPED, DONE */
    char id[MATCH_ID_MAX];
    bool replaced;                     /* PARTY: a waiting ticket of the same id made room */
    uint32_t expired, released, tried; /* CYCLED */
};

struct match_round {
    const struct match_rules *rules;
    struct match_index *ix;
    struct match_supply *supply;
    const char *pool;
    int64_t now_ms;
    int64_t watch_from_ms; /* nobody is given up as offline before: nobody could hear them until lately */
    uint64_t random;       /* seed of pair ids */
    uint32_t sweep;        /* slot where a cycle's turn goes on; kept by the caller from round to round */
    /* facts */
    struct match_met *met;
    size_t n_met;
    struct match_rest *rests;
    size_t n_rests;
    /* outcome */
    struct match_party *parties;
    uint32_t n_parties, cap_parties;
    struct match_pairing *pairings;
    uint32_t n_pairings, cap_pairings;
    struct match_rest *new_rests;
    size_t n_new_rests;
    uint32_t *by_id; /* open addressing: party + 1 */
};

/* 0 or -ENOMEM. The caller then sets met, rests (it keeps them) and adds the stored pairs. */
int match_round_init(struct match_round *r, const struct match_rules *rules, struct match_index *ix,
                     struct match_supply *supply, const char *pool, int64_t now_ms, uint64_t random);
void match_round_fini(struct match_round *r); /* twice-safe */
/* A pair PostgreSQL holds as pending; both waiters are taken (emptied), with their row versions. 0, -ENOMEM, -ENOSPC.
 */
int match_round_stored(struct match_round *r, const struct match_pairing *pair, struct match_waiter w[2]);
/* Applies one operation, number `op`, that was asked for at asked_ms. 0; -ENOMEM or -ENOSPC mean the round must be
 * given up. */
int match_round_apply(struct match_round *r, const struct match_op *op, uint32_t number, int64_t asked_ms,
                      struct match_reply *ret_reply);
/* Ends the round: under policy `max`, improves it until no pair that exists in it is lost. 0 or -ENOMEM. */
int match_round_finish(struct match_round *r);
/* The round is PostgreSQL's truth now: the waiters it wrote carry its version. */
void match_round_committed(struct match_round *r, int64_t version);

/* -- shared with match_apply.c, match_cycle.c and match_finish.c ------------------------------------
 */

/* Number of the party of an id; MATCH_NO_SLOT when the round does not know it. */
uint32_t match_round_party(const struct match_round *r, const char *id);
/* The same, made when unknown with the given row version. 0, -ENOMEM, -ENOSPC. */
int match_round_make_party(struct match_round *r, const char *id, int64_t row_version, uint32_t *ret_party);
/* Takes the waiter of a slot out of the index into its party (state and pair are the caller's to set). */
int match_round_draw(struct match_round *r, uint32_t slot, uint32_t *ret_party);
/* Pairs two parties that hold their waiters. */
int match_round_pair(struct match_round *r, uint32_t a, uint32_t b, unsigned stage, uint32_t op);
/* Puts a party's waiter back into the index. */
int match_round_return(struct match_round *r, uint32_t party);
/* Ends a party that holds its waiter; reason is static. */
void match_round_gone(struct match_round *r, uint32_t party, const char *reason);
/* Ends a stored pair as released: each side returns unless the round made it gone before; the two are kept apart for
 * rematch_ms. */
int match_round_release(struct match_round *r, uint32_t pair, const char *why, uint32_t op);
/* A cycle's work: expiry, overdue pairs, attempts that became possible. */
int match_cycle(struct match_round *r, uint32_t op, struct match_reply *reply);
