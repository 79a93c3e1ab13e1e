/*
 * killpoint - see killpoint.h. A test chooses one point in the environment; passing it often enough is a sudden death.
 * Empty in builds without STINT_TEST_HOOKS, so that no release can be told to die.
 */
#include "killpoint.h"

#include "base.h"

#ifdef STINT_TEST_HOOKS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

enum { FILE_TEXT_MAX = 512, LOOK_MS = 1000, GONE_MS = 5000 };

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* The first line of a file of /proc or of a test; "" when it cannot be read. */
static void read_line(const char *path, char *out, size_t size)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* A process of ours `levels` below `from`: a supervisor's workers, their zygotes, their cells. 0 when there is none. */
static pid_t descend(pid_t from, int levels)
{
    char path[64], children[4096], name[32];
    if (levels == 0)
        return from;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)from, (int)from);
    read_line(path, children, sizeof children);
    for (char *at = children, *end; *at != '\0'; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
        read_line(path, name, sizeof name);
        bool aside = strcmp(name, "stint-relay") == 0 || strcmp(name, "stint-fetch") == 0;
        pid_t found = strncmp(name, "stint-", 6) == 0 && !aside ? descend((pid_t)pid, levels - 1) : 0;
        if (found > 0)
            return found;
    }
    return 0;
}

/* This worker's stint-fetch. */
static pid_t find_fetcher(void)
{
    char path[64], children[4096], name[32];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    read_line(path, children, sizeof children);
    for (char *at = children, *end;; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            return 0;
        (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
        read_line(path, name, sizeof name);
        if (strcmp(name, "stint-fetch") == 0)
            return (pid_t)pid;
    }
}

/* The pid a victim's name means here: "self", a file that holds a pid, or "worker", "zygote", "cell", "fetcher" below this process. */
static pid_t find_victim(const char *victim)
{
    static const char *const names[] = {"supervisor", "worker", "zygote", "cell"};
    char text[32];
    if (strcmp(victim, "self") == 0)
        return getpid();
    if (victim[0] == '/') {
        read_line(victim, text, sizeof text);
        return (pid_t)strtol(text, NULL, 10);
    }
    if (strcmp(victim, "fetcher") == 0)
        return find_fetcher();
    read_line("/proc/self/comm", text, sizeof text);
    int here = strcmp(text, "stint-worker") == 0 ? 1 : 0;
    for (int level = here + 1; level < (int)ARRAY_LEN(names); level++)
        if (strcmp(victim, names[level]) == 0)
            return descend(getpid(), level - here);
    return 0;
}

/* A cell is forked a moment after its document was sent: what is not there yet is waited for. */
static pid_t wait_for_victim(const char *victim)
{
    pid_t pid = find_victim(victim);
    for (int i = 0; pid <= 0 && i < LOOK_MS; i++) {
        pause_ms(1);
        pid = find_victim(victim);
    }
    return pid;
}

/* Kills it and returns when it is dead, so that the next step of this process finds it so. */
static bool kill_victim(pid_t pid)
{
    char path[64], stat[512];
    if (pid <= 0 || kill(pid, SIGKILL) < 0)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (int i = 0; i < GONE_MS; i++) {
        read_line(path, stat, sizeof stat);
        const char *state = strrchr(stat, ')');
        if (state == NULL || state[2] == 'Z' || state[2] == 'X')
            return true;
        pause_ms(1);
    }
    return true;
}

/* When the file names the point and a death is left: takes it and kills its victim. Locked, so that no two processes
 * take the same. A victim that cannot be found costs no death. */
static void take_death(const char *path, const char *name)
{
    char text[FILE_TEXT_MAX] = "", seen[128], victim[256] = "self";
    unsigned left = 0;
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0 || pread(fd, text, sizeof text - 1, 0) <= 0)
        return;
    if (sscanf(text, "%127s %u %255s", seen, &left, victim) < 2 || strcmp(seen, name) != 0 || left == 0)
        return;
    pid_t pid = wait_for_victim(victim);
    int n = snprintf(text, sizeof text, "%s %u %s\n", name, left - 1, victim);
    if (pid > 0 && kill(pid, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0)
        (void)kill_victim(pid);
}

void killpoint(const char *name)
{
    static _Atomic unsigned long passed; /* of the chosen point; a process has only one */
    const char *chosen = getenv("STINT_KILL_POINT");
    if (chosen == NULL)
        return;
    if (chosen[0] == '@') {
        take_death(chosen + 1, name);
        return;
    }
    size_t len = strcspn(chosen, ":");
    if (strlen(name) != len || strncmp(chosen, name, len) != 0)
        return;
    unsigned long skip = chosen[len] == ':' ? strtoul(chosen + len + 1, NULL, 10) : 0;
    if (atomic_fetch_add(&passed, 1) >= skip)
        (void)kill(getpid(), SIGKILL);
}

#endif
