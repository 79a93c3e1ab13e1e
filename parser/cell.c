/*
 * cell - see cell.h. Its walls do not depend on the library behaving: it has no file, no socket, no way to start anything, little memory
 * and little time, and what it writes is read as foreign bytes.
 */
#include "cell.h"

#include "cell_probe.h"
#include "crash_guard.h"
#include "document.h"
#include "packet.h"
#include "sandbox.h"
#include "sanitized.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { NOTES_MAX = 64 * 1024 };

/* The reason goes where the reply would be: whoever reads it knows it for foreign. */
NORETURN static void cell_refuse(const char *what)
{
    (void)!pwrite(CELL_FD_REPLY, what, strlen(what), 0);
    _exit(PARSER_EXIT_SANDBOX);
}

static bool cell_place(int from, int to)
{
    return from == to || dup3(from, to, O_CLOEXEC) == to;
}

/* Before the document: the socket, and where the library's notes go. */
static void cell_descriptors(int socket)
{
    int notes = memfd_create("cell-notes", MFD_CLOEXEC), from = fcntl(socket, F_DUPFD_CLOEXEC, 16);
    const int keep[] = {CELL_FD_NOTES, CELL_FD_SOCKET, CELL_FD_SANITIZER};
    if (notes < 0 || from < 0 || !cell_place(notes, CELL_FD_NOTES) || !cell_place(from, CELL_FD_SOCKET) ||
        sandbox_close_fds(keep, ARRAY_LEN(keep)) < 0)
        _exit(PARSER_EXIT_SANDBOX);
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
        _exit(PARSER_EXIT_SANDBOX);
}

/* What guards return addresses is the same in all forks of a process, and could be guessed byte by byte over many documents: each cell
 * has its own. No frame below this one ever returns. */
static __attribute__((always_inline)) inline void cell_new_canary(void)
{
#if defined(__x86_64__) && !defined(STINT_SANITIZED)
    uint64_t canary;
    if (getrandom(&canary, sizeof canary, 0) != (ssize_t)sizeof canary)
        _exit(PARSER_EXIT_SANDBOX);
    canary &= ~UINT64_C(0xff);
    __asm__ volatile("movq %0, %%fs:0x28" : : "r"(canary) : "memory");
#endif
}

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

/* The zygote ends this process when it has read this: taking its memory down is no part of the answer's way. */
static void cell_done(void)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    const struct cell_word word = {.says = CELL_DONE, .peak_bytes = (uint64_t)usage.ru_maxrss * 1024};
    (void)!write(CELL_FD_SOCKET, &word, sizeof word);
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
    cell_done();
    _exit(0);
}

static json_t *cell_parse(const struct parser_request *r, const struct layout_set *layouts, const void *bytes, size_t size)
{
    struct err e = {0};
    json_t *reply = NULL;
    struct document_options options = {.expect = r->expect, .layouts = layouts, .password = r->password, .max_pages = r->max_pages,
                                       .max_unpacked = r->unpacked_bytes, .leave = true};
    int rc = document_parse(bytes, size, &options, &reply, &e);
    if (rc == 0) {
        cell_note_damage(reply);
        cell_probe_reply(r->probe, reply);
        return reply;
    }
    json_t *message = json_string(e.message);
    return json_pack("{s:{s:s,s:o}}", "error", "code", err_name(rc), "message", message != NULL ? message : json_string(err_text(rc)));
}

/* Pages of the heap become the cell's own in one call: one by one, while the document is read, each would cost ten times as much. Kernels before
 * 5.14 refuse, and then they do. */
static void cell_own_heap(void *begin)
{
    uintptr_t from = ((uintptr_t)begin + 4095) & ~(uintptr_t)4095, to = (uintptr_t)sbrk(0);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

/* The one packet this process ever receives; of the socket its filter lets it write alone. */
static void cell_receive(struct parser_request *request, int ret_fds[PARSER_FDS])
{
    ssize_t n = packet_receive(CELL_FD_SOCKET, request, sizeof *request, ret_fds, PARSER_FDS, 0);
    if (n == 0)
        _exit(0);
    if (n != (ssize_t)sizeof *request || ret_fds[0] < 0 || ret_fds[1] < 0)
        _exit(PARSER_EXIT_SANDBOX);
    const struct cell_word word = {.says = CELL_TAKEN};
    (void)send(CELL_FD_SOCKET, &word, sizeof word, MSG_NOSIGNAL); /* from here on its death is the document's */
    const int keep[] = {CELL_FD_NOTES, CELL_FD_REPLY, CELL_FD_SOCKET, CELL_FD_SANITIZER, ret_fds[0]};
    if (ret_fds[0] == CELL_FD_REPLY || !cell_place(ret_fds[1], CELL_FD_REPLY) || sandbox_close_fds(keep, ARRAY_LEN(keep)) < 0)
        _exit(PARSER_EXIT_SANDBOX);
}

static const void *cell_map(int document_fd, size_t *ret_size)
{
    struct stat st;
    if (fstat(document_fd, &st) < 0 || st.st_size < 0)
        cell_refuse("the document has no size");
    *ret_size = (size_t)st.st_size;
    void *bytes = st.st_size > 0 ? mmap(NULL, *ret_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, document_fd, 0) : NULL;
    if (bytes == MAP_FAILED)
        cell_refuse("the document could not be mapped");
    (void)close(document_fd); /* it could be written through this, was it not sealed */
    return bytes;
}

void cell_run(int socket, const struct cell_setup *setup)
{
    struct parser_request request;
    int fds[PARSER_FDS];
    size_t size = 0;
    cell_new_canary();
    if (cell_walls_early(setup) != NULL)
        _exit(PARSER_EXIT_SANDBOX);
    cell_descriptors(socket);
    cell_signals();
    cell_own_heap(setup->heap_begin);
    cell_receive(&request, fds);
    const void *bytes = cell_map(fds[0], &size);
    if (request.hold)
        (void)raise(SIGSTOP); /* outside its filter still: the debugger's first step brings it inside */
    const char *what = cell_walls_limits(setup, &request, size);
    if (what != NULL)
        cell_refuse(what);
    sanitized_enter(CELL_FD_SANITIZER, request.memory_bytes);
    if (!cell_probe_skips_filter(request.probe) && sandbox_filter_enter(setup->filter) < 0)
        cell_refuse("the kernel refused the seccomp filter");
    cell_probe(&request, bytes);
    cell_reply(cell_parse(&request, setup->layouts, bytes, size), request.reply_bytes);
    _exit(PARSER_EXIT_REPLY);
}
