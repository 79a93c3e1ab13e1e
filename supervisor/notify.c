/*
 * notify - see notify.h. Refuses to matter: nothing here can delay or fail the supervisor.
 */
#include "notify.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { NOTIFY_MAX = 1024, US_PER_MS = 1000 };

static uint64_t watchdog_ms_of(const char *usec, const char *pid)
{
    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoull(usec, NULL, 10) / US_PER_MS;
}

int notify_open_at(struct notify *n, const char *path, uint64_t watchdog_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof n->path == sizeof address.sun_path, "a path that fits one fits the other");
    *n = (struct notify){.fd = -1, .watchdog_ms = watchdog_ms};
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof address.sun_path)
        return 0;
    memcpy(n->path, path, len);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* an abstract name: not terminated, its length counts */
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (n->fd >= 0 && connect(n->fd, (const struct sockaddr *)&address, size) == 0)
        return 0;
    int rc = -errno;
    base_close_fd(&n->fd);
    return rc;
}

int notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int rc =
        notify_open_at(n, path != NULL ? path : "", watchdog_ms_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")));
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    return rc;
}

void notify_close(struct notify *n)
{
    base_close_fd(&n->fd);
}

static int deliver(const struct notify *n, const char *text)
{
    return send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void notify_send(const struct notify *n, const char *format, ...)
{
    if (n->fd < 0 || n->muted)
        return;
    char text[NOTIFY_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0)
        (void)deliver(n, text);
}

int notify_send_within(const struct notify *n, int timeout_ms, const char *text)
{
    if (n->fd < 0 || n->muted)
        return 0;
    int rc = deliver(n, text);
    struct pollfd room = {.fd = n->fd, .events = POLLOUT};
    if (rc == -EAGAIN && poll(&room, 1, timeout_ms) > 0)
        rc = deliver(n, text);
    return rc;
}
