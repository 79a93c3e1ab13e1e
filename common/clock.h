/*
 * clock - time as numbers. Pure modules take a time as an argument; only wiring calls these.
 *
 * Runs in: every process. Thread-safe.
 */
#pragma once

#include "base.h"

/* Milliseconds on the monotonic clock. */
uint64_t clock_mono_ms(void);
/* Nanoseconds on the monotonic clock. */
uint64_t clock_mono_ns(void);
/* Milliseconds since 1970-01-01 UTC on this host's wall clock; for logs and people, never for leases. */
int64_t clock_wall_ms(void);
/* "2026-11-22T02:32:00.123Z" into out (at least 25 bytes). Returns out. */
char *clock_iso8601(int64_t wall_ms, char out[static 25]);
