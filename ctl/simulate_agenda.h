/*
 * simulate_agenda - what is due when, the earliest first: a binary heap.
 *
 * Runs in: ctl. Pure. Owner: the caller's struct. Entries are never taken back: whoever takes one asks whether it still
 * holds.
 */
#pragma once

#include "base.h"

struct simulate_entry {
    int64_t due_ms;
    uint32_t of; /* whose; the caller's meaning */
};

struct simulate_agenda {
    struct simulate_entry *entries; /* owned */
    size_t n, cap;
};

/* Adds an entry; INT64_MAX is never due and is not kept. Ends the process when memory is short. */
void simulate_agenda_add(struct simulate_agenda *a, int64_t due_ms, uint32_t of);
/* Takes the earliest entry that is due. False when none is. */
bool simulate_agenda_take(struct simulate_agenda *a, int64_t now_ms, struct simulate_entry *ret);
void simulate_agenda_fini(struct simulate_agenda *a); /* twice-safe */
