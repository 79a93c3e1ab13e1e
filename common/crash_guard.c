/*
 * crash_guard - see crash_guard.h. Refuses to do in the dying process what can be done outside: nothing is unwound, named
 * or formatted here. Whatever goes wrong in here, the process ends of the signal it was dying of, because that is what its
 * parent will be told.
 */
#include "crash_guard.h"

#include "crash_page.h"
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { GUARD_STACK = 64 * 1024, GUARD_RED_ZONE = 128, GUARD_PAGE = 4096, GUARD_HOLES_MAX = 32 };

#ifdef STINT_SANITIZED /* it has handlers of its own, and says more; but knows nothing of a refused call */
static const int fatal_signals[] = {SIGSYS};
#else
static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGXCPU, SIGTERM};
#endif

/* The one mutable global: a signal handler has no other way to find anything. Written before a signal can come. */
static struct {
    int fd, maps_fd;
    struct crash_head *shared; /* the page's head, mapped; NULL: no words are kept */
    struct crash_head head;    /* made ready here: the handler's stack stays small */
    atomic_int dying;          /* thread that came first; 0: none */
    atomic_int signal;         /* … and what it dies of */
    size_t maps_bytes;
    char maps[CRASH_MAPS_MAX]; /* what was mapped at installation; and the handler's buffer when it asks again */
    _Alignas(16) char stack[GUARD_STACK];
} guard = {.fd = -1, .maps_fd = -1};

static int guard_tid(void)
{
    return (int)syscall(SYS_gettid);
}

/* On the handler's stack an instrumented function that does not return would have the runtime read files. */
#define UNSANITIZED __attribute__((no_sanitize("address", "undefined", "thread")))

/* Never returns: the default action of the signal is to end the process, and the kernel restored it when it called the handler
 * (SA_RESETHAND): a cell may not set handlers. */
static UNSANITIZED NORETURN void guard_die(int number)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, number);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)syscall(SYS_tgkill, getpid(), guard_tid(), number);
    _exit(128 + number);
}

#if defined(__x86_64__)
static uint64_t guard_registers(const ucontext_t *context, uint64_t to[CRASH_REGISTERS])
{
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                                REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        to[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}
#elif defined(__aarch64__)
static uint64_t guard_registers(const ucontext_t *context, uint64_t to[CRASH_REGISTERS])
{
    for (size_t i = 0; i < 31; i++)
        to[i] = context->uc_mcontext.regs[i];
    to[31] = context->uc_mcontext.sp;
    to[32] = context->uc_mcontext.pc;
    return context->uc_mcontext.sp;
}
#else
static uint64_t guard_registers(const ucontext_t *context, uint64_t to[CRASH_REGISTERS])
{
    (void)context;
    (void)to;
    return 0;
}
#endif

/* The kernel copies, and says EFAULT where nothing is mapped: no byte of a damaged stack is touched by this code. After an overflow
 * the pointer is in the guard page, and the stack begins on the next. */
static void guard_copy_stack(struct crash_head *head, uint64_t stack_pointer)
{
    uint64_t at = stack_pointer - GUARD_RED_ZONE;
    for (int i = 0; i < GUARD_HOLES_MAX && stack_pointer > GUARD_PAGE; i++) {
        ssize_t n = syscall(SYS_pwrite64, guard.fd, at, CRASH_STACK_MAX, CRASH_STACK_AT); /* no sanitizer looks at this copy */
        if (n > 0) {
            head->stack_at = at;
            head->stack_bytes = (uint32_t)n;
            return;
        }
        at = (at | (GUARD_PAGE - 1)) + 1;
    }
}

static void guard_copy_maps(struct crash_head *head)
{
    if (guard.maps_fd >= 0) {
        size_t len = 0;
        ssize_t n;
        while (len < sizeof guard.maps && (n = pread(guard.maps_fd, guard.maps + len, sizeof guard.maps - len, (off_t)len)) > 0)
            len += (size_t)n;
        guard.maps_bytes = len > 0 ? len : guard.maps_bytes;
    }
    ssize_t n = pwrite(guard.fd, guard.maps, guard.maps_bytes, CRASH_MAPS_AT);
    head->maps_bytes = n > 0 ? (uint32_t)n : 0;
}

static void guard_capture(int number, const siginfo_t *info, const ucontext_t *context)
{
    struct crash_head *head = &guard.head;
    bool memory = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
    *head = (struct crash_head){.magic = CRASH_MAGIC, .signal = number, .code = info->si_code, .syscall = -1};
    if (number == SIGSYS && info->si_code == 1 /* SYS_SECCOMP */)
        head->syscall = info->si_syscall;
    head->fault = memory && info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
    uint64_t stack_pointer = guard_registers(context, head->registers);
    /* First what costs nothing: should a copy fail, the signal's own facts are there. */
    (void)!pwrite(guard.fd, head, offsetof(struct crash_head, words), 0);
    guard_copy_stack(head, stack_pointer);
    guard_copy_maps(head);
    (void)!pwrite(guard.fd, head, offsetof(struct crash_head, words), 0);
}

static UNSANITIZED void guard_on_signal(int number, siginfo_t *info, void *context)
{
    int nobody = 0, me = guard_tid();
    if (!atomic_compare_exchange_strong(&guard.dying, &nobody, me)) {
        if (nobody == me) /* a fault in here: what it was dying of stays what it dies of */
            guard_die(atomic_load(&guard.signal));
        for (;;) /* another thread is dying, and takes this one along */
            (void)pause();
    }
    atomic_store(&guard.signal, number);
    if (guard.fd >= 0)
        guard_capture(number, info, context);
    guard_die(number);
}

static int guard_read_maps(bool live)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n;
    while (guard.maps_bytes < sizeof guard.maps &&
           (n = read(fd, guard.maps + guard.maps_bytes, sizeof guard.maps - guard.maps_bytes)) > 0)
        guard.maps_bytes += (size_t)n;
    if (live)
        guard.maps_fd = fd;
    else
        (void)close(fd);
    return 0;
}

int crash_guard_install(int fd, bool live)
{
    stack_t stack = {.ss_sp = guard.stack, .ss_size = sizeof guard.stack};
    struct sigaction action = {.sa_sigaction = guard_on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESETHAND};
    if (guard_read_maps(live) < 0 || sigaltstack(&stack, NULL) < 0)
        return -errno;
    if (fd >= 0) {
        void *page = mmap(NULL, CRASH_HEAD_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
            return -errno;
        guard.shared = page;
    }
    guard.fd = fd;
    for (size_t i = 0; i < ARRAY_LEN(fatal_signals); i++)
        if ((live || fatal_signals[i] != SIGTERM) && sigaction(fatal_signals[i], &action, NULL) < 0)
            return -errno;
    return 0;
}

void crash_guard_aim(int fd)
{
    guard.fd = fd;
}

void crash_guard_words(const char *text)
{
    struct crash_head *head = guard.shared;
    if (head == NULL)
        return;
    size_t n = strnlen(text, sizeof head->words - 1);
    memcpy(head->words, text, n);
    head->words[n] = '\0';
}
