/*
 * cell_probe - see cell_probe.h. Refuses to exist in a release build: nothing of it is compiled in there.
 */
#include "cell_probe.h"

#ifdef STINT_TEST_HOOKS
#include "cell.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

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

enum { SCRATCH_BYTES = 4096, CALL_WORDS = 7, PIDS_MAX = 4096, FDS_MAX = 70000, STACK_LOOKED_AT = 1 << 16 };

static char scratch[SCRATCH_BYTES];
static struct iovec scratch_vector = {scratch, 64};

static NORETURN void probe_answer(long returned, int error, unsigned long count)
{
    char text[128];
    int length = snprintf(text, sizeof text, "{\"returned\":%ld,\"errno\":%d,\"count\":%lu}", returned, error, count);
    struct parser_reply_head head = {PARSER_REPLY_MAGIC, (uint32_t)length};
    (void)!pwrite(CELL_FD_REPLY, text, (size_t)length, sizeof head);
    (void)!pwrite(CELL_FD_REPLY, &head, sizeof head, 0);
    _exit(0);
}

static void probe_words(const char *text, const void *document, long pid, long words[CALL_WORDS])
{
    for (size_t i = 0; i < CALL_WORDS; i++) {
        char *end = NULL;
        words[i] = *text == 'S' ? (long)(uintptr_t)scratch : *text == 'P' ? pid : *text == 'D' ? (long)(uintptr_t)document : *text == 'V' ? (long)(uintptr_t)&scratch_vector : 0;
        if (words[i] == 0 && *text != '\0') {
            words[i] = (long)strtoull(text, &end, 0);
            text = end;
        } else if (*text != '\0') {
            text++;
        }
        text += *text == ' ';
    }
}

static long probe_call(const long w[CALL_WORDS])
{
    return syscall(w[0], w[1], w[2], w[3], w[4], w[5], w[6]);
}

static void probe_sweep(const struct parser_request *r, const void *document)
{
    long words[CALL_WORDS];
    unsigned long reached = 0;
    for (long pid = 1; pid < PIDS_MAX; pid++) {
        probe_words(r->password, document, pid, words);
        reached += pid != getpid() && probe_call(words) >= 0;
    }
    probe_answer(0, 0, reached);
}

static void probe_compat(long nr)
{
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "+a"(nr) : "b"(0L), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
#endif
    probe_answer(nr, 0, 0);
}

static void probe_reply(const char *text)
{
    char *at = NULL;
    struct parser_reply_head head;
    head.magic = (uint32_t)strtoull(text, &at, 0);
    head.length = (uint32_t)strtoull(at, &at, 0);
    unsigned long times = strtoul(at, &at, 0);
    off_t end = sizeof head;
    size_t length = strlen(at + 1);
    for (unsigned long left = times; left > 0;) {
        unsigned long now = MIN_OF(left, SCRATCH_BYTES / length);
        for (unsigned long i = 0; i < now; i++)
            memcpy(scratch + i * length, at + 1, length);
        end += MAX_OF(pwrite(CELL_FD_REPLY, scratch, now * length, end), 0);
        left -= now;
    }
    (void)!pwrite(CELL_FD_REPLY, &head, sizeof head, 0);
    _exit(0);
}

static NORETURN void probe_done(const char *how)
{
    static const char text[] = "{\"returned\":7}";
    const struct parser_reply_head head = {PARSER_REPLY_MAGIC, sizeof text - 1};
    const struct cell_word word = {.says = CELL_DONE, .peak_bytes = UINT64_MAX};
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    while (strcmp(how, "babble") == 0)
        (void)!write(CELL_FD_SOCKET, scratch, 32);
    if (strcmp(how, "done") == 0) {
        (void)!pwrite(CELL_FD_REPLY, text, sizeof text - 1, sizeof head);
        (void)!pwrite(CELL_FD_REPLY, &head, sizeof head, 0);
    }
    for (size_t i = 0;; i++) {
        if (i < 2)
            (void)!write(CELL_FD_SOCKET, &word, sizeof word);
        (void)!pwrite(CELL_FD_REPLY, i % 2 == 0 ? "8" : "7", 1, (off_t)(sizeof head + sizeof text - 3));
    }
}

static void probe_secrets(const struct parser_request *r)
{
    char secret[sizeof r->password];
    size_t length = strlen(r->password);
    unsigned long found = 0;
    for (size_t i = 0; i <= length; i++)
        secret[i] = (char)(r->password[i] - (i < length));
    const char *own = secret, *heap = sbrk(0);
    /* The kernel says which page is there: downwards from the heap's end until there is none. */
    while (pwrite(CELL_FD_REPLY, heap - SCRATCH_BYTES, 1, 0) == 1) {
        heap -= SCRATCH_BYTES;
        found += memmem(heap, SCRATCH_BYTES, secret, length) != NULL;
    }
    const char *stack = (const char *)((uintptr_t)own & ~(uintptr_t)(SCRATCH_BYTES - 1));
    for (size_t i = 0; i < STACK_LOOKED_AT && pwrite(CELL_FD_REPLY, stack + i, SCRATCH_BYTES, 0) == SCRATCH_BYTES; i += SCRATCH_BYTES)
        for (const char *hit = stack + i; (hit = memmem(hit, (size_t)(stack + i + SCRATCH_BYTES - hit), secret, length)) != NULL; hit++)
            found += hit != own;
    probe_answer(0, 0, found);
}

static void probe_deaf(void)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

static void probe_fds(void)
{
    unsigned long open_ones = 0;
    for (int fd = 0; fd < FDS_MAX; fd++)
        open_ones += pread(fd, scratch, 0, 0) == 0 || errno != EBADF;
    probe_answer(0, 0, open_ones);
}

/* Attacks that a request's text tells. False: it is none. */
static bool probe_told(const struct parser_request *r, const void *document)
{
    long words[CALL_WORDS];
    probe_words(r->password, document, getpid(), words);
    errno = 0;
    switch (r->probe) {
    case PARSER_PROBE_CALL:
    case PARSER_PROBE_BARE_CALL: {
        long returned = probe_call(words);
        probe_answer(returned, errno, 0);
    }
    case PARSER_PROBE_BARE_SWEEP:
        probe_sweep(r, document);
        return true;
    case PARSER_PROBE_COMPAT:
        probe_compat(words[0]);
        return true;
    case PARSER_PROBE_REPLY:
        probe_reply(r->password);
        return true;
    case PARSER_PROBE_DONE:
        probe_done(r->password);
    case PARSER_PROBE_SECRETS:
        probe_secrets(r);
        return true;
    default:
        return false;
    }
}

/* What a hostile document would try once it had the process. */
void cell_probe(const struct parser_request *request, const void *document)
{
    if (probe_told(request, document))
        return;
    switch ((enum parser_probe)request->probe) {
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
        (void)cell_probe_deeper(request->probe);
        break;
    case PARSER_PROBE_HANG:
        for (int futex = 0;;)
            (void)syscall(SYS_futex, &futex, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    case PARSER_PROBE_WRITE:
        for (char block[4096] = {0}; write(CELL_FD_REPLY, block, sizeof block) > 0;)
            continue;
        break;
    case PARSER_PROBE_DOCUMENT:
        *(volatile char *)(uintptr_t)document = 'x';
        break;
    case PARSER_PROBE_DEAF:
        probe_deaf();
        break;
    case PARSER_PROBE_NOTES:
        while (write(CELL_FD_NOTES, scratch, sizeof scratch) > 0)
            continue;
        _exit(0);
    case PARSER_PROBE_FDS:
        probe_fds();
        break;
    case PARSER_PROBE_CALL: /* probe_told */
    case PARSER_PROBE_BARE_CALL:
    case PARSER_PROBE_BARE_SWEEP:
    case PARSER_PROBE_COMPAT:
    case PARSER_PROBE_REPLY:
    case PARSER_PROBE_DONE:
    case PARSER_PROBE_SECRETS:
    case PARSER_PROBE_LIE: /* when there is a reply: cell_probe_reply */
        break;
    }
}

void cell_probe_reply(uint32_t probe, json_t *reply)
{
    if (probe == PARSER_PROBE_LIE)
        (void)json_object_set_new(reply, "rows_seen", json_integer(json_integer_value(json_object_get(reply, "rows_seen")) + 1));
}

bool cell_probe_skips_filter(uint32_t probe)
{
    return probe == PARSER_PROBE_BARE_CALL || probe == PARSER_PROBE_BARE_SWEEP;
}
#else
void cell_probe(const struct parser_request *request, const void *document)
{
    (void)request;
    (void)document;
}

void cell_probe_reply(uint32_t probe, json_t *reply)
{
    (void)probe;
    (void)reply;
}

bool cell_probe_skips_filter(uint32_t probe)
{
    (void)probe;
    return false;
}
#endif
