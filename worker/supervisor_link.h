/*
 * supervisor_link - the worker's end of the control socket (ipc.h).
 *
 * Runs in: worker. Thread: loop only. Owner: struct worker. EOF means that the supervisor died: the process ends at once with
 * WORKER_EXIT_ORPHANED, because without it no lease is renewed and no limit enforced.
 */
#pragma once

#include "ipc.h"
#include "kind.h"

struct worker;

struct supervisor_link {
    uv_poll_t poll;
    bool open;
};

/* A cell of this worker's parser died in the middle of the job and left the page. */
void supervisor_link_cell_died(const struct job *job, int page_fd);
/* Watches WORKER_FD_CONTROL on the worker's loop. 0 or ERR_BOOT_FAILURE with e. */
int supervisor_link_open(struct worker *w, struct err *e);
/* Stops watching; safe when it was never opened. */
void supervisor_link_close(struct worker *w);
/* Sends; a full buffer is logged and the message dropped (the supervisor's periodic beat makes up for it). */
void supervisor_link_say(struct worker *w, enum ipc_type type, const char *text);
