/*
 * container_limits - see container_limits.h. Reads and compares; refuses to decide what follows from a limit.
 */
#include "container_limits.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

enum { LIMITS_FILE_MAX = 256 * 1024 };

/* One look: where from, the machine's memory, and what was found so far. */
struct limits_walk {
    const char *root;
    char *text; /* owned by container_limits_read; LIMITS_FILE_MAX */
    struct container_limits *found;
};

/* root/folder/name as text, cut at LIMITS_FILE_MAX; false when it cannot be read. */
static bool read_file(const struct limits_walk *w, const char *folder, const char *name)
{
    char path[2 * CGROUP_PATH_MAX + 64];
    int n = snprintf(path, sizeof path, "%s%s/%s", w->root, folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = fd >= 0 ? 1 : -1;
    while (got > 0 && len < LIMITS_FILE_MAX - 1) {
        got = read(fd, w->text + len, LIMITS_FILE_MAX - 1 - len);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            len += (size_t)got;
    }
    w->text[len] = '\0';
    return got >= 0;
}

static int64_t number_in(const struct limits_walk *w, const char *folder, const char *name)
{
    return read_file(w, folder, name) ? cgroup_parse_number(w->text) : -1;
}

static int64_t key_in(const struct limits_walk *w, const char *folder, const char *name, const char *key)
{
    return read_file(w, folder, name) ? cgroup_parse_key(w->text, key) : -1;
}

/* "MemTotal:   24684016 kB" in bytes; -1 when absent. */
static int64_t meminfo(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    long long kib = -1;
    bool starts = at == text || (at != NULL && at[-1] == '\n');
    return starts && sscanf(at + strlen(key), ": %lld kB", &kib) == 1 && kib >= 0 && kib < INT64_MAX / 1024 ? kib * 1024
                                                                                                            : -1;
}

static void read_machine(const struct limits_walk *w)
{
    bool known = read_file(w, "/proc", "meminfo");
    w->found->machine_bytes = known ? MAX_OF(meminfo(w->text, "MemTotal"), INT64_C(0)) : 0;
    w->found->memory_free_bytes = known ? meminfo(w->text, "MemAvailable") : -1;
}

/* -- memory ----------------------------------------------------------------------------------------------------------
 */

static void take_memory(const struct limits_walk *w, int64_t limit, const char *folder, const char *name)
{
    struct container_limits *l = w->found;
    if (limit <= 0 || (l->machine_bytes > 0 && limit >= l->machine_bytes) || limit >= INT64_MAX / 2)
        return;
    if (l->memory_bytes != 0 && limit >= l->memory_bytes)
        return;
    l->memory_bytes = limit;
    (void)snprintf(l->memory_from, sizeof l->memory_from, "%s/%s", folder, name);
}

/* What the group may still take: page cache that nobody used lately is the kernel's to drop. */
static void take_free(const struct limits_walk *w, int64_t limit, int64_t used, int64_t droppable)
{
    if (limit <= 0 || limit >= INT64_MAX / 2 || used < 0)
        return;
    int64_t left = limit - (used - MIN_OF(MAX_OF(droppable, INT64_C(0)), used));
    int64_t *least = &w->found->memory_free_bytes;
    if (*least < 0 || left < *least)
        *least = MAX_OF(left, INT64_C(0));
}

static void memory_v2(const struct limits_walk *w, const char *folder)
{
    int64_t limit = number_in(w, folder, "memory.max"); /* "max" is none */
    take_memory(w, limit, folder, "memory.max");
    if (limit > 0)
        take_free(w, limit, number_in(w, folder, "memory.current"), key_in(w, folder, "memory.stat", "inactive_file"));
}

static void memory_v1(const struct limits_walk *w, const char *folder)
{
    static const char file[] = "memory.limit_in_bytes";
    int64_t limit = number_in(w, folder, file), above = key_in(w, folder, "memory.stat", "hierarchical_memory_limit");
    take_memory(w, limit, folder, file);
    take_memory(w, above, folder, "memory.stat");
    if (limit > 0)
        take_free(w, limit, number_in(w, folder, "memory.usage_in_bytes"),
                  key_in(w, folder, "memory.stat", "total_inactive_file"));
}

/* -- CPU -------------------------------------------------------------------------------------------------------------
 */

static void take_cpu(const struct limits_walk *w, int64_t quota, int64_t period, int64_t used_us, const char *folder,
                     const char *name)
{
    struct container_limits *l = w->found;
    if (quota <= 0 || period <= 0 || quota > INT64_MAX / 100)
        return;
    int64_t percent = MAX_OF(quota * 100 / period, INT64_C(1));
    if (l->cpu_percent != 0 && percent >= l->cpu_percent)
        return;
    l->cpu_percent = percent;
    l->cpu_used_us = used_us;
    (void)snprintf(l->cpu_from, sizeof l->cpu_from, "%s/%s", folder, name);
}

static void cpu_v2(const struct limits_walk *w, const char *folder)
{
    long long quota = 0, period = 0;
    if (!read_file(w, folder, "cpu.max") || sscanf(w->text, "%lld %lld", &quota, &period) != 2)
        return; /* "max 100000": none */
    take_cpu(w, quota, period, key_in(w, folder, "cpu.stat", "usage_usec"), folder, "cpu.max");
}

static void cpu_v1(const struct limits_walk *w, const char *folder)
{
    static const char file[] = "cpu.cfs_quota_us";
    int64_t quota = number_in(w, folder, file); /* -1 is none */
    if (quota <= 0)
        return;
    int64_t used_ns = number_in(w, folder, "cpuacct.usage");
    take_cpu(w, quota, number_in(w, folder, "cpu.cfs_period_us"), used_ns < 0 ? -1 : used_ns / 1000, folder, file);
}

/* -- the walk --------------------------------------------------------------------------------------------------------
 */

/* Our group first, then each above it, up to where the mount begins. */
static void climb(const struct limits_walk *w, struct cgroup_place *p,
                  void (*look)(const struct limits_walk *w, const char *folder))
{
    char folder[2 * CGROUP_PATH_MAX];
    for (;;) {
        (void)snprintf(folder, sizeof folder, "%s%s", p->top, p->rest);
        look(w, folder);
        char *last = strrchr(p->rest, '/');
        if (last == NULL)
            return;
        *last = '\0';
    }
}

static void read_hierarchies(const struct limits_walk *w)
{
    static const struct {
        const char *controller; /* NULL: cgroup v2 */
        void (*memory)(const struct limits_walk *w, const char *folder);
        void (*cpu)(const struct limits_walk *w, const char *folder);
    } rows[] = {{NULL, memory_v2, cpu_v2}, {"memory", memory_v1, NULL}, {"cpu", NULL, cpu_v1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[CGROUP_PATH_MAX];
        struct cgroup_place place, again;
        if (!read_file(w, "/proc/self", "cgroup") ||
            (rows[i].controller == NULL ? cgroup_parse_self(w->text, path)
                                        : cgroup_parse_v1(w->text, rows[i].controller, path)) < 0)
            continue;
        if (!read_file(w, "/proc/self", "mountinfo") ||
            cgroup_parse_mount_of(w->text, rows[i].controller, path, true, &place) < 0)
            continue;
        again = place;
        if (rows[i].memory != NULL)
            climb(w, &place, rows[i].memory);
        if (rows[i].cpu != NULL)
            climb(w, &again, rows[i].cpu);
    }
}

static int64_t cpus_allowed(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return MAX_OF(CPU_COUNT(&set), 1);
    return MAX_OF(online, 1L); /* more CPUs than the set has room for */
}

void container_limits_read(struct container_limits *ret, const char *root)
{
    *ret = (struct container_limits){.memory_free_bytes = -1, .cpu_used_us = -1, .cpus = cpus_allowed()};
    AUTO_FREE char *text = malloc(LIMITS_FILE_MAX);
    if (text == NULL)
        return;
    const struct limits_walk w = {.root = root, .text = text, .found = ret};
    read_machine(&w);
    read_hierarchies(&w);
}

int64_t container_limits_cpu(const struct container_limits *l)
{
    int64_t all = MAX_OF(l->cpus, INT64_C(1)) * 100;
    return l->cpu_percent > 0 ? MIN_OF(l->cpu_percent, all) : all;
}

int64_t container_limits_cpus(const struct container_limits *l)
{
    return (container_limits_cpu(l) + 99) / 100;
}

const char *container_limits_text(const struct container_limits *l, char ret[static CONTAINER_TEXT_MAX])
{
    size_t n = 0;
    if (l->memory_bytes > 0)
        n = (size_t)snprintf(ret, CONTAINER_TEXT_MAX, "memory %lld MiB (%s)", (long long)(l->memory_bytes >> 20),
                             l->memory_from);
    else
        n = (size_t)snprintf(ret, CONTAINER_TEXT_MAX, "memory: no limit below the machine's %lld MiB",
                             (long long)(l->machine_bytes >> 20));
    if (l->cpu_percent > 0)
        (void)snprintf(ret + n, CONTAINER_TEXT_MAX - n, ", CPU %lld.%02lld (%s)", (long long)(l->cpu_percent / 100),
                       (long long)(l->cpu_percent % 100), l->cpu_from);
    else
        (void)snprintf(ret + n, CONTAINER_TEXT_MAX - n, ", CPU: no quota, %lld to run on", (long long)l->cpus);
    return ret;
}
