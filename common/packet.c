/*
 * packet - see packet.h. The room for descriptors is what was asked for to the byte: CMSG_SPACE is rounded up, and the
 * kernel would put another descriptor into the rest.
 */
#include "packet.h"

union packet_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PACKET_FDS_MAX * sizeof(int))];
};

int packet_send(int fd, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
    union packet_control control = {0};
    struct iovec io = {(void *)(uintptr_t)bytes, size};
    struct msghdr packet = {.msg_iov = &io, .msg_iovlen = 1};
    if (n_fds > PACKET_FDS_MAX)
        return -E2BIG;
    if (n_fds > 0) {
        packet.msg_control = control.bytes;
        packet.msg_controllen = CMSG_LEN(n_fds * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&packet);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n == (ssize_t)size ? 0 : -EMSGSIZE;
}

/* Moves the descriptors that came along to ret_fds, at most n_fds of them: there was no room for more. */
static void packet_take(struct msghdr *packet, int *ret_fds, size_t n_fds)
{
    struct cmsghdr *h = CMSG_FIRSTHDR(packet);
    if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fds, CMSG_DATA(h), MIN_OF(h->cmsg_len - CMSG_LEN(0), n_fds * sizeof(int)));
}

ssize_t packet_receive(int fd, void *bytes, size_t size, int *ret_fds, size_t n_fds, int flags)
{
    union packet_control control;
    struct iovec io = {bytes, size};
    struct msghdr packet;
    ssize_t n;
    if (n_fds > PACKET_FDS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < n_fds; i++)
        ret_fds[i] = -1;
    do {
        packet = (struct msghdr){.msg_iov = &io, .msg_iovlen = 1};
        if (n_fds > 0) {
            packet.msg_control = control.bytes;
            packet.msg_controllen = CMSG_LEN(n_fds * sizeof(int));
        }
        n = recvmsg(fd, &packet, flags | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    packet_take(&packet, ret_fds, n_fds);
    if ((packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
        return n;
    for (size_t i = 0; i < n_fds; i++)
        base_close_fd(&ret_fds[i]);
    return -EMSGSIZE;
}
