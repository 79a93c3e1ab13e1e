/*
 * wall_clock - a wall clock that a test can set, for every process it is preloaded into (LD_PRELOAD).
 *
 * Why: jumps of the host's clock must be made without changing the host's clock. Seconds to add stand as text in the file
 * $STINT_TEST_CLOCK; it is read anew at most every 10 ms. Refuses to touch the monotonic clocks: nothing may depend on the others.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char path[256]; /* a copy: servers write their title over their environment */
static _Thread_local long offset, read_at_ms = -1000;

__attribute__((constructor)) static void find_file(void)
{
    const char *given = getenv("STINT_TEST_CLOCK");
    (void)snprintf(path, sizeof path, "%s", given ? given : "");
}

static long offset_now(void)
{
    struct timespec now;
    char text[24] = "";
    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    long now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (!path[0] || now_ms - read_at_ms < 10)
        return offset;
    read_at_ms = now_ms;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
        offset = strtol(text, NULL, 10);
    if (fd >= 0)
        (void)close(fd);
    return offset;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ret);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ret->tv_sec += offset_now();
    return rc;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
