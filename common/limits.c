/*
 * limits - see limits.h. Runs between fork and exec: system calls only, no allocation, no formatting, no logging.
 * It never raises a limit above the one inherited, and refuses to go on when any step fails.
 */
#include "limits.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

static int limits_rlimit(__rlimit_resource_t what, uint64_t soft, uint64_t hard)
{
    struct rlimit now;
    if (getrlimit(what, &now) < 0)
        return -errno;
    struct rlimit want = {.rlim_cur = MIN_OF((rlim_t)soft, now.rlim_max),
                          .rlim_max = MIN_OF((rlim_t)hard, now.rlim_max)};
    return setrlimit(what, &want) < 0 ? -errno : 0;
}

static int limits_rlimits(const struct limits *l, const char **ret_what)
{
    const struct {
        __rlimit_resource_t what;
        bool set;
        uint64_t soft, hard;
        const char *name;
    } rows[] = {
#ifndef STINT_SANITIZED /* a sanitizer's shadow memory alone is terabytes of address space */
        {RLIMIT_AS, l->address_space_bytes != 0, l->address_space_bytes, l->address_space_bytes, "RLIMIT_AS"},
#endif
        {RLIMIT_CPU, l->cpu_s != 0, l->cpu_s, l->cpu_s + 1, "RLIMIT_CPU"},
        {RLIMIT_NOFILE, l->files != 0, l->files, l->files, "RLIMIT_NOFILE"},
        {RLIMIT_NPROC, l->processes != 0, l->processes, l->processes, "RLIMIT_NPROC"},
        {RLIMIT_CORE, l->core_bytes_set != 0, l->core_bytes, l->core_bytes, "RLIMIT_CORE"},
        {RLIMIT_FSIZE, l->file_size_bytes != 0, l->file_size_bytes, l->file_size_bytes, "RLIMIT_FSIZE"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = rows[i].set ? limits_rlimit(rows[i].what, rows[i].soft, rows[i].hard) : 0;
        if (rc < 0) {
            *ret_what = rows[i].name;
            return rc;
        }
    }
    return 0;
}

static int limits_nice(int add)
{
    errno = 0;
    int now = getpriority(PRIO_PROCESS, 0);
    if (now == -1 && errno != 0)
        return -errno;
    return setpriority(PRIO_PROCESS, 0, MIN_OF(now + add, 19)) < 0 ? -errno : 0;
}

int limits_apply(const struct limits *l, const char **ret_what)
{
    int rc = limits_rlimits(l, ret_what);
    if (rc < 0)
        return rc;
    if (l->nice != 0 && (rc = limits_nice(l->nice)) < 0) {
        *ret_what = "niceness";
        return rc;
    }
    if (l->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        *ret_what = "no_new_privs";
        return -errno;
    }
    if (l->parent_death_signal != 0 && prctl(PR_SET_PDEATHSIG, l->parent_death_signal, 0, 0, 0) < 0) {
        *ret_what = "parent death signal";
        return -errno;
    }
    return 0;
}
