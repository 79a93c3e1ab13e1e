/*
 * landlock - a process that gives up every file, every TCP port and every process outside, without rights and without a library.
 *
 * Runs in: parser zygote and cell. System calls only. Needs Linux 5.13; what later kernels can deny is denied where they can
 * (TCP: 6.7; signals and abstract sockets of others: 6.12).
 */
#pragma once

#include "base.h"

/* The kernel's version of the interface, 1 and up; -errno where it has none or it is switched off. */
int landlock_abi(void);
/* A ruleset that denies all this kernel can deny and allows nothing. Its descriptor, close-on-exec, or -errno. */
int landlock_deny_all(void);
/* Puts the calling process below fd's ruleset for good. Needs no_new_privs. Entered once more by a child, the child can neither signal nor read
 * its parent and its siblings. 0 or -errno. */
int landlock_enter(int fd);
