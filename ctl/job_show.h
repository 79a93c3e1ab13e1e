/*
 * job_show - prints one job: envelope, counters, every attempt's error with its evidence, payload, result, next step.
 *
 * Runs in: ctl. Prints only; passwords in a payload are not shown.
 */
#pragma once

#include "session.h"

/* job: as stint_job tells it, with "queue" added. Borrowed. */
void job_show_print(struct session *s, const json_t *job);
