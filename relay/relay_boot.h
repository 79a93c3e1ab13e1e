/*
 * relay_boot - what a relay is born with: arguments, descriptors, where it logs.
 *
 * Runs in: relay, before anything else.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"

/* Reads "--instance INSTANCE"; *ret_instance is borrowed from argv. ERR_BAD_ARGUMENT with e. */
int relay_boot_arguments(int argc, char *const argv[], const char **ret_instance, struct err *e);
/* Checks that the supervisor's descriptors are there and closes all others. ERR_BOOT_FAILURE with e. */
int relay_boot_descriptors(struct err *e);
/* Logs to standard error as conf says; NULL: before it is read. */
void relay_boot_log(const struct conf *conf, const char *instance);
