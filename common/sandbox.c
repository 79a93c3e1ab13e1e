/*
 * sandbox - see sandbox.h. Adds nothing of its own to the caller's list and refuses to run with half a filter.
 */
#include "sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int sandbox_close_range(unsigned first, unsigned last)
{
    return first <= last && syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

int sandbox_close_fds(const int *keep, size_t n)
{
    /* Walks the kept numbers in rising order without sorting: no memory may be needed here. */
    unsigned first = 0;
    for (;;) {
        unsigned next = UINT_MAX;
        for (size_t i = 0; i < n; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= first && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next == UINT_MAX)
            return sandbox_close_range(first, UINT_MAX);
        int rc = next > first ? sandbox_close_range(first, next - 1) : 0;
        if (rc < 0)
            return rc;
        first = next + 1;
    }
}

int sandbox_seccomp_deny(const char *const denied[], struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "sandbox: no_new_privs could not be set: %s", err_text(-errno));
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (ctx == NULL)
        return err_set(e, ERR_BOOT_FAILURE, "sandbox: no memory for the seccomp filter");
    int rc = 0;
    for (size_t i = 0; rc == 0 && denied[i] != NULL; i++) {
        int nr = seccomp_syscall_resolve_name(denied[i]);
        int added = nr < 0 ? 0 : seccomp_rule_add(ctx, SCMP_ACT_TRAP, nr, 0);
        if (added < 0)
            rc = err_set(e, ERR_BOOT_FAILURE, "sandbox: the system call %s could not be put into the filter: %s", denied[i],
                         err_text(added));
    }
    int loaded = rc == 0 ? seccomp_load(ctx) : 0;
    if (loaded < 0)
        rc = err_set(e, ERR_BOOT_FAILURE, "sandbox: the kernel refused the seccomp filter: %s", err_text(loaded));
    seccomp_release(ctx);
    return rc;
}

int sandbox_namespaces(struct err *e)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0)
        return 0;
    (void)err_set_errno(e, errno, "no private namespaces");
    return 1;
}

const char *sandbox_syscall_name(int nr, char *buf, size_t size)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
    if (name != NULL)
        (void)snprintf(buf, size, "%s", name);
    else
        (void)snprintf(buf, size, "system call %d", nr);
    free(name);
    return buf;
}
