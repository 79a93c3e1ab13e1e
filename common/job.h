/*
 * job - one claimed job: the envelope as stint_fetch delivers it.
 *
 * Runs in: worker (and tests). Pure.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "kind_defaults.h"

struct redisReply;

struct job {
    char id[JOB_ID_MAX];
    char kind[KIND_MAX];
    char entry[ENTRY_ID_MAX];  /* stream entry id: the fence in Redis */
    enum band band;
    uint64_t epoch;            /* claims of this job so far, this one included; the fence in PostgreSQL */
    uint32_t attempts, crashes, handbacks, replays; /* before this run */
    bool suspect;              /* it was in a round whose worker died: run it alone */
    bool has_hash;             /* a job hash exists: retried, large, or tracked under its caller's own id */
    bool by_entry;             /* read from an entry, whose name it has: found by it without a hash */
    int64_t created_ms;        /* Redis time of its enqueue */
    int64_t due_ms;            /* Redis time it became ready (this time) */
    /* options; 0 or "" when the producer gave none */
    int64_t timeout_ms;
    uint32_t max_attempts;
    int64_t expires_at_ms;
    char traceparent[TRACE_MAX];
    char tenant[65], actor[129];
    char *payload;             /* owned, NUL-terminated; bytes as produced */
    size_t payload_len;
};

/* Reads one element of the reply's job array into j (payload copied). 0, or ERR_PROTOCOL with e. */
int job_from_reply(struct job *j, const struct redisReply *reply, struct err *e);
void job_fini(struct job *j); /* frees the payload */

/* The error record of docs/protocol.md as JSON (caller frees): {"code","class","cause","message","attempt","at_ms","host",
 * "instance","build","exit","signal","wall_ms","cpu_ms","rss_bytes"}; unknown evidence is left out. */
struct job_evidence {
    int code;              /* enum err_code or -errno */
    const char *cause;     /* "handler_error", "hard_timeout", "signal:SIGSEGV", … */
    const char *message;
    const char *instance, *consumer;
    int64_t wall_ms, cpu_ms, rss_bytes; /* -1: unknown */
    int exit_status;       /* -1: unknown */
    const char *signal;    /* NULL: none */
    const char *detail;    /* JSON text to embed under "detail", or NULL */
};
char *job_error_json(const struct job_evidence *evidence);

/* The dead letter's fingerprint: 16 hex digits over kind, cause, code and the message with numbers, ids and paths made
 * alike, so that one bug is one fingerprint. out holds 17 bytes. */
void job_fingerprint(char out[static 17], const char *kind, const char *cause, int code, const char *message);

/* Delay before retry number `attempt` (1 = first): full jitter, uniform in [0, min(max, base * 2^(attempt-1))], at least 1.
 * random01 in [0,1). Source: "Exponential Backoff And Jitter", AWS Architecture Blog 2015. */
int64_t job_backoff_ms(int64_t base_ms, int64_t max_ms, uint32_t attempt, double random01);
