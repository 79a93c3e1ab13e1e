/*
 * supervisor_log - where the log goes: the descriptor that the supervisor and its workers share.
 *
 * Runs in: supervisor, once.
 */
#pragma once

#include "conf.h"
#include "err.h"

/* Opens [supervisor] log_file (appending), or takes standard error, and begins logging there. *ret_fd stays open for
 * the program's life. -errno with e naming the file. */
int supervisor_log_open(const struct conf *conf, int *ret_fd, struct err *e);
