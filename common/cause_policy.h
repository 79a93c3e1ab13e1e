/*
 * cause_policy - what a cause of docs/protocol.md §4 costs a job: the words of [kind.NAME] on_<cause>.
 *
 * Runs in: supervisor (deaths), worker (what handlers and parser cells report), stint (checks). Pure.
 *
 *   once         it is counted, and comes again until its limit (crashes; for reports of a handler: once more)
 *   lane         the same, but it comes again in the lane `large`, where a pool serves it
 *   quarantine   dead at once
 *   free         it comes again at no cost, at most FREE_MAX times (functions/00_head.lua), then as `once`
 */
#pragma once

#include "base.h"
#include "conf.h"

enum cause_policy { CAUSE_ONCE, CAUSE_LANE, CAUSE_QUARANTINE, CAUSE_FREE, CAUSE_POLICY_COUNT };

/* "once", "lane", … Static storage. */
const char *cause_policy_name(enum cause_policy policy);
/* The policy by its word; -1 when there is none of that name. */
int cause_policy_by_name(const char *word);
/* What the kind says of the cause ("signal:SIGSEGV" is on_signal). False for causes that have no policy because the
 * error's class decides (handler_error). kind may be NULL: the defaults of a kind nobody configured. */
bool cause_policy_of(const struct conf_kind *kind, const char *cause, enum cause_policy *ret_policy);

/* One key of [kind.NAME]. */
struct cause_policy_key {
    const char *cause; /* "hard_timeout", …; "signal" stands for all signals */
    const char *key;   /* "on_hard_timeout" */
    size_t offset;     /* of its text in struct conf_kind */
};
/* The keys, ret_n of them. Static storage. */
const struct cause_policy_key *cause_policy_keys(size_t *ret_n);
