/*
 * alloc - why: "out of memory" must become one known exit code, whatever line noticed it. Refuses to recover: the supervisor
 * starts a fresh process, which is the only state anybody can reason about after memory ran out.
 */
#include "alloc.h"

#include "ipc.h"
#include <sys/uio.h>

void alloc_failed(void)
{
    /* no log_error: formatting may allocate */
    static const char line[] = ": out of memory (a worker's limit: [pool.NAME] memory); exiting\n";
    const struct iovec parts[] = {{program_invocation_short_name, strlen(program_invocation_short_name)},
                                  {(void *)(uintptr_t)line, sizeof line - 1}};
    ssize_t ignored UNUSED = writev(STDERR_FILENO, parts, ARRAY_LEN(parts));
    _exit(WORKER_EXIT_MEM_LIMIT);
}

void *alloc_must(void *p)
{
    if (!p)
        alloc_failed();
    return p;
}

void *alloc_zero(size_t n, size_t size)
{
    return alloc_must(calloc(n ? n : 1, size ? size : 1));
}

char *alloc_dup(const char *s)
{
    return s ? alloc_must(strdup(s)) : NULL;
}
