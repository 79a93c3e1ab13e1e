/*
 * bench_process - documents through a program that is started for each.
 *
 * Runs in: stint-bench-pdf. Blocks. A program that fails ends this one.
 */
#pragma once

#include "samples.h"

/* Runs argv (argv[0] an absolute path, output to nowhere) until the plan is fulfilled. */
void bench_process_run(char *const argv[], const struct samples_plan *plan, struct samples *s);
