/*
 * worker_rows - the supervisor's workers and pools as table rows, for `worker list`, `status` and `top`.
 *
 * Runs in: ctl. Pure. Rows may have "supervisor" added (host_control.h).
 */
#pragma once

#include "out.h"

/* Titles of the workers' table. */
void worker_rows_table(struct table *t);
/* One worker of the control socket's status. 0 or ERR_OUT_OF_MEMORY. */
int worker_rows_add(struct table *t, const json_t *worker);
/* Titles of the pools' table. */
void worker_rows_pool_table(struct table *t);
/* One pool of the control socket's status. 0 or ERR_OUT_OF_MEMORY. */
int worker_rows_pool_add(struct table *t, const json_t *pool);
