/*
 * wait_json - what the wait model says, as JSON (docs/wait-model.md, "What is published").
 *
 * Runs in: supervisor's metrics thread. Pure: appends text to the caller's buffer.
 */
#pragma once

#include "buf.h"
#include "wait_notice.h"
#include "wait_pools.h"

/* The body of /v1/queue-stats for one pool:
 * {"pool","queue":{…},"genderDistribution":{…},"estimatedWaitTimes":{…},"matchRate":{…},
 * "health":{…},"estimates":[…],"balance":{…},"calibration":{…},"updatedMs"}. model NULL: the same with zeros and
 * unknowns (no pool yet). 0 or -ENOSPC/-ENOMEM. */
int wait_json_queue_stats(const char *pool, const struct wait_model *model, int64_t now_ms, struct buf *out);
/* The body of /v1/balance: {"pool"} and the members of queue-stats' "balance", for another target: the median wait of the
 * abundant side, in seconds. 0 or -ENOSPC/-ENOMEM. */
int wait_json_balance(const char *pool, const struct wait_model *model, int64_t now_ms, double target_wait_s,
                      struct buf *out);
/* The body of /v1/wait for an estimate: {"position","estimate":{…},"reason":{…},"alternatives":[…],"confidence"}.
 * waits: of somebody who waits; else of anybody like that, and numbers of fewer than WAIT_GROUP_MIN people are null. */
int wait_json_estimate(const struct wait_estimate *est, int64_t position, bool waits, struct buf *out);
/* What is told to a ticket that asked to be told: {"v","pool","ticket","at_ms","changes":[…],"was":{…}} and the members
 * of wait_json_estimate but position. */
int wait_json_news(const char *pool, const struct wait_news *news, struct buf *out);
/* A person from query attributes
 * ("gender=male&seeking=female,male&age=25&age_min=20&age_max=30&lat=..&lon=..&max_km=..&regions=A,B", each looked up
 * by get(arg, name), NULL when absent). 0, or -EINVAL with *ret_field naming the wrong one (static storage). */
int wait_json_person(const char *(*get)(void *arg, const char *name), void *arg, int64_t now_ms,
                     struct wait_person *ret, const char **ret_field);
