/*
 * crash_page - what a dying process leaves of itself: registers, a piece of its stack, which files were mapped where, and
 * what it said last. A memory file; written by the dying process, read when it is dead.
 *
 * Runs in: worker and parser cell (write, crash_guard.h), supervisor (reads the head), stint-backtrace (reads all).
 * Whoever reads it reads foreign bytes: a cell's page is written by what a hostile document may have taken over.
 */
#pragma once

#include "base.h"

enum {
    CRASH_MAGIC = 0x53544350,
    CRASH_REGISTERS = 33,   /* most of any machine, in DWARF's order: x86-64 uses 17, the last the program counter */
    CRASH_WORDS_MAX = 320,
    CRASH_HEAD_MAX = 4096,
    CRASH_STACK_AT = CRASH_HEAD_MAX,
    CRASH_STACK_MAX = 65536,
    CRASH_MAPS_AT = CRASH_STACK_AT + CRASH_STACK_MAX,
    CRASH_MAPS_MAX = 65536,
    CRASH_BYTES = CRASH_MAPS_AT + CRASH_MAPS_MAX, /* of the whole file */
};

struct crash_head {
    uint32_t magic;    /* CRASH_MAGIC once a signal was caught; 0: it left no snapshot */
    int32_t signal;    /* that it dies of */
    int32_t code;      /* si_code */
    int32_t syscall;   /* number of the system call a sandbox refused; -1: not that */
    uint64_t fault;    /* si_addr of a memory fault, else 0 */
    uint64_t stack_at; /* address of the first byte of the stack's copy */
    uint32_t stack_bytes, maps_bytes;
    uint64_t registers[CRASH_REGISTERS];
    char words[CRASH_WORDS_MAX]; /* its last line of log; written while it lived */
};
_Static_assert(sizeof(struct crash_head) <= CRASH_HEAD_MAX, "the head has its page");

/* A new memory file of CRASH_BYTES (sparse: it costs what is written), sealed against another size. Its descriptor, close-on-exec,
 * or -errno. */
int crash_page_new(void);
/* Reads and checks the head; words are NUL-terminated whatever was written. False when there is no snapshot (words may be set all
 * the same). fd may be -1. */
bool crash_page_read(int fd, struct crash_head *ret_head);
