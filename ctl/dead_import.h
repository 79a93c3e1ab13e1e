/*
 * dead_import - brings dead letters of a file back, byte by byte as they were.
 *
 * Runs in: ctl. Blocks. Doing it again changes nothing: a letter that is there already is counted as the same.
 */
#pragma once

#include "session.h"

enum { DEAD_IMPORT_NAMED = 5 };

struct dead_import {
    const char *path;   /* "-": standard input */
    const char *queue;  /* NULL: each line's own */
    bool replace;       /* a dead letter of the same id gives way */
    const char *reason; /* for the audit log */
    /* results */
    size_t imported, replaced, same, exists;
    char existing[DEAD_IMPORT_NAMED][160]; /* "queue id" of the first that exist */
    bool torn;                             /* the last line had no end and was left out: its letter was not removed */
};

/* Reads a file twice: once to check every line, so that a wrong one is named before anything is imported. Standard input is
 * read once, and what stands before a wrong line is imported. ERR_BAD_PAYLOAD names the line; ERR_NOT_FOUND a queue that
 * is not configured here. */
int dead_import_run(struct session *s, struct dead_import *in, struct err *e);
