/*
 * outcome_file - what became of everybody, and what they were told, as files of one JSON object a line.
 *
 * Runs in: ctl, bench, tests. Writes through stdio; the caller opens and closes.
 *
 *   outcome     {"id": 1, "wait": MS, "event": "match|leave|end", "partner": 2, "queued": 1, "vwait": MS}   partner,
 * vwait: or null prediction  {"id": 1, "p50": S, "p90": S, "mean": S, "pT": {"30": P, "60": P, "120": P, "300": P},
 * "pmatch": P} A prediction is there for everybody who had to wait. On request it also has "reason": NAME, "saves": S,
 * "supply": PER_MINUTE      what would help most (wait_reason_name) "again": {"p50": S, "p90": S} the rest, told to who
 * still waited after again_ms
 */
#pragma once

#include "virtual_time.h"
#include <stdio.h>

struct outcome_also {
    bool reason, would, again;
};

/* 0, or -errno of what could not be written. */
int outcome_file_write(FILE *to, const struct trace *t, const struct replay_result *r);
int prediction_file_write(FILE *to, const struct trace *t, const struct replay_result *r, struct outcome_also also);
