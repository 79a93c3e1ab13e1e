/*
 * slot_cgroup - the cgroup of a slot's process: its name, its limits, what it used.
 *
 * Runs in: supervisor. Thread: loop only. Blocks for system calls on the cgroup file system only.
 * Owns: the open folder in struct slot. All of it is nothing where no cgroup is delegated (tree->fd is -1).
 */
#pragma once

#include "cgroup.h"
#include "conf.h"
#include "err.h"
#include "slots.h"
#include <jansson.h>

/* Finds the tree as `[supervisor] cgroup` says. 0, also when there is none and none is required; else a negative code
 * with e. ret is the caller's, to be closed with slot_cgroup_close. alone: no other supervisor is in the tree, so that
 * empty groups in it are nobody's and are removed. */
int slot_cgroup_open(struct cgroup_tree *ret, const char *mode, const char *instance, bool alone, struct err *e);
/* Removes our empty groups, and closes. Twice-safe. */
void slot_cgroup_close(struct cgroup_tree *t);
/* The group for the slot's next process (its generation is set already). 0, or a negative code with e. */
int slot_cgroup_make(const struct cgroup_tree *t, struct slot *slot, struct err *e);
/* Reads what the process used so far into slot->usage. */
void slot_cgroup_read(struct slot *slot);
/* What slot_cgroup_read read, unknown numbers left out, for status and evidence. The caller's; NULL without a group. */
json_t *slot_cgroup_json(const struct slot *slot);
/* The slot's process runs this entry now: its CPU time is counted from here on. */
void slot_cgroup_job(struct slot *slot, const char *entry);
/* CPU time since slot_cgroup_job was told of this entry, else of the process's whole life, from the last
 * slot_cgroup_read; -1: unknown. Milliseconds. */
int64_t slot_cgroup_job_cpu_ms(const struct slot *slot, const char *entry);
/* The process is gone: ends what it left and removes the group; slot->usage stays as read last. */
void slot_cgroup_drop(const struct cgroup_tree *t, struct slot *slot);
