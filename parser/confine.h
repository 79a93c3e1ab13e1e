/*
 * confine - the zygote's own walls, which its cells are born behind.
 *
 * Runs in: stint-parser, once at its start; --walls tells what holds without serving. Blocks for milliseconds.
 */
#pragma once

#include "err.h"

/* X(name, what is said of it) */
#define WALL_TABLE(X)                                                                 \
    X(USER, "user namespace")                                                         \
    X(NETWORK, "empty network namespace")                                             \
    X(PIDS, "pid namespace of the cells")                                             \
    X(IPC, "empty ipc namespace")                                                     \
    X(UTS, "uts namespace")                                                           \
    X(ROOT, "empty root file system")                                                 \
    X(CAPABILITIES, "no capability")                                                  \
    X(LANDLOCK, "Landlock")                                                           \
    X(SECCOMP, "seccomp")

enum wall {
#define X(name, text) WALL_##name,
    WALL_TABLE(X)
#undef X
        WALL_COUNT
};

struct walls {
    int error[WALL_COUNT]; /* 0: it holds; else the errno it was refused with */
    int landlock_abi, landlock_fd; /* for landlock_enter in cells; -1: the kernel has none */
    int init_pid, init_fd; /* first process of the cells' pid namespace; its end ends them all; 0 and -1: there is none */
};

/* Gives up root's rights, enters empty namespaces as far as the host allows, gives up files and capabilities: after this the process can reach
 * nothing but the descriptors it has. 0, or ERR_BOOT_FAILURE with e when rights could not be given up. */
int confine_enter(struct walls *w, struct err *e);
/* "holds: user namespace, …; missing: Landlock (Operation not supported)" for logs, cut at size. */
void confine_describe(const struct walls *w, char *ret_text, size_t size);
/* Name of a wall as --walls prints it. Static storage. */
const char *confine_wall_name(enum wall wall);
