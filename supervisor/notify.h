/*
 * notify - telling the service manager how we are: sd_notify's protocol, a datagram of lines to $NOTIFY_SOCKET.
 *
 * Runs in: supervisor. Thread: loop only. Never blocks but in notify_send_within: elsewhere a message the manager has
 * no room for is dropped. Source: sd_notify(3), "Notes". Written by hand so that no library of systemd's is needed.
 */
#pragma once

#include "base.h"

enum { NOTIFY_PATH_MAX = 108 /* of a Unix socket */ };

struct notify {
    int fd;                     /* -1: nobody to tell */
    uint64_t watchdog_ms;       /* how often the watchdog must be fed; 0: never */
    bool muted;                 /* nothing is sent: the manager listens to another process of ours */
    char path[NOTIFY_PATH_MAX]; /* $NOTIFY_SOCKET; "" when there is nobody to tell */
};

/* Connects to $NOTIFY_SOCKET and takes WATCHDOG_USEC, then removes both from the environment: they are ours, not a
 * child's. Without the variable, or when it cannot be reached (-errno is returned then), every call below does nothing.
 */
int notify_open(struct notify *n);
/* The same where another process of ours got them: path "" is nobody. */
int notify_open_at(struct notify *n, const char *path, uint64_t watchdog_ms);
void notify_close(struct notify *n);
/* Sends "READY=1\nSTATUS=…" and the like; printf-style, at most 1 KB. */
void notify_send(const struct notify *n, const char *format, ...) PRINTF_LIKE(2, 3);
/* Sends what must not be lost: waits for room, at most timeout_ms. 0, also when there is nobody to tell; -EAGAIN: there
 * was none, or another -errno. */
int notify_send_within(const struct notify *n, int timeout_ms, const char *text);
