/*
 * repro - a job once more, by a supervisor and a worker of its own, in the sandbox and limits of its real pool.
 *
 *   job's envelope ──► scratch queue stint:{repro-…} ──► private supervisor ──► worker --repro ──► how it ended
 *                                                                                 │
 *                                                     PostgreSQL: one transaction, rolled back
 *
 * Runs in: ctl. Blocks. Owner: the caller's struct repro. The job's own queue is only read; every key of the scratch queue
 * and the folder of the private supervisor are removed by repro_close.
 */
#pragma once

#include "session.h"
#include "stack_child.h"

enum repro_tool { REPRO_TOOL_NONE, REPRO_TOOL_GDB, REPRO_TOOL_VALGRIND };

struct repro {
    struct session *s;
    const json_t *job;      /* borrowed: as stint_job tells it */
    enum repro_tool tool;
    char root[64];          /* private folder */
    char queue[QUEUE_MAX];  /* scratch queue */
    struct stack_dir dir;
    struct stack_child supervisor;
    struct conf *conf;      /* owned: what the private supervisor runs with */
    bool keep;              /* leave the folder (logs, valgrind's report) */
};

/* Makes folder and configuration, starts the supervisor and waits until its worker is ready. ERR_NOT_FOUND when no pool of this
 * configuration runs the kind; otherwise an error with the last lines of the supervisor's log as remarks. repro_close in every
 * case. job must have its payload. */
int repro_open(struct repro *r, struct session *s, const json_t *job, enum repro_tool tool, struct err *e);
/* Puts the job into the scratch queue as the delivery it was last, waits for its end (for REPRO_TOOL_GDB: runs gdb in the
 * foreground first). *ret_after is the caller's: the job as it ended. */
int repro_run(struct repro *r, json_t **ret_after, struct err *e);
/* Ends the supervisor, removes scratch keys and folder. */
void repro_close(struct repro *r);
/* Pure: does the new end show the old failure? Same code and cause of the last errors. */
bool repro_same_failure(const json_t *before, const json_t *after);
