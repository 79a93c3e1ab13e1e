/*
 * calendar_lines - a strict reader of iCalendar text (RFC 5545), written without the library that writes it.
 *
 * Runs in: tests and fuzzers. Pure.
 */
#pragma once

#include "base.h"

struct calendar_lines {
    size_t lines, events; /* unfolded content lines, VEVENT components */
    char fault[160];      /* "" when the text is as it must be */
};

/* Reads text of length bytes: lines of at most 75 octets ended by CRLF, valid UTF-8 in every line, no control character, folding that cuts
 * no character, BEGIN and END in balance, a known component's name, a known property's name before ':' or ';', one VCALENDAR. */
void calendar_lines_read(struct calendar_lines *ret, const char *text, size_t length);
/* True when length bytes are well-formed UTF-8 (RFC 3629: no surrogate, nothing above U+10FFFF, shortest form). */
bool calendar_lines_utf8(const char *text, size_t length);
