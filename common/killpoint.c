/*
 * killpoint - see killpoint.h. A test chooses one point in the environment; passing it often enough is a sudden death.
 * Empty in builds without STINT_TEST_HOOKS, so that no release can be told to die.
 */
#include "killpoint.h"

#include "base.h"

#ifdef STINT_TEST_HOOKS

#include <signal.h>
#include <stdatomic.h>

void killpoint(const char *name)
{
    static _Atomic unsigned long passed; /* of the chosen point; a process has only one */
    const char *chosen = getenv("STINT_KILL_POINT");
    if (chosen == NULL)
        return;
    size_t len = strcspn(chosen, ":");
    if (strlen(name) != len || strncmp(chosen, name, len) != 0)
        return;
    unsigned long skip = chosen[len] == ':' ? strtoul(chosen + len + 1, NULL, 10) : 0;
    if (atomic_fetch_add(&passed, 1) >= skip)
        (void)kill(getpid(), SIGKILL);
}

#endif
