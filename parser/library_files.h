/*
 * library_files - the files the PDF library would open for a document, read before the first one: character maps of fonts that bring none.
 *
 * Runs in: parser zygote (load), cell (open). A cell opens nothing: what stands here is answered from memory, what does not stand here is not
 * there. Owner: main, for the process's life.
 */
#pragma once

#include "err.h"
#include <stdio.h>

enum { LIBRARY_FILES_MAX = 512, LIBRARY_FILES_BYTES_MAX = 16 << 20, LIBRARY_PATH_MAX = 128 };

struct library_file {
    char path[LIBRARY_PATH_MAX];
    size_t at, size; /* its bytes in the mapping */
};

struct library_files {
    const char *bytes; /* mapped from a sealed memory file: no process can write it, and a fork copies nothing of it */
    struct library_file *files; /* owned, in order of path */
    size_t n;
};

/* Reads the character maps of Debian's poppler-data, where it is installed; without it there are none, and that is no error. 0, or
 * ERR_BOOT_FAILURE with e. Blocks on files; once, before the process is confined. */
int library_files_load(struct library_files *f, struct err *e);
/* A stream of path's bytes (the caller closes it) when the library asks for one of its own data files. *ret_ours: path is below its
 * folder, so that NULL means it does not exist (errno ENOENT); else it is none of these and nothing was done. */
FILE *library_files_open(const struct library_files *f, const char *path, bool *ret_ours);
