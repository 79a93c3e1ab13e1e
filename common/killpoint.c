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

enum { FILE_TEXT_MAX = 128 };

/* True when the file names the point and a death is left; takes it. Locked, so that no two processes take the same. */
static bool take_death(const char *path, const char *name)
{
    char text[FILE_TEXT_MAX] = "", seen[FILE_TEXT_MAX];
    unsigned left = 0;
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0 || pread(fd, text, sizeof text - 1, 0) <= 0)
        return false;
    if (sscanf(text, "%127s %u", seen, &left) != 2 || strcmp(seen, name) != 0 || left == 0)
        return false;
    int n = snprintf(text, sizeof text, "%s %u\n", name, left - 1);
    return pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) == 0;
}

void killpoint(const char *name)
{
    static _Atomic unsigned long passed; /* of the chosen point; a process has only one */
    const char *chosen = getenv("STINT_KILL_POINT");
    if (chosen == NULL)
        return;
    if (chosen[0] == '@') {
        if (take_death(chosen + 1, name))
            (void)kill(getpid(), SIGKILL);
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
