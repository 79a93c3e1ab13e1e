/*
 * instance_id - the name of one supervisor's life: host name, cut, and eight random hex digits.
 *
 * Runs in: supervisor, once. The random part tells two lives of one host apart, and two containers that share a name.
 */
#pragma once

#include "base.h"

/* From a host name and random bytes, pure: what is not [A-Za-z0-9._-] becomes '-', "host" when nothing is left. */
void instance_id_of(char ret[static INSTANCE_MAX], const char *host, const unsigned char random[static 4]);
/* configured: [supervisor] instance, or "" for this machine's name. 0, or -errno when the kernel gives no randomness.
 */
int instance_id_new(char ret[static INSTANCE_MAX], const char *configured);
