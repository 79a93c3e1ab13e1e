/*
 * cgroup - see cgroup.h. Refuses to touch a group that was not delegated to us: another manager owns it, and would undo
 * or be confused by what we make there.
 */
#include "cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { CGROUP_TEXT_MAX = 4096, CGROUP_MOUNTS_MAX = 256 * 1024, CGROUP_MOVE_ROUNDS = 8, CGROUP_CPU_PERIOD_US = 100000 };

#define LEAF_PREFIX "worker-"
#define REMEDY      "rlimits only; for cgroups run under systemd with Delegate=yes"

static const char *const controller_names[CGROUP_CONTROLLER_COUNT] = {
#define X(suffix, name) [CGROUP_##suffix] = #name,
    CGROUP_CONTROLLERS(X)
#undef X
};

/* -- files -----------------------------------------------------------------------------------------------------------
 */

/* The file's text, NUL-terminated, cut at size - 1. Its length or -errno. */
static ssize_t read_at(int dir_fd, const char *name, char *ret_text, size_t size)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, ret_text + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        len += (size_t)n;
        if (n == 0 || len == size - 1)
            break;
    }
    ret_text[len] = '\0';
    return (ssize_t)len;
}

static int write_at(int dir_fd, const char *name, const char *text)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n;
    do
        n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static int write_number_at(int dir_fd, const char *name, int64_t n)
{
    char text[32] = "max";
    if (n > 0)
        (void)snprintf(text, sizeof text, "%lld", (long long)n);
    return write_at(dir_fd, name, text);
}

static int64_t number_at(int dir_fd, const char *name)
{
    char text[CGROUP_TEXT_MAX];
    return read_at(dir_fd, name, text, sizeof text) < 0 ? -1 : cgroup_parse_number(text);
}

/* -- the delegated group ---------------------------------------------------------------------------------------------
 */

static int find_group(struct cgroup_tree *t, const char *proc_self, char ret_folder[static CGROUP_PATH_MAX],
                      struct err *e)
{
    AUTO_CLOSE int proc = open(proc_self, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *text = malloc(CGROUP_MOUNTS_MAX);
    if (proc < 0 || text == NULL)
        return err_set(e, -ENOENT, "%s cannot be read: " REMEDY, proc_self);
    if (read_at(proc, "cgroup", text, CGROUP_MOUNTS_MAX) < 0 || cgroup_parse_self(text, t->path) < 0)
        return err_set(e, -ENOENT, "this process is in no cgroup v2 group: " REMEDY);
    if (read_at(proc, "mountinfo", text, CGROUP_MOUNTS_MAX) < 0 || cgroup_parse_mount(text, t->path, ret_folder) < 0)
        return err_set(e, -ENOENT, "no cgroup v2 file system shows our group %s: " REMEDY, t->path);
    return 0;
}

static bool says_delegated(int fd)
{
    /* systemd.exec's marks: user.* since 251, trusted.* before, the latter for root's eyes only */
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        char value = '0';
        if (fgetxattr(fd, marks[i], &value, 1) == 1 && value == '1')
            return true;
    }
    return false;
}

/* Root may write anywhere, so for root it is not enough that it can. The root of the whole hierarchy has no
 * cgroup.type; that of a namespace has one. Anyone else was given what it may write, from the topmost such folder down.
 */
static int check_delegated(const struct cgroup_tree *t, int fd, struct err *e)
{
    if (faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) < 0 ||
        faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
        return errno == EROFS ? err_set(e, -EROFS,
                                        "cgroup v2 is mounted read-only here: rlimits only; the container's own limits "
                                        "hold for all workers together")
                              : err_set(e, -EACCES, "cgroup v2 not delegated (%s): " REMEDY, t->path);
    bool whole_namespace = strcmp(t->path, "/") == 0 && faccessat(fd, "cgroup.type", F_OK, 0) == 0;
    if (says_delegated(fd) || whole_namespace)
        return 0;
    if (geteuid() != 0 && faccessat(fd, "../cgroup.procs", W_OK, AT_EACCESS) < 0)
        return 0;
    return err_set(e, -EACCES, "cgroup v2 not delegated (%s): " REMEDY, t->path);
}

/* Whoever shares our group goes along: the kernel lets no group have both processes and limited children. */
static int move_processes(int fd, struct err *e)
{
    if (mkdirat(fd, "supervisor", 0755) < 0 && errno != EEXIST)
        return err_set_errno(e, errno, "cannot make the leaf `supervisor` in our cgroup");
    AUTO_FREE char *pids = malloc(CGROUP_MOUNTS_MAX);
    for (int round = 0; pids != NULL && round < CGROUP_MOVE_ROUNDS; round++) {
        ssize_t n = read_at(fd, "cgroup.procs", pids, CGROUP_MOUNTS_MAX);
        if (n <= 0)
            return n == 0 ? 0 : err_set_errno(e, (int)-n, "cannot read cgroup.procs");
        char *save = NULL;
        for (char *pid = strtok_r(pids, "\n", &save); pid != NULL; pid = strtok_r(NULL, "\n", &save)) {
            int rc = write_at(fd, "supervisor/cgroup.procs", pid);
            if (rc < 0 && rc != -ESRCH)
                return err_set_errno(e, -rc, "cannot move process %s to the leaf `supervisor`", pid);
        }
    }
    return err_set(e, -EBUSY, "other processes keep appearing in our cgroup: rlimits only");
}

static int enable_controllers(struct cgroup_tree *t, int fd, struct err *e)
{
    char offered[CGROUP_TEXT_MAX];
    if (read_at(fd, "cgroup.controllers", offered, sizeof offered) < 0)
        offered[0] = '\0';
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
        char word[16];
        (void)snprintf(word, sizeof word, "+%s", controller_names[i]);
        t->has[i] =
            cgroup_parse_has_word(offered, controller_names[i]) && write_at(fd, "cgroup.subtree_control", word) == 0;
    }
    if (!t->has[CGROUP_MEMORY])
        return err_set(e, -ENODEV, "cgroup v2 offers no memory controller in %s (it offers: %.100s): rlimits only",
                       t->path, offered);
    return 0;
}

void cgroup_none(struct cgroup_tree *t, const char *why)
{
    *t = (struct cgroup_tree){.fd = -1};
    (void)snprintf(t->why, sizeof t->why, "%s", why);
}

static bool offers_memory(int fd)
{
    char offered[CGROUP_TEXT_MAX];
    return read_at(fd, "cgroup.controllers", offered, sizeof offered) >= 0 &&
           cgroup_parse_has_word(offered, controller_names[CGROUP_MEMORY]);
}

static int open_tree(struct cgroup_tree *t, const char *proc_self, struct err *e)
{
    char folder[CGROUP_PATH_MAX];
    int rc = find_group(t, proc_self, folder, e);
    if (rc < 0)
        return rc;
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, errno, "cannot open our cgroup %s", folder);
    rc = check_delegated(t, fd, e);
    if (rc == 0 && offers_memory(fd)) /* without it nothing is moved: there would be nothing to gain */
        rc = move_processes(fd, e);
    if (rc == 0)
        rc = enable_controllers(t, fd, e);
    if (rc < 0)
        return rc;
    t->fd = fd;
    fd = -1;
    return 0;
}

int cgroup_open(struct cgroup_tree *t, const char *proc_self, struct err *e)
{
    struct err own = {0};
    struct err *err = e != NULL ? e : &own;
    cgroup_none(t, "");
    int rc = open_tree(t, proc_self, err);
    if (rc < 0) {
        memset(t->has, 0, sizeof t->has);
        (void)snprintf(t->why, sizeof t->why, "%.*s", CGROUP_WHY_MAX - 1, err->message);
        return rc;
    }
    (void)snprintf(t->why, sizeof t->why, "cgroup v2, delegated: a group per worker (memory%s%s)",
                   t->has[CGROUP_PIDS] ? ", pids" : "", t->has[CGROUP_CPU] ? ", cpu" : "");
    return 0;
}

void cgroup_close(struct cgroup_tree *t)
{
    if (t != NULL && t->fd >= 0)
        base_close_fd(&t->fd);
}

/* -- leaves ----------------------------------------------------------------------------------------------------------
 */

int cgroup_leaf_limit(const struct cgroup_tree *t, int leaf_fd, const struct cgroup_limits *l, const char **ret_file)
{
    int rc = write_number_at(leaf_fd, *ret_file = "memory.max", l->memory_max_bytes);
    if (rc == 0)
        rc = write_number_at(leaf_fd, *ret_file = "memory.high", l->memory_high_bytes);
    if (rc == 0) /* the parser and its cells belong to the worker: none goes on with half of them */
        rc = write_at(leaf_fd, *ret_file = "memory.oom.group", "1");
    if (rc == 0 && l->memory_max_bytes > 0) /* a limit that only moves it to disk is none; no swap, no such file */
        (void)write_at(leaf_fd, "memory.swap.max", "0");
    if (rc == 0 && t->has[CGROUP_PIDS])
        rc = write_number_at(leaf_fd, *ret_file = "pids.max", l->tasks);
    if (rc == 0 && t->has[CGROUP_CPU] && l->cpu_percent > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "%lld %d", (long long)l->cpu_percent * (CGROUP_CPU_PERIOD_US / 100),
                       CGROUP_CPU_PERIOD_US);
        rc = write_at(leaf_fd, *ret_file = "cpu.max", text);
    }
    return rc;
}

static int make_empty(const struct cgroup_tree *t, const char *name)
{
    if (mkdirat(t->fd, name, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (unlinkat(t->fd, name, AT_REMOVEDIR) < 0) /* its counters are somebody else's */
        return -errno;
    return mkdirat(t->fd, name, 0755) < 0 ? -errno : 0;
}

int cgroup_leaf_make(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *l, int *ret_fd,
                     struct err *e)
{
    const char *file = "folder";
    int rc = make_empty(t, name);
    if (rc < 0)
        return err_set_errno(e, -rc, "cannot make the cgroup %s in %s", name, t->path);
    AUTO_CLOSE int fd = openat(t->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? -errno : cgroup_leaf_limit(t, fd, l, &file);
    if (rc < 0) {
        (void)unlinkat(t->fd, name, AT_REMOVEDIR);
        return err_set_errno(e, -rc, "cannot set %s of the cgroup %s in %s", file, name, t->path);
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int64_t cgroup_leaf_cpu_us(int leaf_fd)
{
    char text[CGROUP_TEXT_MAX];
    return read_at(leaf_fd, "cpu.stat", text, sizeof text) < 0 ? -1 : cgroup_parse_key(text, "usage_usec");
}

int64_t cgroup_leaf_peak_bytes(int leaf_fd)
{
    return number_at(leaf_fd, "memory.peak");
}

int cgroup_own_leaf(const char *proc_self, int *ret_fd)
{
    struct cgroup_tree tree = {.fd = -1};
    char folder[CGROUP_PATH_MAX];
    if (find_group(&tree, proc_self, folder, NULL) < 0)
        return -ENOENT;
    const char *name = strrchr(tree.path, '/');
    int fd = name != NULL && strncmp(name + 1, LEAF_PREFIX, strlen(LEAF_PREFIX)) == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -ENOENT;
    *ret_fd = fd;
    return 0;
}

void cgroup_leaf_read(int leaf_fd, struct cgroup_usage *ret)
{
    char text[CGROUP_TEXT_MAX];
    *ret = (struct cgroup_usage){
        .memory_bytes = number_at(leaf_fd, "memory.current"),
        .memory_peak_bytes = number_at(leaf_fd, "memory.peak"),
        .memory_max_bytes = number_at(leaf_fd, "memory.max"),
        .oom_kills = -1,
        .tasks_refused = -1,
        .cpu_us = -1,
        .throttled_us = -1,
    };
    if (read_at(leaf_fd, "memory.events", text, sizeof text) >= 0)
        ret->oom_kills = cgroup_parse_key(text, "oom_kill");
    if (read_at(leaf_fd, "pids.events", text, sizeof text) >= 0)
        ret->tasks_refused = cgroup_parse_key(text, "max");
    if (read_at(leaf_fd, "cpu.stat", text, sizeof text) >= 0) {
        ret->cpu_us = cgroup_parse_key(text, "usage_usec");
        ret->throttled_us = cgroup_parse_key(text, "throttled_usec");
    }
}

void cgroup_leaf_drop(const struct cgroup_tree *t, const char *name, int leaf_fd)
{
    (void)write_at(leaf_fd, "cgroup.kill", "1"); /* Linux 5.14; before it, the process group's SIGKILL did the same */
    (void)unlinkat(t->fd, name, AT_REMOVEDIR);
}

uint32_t cgroup_sweep(const struct cgroup_tree *t, const char *prefix)
{
    uint32_t removed = 0;
    int fd = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        base_close_fd(&fd);
        return 0;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strncmp(entry->d_name, LEAF_PREFIX, strlen(LEAF_PREFIX)) == 0 &&
            strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            removed += unlinkat(t->fd, entry->d_name, AT_REMOVEDIR) == 0;
    (void)closedir(dir);
    return removed;
}
