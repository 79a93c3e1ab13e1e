/*
 * probe_fault - why: what a handler's own code does to a worker must be rehearsed as it happens, or the evidence is only
 * evidence of raise(). Refuses to be clever: each fault is one line that a reviewer would refuse elsewhere.
 */
#include "probe_fault.h"

#include "base.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

enum { FAULT_BYTES = 4096, FAULT_FRAME = 1024 };

#ifdef STINT_SANITIZED /* its own handlers would end the process with an exit status of theirs */
static void as_unhandled(int number)
{
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}
#else
static void as_unhandled(int number)
{
    (void)number;
}
#endif

void probe_fault_crash(void)
{
    volatile uintptr_t nowhere = 16;
    as_unhandled(SIGSEGV);
    *(volatile int *)nowhere = 1;
}

void probe_fault_bus(void)
{
    AUTO_CLOSE int fd = memfd_create("probe", MFD_CLOEXEC);
    const volatile char *empty = mmap(NULL, FAULT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    as_unhandled(SIGBUS);
    if (empty != MAP_FAILED)
        (void)empty[0];
}

void probe_fault_ill(void)
{
    as_unhandled(SIGILL);
    __builtin_trap();
}

void probe_fault_fpe(void)
{
    volatile int zero = 0, one = 1;
    as_unhandled(SIGFPE);
    one = one / zero;
    (void)raise(SIGFPE);
}

/* The volatile frame keeps the call from becoming a jump. */
static unsigned deeper(volatile const unsigned *most, unsigned depth)
{
    volatile char frame[FAULT_FRAME];
    frame[depth % FAULT_FRAME] = (char)depth;
    if (depth >= *most)
        return (unsigned)frame[0];
    return deeper(most, depth + 1) + (unsigned)frame[depth % FAULT_FRAME];
}

void probe_fault_overflow(void)
{
    volatile unsigned most = UINT32_MAX;
    as_unhandled(SIGSEGV);
    (void)deeper(&most, 0);
}

static __attribute__((noinline)) void smash(volatile size_t n)
{
    char local[16];
    volatile char *over = local;
    for (size_t i = 0; i < n; i++)
        over[i] = 'A';
}

void probe_fault_smash(void)
{
    as_unhandled(SIGABRT);
    smash(64);
}

void probe_fault_jump(void)
{
    void (*volatile nowhere)(void) = NULL;
    as_unhandled(SIGSEGV);
    nowhere();
}

void probe_fault_syscall(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
