/*
 * sandbox_filter - see sandbox_filter.h. Why compiled ahead: building the program takes longer than parsing a short document. Adds nothing of
 * its own to the caller's list and refuses to run with half a filter.
 */
#include "sandbox_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct sandbox_filter {
    size_t n;
    struct sock_filter program[];
};

static int filter_add(scmp_filter_ctx ctx, const struct sandbox_rule *rule)
{
    struct scmp_arg_cmp args[SANDBOX_ARGS_MAX];
    uint32_t action = rule->refuse == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)rule->refuse);
    int nr = seccomp_syscall_resolve_name(rule->call);
    if (nr == __NR_SCMP_ERROR || rule->n_args > SANDBOX_ARGS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < rule->n_args; i++)
        args[i] = (struct scmp_arg_cmp){rule->args[i].index, SCMP_CMP_MASKED_EQ, rule->args[i].mask, rule->args[i].wanted};
    return seccomp_rule_add_array(ctx, action, nr, (unsigned)rule->n_args, args);
}

/* The compiled program leaves the library through a descriptor only. */
static int filter_export(scmp_filter_ctx ctx, struct sandbox_filter **ret_filter)
{
    struct stat st;
    AUTO_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = seccomp_export_bpf(ctx, fd);
    if (rc < 0)
        return rc;
    if (fstat(fd, &st) < 0)
        return -errno;
    size_t bytes = (size_t)st.st_size, n = bytes / sizeof(struct sock_filter);
    if (n == 0 || n > BPF_MAXINSNS || n * sizeof(struct sock_filter) != bytes)
        return -EINVAL;
    struct sandbox_filter *filter = malloc(sizeof *filter + bytes);
    if (filter == NULL)
        return -ENOMEM;
    filter->n = n;
    if (pread(fd, filter->program, bytes, 0) != (ssize_t)bytes) {
        free(filter);
        return -EIO;
    }
    *ret_filter = filter;
    return 0;
}

int sandbox_filter_make(const struct sandbox_rule rules[], size_t n, struct sandbox_filter **ret_filter, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
    if (ctx == NULL)
        return err_set(e, ERR_BOOT_FAILURE, "sandbox: no memory for the seccomp filter");
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc < 0)
        rc = err_set(e, ERR_BOOT_FAILURE, "sandbox: other architectures could not be refused: %s", err_text(rc));
    for (size_t i = 0; i < n && rc == 0; i++) {
        int added = filter_add(ctx, &rules[i]);
        if (added < 0)
            rc = err_set(e, ERR_BOOT_FAILURE, "sandbox: the system call %s could not be put into the filter: %s", rules[i].call,
                         err_text(added));
    }
    int exported = rc == 0 ? filter_export(ctx, ret_filter) : 0;
    if (exported < 0)
        rc = err_set(e, ERR_BOOT_FAILURE, "sandbox: the seccomp filter could not be compiled: %s", err_text(exported));
    seccomp_release(ctx);
    return rc;
}

int sandbox_filter_enter(struct sandbox_filter *filter)
{
    uint32_t pid = (uint32_t)getpid();
    for (size_t i = 0; i < filter->n; i++) {
        struct sock_filter *op = &filter->program[i];
        if (BPF_CLASS(op->code) == BPF_JMP && op->k == SANDBOX_OWN_PID)
            op->k = pid;
    }
    const struct sock_fprog program = {(unsigned short)filter->n, filter->program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return -errno;
    return 0;
}

void sandbox_filter_free(struct sandbox_filter *filter)
{
    free(filter);
}
