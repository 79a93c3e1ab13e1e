/*
 * keys - the names of Redis keys and channels (docs/protocol.md).
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "kind_defaults.h"

enum { KEY_MAX = 256 };

/* "express", "high", "normal", "low"; "large" is the lane. */
const char *band_name(enum band band);
/* -1 when no band has that name. */
int band_by_name(const char *name);
/* True for 1..64 characters of [A-Za-z0-9._-]. */
bool keys_queue_valid(const char *queue);
/* "stint:{queue}" into out; the KEYS[1] of every Function. Returns out. */
char *keys_prefix(char out[static KEY_MAX], const char *queue);
/* "stint:{queue}:s:band". */
char *keys_stream(char out[static KEY_MAX], const char *queue, enum band band);
/* "stint:{queue}:suffix", e.g. suffix "ev", "dead", "j:<id>". */
char *keys_of(char out[static KEY_MAX], const char *queue, const char *suffix);
