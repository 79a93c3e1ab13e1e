/*
 * simulate_files - a run as files: what was lived through, what became of everybody, what they were told, and the
 * report.
 *
 *   DIR/trace.jsonl         the trace as it was lived, in real milliseconds: `stint match replay` plays the same again
 *   DIR/outcomes.jsonl      what became of everybody          (formats: replay/outcome_file.h)
 *   DIR/predictions.jsonl   what those who waited were told, by /v1/wait
 *   DIR/report.json
 *
 * Runs in: ctl. Blocks on the disk only.
 */
#pragma once

#include "simulate_run.h"

/* Makes DIR when it is not there. Files that exist are replaced. Errors name the file. */
int simulate_files_write(const struct simulate_run *r, const json_t *report, const char *dir, struct err *e);
/* Whether DIR can be written to, made if need be; asked before a run that would be for nothing. */
int simulate_files_prepare(const char *dir, struct err *e);
