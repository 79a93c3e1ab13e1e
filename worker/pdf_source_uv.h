/*
 * pdf_source_uv - gets a job's input from wherever the payload says, without holding up the loop and without ever having the whole of it in
 * this process's own memory.
 *
 *   path, inline   copied piece by piece; what is large, by a thread of the loop's pool
 *   redis          GETRANGE by GETRANGE, each piece into the memfd; a key that changed meanwhile is noticed (WATCH)
 *   url, s3        by stint-fetch, into the memfd; sealed, read back and digested here
 *
 * Runs in: worker. Thread: the loop's, but for the copying and digesting of what is large.
 */
#pragma once

#include "fetcher_client_uv.h"
#include "kind.h"
#include "pdf_sink.h"

/* rc 0: *input is filled, the caller's. Else e says why; retry_after_ms: the source's own wish, 0 when it has none. */
typedef void (*pdf_source_done_fn)(void *arg, int rc, const struct err *e, int64_t retry_after_ms);

struct pdf_sources {
    const struct worker_ctx *ctx;
    struct fetcher_client *fetcher; /* owned */
};

/* One input under way. In memory of the caller that stays until on_done; all members are this module's. */
struct pdf_get {
    struct pdf_sources *sources;
    const struct pdf_request *request;
    struct pdf_input *input;
    pdf_source_done_fn on_done;
    void *arg;
    struct pdf_sink sink;
    uv_work_t work;
    int (*task)(struct pdf_get *g); /* what the thread does */
    int rc;
    struct err e;
    int file_fd;           /* owned; -1: none */
    uint64_t fetch_id;     /* 0: nothing is fetched */
    uint64_t said, total;  /* bytes: by the fetcher, by STRLEN */
    bool watching;
    _Atomic bool stop;
};

/* ctx is borrowed. */
void pdf_sources_init(struct pdf_sources *s, const struct worker_ctx *ctx);
/* With nothing under way. */
void pdf_sources_fini(struct pdf_sources *s);
/* Gets the request's input into *input. on_done is called once, maybe before this returns; g must not be touched after it. deadline_ms:
 * monotonic; a fetch from elsewhere is given up by then. */
void pdf_source_get(struct pdf_get *g, struct pdf_sources *s, const struct pdf_request *request, uint64_t deadline_ms, struct pdf_input *input,
                    pdf_source_done_fn on_done, void *arg);
/* Ends it soon; on_done still comes, maybe inside. */
void pdf_source_cancel(struct pdf_get *g);
