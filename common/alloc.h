/*
 * alloc - memory that is there, or the process ends and says why.
 *
 * Runs in: worker, ctl. A worker lives under an address-space limit; when an allocation fails it must not guess on: it exits with
 * WORKER_EXIT_MEM_LIMIT, the supervisor reads the cause mem_limit from that, and the job goes the way of a resource failure.
 */
#pragma once

#include "base.h"

/* n * size zeroed bytes, the caller's to free. Never NULL: ends the process instead. */
void *alloc_zero(size_t n, size_t size);
/* A copy of s, the caller's to free; NULL for NULL. Ends the process when there is no memory. */
char *alloc_dup(const char *s);
/* p when it is not NULL; else ends the process. For results of other libraries' allocations. */
void *alloc_must(void *p);
/* Writes one line and exits with WORKER_EXIT_MEM_LIMIT, without running exit handlers or freeing anything. */
NORETURN void alloc_failed(void);
