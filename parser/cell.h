/*
 * cell - one document's process: locked in, then fed, then gone.
 *
 * Runs in: a fork of the zygote, made before its document is known (a spare). Never returns. Order: descriptors, signals, limits, Landlock, a constant
 * document, then the request; its limits, map the document, seccomp, and only then is a foreign byte looked at. It refuses to go on when any
 * of these fails (PARSER_EXIT_SANDBOX).
 */
#pragma once

#include "cell_walls.h"

/* Descriptors of a cell that has its document; all others are closed. */
enum { CELL_FD_NOTES = 2, CELL_FD_REPLY = 4, CELL_FD_SOCKET = 5 };
#ifdef STINT_SANITIZED
enum { CELL_FD_SANITIZER = 9 }; /* the zygote's standard error, for the runtime's reports */
#else
enum { CELL_FD_SANITIZER = -1 }; /* there is none */
#endif

/* What a cell says to its zygote, a packet each, in this order. After the first it is a document's: foreign. */
enum { CELL_TAKEN = 't', CELL_DONE = 'd' };
struct cell_word {
    uint32_t says;       /* CELL_TAKEN: its request is read; CELL_DONE: its reply is whole, and nothing more will come */
    uint64_t peak_bytes; /* with CELL_DONE: memory it had at most, as it says itself */
};

/* Waits at socket for one packet: a request, its document and its reply as descriptors; parses and exits. At EOF it exits without having
 * seen anything. */
NORETURN void cell_run(int socket, const struct cell_setup *setup);
