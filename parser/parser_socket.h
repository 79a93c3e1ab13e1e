/*
 * parser_socket - one packet with a document's two descriptors, over a SOCK_SEQPACKET socket.
 *
 * Runs in: zygote and cell. System calls only.
 */
#pragma once

#include "parser_proto.h"
#include <sys/types.h>

enum { PARSER_FDS = 2 }; /* document, reply */

/* One packet into buffer; its descriptors, close-on-exec and the caller's, in ret_fds (-1: none). Its length, 0 at EOF, -errno; -EMSGSIZE when
 * it was longer or brought more descriptors (which are closed). Blocks as the socket does. */
ssize_t parser_socket_receive(int fd, void *buffer, size_t size, int ret_fds[PARSER_FDS]);
/* Sends a request with its descriptors, without blocking. 0 or -errno. */
int parser_socket_send(int fd, const struct parser_request *request, const int fds[PARSER_FDS]);
