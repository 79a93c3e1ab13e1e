/*
 * restore - a backup into stores: refused where it would harm, finished by a second run where it was interrupted.
 *
 *   guard ──► mark each queue (K:restoring) ──► PostgreSQL, one transaction ──► Redis: job hashes, then a queue's
 * streams, sets and ledger in one MULTI ──► settle a queue: what the two moments left between them, claims of the old
 * world ──► marks taken away
 *
 * While a queue is marked it takes no heartbeat and no outbox, so no job of it runs anywhere.
 *
 * Runs in: ctl. Blocks. It writes keys itself, which nothing else here does: they are copies of what the Functions
 * wrote.
 */
#pragma once

#include "backup_archive.h"
#include "private_stores.h"
#include "queue_call.h"
#include "session.h"

/* How far a queue is; as K:restoring says. */
enum restore_stage {
    RESTORE_NONE,   /* not marked */
    RESTORE_BEGUN,  /* marked; what the target held is being removed */
    RESTORE_KEYS,   /* job hashes are being copied */
    RESTORE_SETTLE, /* everything is there */
    RESTORE_DONE,   /* finished; the mark goes when all are */
};

struct restore_queue {
    const json_t *row; /* of the manifest, borrowed */
    const char *name;  /* borrowed */
    enum restore_stage stage;
    bool of_host;     /* an audit log alone: copied where there is none */
    int64_t enqueued; /* that the target counts */
};

struct restore {
    struct session *to;                   /* borrowed */
    const struct backup_archive *archive; /* borrowed */
    struct private_stores *stores;        /* borrowed */
    bool with_redis, with_postgres;       /* parts that are restored */
    bool settle_postgres;                 /* the outbox and the claims of postgres.url are brought in line */
    bool force_redis, force_postgres;     /* what the target holds is removed */
    bool private_roles;                   /* a server that lacks the roles of the backup: rights are left out */
    struct restore_queue queues[QUEUE_LIST_MAX];
    size_t n_queues;
    bool postgres_there; /* restored by an earlier run */
    int64_t rows_there;  /* rows the target's schema holds; −1: no schema */
    /* What was done. */
    uint64_t keys, claims_moved, outbox_again, events_again;
};

/* The whole of it. dry_run: the guards alone. */
int restore_run(struct restore *r, bool dry_run, struct err *e);

/* -- its files -- */

/* Looks at the target: how far an earlier run came, who is alive, what is there. ERR_REFUSED with what to do. */
int restore_guard(struct restore *r, struct err *e);
/* ERR_REFUSED when a supervisor is alive on a queue that is restored. */
int restore_check_alive(struct restore *r, struct err *e);
/* Marks, or says how far. */
int restore_mark(struct restore *r, struct restore_queue *q, enum restore_stage stage, struct err *e);
int restore_unmark(struct restore *r, struct restore_queue *q, struct err *e);
const char *restore_stage_name(enum restore_stage stage);
/* PostgreSQL's part into the target, and the target's schema up to date. */
int restore_postgres(struct restore *r, struct err *e);
/* Rows in all tables of schema stint but the migrations'; −1 when there is no schema. */
int restore_postgres_rows(struct session *s, int64_t *ret, struct err *e);
/* Outbox and claims of one queue. */
int restore_postgres_settle(struct restore *r, const struct restore_queue *q, struct err *e);
/* The keys of all queues that need them. */
int restore_keys(struct restore *r, struct err *e);
/* Events the application's streams lack, claims of the old world. */
int restore_settle(struct restore *r, struct restore_queue *q, struct err *e);

/* One command on a key of a queue of the target: the key takes the place of "%s". */
int restore_ask(struct restore *r, const char *queue, const char *suffix, redisReply **ret, const char *command,
                struct err *e);
/* Pipelined commands on a bare connection, for the files above: queue one, take one answer. An error reply is an error.
 */
int restore_send(struct redis_sync *link, struct err *e, int argc, const char *const argv[], const size_t lens[]);
int restore_take(struct redis_sync *link, redisReply **ret, struct err *e);
/* A connection to the target of its own, with a patient timeout. */
int restore_link(struct restore *r, struct redis_sync *ret, struct err *e);
