/*
 * utf8 - text that others wrote, character by character (RFC 3629), and made harmless for people's screens.
 *
 * Runs in: ctl, console, supervisor. Pure.
 */
#pragma once

#include "base.h"

/* Length of the UTF-8 sequence at p (1..4), 0 when it is broken; *ret_point: its code point, untouched on 0. left:
 * bytes there are, at least 1. */
size_t utf8_next(const unsigned char *p, size_t left, uint32_t *ret_point);
/* A copy of text (len bytes) in which control characters, marks that reorder a line and broken UTF-8 are '?' (a newline
 * or tab: a space). Caller frees; NULL without memory. */
char *utf8_harmless(const char *text, size_t len);
