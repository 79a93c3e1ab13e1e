/*
 * base64 - bytes as base64 text and back (RFC 4648, with padding).
 *
 * Runs in: ctl, relay. Pure.
 */
#pragma once

#include "base.h"

/* NUL-terminated text, the caller's to free; NULL without memory. */
char *base64_encode(const char *bytes, size_t len);
/* The bytes of a text, the caller's to free, with a NUL behind them. 0, -EINVAL when it is no base64 in canonical form,
 * -ENOMEM. */
int base64_decode(const char *text, size_t len, char **ret_bytes, size_t *ret_len);
