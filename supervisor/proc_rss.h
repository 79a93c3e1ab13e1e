/*
 * proc_rss - resident memory of a process, from /proc.
 *
 * Runs in: supervisor. Thread: any. Reads one small file of the kernel's; does not block on disks.
 */
#pragma once

#include "base.h"
#include <sys/types.h>

/* Bytes resident now; 0 when the process is gone or /proc is not mounted. */
uint64_t proc_rss_bytes(pid_t pid);
