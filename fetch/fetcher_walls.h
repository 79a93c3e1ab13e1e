/*
 * fetcher_walls - what stint-fetch gives up before its first byte from the network.
 *
 * Runs in: stint-fetch, once, at its start, before libcurl is used.
 */
#pragma once

#include "err.h"

/* Gives up root, file writes, programs, other processes; keeps internet sockets and reading what names and certificates need (ca_file too; "":
 * the system's). 0, or ERR_BOOT_FAILURE with e: it must not run then. Landlock is used where the kernel has it and missed silently
 * where it has not: the system call filter stands on its own. */
int fetcher_walls(const char *ca_file, struct err *e);
