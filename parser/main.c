/*
 * stint-parser - one per worker: loads the PDF library once, then forks a sandboxed cell per document.
 *
 * Started by a worker with a socket at PARSER_FD; refuses to run by hand. Reads no configuration, knows no secret.
 */
#include "build_info.h"
#include "cell.h"
#include "crash_guard.h"
#include "document.h"
#include "identity.h"
#include "layout_tool.h"
#include "library_files.h"
#include "rehearsal.h"
#include "sanitized.h"
#include "zygote.h"

#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { HEAP_ROOM = 512 * 1024 };

#ifndef STINT_SANITIZED
/* The C library's own allocators under names that are part of its interface: every allocation of every library passes here, so that
 * in a cell "no memory" is an exit code and never a crash to be guessed at. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static void *allocated(void *p, size_t size)
{
    if (p == NULL && size > 0)
        _exit(PARSER_EXIT_MEM_LIMIT);
    return p;
}

void *malloc(size_t size)
{
    return allocated(__libc_malloc(size), size);
}

void *calloc(size_t n, size_t size)
{
    return allocated(__libc_calloc(n, size), n != 0 ? size : 0);
}

void *realloc(void *p, size_t size)
{
    return allocated(__libc_realloc(p, size), size);
}

static struct library_files library_files;

/* What the libraries call as fopen: their own tables come from memory, for a cell opens nothing. */
FILE *main_fopen(const char *path, const char *mode) __asm__("fopen");
FILE *main_fopen(const char *path, const char *mode)
{
    bool ours = false;
    FILE *file = library_files_open(&library_files, path, &ours);
    return ours ? file : fopen64(path, mode);
}
#endif

/* Read before any document, constant in every cell. */
static struct layout_set layouts;

/* GLib asks what standard error is before it writes there, which no cell may; and what it complains of is to be seen as what it is. */
static GLogWriterOutput on_complaint(GLogLevelFlags level, const GLogField *fields, gsize n_fields, void *nothing)
{
    (void)level;
    (void)nothing;
    for (gsize i = 0; i < n_fields; i++)
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            (void)dprintf(STDERR_FILENO, "%.*s\n", fields[i].length < 0 ? -1 : (int)fields[i].length, (const char *)fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

/* The library says on standard error that there is no font: it is meant so, and said once per worker it is noise. */
static int warm_up(struct err *e)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && kept >= 0)
        (void)dup3(null, STDERR_FILENO, O_CLOEXEC);
    int rc = document_warm_up(e);
    if (rc == 0)
        rehearsal_run(&layouts);
    if (kept >= 0) {
        (void)dup2(kept, STDERR_FILENO);
        (void)close(kept);
    }
    if (null >= 0)
        (void)close(null);
    return rc;
}

/* A cell's heap is large enough for most documents from the start, and never given back piece by piece. */
static void heap_reserve(void)
{
#ifndef STINT_SANITIZED
    (void)mallopt(M_MMAP_THRESHOLD, 4 * HEAP_ROOM);
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    (void)mallopt(M_TOP_PAD, (int)HEAP_ROOM);
    free(malloc(HEAP_ROOM));
#endif
}

static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%llu", &pages) != 1)
            pages = 0;
        (void)fclose(file);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What must be had from files is had before the walls stand. */
static int prepare(struct cell_setup *setup, const char *layouts_path, struct err *e)
{
    int rc = layout_set_load(&layouts, layouts_path, e);
    setup->layouts = &layouts;
    g_log_set_writer_func(on_complaint, NULL, NULL);
    if (rc == 0)
        rc = warm_up(e);
    if (rc < 0)
        return rc;
    if (CELL_FD_SANITIZER >= 0 && dup3(STDERR_FILENO, CELL_FD_SANITIZER, O_CLOEXEC) >= 0)
        sanitized_prepare();
#ifndef STINT_SANITIZED
    rc = library_files_load(&library_files, e);
    if (rc < 0)
        return rc;
#endif
    if (crash_guard_install(-1, false) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "parser: the handlers of fatal signals could not be set");
    rc = cell_walls_filter(&setup->filter, e);
    if (rc < 0)
        return rc;
    heap_reserve();
    setup->base_bytes = address_space();
    return confine_enter(&setup->walls, e);
}

/* For `stint preflight`: which walls this host gives a parser, one a line. */
static int tell_walls(void)
{
    struct cell_setup setup = {0};
    struct err e = {0};
    if (cell_walls_filter(&setup.filter, &e) < 0 || confine_enter(&setup.walls, &e) < 0) {
        (void)fprintf(stderr, "stint-parser: %s\n", e.message);
        return 1;
    }
    for (int i = 0; i < WALL_COUNT; i++)
        (void)printf("%s %s%s%s\n", setup.walls.error[i] == 0 ? "holds" : "missing", confine_wall_name((enum wall)i),
                     setup.walls.error[i] == 0 ? "" : ": ", setup.walls.error[i] == 0 ? "" : strerror(setup.walls.error[i]));
    sandbox_filter_free(setup.filter);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "--walls") == 0)
        return tell_walls();
    if (argc > 1 && strncmp(argv[1], "--layout-", 9) == 0)
        return layout_tool_run(argc, argv);
    bool with_layouts = argc == 3 && strcmp(argv[1], "--layouts") == 0;
    if (argc > 1 && !with_layouts) {
        bool version = strcmp(argv[1], "--version") == 0;
        (void)printf(version ? "stint-parser %s (%s)\n" : "stint-parser: started by stint-worker; by hand it takes --version and --walls\n",
                     STINT_VERSION, STINT_BUILD);
        return version ? 0 : 2;
    }
    struct cell_setup setup = {.heap_begin = sbrk(0)};
    struct err e = {0};
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(PARSER_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr, "stint-parser: is started by stint-worker, with a socket at descriptor %d\n", PARSER_FD);
        return 2;
    }
    (void)fcntl(PARSER_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    char identity[IDENTITY_HEX];
    identity_make(identity); /* while files can still be read */
    int rc = prepare(&setup, with_layouts ? argv[2] : "", &e);
    /* The worker's death ends this process, and with it the cells; set last, a change of user clears it. */
    if (rc == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        rc = err_set(&e, ERR_BOOT_FAILURE, "parser: no parent-death signal");
    if (rc < 0) {
        zygote_boot_failed(PARSER_FD, e.message);
        return 1;
    }
    return zygote_serve(PARSER_FD, &setup, identity);
}
