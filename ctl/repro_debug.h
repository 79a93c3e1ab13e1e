/*
 * repro_debug - a debugger or valgrind for a reproduction.
 *
 * Runs in: ctl. Blocks for as long as the person at the debugger likes.
 */
#pragma once

#include "stack_dir.h"
#include <sys/types.h>

/* Writes DIR/bin/under-valgrind, which starts its arguments under valgrind with a report in DIR/log; its path into path.
 * -ENOENT when valgrind is not installed. */
int repro_debug_wrapper(const struct stack_dir *dir, char path[static STACK_PATH_MAX], struct err *e);
/* Is gdb there? -ENOENT with e when it is not. */
int repro_debug_check(struct err *e);
/* Runs gdb in the foreground on the process below `supervisor` that has stopped itself (a worker, or its parser's cell).
 * *ret_done: whether there was one. */
int repro_debug_attach(pid_t supervisor, bool *ret_done, struct err *e);
