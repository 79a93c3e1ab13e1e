/*
 * base64_encode - bytes as base64 text (RFC 4648, with padding), for payloads and exports.
 *
 * Runs in: ctl. Pure.
 */
#pragma once

#include "base.h"

/* NUL-terminated text, the caller's to free; NULL without memory. */
char *base64_encode(const char *bytes, size_t len);
