/*
 * landlock - see landlock.h. Spells out the kernel's interface itself: the C library's headers are older than the kernels it runs on. Refuses to
 * hold a rule: nothing is ever allowed.
 */
#include "landlock.h"

#include <sys/syscall.h>

enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, VERSION = 1 };

/* struct landlock_ruleset_attr, and how much of it each version knows. */
struct ruleset {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

static const struct {
    unsigned fs_rights; /* lowest bits */
    uint64_t net, scoped;
    size_t size;
} versions[] = {
    {13, 0, 0, 8},  {14, 0, 0, 8},  {15, 0, 0, 8}, /* 1: files; 2: REFER; 3: TRUNCATE */
    {15, 3, 0, 16}, {16, 3, 0, 16},                /* 4: TCP bind and connect; 5: IOCTL_DEV */
    {16, 3, 3, 24},                                /* 6: abstract Unix sockets, signals */
};

int landlock_abi(void)
{
    long version = syscall(CREATE_RULESET, NULL, 0, VERSION);
    return version < 0 ? -errno : (int)version;
}

int landlock_deny_all(void)
{
    int abi = landlock_abi();
    if (abi <= 0)
        return abi < 0 ? abi : -ENOSYS;
    size_t i = MIN_OF((size_t)abi, ARRAY_LEN(versions)) - 1;
    struct ruleset ruleset = {(UINT64_C(1) << versions[i].fs_rights) - 1, versions[i].net, versions[i].scoped};
    long fd = syscall(CREATE_RULESET, &ruleset, versions[i].size, 0);
    return fd < 0 ? -errno : (int)fd;
}

int landlock_enter(int fd)
{
    return syscall(RESTRICT_SELF, fd, 0) < 0 ? -errno : 0;
}
