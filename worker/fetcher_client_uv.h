/*
 * fetcher_client_uv - the worker's end of its stint-fetch: starts it for the first document that is elsewhere, hands it requests, tells how
 * each ended.
 *
 * Runs in: worker. Thread: the loop's only. Never blocks, but for the start of the program (milliseconds). One that died is started again
 * for the next document; after more deaths in a row, after a pause that grows; what it had in hand ends as SOURCE_UNAVAILABLE.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include "fetcher_proto.h"
#include <uv.h>

struct fetcher_client;

/* How one transfer ended. */
struct fetcher_answer {
    int code;              /* 0: the memfd is said to hold the document */
    struct err e;          /* message when code < 0 */
    uint64_t bytes;        /* said; to be verified */
    int64_t retry_after_ms; /* the server asked for; 0: did not */
};
typedef void (*fetcher_done_fn)(void *arg, const struct fetcher_answer *answer);

struct fetcher_wish {
    const char *url;      /* borrowed for the call */
    bool configured;      /* made from the configuration's own address (S3) */
    uint64_t max_bytes;
    int64_t size;         /* announced; -1: not */
    uint32_t timeout_ms;
    int fd;               /* memfd, borrowed for the call */
};

enum { FETCHER_PAUSE_FIRST_MS = 100, FETCHER_PAUSE_MAX_MS = 10000, FETCHER_RETRY_AFTER_MAX_S = 86400 };

/* No process yet. conf is borrowed. */
struct fetcher_client *fetcher_client_new(uv_loop_t *loop, const struct conf_pdf *conf);
/* Ends the process; transfers under way are dropped without a call. The handles are closed on the loop. NULL: nothing. */
void fetcher_client_close(struct fetcher_client *c);
/* on_done is called once, later. 0 and *ret_id, or SOURCE_UNAVAILABLE with e (it does not start, is paused, or is full). */
int fetcher_client_get(struct fetcher_client *c, const struct fetcher_wish *wish, fetcher_done_fn on_done, void *arg, uint64_t *ret_id,
                       struct err *e);
/* Forgets the transfer: on_done will not be called. */
void fetcher_client_cancel(struct fetcher_client *c, uint64_t id);
/* How long, ms, until it is started again after deaths; 0: at once. */
int64_t fetcher_client_pause_ms(const struct fetcher_client *c);
/* The process's pid, 0 when none runs; for tests. */
int fetcher_client_pid(const struct fetcher_client *c);

/* Pure: what a report says, as foreign bytes of n. False: it is none that an honest process sends. */
bool fetcher_answer_read(const struct fetcher_report *report, size_t n, struct fetcher_answer *ret);
