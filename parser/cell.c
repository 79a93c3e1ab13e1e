/*
 * cell - see cell.h. Its walls do not depend on the library behaving: it has no file, no socket, no way to start anything, little memory
 * and little time, and what it writes is read as foreign bytes.
 */
#include "cell.h"

#include "crash_guard.h"
#include "crash_page.h"
#include "document.h"
#include "limits.h"
#include "sandbox.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { NOTES_MAX = 64 * 1024, STACK_MAX = 16 * 1024 * 1024 };

/* Measured with strace over every generated document, the damaged ones included; memory, the reply and the end. sysinfo is how qsort
 * learns how much memory there is; tgkill and what abort() needs are there so that an abort is seen as one. */
static const char *const CELL_CALLS[] = {
    "brk", "mmap", "munmap", "mremap", "madvise", "mprotect", "read", "pread64", "write", "pwrite64", "lseek", "fstat", "futex",
    "sysinfo", "getrandom", "exit_group", "exit", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction", "gettid", "getpid", "tgkill",
    "clock_gettime", "gettimeofday", "sched_yield", "restart_syscall", NULL,
};

NORETURN static void cell_refuse(const char *what)
{
    (void)dprintf(STDERR_FILENO, "cell: %s\n", what);
    _exit(PARSER_EXIT_SANDBOX);
}

static void cell_descriptors(int document_fd, int reply_fd)
{
    int notes = memfd_create("cell-notes", MFD_CLOEXEC);
    int document = fcntl(document_fd, F_DUPFD_CLOEXEC, 10), reply = fcntl(reply_fd, F_DUPFD_CLOEXEC, 10);
    if (notes < 0 || document < 0 || reply < 0 || dup3(notes, CELL_FD_NOTES, O_CLOEXEC) < 0 ||
        dup3(document, CELL_FD_DOCUMENT, O_CLOEXEC) < 0 || dup3(reply, CELL_FD_REPLY, O_CLOEXEC) < 0)
        cell_refuse("descriptors could not be placed");
    const int keep[] = {CELL_FD_NOTES, CELL_FD_DOCUMENT, CELL_FD_REPLY};
    if (sandbox_close_fds(keep, ARRAY_LEN(keep)) < 0)
        cell_refuse("descriptors could not be closed");
}

static void cell_signals(void)
{
    sigset_t none;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&none);
    crash_guard_aim(CELL_FD_REPLY);
    if (sigaction(SIGXFSZ, &ignore, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0 ||
        sigaction(SIGTERM, &standard, NULL) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        cell_refuse("signals could not be set");
}

static void cell_limits(const struct parser_request *r, uint64_t base_bytes)
{
    const char *what = "";
    struct rlimit inherited = {0, 0};
    if (getrlimit(RLIMIT_AS, &inherited) < 0)
        cell_refuse("getrlimit");
    struct limits limits = {
        .address_space_bytes = MIN_OF(base_bytes + r->memory_bytes, (uint64_t)inherited.rlim_max),
        .cpu_s = MAX_OF(r->cpu_s, 1u),
        .core_bytes_set = 1,
        .file_size_bytes = MAX_OF(r->reply_bytes, (uint64_t)CRASH_BYTES),
        .no_new_privs = true,
        .parent_death_signal = SIGKILL,
    };
    struct rlimit none = {0, 0}, stack = {STACK_MAX, STACK_MAX};
    if (limits_apply(&limits, &what) < 0)
        cell_refuse(what);
    if (setrlimit(RLIMIT_NOFILE, &none) < 0 || setrlimit(RLIMIT_STACK, &stack) < 0 || setrlimit(RLIMIT_MSGQUEUE, &none) < 0)
        cell_refuse("rlimits");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        cell_refuse("PR_SET_DUMPABLE");
}

#ifdef STINT_TEST_HOOKS
#include <sys/socket.h>
static __attribute__((noinline)) void cell_probe_crash(void)
{
    volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
}

static __attribute__((noinline)) unsigned cell_probe_deeper(volatile unsigned depth)
{
    volatile char frame[1024];
    frame[depth % sizeof frame] = 1;
    if (depth == 0)
        return 0;
    return cell_probe_deeper(depth + 1) + (unsigned)frame[depth % sizeof frame];
}

/* What a hostile document would try once it had the process. */
static void cell_probe(uint32_t probe)
{
    switch ((enum parser_probe)probe) {
    case PARSER_PROBE_NONE:
        break;
    case PARSER_PROBE_OPEN:
        (void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        break;
    case PARSER_PROBE_SOCKET:
        (void)socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        break;
    case PARSER_PROBE_FORK:
        (void)fork();
        break;
    case PARSER_PROBE_SPIN:
        for (volatile unsigned turns = 0;; turns++)
            continue;
    case PARSER_PROBE_ALLOC:
        for (;;) {
            char *p = malloc(1 << 20);
            if (p == NULL)
                _exit(PARSER_EXIT_MEM_LIMIT);
            memset(p, 1, 1 << 20);
        }
    case PARSER_PROBE_CRASH:
        cell_probe_crash();
        break;
    case PARSER_PROBE_ABORT:
        abort();
    case PARSER_PROBE_OVERFLOW:
        (void)cell_probe_deeper(probe);
        break;
    case PARSER_PROBE_HANG:
        for (int futex = 0;;)
            (void)syscall(SYS_futex, &futex, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    case PARSER_PROBE_WRITE:
        for (char block[4096] = {0}; write(CELL_FD_REPLY, block, sizeof block) > 0;)
            continue;
        break;
    }
}
#endif

/* The first complaint of the library about the document's structure (fonts apart: there are none here on purpose). */
static void cell_note_damage(json_t *reply)
{
    char *notes = malloc(NOTES_MAX + 1), *save = NULL;
    ssize_t n = notes != NULL ? pread(CELL_FD_NOTES, notes, NOTES_MAX, 0) : -1;
    json_t *warnings = json_object_get(reply, "warnings");
    if (n > 0 && warnings != NULL) {
        notes[n] = '\0';
        for (char *line = strtok_r(notes, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
            if (strncmp(line, "Syntax Error", 12) != 0 || strcasestr(line, "font") != NULL)
                continue;
            json_t *text = json_string(line);
            json_array_append_new(warnings, json_pack("{s:s,s:s,s:o}", "code", "damaged_document", "message",
                                                      "the PDF has errors; something may be missing", "text",
                                                      text != NULL ? text : json_string("")));
            break;
        }
    }
    free(notes);
}

static void cell_reply(json_t *reply, uint64_t limit)
{
    char *text = json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(8));
    size_t length = text != NULL ? strlen(text) : 0;
    struct parser_reply_head head = {PARSER_REPLY_MAGIC, (uint32_t)length};
    if (text == NULL || length > UINT32_MAX || length + sizeof head > limit)
        _exit(PARSER_EXIT_REPLY);
    for (size_t at = 0; at < length;) {
        ssize_t n = pwrite(CELL_FD_REPLY, text + at, length - at, (off_t)(sizeof head + at));
        if (n <= 0)
            _exit(PARSER_EXIT_REPLY);
        at += (size_t)n;
    }
    if (pwrite(CELL_FD_REPLY, &head, sizeof head, 0) != (ssize_t)sizeof head)
        _exit(PARSER_EXIT_REPLY);
    _exit(0);
}

static json_t *cell_parse(const struct parser_request *r, const void *bytes, size_t size)
{
    struct err e = {0};
    json_t *reply = NULL;
    struct document_options options = {.expect = r->expect, .password = r->password, .max_pages = r->max_pages};
    int rc = document_parse(bytes, size, &options, &reply, &e);
    if (rc == 0) {
        cell_note_damage(reply);
        return reply;
    }
    json_t *message = json_string(e.message);
    return json_pack("{s:{s:s,s:o}}", "error", "code", err_name(rc), "message", message != NULL ? message : json_string(err_text(rc)));
}

void cell_run(const struct parser_request *request, int document_fd, int reply_fd, uint64_t base_bytes)
{
    struct stat st;
    struct err e = {0};
    cell_descriptors(document_fd, reply_fd);
    cell_signals();
    if (fstat(CELL_FD_DOCUMENT, &st) < 0 || st.st_size < 0)
        cell_refuse("the document has no size");
    size_t size = (size_t)st.st_size;
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, CELL_FD_DOCUMENT, 0) : NULL;
    if (bytes == MAP_FAILED)
        cell_refuse("the document could not be mapped");
    if (request->hold)
        (void)raise(SIGSTOP); /* outside its walls still: the debugger's first step brings it inside */
    cell_limits(request, base_bytes + size);
    if (sandbox_seccomp_trap(CELL_CALLS, &e) < 0)
        cell_refuse(e.message);
#ifdef STINT_TEST_HOOKS
    cell_probe(request->probe);
#endif
    cell_reply(cell_parse(request, bytes, size), request->reply_bytes);
    _exit(PARSER_EXIT_REPLY);
}
