/*
 * tcp_listen - see tcp_listen.h. Refuses names: whoever serves on one would serve on what a name server says.
 */
#include "tcp_listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The family, or -EINVAL. */
static int parse_address(const char *text, int port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6.sin6_addr) != 1)
        return -EINVAL;
    if (is_v4)
        memcpy(ret, &v4, sizeof v4);
    else
        memcpy(ret, &v6, sizeof v6);
    *ret_len = is_v4 ? sizeof v4 : sizeof v6;
    return is_v4 ? AF_INET : AF_INET6;
}

static int bound_port(int fd)
{
    struct sockaddr_storage bound;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return 0;
    memcpy(&v4, &bound, sizeof v4);
    memcpy(&v6, &bound, sizeof v6);
    return ntohs(bound.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

int tcp_listen(const char *address, int port, int backlog, int *ret_fd, int *ret_port)
{
    struct sockaddr_storage storage;
    socklen_t len = 0;
    int on = 1, family = parse_address(address, port, &storage, &len);
    if (family < 0)
        return family;
    AUTO_CLOSE int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&storage, len) < 0 || listen(fd, backlog) < 0)
        return -errno;
    *ret_port = bound_port(fd);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

bool tcp_listens_on(int fd, const char *address, int port, int *ret_port)
{
    struct sockaddr_storage bound, wanted;
    socklen_t len = sizeof bound, wanted_len = 0;
    int family = parse_address(address, port, &wanted, &wanted_len), listens = 0;
    socklen_t int_len = sizeof listens;
    if (family < 0 || getsockname(fd, (struct sockaddr *)&bound, &len) < 0 || bound.ss_family != family ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 || listens == 0)
        return false;
    struct sockaddr_in a, b;
    struct sockaddr_in6 a6, b6;
    memcpy(&a, &bound, sizeof a);
    memcpy(&b, &wanted, sizeof b);
    memcpy(&a6, &bound, sizeof a6);
    memcpy(&b6, &wanted, sizeof b6);
    bool same = family == AF_INET ? a.sin_addr.s_addr == b.sin_addr.s_addr
                                  : memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof a6.sin6_addr) == 0;
    *ret_port = bound_port(fd);
    return same && (port == 0 || port == *ret_port);
}
