/*
 * ipc - see ipc.h. Never blocks and never raises SIGPIPE; a packet that is not exactly one message is refused.
 */
#include "ipc.h"

#include <sys/socket.h>

enum { IPC_HEADER = offsetof(struct ipc_msg, text) };

/* Room for one descriptor. */
union ipc_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int ipc_send_fd(int fd, enum ipc_type type, const char *text, int pass_fd)
{
    struct ipc_msg msg = {.type = (uint32_t)type};
    union ipc_control control = {0};
    msg.size = (uint32_t)strnlen(text, IPC_TEXT_MAX - 1);
    memcpy(msg.text, text, msg.size);
    struct iovec io = {&msg, IPC_HEADER + msg.size + 1};
    struct msghdr packet = {.msg_iov = &io, .msg_iovlen = 1};
    if (pass_fd >= 0) {
        packet.msg_control = control.bytes;
        packet.msg_controllen = sizeof control.bytes;
        struct cmsghdr *h = CMSG_FIRSTHDR(&packet);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &pass_fd, sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int ipc_send(int fd, enum ipc_type type, const char *text)
{
    return ipc_send_fd(fd, type, text, -1);
}

/* The descriptor that came along; -1: none. What does not fit the room for one the kernel closes by itself. */
static int ipc_taken_fd(struct msghdr *packet)
{
    int fd = -1;
    struct cmsghdr *h = CMSG_FIRSTHDR(packet);
    if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(h), sizeof(int));
    return fd;
}

int ipc_recv_fd(int fd, struct ipc_msg *ret_msg, int *ret_fd)
{
    struct ipc_msg msg;
    union ipc_control control;
    struct iovec io = {&msg, sizeof msg};
    struct msghdr packet;
    ssize_t n;
    /* A peer that ended with something unread resets the socket, and that is told before what it said last. */
    do {
        packet = (struct msghdr){
            .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        n = recvmsg(fd, &packet, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n == 0)
        return -ENODATA;
    if (n < 0)
        return -errno;
    AUTO_CLOSE int taken = ipc_taken_fd(&packet);
    if ((size_t)n < IPC_HEADER + 1 || (size_t)n > sizeof msg || msg.size != (size_t)n - IPC_HEADER - 1 ||
        msg.text[msg.size] != '\0')
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
