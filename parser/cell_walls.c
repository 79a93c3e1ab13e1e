/*
 * cell_walls - see cell_walls.h. Refuses to leave a wall out: a cell that cannot raise one that the zygote found standing does not begin.
 */
#include "cell_walls.h"

#include "crash_page.h"
#include "landlock.h"
#include "limits.h"
#include "sanitized.h"
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { STACK_MAX = 16 * 1024 * 1024 };
enum { ALL = -1 };

/* By measured need: scripts/cell-calls.sh shows which calls everything the tests parse needs. Memory: private, never executable, from no file,
 * never over another mapping. sysinfo is how qsort learns how much memory there is. */
static const struct sandbox_rule RULES[] = {
    SANITIZED_RULES
    {.call = "brk"},
    {.call = "mmap", .n_args = 3, .args = {{2, PROT_EXEC, 0}, {3, (uint32_t)ALL, MAP_PRIVATE | MAP_ANONYMOUS}, {4, (uint32_t)ALL, (uint32_t)ALL}}},
    {.call = "munmap"},
    {.call = "mremap", .n_args = 1, .args = {{3, (uint32_t)~MREMAP_MAYMOVE, 0}}},
    {.call = "write"},
    {.call = "pwrite64"},
    {.call = "pread64"},
    {.call = "sysinfo"},
    {.call = "exit_group"},
#ifndef STINT_SANITIZED /* there it is among the runtime's */
    {.call = "getrusage", .n_args = 1, .args = {{0, (uint32_t)ALL, RUSAGE_SELF}}},
#endif
    /* Not seen, and harmless: memory given back; what once-only initialisers of the library wait with; clocks where the kernel's page of
     * them does not serve. */
    {.call = "madvise", .n_args = 1, .args = {{2, (uint32_t)ALL, MADV_DONTNEED}}},
    {.call = "futex", .n_args = 1, .args = {{1, (uint32_t)~FUTEX_PRIVATE_FLAG, FUTEX_WAIT}}},
    {.call = "futex", .n_args = 1, .args = {{1, (uint32_t)~FUTEX_PRIVATE_FLAG, FUTEX_WAKE}}},
    {.call = "clock_gettime"},
    {.call = "gettimeofday"},
    /* An abort is seen as one: a signal of its own, to itself alone. */
    {.call = "getpid"},
    {.call = "gettid"},
    {.call = "rt_sigprocmask"},
    {.call = "tgkill", .n_args = 1, .args = {{0, (uint32_t)ALL, SANDBOX_OWN_PID}}},
};

int cell_walls_filter(struct sandbox_filter **ret_filter, struct err *e)
{
    return sandbox_filter_make(RULES, ARRAY_LEN(RULES), ret_filter, e);
}

const char *cell_walls_early(const struct cell_setup *setup)
{
    const struct limits limits = {.core_bytes_set = 1, .no_new_privs = true, .parent_death_signal = SIGKILL};
    const struct rlimit none = {0, 0}, stack = {STACK_MAX, STACK_MAX};
    const char *what = NULL;
    if (limits_apply(&limits, &what) < 0)
        return what;
    if (setrlimit(RLIMIT_STACK, &stack) < 0 || setrlimit(RLIMIT_MSGQUEUE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
        setrlimit(RLIMIT_MEMLOCK, &none) < 0 || setrlimit(RLIMIT_SIGPENDING, &none) < 0)
        return "rlimits";
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return "PR_SET_DUMPABLE";
    if (setup->walls.error[WALL_LANDLOCK] == 0 && landlock_enter(setup->walls.landlock_fd) < 0)
        return "Landlock";
    return NULL;
}

const char *cell_walls_limits(const struct cell_setup *setup, const struct parser_request *r, uint64_t document_bytes)
{
    const char *what = NULL;
    struct rlimit inherited = {0, 0};
    const struct rlimit none = {0, 0};
    if (getrlimit(RLIMIT_AS, &inherited) < 0)
        return "getrlimit";
    const struct limits limits = {
        .address_space_bytes = MIN_OF(setup->base_bytes + document_bytes + r->memory_bytes, (uint64_t)inherited.rlim_max),
        .cpu_s = MAX_OF(r->cpu_s, 1u),
        .file_size_bytes = MAX_OF(r->reply_bytes, (uint64_t)CRASH_BYTES),
    };
    if (limits_apply(&limits, &what) < 0)
        return what;
    return setrlimit(RLIMIT_NOFILE, &none) < 0 ? "RLIMIT_NOFILE" : NULL;
}
