/*
 * dead_file - a file of dead letters, one JSON object a line (docs/protocol.md, "A dead letter as a line").
 *
 * Runs in: ctl, console. Blocks. Owner: the caller's struct dead_file.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>
#include <stdio.h>

enum { DEAD_LINE_MAX_BYTES = 128 << 20 };

struct dead_file {
    FILE *to;         /* owned */
    const char *path; /* borrowed */
    bool made;        /* by us: nothing was in it before */
};

/* Makes the file, for the owner alone. An existing one is ERR_REFUSED unless resume: then it must be such a file, a
 * torn last line is cut off (its letter was not removed), and lines are added. A file another command writes is
 * ERR_REFUSED. */
int dead_file_create(struct dead_file *f, const char *path, bool resume, struct err *e);
/* Adds a line. */
int dead_file_add(struct dead_file *f, const json_t *record, struct err *e);
/* Returns when all lines, and the file's name, are on the disk. */
int dead_file_sync(struct dead_file *f, struct err *e);
/* Closes; with discard, a file made by us is removed. Twice-safe. */
void dead_file_close(struct dead_file *f, bool discard);
