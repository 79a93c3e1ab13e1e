/*
 * stint-backtrace - reads what a dying process left of itself and says which functions it was in. Started by the supervisor
 * with the page at descriptor 3; prints one JSON object and ends.
 */
#include "build_info.h"
#include "sandbox.h"
#include "unwind.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/resource.h>

enum { BACKTRACE_FD = 3, BACKTRACE_CPU_S = 5, BACKTRACE_MEMORY = 1 << 30 };

/* What reading files and counting needs none of: should a page get the better of the library, it is in here alone. */
static const char *const DENIED[] = {
    "socket", "connect", "bind", "listen", "accept", "accept4", "socketpair", "execve", "execveat", "fork", "vfork", "clone",
    "clone3", "kill", "tkill", "ptrace", "process_vm_readv", "process_vm_writev", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "mkdir", "mkdirat", "chmod", "fchmodat", "chown", "fchownat", "setuid", "mount", "umount2", "bpf",
    "perf_event_open", "init_module", "finit_module", "io_uring_setup", NULL,
};

static struct unwind_input input;
static char frames[UNWIND_FRAMES_MAX][UNWIND_FRAME_MAX];

static int confine(struct err *e)
{
    const struct rlimit cpu = {BACKTRACE_CPU_S, BACKTRACE_CPU_S + 1}, none = {0, 0};
    if (setrlimit(RLIMIT_CPU, &cpu) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return err_set_errno(e, errno, "the limits cannot be set");
#ifndef STINT_SANITIZED
    const struct rlimit memory = {BACKTRACE_MEMORY, BACKTRACE_MEMORY};
    if (setrlimit(RLIMIT_AS, &memory) < 0)
        return err_set_errno(e, errno, "the limits cannot be set");
#endif
    struct err why;
    (void)sandbox_namespaces(&why); /* the filter stands on its own */
    return sandbox_seccomp_deny(DENIED, e);
}

static int read_page(struct err *e)
{
    if (!crash_page_read(BACKTRACE_FD, &input.head))
        return err_set(e, ERR_NOT_FOUND, "descriptor %d holds no snapshot of a process", BACKTRACE_FD);
    ssize_t stack = pread(BACKTRACE_FD, input.stack, input.head.stack_bytes, CRASH_STACK_AT);
    ssize_t maps = pread(BACKTRACE_FD, input.maps, input.head.maps_bytes, CRASH_MAPS_AT);
    if (stack != (ssize_t)input.head.stack_bytes || maps != (ssize_t)input.head.maps_bytes)
        return err_set(e, ERR_PROTOCOL, "the snapshot is cut short");
    return 0;
}

static int print_frames(size_t n, const struct err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *text = json_string(frames[i]);
        (void)json_array_append_new(list, text != NULL ? text : json_string("?? (its name is not UTF-8)"));
    }
    json_t *out = n > 0 ? json_pack("{s:o}", "backtrace", list) : json_pack("{s:s}", "no_backtrace", e->message);
    if (n == 0)
        json_decref(list);
    int rc = json_dumpf(out, stdout, JSON_COMPACT);
    json_decref(out);
    return rc == 0 && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char *argv[])
{
    if (argc > 1) {
        bool version = strcmp(argv[1], "--version") == 0;
        (void)printf(version ? "stint-backtrace %s (%s)\n"
                             : "stint-backtrace: started by stint-supervisor; takes no argument but --version\n",
                     STINT_VERSION, STINT_BUILD);
        return version ? 0 : 2;
    }
    struct err e = {0};
    size_t n = 0;
    if (confine(&e) == 0 && read_page(&e) == 0)
        n = unwind_frames(&input, frames, &e);
    return print_frames(n, &e);
}
