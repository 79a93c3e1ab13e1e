/*
 * ipc - see ipc.h. Never blocks and never raises SIGPIPE; a packet that is not exactly one message is refused.
 */
#include "ipc.h"

#include "packet.h"

enum { IPC_HEADER = offsetof(struct ipc_msg, text) };

int ipc_send_fd(int fd, enum ipc_type type, const char *text, int pass_fd)
{
    struct ipc_msg msg = {.type = (uint32_t)type};
    msg.size = (uint32_t)strnlen(text, IPC_TEXT_MAX - 1);
    memcpy(msg.text, text, msg.size);
    return packet_send(fd, &msg, IPC_HEADER + msg.size + 1, &pass_fd, pass_fd >= 0 ? 1 : 0);
}

int ipc_send(int fd, enum ipc_type type, const char *text)
{
    return ipc_send_fd(fd, type, text, -1);
}

int ipc_recv_fd(int fd, struct ipc_msg *ret_msg, int *ret_fd)
{
    struct ipc_msg msg;
    AUTO_CLOSE int taken = -1;
    ssize_t n;
    do /* a peer that ended with something unread resets the socket, and that is told before what it said last */
        n = packet_receive(fd, &msg, sizeof msg, &taken, 1, MSG_DONTWAIT);
    while (n == -ECONNRESET);
    if (n == -EAGAIN)
        return 0;
    if (n == 0)
        return -ENODATA;
    if (n < 0)
        return n == -EMSGSIZE ? -EBADMSG : (int)n;
    if ((size_t)n < IPC_HEADER + 1 || msg.size != (size_t)n - IPC_HEADER - 1 || msg.text[msg.size] != '\0')
        return -EBADMSG;
    memcpy(ret_msg, &msg, (size_t)n);
    *ret_fd = taken;
    taken = -1;
    return 1;
}

int ipc_recv(int fd, struct ipc_msg *ret_msg)
{
    int taken = -1;
    int rc = ipc_recv_fd(fd, ret_msg, &taken);
    base_close_fd(&taken);
    return rc;
}
