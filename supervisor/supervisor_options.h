/*
 * supervisor_options - the command line of stint-supervisor.
 *
 * Runs in: supervisor, once. Pure but for printing help and version.
 */
#pragma once

#include "base.h"
#include "err.h"
#include "pool_choice.h"

struct supervisor_options {
    const char *config; /* borrowed from argv; NULL: not given */
    struct pool_choice pools;
    bool check, version, help;
    const char *repro;  /* for `stint job repro`: workers get --repro with this; NULL: as usual */
    int successor_fd;   /* socket to a supervisor that hands over (handover_uv.h); -1: started by people */
    int hold_fd;        /* held open as long as we live, and passed on to a successor: the lock of `stint up`; -1: none */
    const char *wrap;   /* program that is started with the worker's command line as arguments; NULL: none */
};

/* Reads argv. ERR_BAD_ARGUMENT with e naming the argument and what is allowed. */
int supervisor_options_read(struct supervisor_options *o, int argc, char *const argv[], struct err *e);
/* The help text, for --help. Static storage. */
const char *supervisor_options_help(void);
