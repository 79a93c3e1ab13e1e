/*
 * drill - the failure lab: one fault made on purpose by probe jobs, what must come of it, what came of it.
 *
 * Runs in: ctl. Blocks: each drill until its job has ended or its time is over. Changes nothing but its own jobs, and
 * for a second whether the kind probe is paused.
 */
#pragma once

#include "queue_call.h"
#include "session.h"

enum { DRILL_TEXT_MAX = 512, DRILL_BURST_JOBS = 300, DRILL_JOBS_MAX = 1024 };

enum drill_act {
    DRILL_SEND,      /* the job itself is the fault */
    DRILL_MEMORY,    /* the same, where there is memory enough to reach the limit */
    DRILL_FORK,      /* the same, and something must have refused the forks */
    DRILL_PARSER,    /* SIGKILL to the parsers of this host's workers, then a pdf-parse job */
    DRILL_KILL,      /* SIGKILL to its worker, from this process */
    DRILL_OPERATOR,  /* worker.kill of the control socket */
    DRILL_DEPLOY,    /* reload and worker.restart while it runs */
    DRILL_CANCEL,    /* stint_cancel while it runs */
    DRILL_PAUSE,     /* stint_pause, enqueue, stint_resume */
    DRILL_DUPLICATE, /* enqueued twice with one unique key */
    DRILL_BURST,     /* DRILL_BURST_JOBS jobs */
};

struct drill {
    const char *name;
    enum drill_act act;
    const char *what, *payload, *options;
    const char *state, *causes, *code;
    int attempts, crashes;
    int within_s;
};

/* Every drill in the order they are run. Static storage. */
const struct drill *drill_all(size_t *ret_n);
/* The drill of that name, or NULL. */
const struct drill *drill_find(const char *name);

enum drill_verdict { DRILL_OK, DRILL_FAILED, DRILL_SKIPPED };

struct drill_result {
    enum drill_verdict verdict;
    char happened[DRILL_TEXT_MAX]; /* what came of it; for people */
    char why[DRILL_TEXT_MAX];      /* what is wrong, or why it was skipped; "" when all is well */
    int64_t took_ms;               /* from the fault to the job's end; -1 when it did not come */
};

/* One run of the lab, over several drills. */
struct drill_lab {
    struct session *s;
    char queue[QUEUE_MAX];
    const char *kind; /* of its jobs; static storage */
    const char *pool; /* the pool that runs them; borrowed from the configuration */
    char run[32];     /* part of every job's id */
    size_t n_sent;    /* jobs sent so far, part of the next one's id */
    size_t n_ids;
    char (*ids)[JOB_ID_MAX]; /* owned; at most DRILL_JOBS_MAX: those that may be dead letters */
};

/* The pool that runs the kind on the queue, the lane of large jobs aside; NULL when none does. Borrowed. */
const char *drill_pool_of(const struct conf *conf, const char *queue, const char *kind);
/* Finds queue and pool; refuses (ERR_REFUSED, saying what to do) where the kind probe is off or nobody runs it, and,
 * unless yes, where jobs wait that are not the lab's. queue: NULL for the kind's own. */
int drill_lab_open(struct drill_lab *lab, struct session *s, const char *queue, bool yes, struct err *e);
/* Frees. NULL-safe, twice-safe. */
void drill_lab_close(struct drill_lab *lab);
/* Makes the fault and judges. 0 with ret filled; a negative code with e when a service cannot be reached. */
int drill_run(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e);
/* Removes the lab's dead letters, with an audit entry. *ret_purged: how many. */
int drill_lab_purge(struct drill_lab *lab, int64_t *ret_purged, struct err *e);

/* -- drill_judge: pure -- */
/* What must come of it, one line for people. Returns out. */
char *drill_expected(const struct drill *d, char out[static DRILL_TEXT_MAX]);
/* Judges a job as stint_job tells it. */
void drill_judge(const struct drill *d, const json_t *job, int64_t took_ms, struct drill_result *ret);
/* Marks it skipped or failed, and says why. */
void drill_set(struct drill_result *ret, enum drill_verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

/* -- between drill.c, drill_acts.c and drill_parser.c -- */
/* Sends the drill's job, with unique as its dedup key unless NULL. *ret_state is "ready", "duplicate"…; remembers the
 * id. */
int drill_send(struct drill_lab *lab, const struct drill *d, const char *unique, char ret_id[static JOB_ID_MAX],
               char ret_state[static 32], struct err *e);
/* The job as stint_job tells it, once it has ended or within_ms passed (*ret_ended false then). The caller's. */
int drill_await(struct drill_lab *lab, const char *id, int64_t within_ms, json_t **ret_job, bool *ret_ended,
                struct err *e);
/* Sends the drill's job, waits for its end and judges it. */
int drill_send_and_judge(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e);
/* DRILL_PARSER (drill_parser.c). */
int drill_act_parser(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e);
/* Whatever the drill does beyond sending its job and waiting for its end. */
int drill_act(struct drill_lab *lab, const struct drill *d, struct drill_result *ret, struct err *e);
