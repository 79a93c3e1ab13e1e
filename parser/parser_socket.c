/*
 * parser_socket - see parser_socket.h. Refuses to keep a descriptor nobody asked for.
 */
#include "parser_socket.h"

#include <sys/socket.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PARSER_FDS * sizeof(int))];
};

static void socket_drop(int fds[PARSER_FDS])
{
    for (size_t i = 0; i < PARSER_FDS; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

ssize_t parser_socket_receive(int fd, void *buffer, size_t size, int ret_fds[PARSER_FDS])
{
    union control control;
    struct iovec io = {buffer, size};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    for (size_t i = 0; i < PARSER_FDS; i++)
        ret_fds[i] = -1;
    if (n < 0)
        return -errno;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fds, CMSG_DATA(c), MIN_OF(c->cmsg_len - CMSG_LEN(0), PARSER_FDS * sizeof(int)));
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        socket_drop(ret_fds);
        return -EMSGSIZE;
    }
    return n;
}

int parser_socket_send(int fd, const struct parser_request *request, const int fds[PARSER_FDS])
{
    union control control = {0};
    struct iovec io = {(void *)(uintptr_t)request, sizeof *request};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(PARSER_FDS * sizeof(int));
    memcpy(CMSG_DATA(c), fds, PARSER_FDS * sizeof(int));
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n == (ssize_t)sizeof *request ? 0 : n < 0 ? -errno : -EMSGSIZE;
}
