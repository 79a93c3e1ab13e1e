/*
 * folder_stamp - has anything in a folder changed? Names, sizes and times only; no file is opened.
 *
 * Runs in: supervisor. Thread: loop only, at start and on a reload. Blocks on the disk.
 */
#pragma once

#include "base.h"

/* A number over the files of path whose names end with suffix, or over the one file path is; 0 when there are none, or path is "". */
uint64_t folder_stamp(const char *path, const char *suffix);
