/*
 * replay_summary - a replay in a few numbers, by gender and for everybody.
 *
 * Runs in: ctl, bench, tests. Pure.
 */
#pragma once

#include "virtual_time.h"

struct replay_group {
    uint32_t joined, matched, at_once, left, waiting;
    double wait_p50_s, wait_p90_s; /* of those who were matched; -1: nobody was */
};

struct replay_summary {
    struct replay_group all, by_gender[GENDER_COUNT];
    double km_mean; /* between two who were matched; -1: nobody was */
};

/* 0 or ERR_OUT_OF_MEMORY. */
int replay_summarise(const struct trace *t, const struct replay_result *r, struct replay_summary *ret);
