/*
 * match_ask - asks the supervisor's metrics thread on this host about one person: /v1/wait, by ticket or by attributes.
 *
 * Runs in: ctl. Blocks for at most MATCH_ASK_TIMEOUT_MS.
 */
#pragma once

#include "session.h"

enum { MATCH_ASK_TIMEOUT_MS = 10000 };

/* True when any option that describes a person was given. */
bool match_ask_described(const struct args *a);
/* By ticket. *ret_wait is the caller's: the answer of /v1/wait. ERR_NOT_FOUND: it does not wait as far as the model
 * knows; -ECONNREFUSED: no metrics thread answers here. */
int match_ask_ticket(struct session *s, const char *queue, const char *pool, const char *ticket, json_t **ret_wait,
                     struct err *e);
/* By the options given. ERR_BAD_ARGUMENT names what is missing or wrong. */
int match_ask_person(struct session *s, const char *queue, const char *pool, json_t **ret_wait, struct err *e);
/* The pool's balance for another target, ms. *ret_balance is the caller's. */
int match_ask_balance(struct session *s, const char *queue, const char *pool, int64_t target_ms, json_t **ret_balance,
                      struct err *e);
