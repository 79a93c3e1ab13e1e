/*
 * trace_file - a trace written down, in the format trace_read reads.
 *
 * Runs in: ctl, tests. Writes through stdio; the caller opens and closes.
 */
#pragma once

#include "trace.h"
#include <stdio.h>

/* The people, in order of time, whatever t->events says: joins, and leaves before the horizon. 0, or -errno of what
 * could not be written; ERR_OUT_OF_MEMORY. */
int trace_file_write(FILE *to, const struct trace *t);
