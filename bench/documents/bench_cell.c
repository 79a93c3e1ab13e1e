/*
 * bench_cell - see bench_cell.h. Measured is what a worker does between having a document's bytes and having its reply checked for form;
 * no store, no queue.
 */
#include "bench_cell.h"

#include "clock.h"
#include "parser_client_uv.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { MEMORY_BYTES = 1 << 30, REPLY_BYTES = 256 << 20, CPU_S = 300, WALL_MS = 300000, PAGES = 100000 };

struct cell_bed {
    uv_loop_t loop;
    struct parser_client *client;
    const void *bytes;
    size_t size;
    const char *expect;
    bool done;
    uint64_t peak_bytes;
};

NORETURN static void give_up(const char *what, const char *why)
{
    (void)fprintf(stderr, "stint-bench-pdf: %s: %s\n", what, why);
    exit(1);
}

static void bed_open(struct cell_bed *bed, const struct bench_cell *b)
{
    struct err e = {0};
    struct stat st;
    AUTO_CLOSE int fd = open(b->path, O_RDONLY | O_CLOEXEC);
    *bed = (struct cell_bed){.expect = b->expect};
    if (fd < 0 || fstat(fd, &st) < 0)
        give_up(b->path, strerror(errno));
    bed->size = (size_t)st.st_size;
    bed->bytes = mmap(NULL, bed->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bed->bytes == MAP_FAILED)
        give_up(b->path, strerror(errno));
    if (uv_loop_init(&bed->loop) < 0 || parser_client_new(&bed->loop, "", &bed->client, &e) < 0)
        give_up("no parser", e.message);
}

static void bed_close(struct cell_bed *bed)
{
    parser_client_close(bed->client);
    (void)uv_run(&bed->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&bed->loop);
}

static void bed_on_parsed(void *arg, const struct parser_outcome *outcome)
{
    struct cell_bed *bed = arg;
    if (outcome->code < 0)
        give_up("a document failed", outcome->e.message);
    bed->done = true;
    bed->peak_bytes = MAX_OF(bed->peak_bytes, outcome->rss_bytes);
}

/* The file a worker hands over: sealed, so that nothing changes under the cell. */
static int bed_sealed(const struct cell_bed *bed)
{
    int fd = memfd_create("bench-document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write(fd, bed->bytes, bed->size) != (ssize_t)bed->size ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        give_up("a sealed memory file", strerror(errno));
    return fd;
}

static void bed_parse(struct cell_bed *bed)
{
    struct err e = {0};
    uint64_t id;
    struct parser_request request = {.memory_bytes = MEMORY_BYTES, .cpu_s = CPU_S, .wall_ms = WALL_MS, .reply_bytes = REPLY_BYTES, .max_pages = PAGES,
                                     .unpacked_bytes = UINT64_C(128) << 20};
    (void)snprintf(request.expect, sizeof request.expect, "%s", bed->expect);
    AUTO_CLOSE int fd = bed_sealed(bed);
    bed->done = false;
    if (parser_client_parse(bed->client, &request, fd, bed_on_parsed, bed, &id, &e) < 0)
        give_up("a document is not taken", e.message);
    while (!bed->done)
        (void)uv_run(&bed->loop, UV_RUN_ONCE);
}

/* CPU of this process and of all that it started and waited for. The parser counts once it has ended: its cells are its children. */
static uint64_t tree_cpu_us(void)
{
    uint64_t us = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage u;
        (void)getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &u);
        us += (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    }
    return us;
}

/* CPU of a parser and of its cells that ended, in ticks of the kernel; field names of proc(5). */
static uint64_t parser_cpu_us(int pid)
{
    char path[64], text[1024] = "";
    unsigned long long ticks[4] = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(text, sizeof text, file) == NULL)
        give_up(path, "cannot be read");
    (void)fclose(file);
    const char *after = strrchr(text, ')');
    if (after == NULL || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2], &ticks[3]) != 4)
        give_up(path, "is not of its form");
    return (uint64_t)(ticks[0] + ticks[1] + ticks[2] + ticks[3]) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* One worker's share, in its own process. */
static void worker_run(const struct bench_cell *b, const struct samples_plan *plan, struct samples *s, unsigned index)
{
    struct cell_bed bed;
    if (b->pin) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(index % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &one);
        (void)sched_setaffinity(0, sizeof one, &one);
    }
    bed_open(&bed, b);
    bed_parse(&bed); /* the first finds nothing warm */
    uint64_t before = tree_cpu_us() + parser_cpu_us(parser_client_pid(bed.client));
    while (samples_more(s, plan)) {
        uint64_t begin = clock_mono_ns();
        bed_parse(&bed);
        samples_add(s, begin);
    }
    samples_stop(s);
    s->cpu_us = tree_cpu_us() + parser_cpu_us(parser_client_pid(bed.client)) - before;
    s->peak_bytes = bed.peak_bytes;
    bed_close(&bed);
}

void bench_cell_run(const struct bench_cell *b, const struct samples_plan *plan, struct samples *s)
{
    if (b->workers == 1 && !b->pin) {
        worker_run(b, plan, s, 0);
        return;
    }
    struct samples *each = mmap(NULL, BENCH_WORKERS_MAX * sizeof *each, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[BENCH_WORKERS_MAX];
    if (each == MAP_FAILED)
        give_up("no memory", strerror(errno));
    for (unsigned i = 0; i < b->workers; i++) {
        samples_init(&each[i]);
        pids[i] = fork();
        if (pids[i] < 0)
            give_up("fork", strerror(errno));
        if (pids[i] == 0) {
            worker_run(b, plan, &each[i], i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < b->workers; i++) {
        int status = 0;
        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
            give_up("a worker", "did not end well");
        size_t take = MIN_OF(each[i].n, SAMPLES_MAX - s->n);
        memcpy(s->took_ns + s->n, each[i].took_ns, take * sizeof *s->took_ns);
        s->n += take;
        s->cpu_us += each[i].cpu_us;
        s->wall_ns = MAX_OF(s->wall_ns, each[i].wall_ns);
        s->peak_bytes = MAX_OF(s->peak_bytes, each[i].peak_bytes);
        samples_free(&each[i]);
    }
    (void)munmap(each, BENCH_WORKERS_MAX * sizeof *each);
}

/* A line of /proc/PID/smaps_rollup in MiB; 0 where this user may not look. */
static double rollup_mib(int pid, const char *name)
{
    char path[64], line[256];
    double kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtod(line + strlen(name), NULL);
    if (file != NULL)
        (void)fclose(file);
    return kib / 1024;
}

void bench_cell_long(const struct bench_cell *b, size_t n, size_t every)
{
    struct cell_bed bed;
    bed_open(&bed, b);
    bed_parse(&bed);
    uint64_t begin = clock_mono_ns();
    for (size_t i = 0; i <= n; i++) {
        if (i % every == 0) {
            int pid = parser_client_pid(bed.client);
            (void)printf("{\"after\":%zu,\"zygote_rss_mib\":%.2f,\"zygote_pss_mib\":%.2f,\"own_rss_mib\":%.2f,\"cell_peak_mib\":%.2f,\"seconds\":%.1f}\n", i,
                         rollup_mib(pid, "Rss:"), rollup_mib(pid, "Pss:"), rollup_mib((int)getpid(), "Rss:"), (double)bed.peak_bytes / 1048576,
                         (double)(clock_mono_ns() - begin) / 1e9);
            (void)fflush(stdout);
        }
        if (i < n)
            bed_parse(&bed);
    }
    bed_close(&bed);
}
