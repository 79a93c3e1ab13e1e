/*
 * cell - one document's process: locked in, then fed, then gone.
 *
 * Runs in: a fork of the zygote. Never returns. Order: descriptors, limits, signals, map the document, seccomp, and only then
 * is a foreign byte looked at. It refuses to go on when any of these fails (PARSER_EXIT_SANDBOX).
 */
#pragma once

#include "base.h"
#include "parser_proto.h"

/* Descriptors of a cell; all others are closed. */
enum { CELL_FD_NOTES = 2, CELL_FD_DOCUMENT = 3, CELL_FD_REPLY = 4 };

/* Parses document_fd into reply_fd as the request says and exits. base_bytes: address space in use before the document. */
NORETURN void cell_run(const struct parser_request *request, int document_fd, int reply_fd, uint64_t base_bytes);
