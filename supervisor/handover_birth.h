/*
 * handover_birth - what a successor does before anything else: it leaves its parent, and reads what it is to carry on.
 *
 * Runs in: supervisor, once, while there is one thread. Blocks for milliseconds.
 *
 * It leaves: the process that was started forks and ends, so that the successor is the child of whoever started the
 * predecessor (systemd, `stint up`). They hear of its end as they do of any child's, also while the predecessor lives.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

struct handover_birth {
    int fd;        /* to the predecessor, close-on-exec; -1: there is none, and all else is empty */
    int listen_fd; /* the metrics' listening socket; -1: none came */
    json_t *hello; /* owned; handover_note.h */
};

/* fd: the inherited socket. 0, or a negative code with e; the predecessor was told then. *ret_birth is valid in any
 * case. */
int handover_birth_open(struct handover_birth *ret_birth, int fd, struct err *e);
/* Tells the predecessor that we cannot start, and why. Nothing without one, or once its socket was taken. */
void handover_birth_failed(const struct handover_birth *b, const struct err *e);
/* Closes and frees what nobody took. Twice-safe. */
void handover_birth_close(struct handover_birth *b);
