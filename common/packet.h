/*
 * packet - one packet over a SOCK_SEQPACKET socket, and the descriptors that go with it.
 *
 * Runs in: every process that talks to another of ours. Any thread. Never raises SIGPIPE; a descriptor nobody asked for
 * is not kept.
 */
#pragma once

#include "base.h"
#include <sys/socket.h>
#include <sys/types.h>

enum { PACKET_FDS_MAX = 4 };

/* Sends all of bytes as one packet, without blocking. fds (n_fds, at most PACKET_FDS_MAX) stay the caller's. 0;
 * -EAGAIN: the other end's buffer is full and nothing was sent; or another -errno. */
int packet_send(int fd, const void *bytes, size_t size, const int *fds, size_t n_fds);

/* Receives one packet of at most size bytes. flags: MSG_DONTWAIT, or 0 to block. ret_fds[0..n_fds) are the caller's
 * then, close-on-exec, -1 where none came. The packet's bytes; 0: the other end is closed; -EMSGSIZE: it was longer, or
 * brought more descriptors, and is gone, its descriptors closed; or another -errno. */
ssize_t packet_receive(int fd, void *bytes, size_t size, int *ret_fds, size_t n_fds, int flags);
