/*
 * boot - what a worker was born with: arguments, inherited descriptors, configuration, its cell of the scoreboard.
 *
 * Runs in: worker, before the loop exists. Blocks only to read the configuration.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include "ipc.h"
#include "scoreboard.h"

struct boot {
    const char *pool_name;        /* argv */
    char instance[INSTANCE_MAX];
    char consumer[CONSUMER_MAX];
    uint32_t slot, generation;
    enum repro_mode repro;
    struct conf *conf;            /* owned */
    const struct conf_pool *pool; /* inside conf */
    char queue[QUEUE_MAX];
    struct scoreboard *board;     /* mapped */
    struct score_cell *cell;      /* this worker's, inside board */
    struct score_now now;         /* what the cell says now */
};

/* Reads argv (ipc.h). 0 or ERR_BAD_ARGUMENT with e. */
int boot_arguments(struct boot *b, int argc, char *const argv[], struct err *e);
/* Are descriptors 3 to 5 what a supervisor gives? Closes all others above. ERR_BOOT_FAILURE with e otherwise. */
int boot_descriptors(struct err *e);
/* Reads the configuration and starts the log. */
int boot_configuration(struct boot *b, struct err *e);
/* Maps the scoreboard and publishes PHASE_BOOT. */
int boot_scoreboard(struct boot *b, struct err *e);
/* From now on a death by a signal leaves a snapshot in WORKER_FD_CRASH. Without one the worker runs all the same. */
void boot_crash_guard(void);
/* The system calls no worker needs are refused from now on, here and in what is started; with no_exec, starting a program is one.
 * A refused call ends the process by SIGSYS. 0 or ERR_BOOT_FAILURE with e. */
int boot_sandbox(bool no_exec, struct err *e);
/* Says why on the control socket (if there is one), in the log and on standard error. Returns WORKER_EXIT_BOOT. */
int boot_failed(const struct err *e);
void boot_fini(struct boot *b);
