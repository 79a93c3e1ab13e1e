/*
 * probe_fault - faults as bad code makes them: none is simulated by a signal sent.
 *
 * Runs in: worker, for the probe kind. None returns, but under a sanitizer, which ends the process in its own way.
 */
#pragma once

/* Writes where nothing is mapped. */
void probe_fault_crash(void);
/* Reads a mapped file behind its end. */
void probe_fault_bus(void);
/* Runs into an instruction there is not. */
void probe_fault_ill(void);
/* Divides by zero (where the machine minds). */
void probe_fault_fpe(void);
/* Calls itself until the stack is used up. */
void probe_fault_overflow(void);
/* Writes over the end of a local array, return address included, and returns. */
void probe_fault_smash(void);
/* Calls through a null pointer. */
void probe_fault_jump(void);
/* Makes a system call no worker needs (ptrace): the sandbox's matter. */
void probe_fault_syscall(void);
