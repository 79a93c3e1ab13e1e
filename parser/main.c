/*
 * stint-parser - one per worker: loads the PDF library once, then forks a sandboxed cell per document.
 *
 * Started by a worker with a socket at PARSER_FD; refuses to run by hand. Reads no configuration, knows no secret.
 */
#include "build_info.h"
#include "crash_guard.h"
#include "document.h"
#include "zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

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
#endif

/* The library says on standard error that there is no font: it is meant so, and said once per worker it is noise. */
static int warm_up(struct err *e)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0 && kept >= 0)
        (void)dup3(null, STDERR_FILENO, O_CLOEXEC);
    int rc = document_warm_up(e);
    if (kept >= 0) {
        (void)dup2(kept, STDERR_FILENO);
        (void)close(kept);
    }
    if (null >= 0)
        (void)close(null);
    return rc;
}

int main(int argc, char *argv[])
{
    if (argc > 1) {
        bool version = strcmp(argv[1], "--version") == 0;
        (void)printf(version ? "stint-parser %s (%s)\n" : "stint-parser: started by stint-worker; takes no argument but --version\n",
                     STINT_VERSION, STINT_BUILD);
        return version ? 0 : 2;
    }
    struct err e = {0};
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(PARSER_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
        (void)fprintf(stderr, "stint-parser: is started by stint-worker, with a socket at descriptor %d\n", PARSER_FD);
        return 2;
    }
    (void)fcntl(PARSER_FD, F_SETFD, FD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    int rc = warm_up(&e);
    if (rc == 0)
        rc = zygote_confine(&e);
    if (rc == 0 && crash_guard_install(-1, false) < 0)
        rc = err_set(&e, ERR_BOOT_FAILURE, "parser: the handlers of fatal signals could not be set");
    /* The worker's death ends this process, and with it the cells; set last, a change of user clears it. */
    if (rc == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        rc = err_set(&e, ERR_BOOT_FAILURE, "parser: no parent-death signal");
    if (rc < 0) {
        zygote_boot_failed(PARSER_FD, e.message);
        return 1;
    }
    return zygote_serve(PARSER_FD);
}
