/*
 * crash_guard - a process that dies of a signal leaves a snapshot of itself (crash_page.h) and then dies of that same
 * signal.
 *
 * Runs in: worker, parser zygote and cell. Its handlers make system calls only, on a stack of their own: they work after a
 * stack overflow, with a damaged heap, and inside a seccomp filter. Under a sanitizer only SIGSYS is taken.
 */
#pragma once

#include "base.h"

/* Installs the handlers for the fatal signals (and, with `live`, for TERM, so that a job ended past its timeout shows where it
 * hung). fd: the page; -1: none yet, see crash_guard_aim. live: addresses are read from the kernel when it dies, which needs a
 * descriptor kept open; else what is mapped now is remembered: for a process that can open nothing later. 0 or -errno. Once. */
int crash_guard_install(int fd, bool live);
/* The page from now on, for a forked child with one of its own. Async-signal-safe. */
void crash_guard_aim(int fd);
/* Its last words: kept in the page when there is one. Cut at CRASH_WORDS_MAX. Safe in every thread; the last one wins. */
void crash_guard_words(const char *text);
