/*
 * kind - what a job kind gives the worker, and what the worker gives a kind.
 *
 * Runs in: worker. Thread: the loop's only; nothing here is thread-safe and nothing blocks.
 *
 * A kind is one row of kind_table.h and one `const struct kind_ops`. The worker opens the kind once, then hands it claimed
 * jobs as runs. A handler works asynchronously on the worker's loop and ends every run exactly once with one of
 * job_run_done, job_run_fail, job_run_snooze, job_run_cancelled or outcome_resolve; it may do so inside start(). What then
 * happens to the job (retry, dead letter, delay) is decided by retry_policy.c from the error's class, never by the handler.
 *
 * Owner: the worker owns runs and jobs; a run is valid from start() until its terminal call and not a moment longer. The
 * handler owns what it keeps in run->data and must free it before the terminal call.
 *
 *   start ──► (job_run_progress …) ──► one terminal call        cancel() may come once between the two
 *
 * Deliveries repeat: a worker may die at any moment, and the job comes again with a higher epoch. A kind with effects in
 * PostgreSQL sets `.stores = true` and puts outcome_add() (outcome.h) into the transaction of its effect. The worker then
 * claims the outcome before it starts a redelivered job (epoch > 1), and ends it as done by itself when the effect is
 * already there; so start() only sees jobs whose effect is not applied, as far as anybody can know.
 *
 * Example: a kind that greets by one row.
 *
 *     struct greet { const struct worker_ctx *ctx; };
 *
 *     static int greet_open(const struct worker_ctx *ctx, void **ret_state, struct err *e)
 *     {
 *         struct greet *g = calloc(1, sizeof *g);
 *         if (!g)
 *             return err_set(e, ERR_OUT_OF_MEMORY, "kind greet: no memory for its state");
 *         g->ctx = ctx;
 *         *ret_state = g;
 *         return 0;
 *     }
 *     static void on_committed(void *arg, PGresult *const results[], size_t n, const struct err *e)
 *     {
 *         struct job_run *run = arg;
 *         struct greet *g = run->state;
 *         bool applied = !e && outcome_applied(results[2]);
 *         pg_pool_release(g->ctx->pg, run->data);
 *         if (e)
 *             job_run_fail(run, e, NULL);
 *         else if (!applied)
 *             outcome_resolve(run);
 *         else
 *             job_run_done(run, "{\"greeted\":1}");
 *     }
 *     static void on_conn(void *arg, struct pg_conn *conn, const struct err *e)
 *     {
 *         struct job_run *run = arg;
 *         if (!conn) {
 *             job_run_fail(run, e, NULL);
 *             return;
 *         }
 *         run->data = conn;
 *         struct pg_batch *b = pg_batch_new();
 *         pg_batch_add(b, "BEGIN", 0, NULL);
 *         pg_batch_add(b, "INSERT INTO greeting(who) VALUES($1)", 1, (const char *[]){run->job->payload});
 *         outcome_add(b, run, "{\"greeted\":1}");
 *         // (a real handler commits in a second batch, once outcome_applied() said yes; see outcome.h)
 *         pg_conn_send(conn, b, on_committed, run);
 *     }
 *     static void greet_start(void *state, struct job_run *const runs[], size_t n)
 *     {
 *         struct greet *g = state;
 *         for (size_t i = 0; i < n; i++)
 *             pg_pool_acquire(g->ctx->pg, on_conn, runs[i]);
 *     }
 *     const struct kind_ops kind_greet_ops = {.open = greet_open, .start = greet_start, .cancel = greet_cancel,
 *                                             .close = free, .stores = true};
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "ipc.h"
#include "job.h"
#include "pg_uv.h"
#include "redis_uv.h"

/* What a kind may use. Lives as long as the worker; borrowed by every kind. */
struct worker_ctx {
    uv_loop_t *loop;
    const struct conf *conf;
    const struct conf_kind *kind; /* this kind's row; each kind gets its own copy of the context */
    struct pg_pool *pg;           /* connects on the first acquire */
    struct redis_uv *redis;       /* the worker's connection: extra commands only (GET of a blob, XADD to a feed), never the
                                     Functions that move jobs; check the return value: -ENOTCONN while Redis is away */
    const char *queue;            /* queue fetched from */
    const char *pool;
    const char *instance;         /* this host's supervisor incarnation */
    const char *consumer;         /* this process: <instance>:<slot>:<generation> */
    enum repro_mode repro;        /* for a kind with a child to debug: the child is held, not this process */
};

enum cancel_reason {
    CANCEL_NONE,         /* nobody asked */
    CANCEL_SOFT_TIMEOUT, /* soft_deadline_ms has passed; at hard_deadline_ms the process is killed */
    CANCEL_REQUESTED,    /* an operator or the producer asked */
};

struct job_core; /* the worker's side of a run, job_run.c */

/* One delivery of one job, being run. Handlers read it; only `data` is theirs to write. */
struct job_run {
    const struct job *job;        /* envelope and payload */
    const struct worker_ctx *ctx; /* the kind's context */
    void *state;                  /* what open() returned */
    uint64_t soft_deadline_ms;    /* monotonic (clock_mono_ms): cancel(CANCEL_SOFT_TIMEOUT) comes then */
    uint64_t hard_deadline_ms;    /* monotonic: the supervisor kills this process then */
    enum cancel_reason cancelled; /* set before cancel() is called */
    void *data;                   /* the handler's own; NULL at start */
    struct job_core *core;        /* the worker's own */
};

/* A kind. All functions run on the loop's thread. */
struct kind_ops {
    /* Once, at boot, before the worker says it is ready; may block for milliseconds (start a child). 0 and *ret_state (the
     * kind's until close), or a negative code with e: the worker then reports a boot failure. ctx is borrowed until close.
     * NULL: no state. */
    int (*open)(const struct worker_ctx *ctx, void **ret_state, struct err *e);
    /* Start n runs; the array is borrowed for the call, the runs until their terminal calls. n is 1 unless batch_whole. */
    void (*start)(void *state, struct job_run *const runs[], size_t n);
    /* Please end the run soon: with job_run_cancelled when nothing was applied, or as it really ended. Called at most once
     * per run, never before start() returned nor after a terminal call; may end the run inside. NULL: cannot be cancelled. */
    void (*cancel)(void *state, struct job_run *run, enum cancel_reason why);
    /* Section [match] of ctx->conf was changed by a reload; what is under way goes on under the old rules. NULL: does not matter. */
    void (*reload)(void *state);
    /* Once, at exit, with no run under way. Frees state; starts closing its handles: the loop goes on until they are. */
    void (*close)(void *state);
    /* All jobs of this kind that one fetch claimed (suspects apart) are started together as one round. A worker that dies in a
     * round blames no job: each comes back as a suspect and runs alone. */
    bool batch_whole;
    /* Its effects and outcomes are in PostgreSQL: redelivered jobs are claimed there first, and nothing is fetched while
     * PostgreSQL does not take writes. */
    bool stores;
    /* Its work is done by a child that holds itself under REPRO_HOLD. */
    bool holds_itself;
    /* A statement that fails on a schema too old for the kind, and otherwise does nothing; NULL: none. Static storage. */
    const char *needs_sql;
    /* It starts programs of its own (a parser) while it runs; a worker without such a kind may start none. */
    bool execs;
};

/* The rows of kind_table.h. NULL when this build does not know the kind. Static storage. */
const struct kind_ops *kind_ops_of(const char *kind);
/* "match, pdf-parse, probe": the kinds this build knows, for messages. Static storage. */
const char *kind_known_names(void);

/* Reports progress: percent 0..100, message (UTF-8, cut at 200 bytes; NULL: none). At most one a 250 ms reaches Redis, the
 * others are dropped. Does nothing when the job is not tracked. */
void job_run_progress(struct job_run *run, int percent, const char *message);

/* The four ends of a run; exactly one, once. They copy their arguments; run is gone when they return. They never call back into
 * the kind before they return, so a handler may end several runs in one loop. */

/* Done. result_json: JSON text or NULL. A result above RESULT_INLINE_MAX bytes stays in PostgreSQL (outcome_add stored it) and
 * the job's hash gets a reference to it. */
void job_run_done(struct job_run *run, const char *result_json);
/* Failed. e->code's class decides (err_table.h); e->message is what people read. detail_json: JSON text put under "detail" of the
 * error record, or NULL. The cause follows from the code: TIMEOUT, CPU_LIMIT, MEM_LIMIT, SANDBOX_VIOLATION have their own, all
 * others are handler_error. A failure after cancel(CANCEL_SOFT_TIMEOUT) counts as soft_timeout. */
void job_run_fail(struct job_run *run, const struct err *e, const char *detail_json);
/* Before job_run_fail: should the failure be retried, then not sooner than ms from now (a server's Retry-After). No more than the kind's
 * backoff_max; 0: nothing is asked. */
void job_run_retry_after(struct job_run *run, int64_t ms);
/* How a process that the handler started for this job ended; what is not known is -1 or NULL. */
struct job_child {
    const char *signal;  /* "SIGSEGV" */
    int exit_status;
    int64_t wall_ms, cpu_ms, rss_bytes;
    int page_fd;         /* its crash page (crash_page.h), borrowed: the supervisor makes a backtrace of it */
};
/* The same for a failure that is such a process's, with its evidence in place of the worker's. cause: one of docs/protocol.md §4
 * ("signal:SIGSEGV"), or NULL as above. */
void job_run_fail_child(struct job_run *run, const struct err *e, const char *cause, const struct job_child *child);
/* Not now: comes back after delay_ms (≥ 0) at no cost. reason: a short literal, for the ledger and the log. */
void job_run_snooze(struct job_run *run, int64_t delay_ms, const char *reason);
/* Stopped because cancel() asked; nothing was applied. After CANCEL_SOFT_TIMEOUT it is retried as soft_timeout, after
 * CANCEL_REQUESTED it is over. Without either it is a bug of the handler (asserts). */
void job_run_cancelled(struct job_run *run);

enum { RESULT_INLINE_MAX = 4096, RUN_PROGRESS_EVERY_MS = 250, RUN_PROGRESS_TEXT_MAX = 200 };
