/*
 * sanitized - see sanitized.h. Refuses to exist in a build without a sanitizer: nothing of it is compiled in there.
 */
#include "sanitized.h"

#ifdef STINT_SANITIZED
#include "parser_proto.h"
#include <sanitizer/common_interface_defs.h>

/* Of sanitizer/allocator_interface.h, which gcc's runtime has and gcc's headers lack. */
extern size_t __sanitizer_get_current_allocated_bytes(void);
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));

/* A report is addresses and modules: symbolizer and leak search would start programs and threads. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "symbolize=0:detect_leaks=0:color=never:abort_on_error=1:handle_sigill=0:use_sigaltstack=0:allocator_may_return_null=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "symbolize=0:color=never:abort_on_error=1:print_stacktrace=1";
}

/* The one mutable global: an allocation hook has no argument. UINT64_MAX: no limit. */
static uint64_t allocation_limit = UINT64_MAX;

static void on_malloc(const volatile void *p, size_t size)
{
    (void)p;
    (void)size;
    if (allocation_limit != UINT64_MAX && __sanitizer_get_current_allocated_bytes() > allocation_limit)
        _exit(PARSER_EXIT_MEM_LIMIT);
}

static void on_free(const volatile void *p)
{
    (void)p;
}

void sanitized_prepare(void)
{
    __sanitizer_sandbox_arguments nothing = {0};
    __sanitizer_sandbox_on_notify(&nothing);
    (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

void sanitized_enter(int fd, uint64_t bytes)
{
    __sanitizer_set_report_fd((void *)(intptr_t)fd); /* here: a forked process closes its parent's */
    allocation_limit = __sanitizer_get_current_allocated_bytes() + bytes;
}
#else
void sanitized_prepare(void)
{
}

void sanitized_enter(int fd, uint64_t bytes)
{
    (void)fd;
    (void)bytes;
}
#endif
