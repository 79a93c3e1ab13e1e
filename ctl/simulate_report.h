/*
 * simulate_report - what a run came to, as one JSON object: who was matched, what had been foretold, what was lost.
 *
 * Runs in: ctl. Pure. Times and waits of people are trace seconds; latencies are real milliseconds.
 */
#pragma once

#include "simulate_run.h"

/* After simulate_books_close. The caller's. Ends the process when memory is short. */
json_t *simulate_report_make(struct simulate_run *r);
