/*
 * ipc - see ipc.h. Never blocks and never raises SIGPIPE; a packet that is not exactly one message is refused.
 */
#include "ipc.h"

#include <sys/socket.h>

enum { IPC_HEADER = offsetof(struct ipc_msg, text) };

int ipc_send(int fd, enum ipc_type type, const char *text)
{
    struct ipc_msg msg = {.type = (uint32_t)type};
    msg.size = (uint32_t)strnlen(text, IPC_TEXT_MAX - 1);
    memcpy(msg.text, text, msg.size);
    ssize_t n;
    do
        n = send(fd, &msg, IPC_HEADER + msg.size + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return 0;
}

int ipc_recv(int fd, struct ipc_msg *ret_msg)
{
    struct ipc_msg msg;
    ssize_t n;
    /* A peer that ended with something unread resets the socket, and that is told before what it said last. */
    do
        n = recv(fd, &msg, sizeof msg, MSG_DONTWAIT | MSG_TRUNC);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n == 0)
        return -ENODATA;
    if (n < 0)
        return -errno;
    if ((size_t)n < IPC_HEADER + 1 || (size_t)n > sizeof msg || msg.size != (size_t)n - IPC_HEADER - 1 ||
        msg.text[msg.size] != '\0')
        return -EBADMSG;
    memcpy(ret_msg, &msg, (size_t)n);
    return 1;
}
