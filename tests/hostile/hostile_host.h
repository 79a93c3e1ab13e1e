/*
 * hostile_host - what parsing a hostile file must leave as it was: processes, descriptors, memory, files.
 *
 * Runs in: the hostile ring's driver.
 */
#pragma once

#include "base.h"

struct hostile_host {
    int zygote;            /* its pid */
    size_t zygote_fds, driver_fds;
    size_t cells;          /* processes of the zygote's */
    uint64_t zygote_bytes; /* memory that is its own: resident and not shared with a file */
    size_t files;          /* in the working folder, TMPDIR, and /tmp, /var/tmp, /dev/shm where those are private */
};

/* Reads the present state. folders: NULL-terminated, counted with all that is below them. */
void hostile_host_read(struct hostile_host *ret, int zygote, const char *const folders[]);
/* "" when now is as before, else what changed. slack_bytes: by how much the zygote's memory may have grown. */
void hostile_host_compare(const struct hostile_host *before, const struct hostile_host *now, uint64_t slack_bytes, char ret_what[static 200]);
