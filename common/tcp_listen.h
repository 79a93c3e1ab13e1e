/*
 * tcp_listen - a listening TCP socket at an IP address: what the supervisor's metrics and the console are served on.
 *
 * Runs in: supervisor, console. Thread: any. Never blocks. Owns nothing: the descriptor is the caller's.
 */
#pragma once

#include "base.h"

/* Listens on the address (IPv4 or IPv6, no name) and the port (0: any free one): close-on-exec, non-blocking, the
 * address may be used again at once. -EINVAL: it is no IP address; else -errno of what the kernel refused. */
int tcp_listen(const char *address, int port, int backlog, int *ret_fd, int *ret_port);
/* True when fd listens on just that address, and on that port unless it is 0; then *ret_port is its port. */
bool tcp_listens_on(int fd, const char *address, int port, int *ret_port);
