/*
 * fetcher - the loop of stint-fetch: requests in, transfers, reports out.
 *
 * Runs in: stint-fetch. Thread: its only one.
 */
#pragma once

#include "err.h"
#include "fetcher_proto.h"

/* Reads the policy, the first packet. 0, or ERR_PROTOCOL with e. Blocks until the worker has sent it. */
int fetcher_policy_read(int fd, struct fetcher_policy *ret, struct err *e);
/* Serves until the worker is gone. policy is borrowed. 0, or a negative code with e when it cannot begin. */
int fetcher_serve(int fd, const struct fetcher_policy *policy, struct err *e);
/* Tells the worker why this process does not start. */
void fetcher_boot_failed(int fd, const char *why);
