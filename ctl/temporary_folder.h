/*
 * temporary_folder - a folder of our own for as long as a restore or its proof takes, in TMPDIR, else in /tmp.
 *
 * Runs in: ctl. Blocks on the disk. It is locked by its process: what a killed one left (a backup's payloads, unpacked)
 * is recognised by that and removed by the next run.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <linux/limits.h>

/* A new folder, 0700, named after `what` ("private", "unpack"); removes what dead owners left first. *ret_lock: held as
 * long as the folder is in use, the caller's to close. ret_path: PATH_MAX bytes; "" when it fails. */
int temporary_folder_make(const char *what, char *ret_path, int *ret_lock, struct err *e);
