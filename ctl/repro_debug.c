/*
 * repro_debug - see repro_debug.h. The process to debug is found by its state, not by asking: it stopped itself and says nothing.
 */
#include "repro_debug.h"

#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CHILDREN_MAX = 64, DEPTH_MAX = 4 };

static const char gdb[] = "/usr/bin/gdb", valgrind[] = "/usr/bin/valgrind";

static int installed(const char *program, const char *package, struct err *e)
{
    return access(program, X_OK) == 0
               ? 0
               : err_set(e, -ENOENT, "%s is not installed: \"apt-get install %s\"", program, package);
}

int repro_debug_wrapper(const struct stack_dir *dir, char path[static STACK_PATH_MAX], struct err *e)
{
    int rc = installed(valgrind, "valgrind", e);
    if (rc < 0)
        return rc;
    (void)stack_dir_path(dir, "bin/under-valgrind", path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0 ||
        dprintf(fd,
                "#!/bin/sh\nexec %s --leak-check=full --error-exitcode=0 --log-file='%s/log/valgrind.%%p' \"$@\"\n",
                valgrind, dir->root) < 0 ||
        fchmod(fd, 0700) < 0 || stack_dir_own(dir, path) < 0)
        return err_set_errno(e, errno, "cannot write %s", path);
    return 0;
}

static char state_of(pid_t pid)
{
    char path[64], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return '?';
    const char *end = strrchr(text, ')'); /* a program's name may hold anything */
    return end && end[1] == ' ' ? end[2] : '?';
}

/* A stopped process below pid, or 0. */
static pid_t find_stopped(pid_t pid, int depth)
{
    char path[64], text[CHILDREN_MAX * 12] = "", *save = NULL;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (depth == 0 || fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        pid_t child = (pid_t)strtol(word, NULL, 10);
        pid_t found = state_of(child) == 'T' ? child : find_stopped(child, depth - 1);
        if (found > 0)
            return found;
    }
    return 0;
}

static int run_gdb(pid_t pid, struct err *e)
{
    char number[16], program[sizeof gdb], quiet[] = "-q", attach[] = "-p";
    (void)snprintf(number, sizeof number, "%d", (int)pid);
    memcpy(program, gdb, sizeof gdb);
    char *const argv[] = {program, quiet, attach, number, NULL};
    const int fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    const struct spawn spawn = {.path = gdb, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};
    pid_t child;
    int rc = spawn_exec(&spawn, &child, e), status;
    if (rc < 0)
        return rc;
    void (*before)(int) = signal(SIGINT, SIG_IGN); /* Ctrl-C is gdb's */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)signal(SIGINT, before);
    return 0;
}

int repro_debug_check(struct err *e)
{
    return installed(gdb, "gdb", e);
}

int repro_debug_attach(pid_t supervisor, bool *ret_done, struct err *e)
{
    pid_t pid = find_stopped(supervisor, DEPTH_MAX);
    *ret_done = pid > 0;
    if (pid == 0)
        return 0;
    int rc = run_gdb(pid, e);
    (void)kill(pid, SIGCONT); /* whoever quits the debugger lets the job go on */
    return rc;
}
