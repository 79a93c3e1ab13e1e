/*
 * preflight_host - folders, programs, limits and the time a stop may take on this host.
 */
#include "preflight.h"

#include "container_limits.h"
#include "layout_files.h"
#include "memory_share.h"
#include "spawn.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

enum { FREE_WARN_MIB = 512, STOP_MARGIN_MS = 5000, DOCKER_GRACE_MS = 10000 };

/* Writable, or to be made: then the nearest folder above it must be writable. */
static bool usable_folder(const char *path)
{
    char part[PATH_MAX];
    (void)snprintf(part, sizeof part, "%s", path);
    while (access(part, F_OK) < 0) {
        char *slash = strrchr(part, '/');
        if (!slash || slash == part)
            return access("/", W_OK) == 0;
        *slash = '\0';
    }
    return access(part, W_OK | X_OK) == 0;
}

static void check_folder(struct preflight *p, const char *what, const char *path)
{
    struct statvfs fs;
    if (!usable_folder(path)) {
        preflight_add(p, what, FINDING_FAIL,
                      "give it to the user who runs the supervisor, or name another in [supervisor]",
                      "%s cannot be written", path);
        return;
    }
    bool known = statvfs(path, &fs) == 0;
    unsigned long long mib = known ? (unsigned long long)fs.f_bavail * fs.f_frsize >> 20 : 0;
    preflight_add(p, what, known && mib < FREE_WARN_MIB ? FINDING_WARN : FINDING_OK, "free space on its disk",
                  known ? "%s, %llu MiB free" : "%s, to be made", path, mib);
}

static void check_programs(struct preflight *p)
{
    static const char *const names[] = {"stint-supervisor", "stint-worker", "stint-parser", "stint-fetch", "stint-backtrace", "stint-relay"};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e = {.code = 0};
        if (spawn_find_program(names[i], path, sizeof path, &e) < 0) {
            preflight_add(p, "programs", FINDING_FAIL, "install stint whole: cmake --install, or the package", "%s",
                          e.message);
            return;
        }
    }
    preflight_add(p, "programs", FINDING_OK, "", "supervisor, worker, parser, fetch and relay are there");
}

/* What the parser itself says of this host, as this user. The bytes read, or -errno. */
static ssize_t ask_walls(const char *program, char *text, size_t size)
{
    int pipe_fds[2];
    char argument[] = "--walls", path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", program);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    char *const argv[] = {path, argument, NULL};
    const int fds[] = {-1, pipe_fds[1], -1};
    const struct spawn spawn = {.path = path, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    pid_t pid;
    ssize_t n, have = 0;
    int rc = spawn_exec(&spawn, &pid, NULL), status;
    (void)close(pipe_fds[1]);
    while (rc == 0 && (size_t)have + 1 < size && (n = read(pipe_fds[0], text + have, size - 1 - (size_t)have)) > 0)
        have += n;
    text[have] = '\0';
    (void)close(pipe_fds[0]);
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return rc < 0 ? rc : have;
}

static void check_walls(struct preflight *p)
{
    char path[PATH_MAX], text[1024], missing[FINDING_TEXT_MAX] = "", *save = NULL;
    size_t holds = 0, used = 0;
    if (spawn_find_program("stint-parser", path, sizeof path, NULL) < 0 || ask_walls(path, text, sizeof text) <= 0) {
        preflight_add(p, "parser walls", FINDING_FAIL, "run stint-parser --walls; its message says what fails", "the parser cannot be shut in");
        return;
    }
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        holds += strncmp(line, "holds ", 6) == 0;
        if (strncmp(line, "missing ", 8) == 0 && used < sizeof missing)
            used += (size_t)snprintf(missing + used, sizeof missing - used, "%s%s", used > 0 ? ", " : "", line + 8);
    }
    preflight_add(p, "parser walls", missing[0] != '\0' ? FINDING_WARN : FINDING_OK,
                  "the others stand; allow user namespaces and Landlock for the full set (docs/threat-model.md)",
                  missing[0] != '\0' ? "%zu of the cell's walls hold for this user; missing: %s" : "all %zu of the cell's walls hold for this user%s", holds,
                  missing);
}

static void check_limits(struct preflight *p)
{
    struct rlimit files = {0};
    int64_t needed = 0, memory = 0;
    for (size_t i = 0; i < p->conf->n_pools; i++) {
        needed = MAX_OF(needed, p->conf->pools[i].files);
        memory += p->conf->pools[i].workers * p->conf->pools[i].recycle_rss;
    }
    (void)getrlimit(RLIMIT_NOFILE, &files);
    preflight_add(p, "open files", (int64_t)files.rlim_max < needed ? FINDING_FAIL : FINDING_OK,
                  "raise the hard limit (LimitNOFILE=, ulimit -Hn), or lower files in the pools",
                  "hard limit %llu, pools ask for %lld", (unsigned long long)files.rlim_max, (long long)needed);
    struct container_limits here;
    container_limits_read(&here, "");
    int64_t ram = here.memory_bytes > 0 ? here.memory_bytes : (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    preflight_add(p, "memory", memory > ram ? FINDING_WARN : FINDING_OK,
                  "lower recycle_rss or the number of workers, or add memory",
                  "all workers at their recycle_rss: %lld MiB of %lld", (long long)(memory >> 20),
                  (long long)(ram >> 20));
}

/* As this process is limited: the supervisor's unit or container may be limited otherwise, and says so in `stint status`. */
static void check_container(struct preflight *p)
{
    struct container_limits here;
    struct memory_share share;
    struct err e = {.code = 0};
    char text[CONTAINER_TEXT_MAX];
    AUTO_FREE struct conf *copy = malloc(sizeof *copy);
    container_limits_read(&here, "");
    preflight_add(p, "container limits", FINDING_OK, "", "%s", container_limits_text(&here, text));
    if (copy == NULL || here.memory_bytes == 0)
        return;
    *copy = *p->conf;
    if (memory_share_apply(copy, here.memory_bytes, false, container_limits_cpus(&here), &share, &e) < 0)
        preflight_add(p, "memory of workers", FINDING_FAIL, "the supervisor does not start; see the finding", "%s", e.message);
    else
        preflight_add(p, "memory of workers", share.lowered ? FINDING_WARN : FINDING_OK,
                      "what needs more memory fails with mem_limit: raise the container's limit, or lower memory, workers or workers_max",
                      "%s", share.text);
}

/* What kills us when a stop takes too long: told by $STINT_STOP_GRACE, else Docker's default where we are in one; -1:
 * unknown. */
static int64_t stop_grace_ms(void)
{
    const char *given = getenv("STINT_STOP_GRACE");
    int64_t ms = 0;
    if (given && conf_parse_duration(given, &ms, NULL) == 0)
        return ms;
    return access("/.dockerenv", F_OK) == 0 ? DOCKER_GRACE_MS : -1;
}

static void check_stop(struct preflight *p)
{
    int64_t longest = 0, drain = p->conf->supervisor.drain_timeout, grace = stop_grace_ms();
    for (size_t i = 0; i < p->conf->n_kinds; i++) {
        if (p->conf->kinds[i].enabled == 1)
            longest = MAX_OF(longest, p->conf->kinds[i].timeout);
    }
    preflight_add(p, "drain", drain < longest ? FINDING_WARN : FINDING_OK,
                  "a stop hands the longest jobs back unfinished: raise supervisor.drain_timeout",
                  "drain_timeout %lld s, longest job %lld s", (long long)(drain / 1000), (long long)(longest / 1000));
    if (grace < 0)
        preflight_add(p, "stop grace", FINDING_OK, "", "unknown here; the unit's TimeoutStopSec must exceed %lld s",
                      (long long)(drain / 1000));
    else
        preflight_add(p, "stop grace", grace < drain + STOP_MARGIN_MS ? FINDING_WARN : FINDING_OK,
                      "the stack is killed before it is drained: raise stop_grace_period (docker stop -t), tell it by "
                      "STINT_STOP_GRACE",
                      "%lld s, a drain may take %lld s", (long long)(grace / 1000), (long long)(drain / 1000));
}

/* A malformed layout file stops every parser's start; an example that differs is a timetable read otherwise than its author meant. */
static void check_layouts(struct preflight *p)
{
    struct err e = {.code = 0};
    const char *path = p->conf->pdf.layouts;
    size_t n = 0;
    if (path[0] == '\0')
        preflight_add(p, "layouts", FINDING_OK, "", "the compiled-in ones only");
    else if (layout_files_check(path, false, &n, &e) < 0)
        preflight_add(p, "layouts", FINDING_FAIL, "mend the file; stint pdf layout check tells more", "%s", e.message);
    else if (layout_files_check(path, true, &n, &e) < 0)
        preflight_add(p, "layouts", FINDING_WARN, "stint pdf layout check tells all differences", "%s", e.message);
    else
        preflight_add(p, "layouts", FINDING_OK, "", "%s: %zu, and their examples hold", path, n);
}

static void check_lane(struct preflight *p)
{
    char missing[256];
    bool served = false;
    for (size_t i = 0; i < p->conf->n_pools; i++)
        served |= p->conf->pools[i].lane[0] != '\0' && p->conf->pools[i].workers > 0;
    if (conf_lane_missing(p->conf, missing, sizeof missing))
        preflight_add(p, "lane", FINDING_WARN, "add such a pool, with more memory, or write once", "%s", missing);
    else
        preflight_add(p, "lane", FINDING_OK, "", "%s",
                      served ? "a pool serves the lane large" : "none served: what runs out of memory comes again as it was");
}

void preflight_host(struct preflight *p)
{
    check_folder(p, "run folder", p->conf->supervisor.run_dir);
    check_folder(p, "state folder", p->conf->supervisor.state_dir);
    check_programs(p);
    check_walls(p);
    check_limits(p);
    check_container(p);
    check_stop(p);
    check_layouts(p);
    check_lane(p);
}
