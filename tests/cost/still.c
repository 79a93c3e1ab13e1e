/*
 * still - makes a process repeat itself: preloaded (LD_PRELOAD) into redis-server, stint-supervisor and stint-worker
 * while tests/cost counts.
 *
 * Why: a count that depends on the time is a timing in disguise. Time stands still here but for what the test adds in
 * the file $STINT_COST_PAGE (struct page, shared by all); nothing wakes by itself, and what is random is always the
 * same.
 *
 * Two signals of the test: STILL_MARK dumps callgrind's counts and begins at 0; STILL_POKE makes the loop look at its
 * timers. Runs in: the preloaded process, any thread; the signals are sent to the main one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#define STILL_MARK (SIGRTMIN + 5)
#define STILL_POKE (SIGRTMIN + 6)
#define EXPORT     __attribute__((visibility("default")))

enum { MONO_S = 100000, WALL_S = 1790000000, REDIS_PID = 4711 };

struct page {
    volatile uint64_t added_ms;     /* the test's */
    volatile uint8_t listens[4096]; /* by pid modulo: this process takes signals by now */
};

static struct page *page; /* NULL: not given, or not a program that is counted */
static bool redis;        /* this process is Redis' */
static volatile sig_atomic_t poked;

static void on_mark(int signal)
{
    (void)signal;
    CALLGRIND_DUMP_STATS;
}

static void on_poke(int signal)
{
    (void)signal;
    poked = 1;
}

extern void json_object_seed(size_t seed)
    __attribute__((weak)); /* jansson's, where it is linked: the order of its tables */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("STINT_COST_PAGE"), *program = program_invocation_short_name;
    bool counted = strncmp(program, "stint-", 6) == 0 || strncmp(program, "redis-", 6) == 0;
    int fd = path && counted ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (map == MAP_FAILED)
        return;
    page = map;
    redis = strncmp(program, "redis-", 6) == 0;
    if (json_object_seed)
        json_object_seed(1);
    (void)sigaction(STILL_MARK, &(struct sigaction){.sa_handler = on_mark}, NULL);
    (void)sigaction(STILL_POKE, &(struct sigaction){.sa_handler = on_poke}, NULL);
    page->listens[(unsigned)syscall(SYS_getpid) % sizeof page->listens] = 1;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (!page)
        return (int)syscall(SYS_clock_gettime, id, ret);
    uint64_t ms = page->added_ms;
    *ret = (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        ret->tv_sec += WALL_S;
    else if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
        *ret = (struct timespec){.tv_sec = 1};
    else
        ret->tv_sec += MONO_S;
    return 0;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return rc;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

EXPORT int getrusage(__rusage_who_t who, struct rusage *ret)
{
    if (!page)
        return (int)syscall(SYS_getrusage, who, ret);
    *ret = (struct rusage){.ru_maxrss = 1024};
    return 0;
}

EXPORT ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    if (!page)
        return syscall(SYS_getrandom, buffer, length, flags);
    memset(buffer, 0x5a, length);
    return (ssize_t)length;
}

/* Redis' seeds are made of these two: of /dev/urandom where its tables keep a key, of time and process id which keys it
 * looks at for what expired. */
EXPORT pid_t getpid(void)
{
    return redis ? REDIS_PID : (pid_t)syscall(SYS_getpid);
}

EXPORT FILE *fopen(const char *restrict name, const char *restrict modes)
{
    static FILE *(*next)(const char *, const char *);
    if (!next) {
        void *found = dlsym(RTLD_NEXT, "fopen");
        memcpy(&next, &found, sizeof next); /* a function's pointer, as POSIX has it */
    }
    return next(redis && strcmp(name, "/dev/urandom") == 0 ? "/dev/zero" : name, modes);
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    for (;;) {
        int rc = (int)syscall(SYS_epoll_wait, fd, events, most, page && timeout > 0 ? -1 : timeout);
        if (rc >= 0 || errno != EINTR || !page)
            return rc;
        bool looks = poked && timeout > 0;
        poked = 0;
        if (looks)
            return 0;
    }
}
