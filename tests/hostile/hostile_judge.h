/*
 * hostile_judge - whether an ending is one that docs/pdf.md allows: a result that holds what it promises, or a named failure within its limits.
 *
 * Runs in: the hostile ring's driver.
 */
#pragma once

#include "parser_client_uv.h"

enum { HOSTILE_FAULT_MAX = 300 };

/* ret_fault: "" when the ending is allowed, else why not. base_bytes: resident memory of the zygote. */
void hostile_judge(const struct parser_request *request, const struct parser_outcome *outcome, uint64_t base_bytes,
                   char ret_fault[static HOSTILE_FAULT_MAX]);
/* Where a dead cell was, innermost first, by stint-backtrace on its crash page: at most max-1 bytes. */
void hostile_backtrace(int page_fd, char *ret_text, size_t max);
