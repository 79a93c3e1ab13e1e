/*
 * samples - see samples.h. Refuses a mean where a tail is what is felt: percentiles, and the CPU time a document cost.
 */
#include "samples.h"

#include "clock.h"
#include <stdio.h>
#include <sys/mman.h>

void samples_init(struct samples *s)
{
    *s = (struct samples){.took_ns = mmap(NULL, SAMPLES_MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)};
    if (s->took_ns == MAP_FAILED) {
        perror("stint-bench-pdf: no memory for the samples");
        exit(1);
    }
}

void samples_free(struct samples *s)
{
    (void)munmap(s->took_ns, SAMPLES_MAX * sizeof(uint64_t));
}

bool samples_more(struct samples *s, const struct samples_plan *plan)
{
    uint64_t now = clock_mono_ns();
    if (s->begin_ns == 0)
        s->begin_ns = now;
    return s->n < SAMPLES_MAX && (s->n < plan->least || (double)(now - s->begin_ns) / 1e9 < plan->seconds);
}

void samples_add(struct samples *s, uint64_t begin_ns)
{
    s->took_ns[s->n++] = clock_mono_ns() - begin_ns;
}

void samples_stop(struct samples *s)
{
    s->wall_ns = clock_mono_ns() - s->begin_ns;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void samples_emit(struct samples *s, const struct samples_plan *plan)
{
    double seconds = (double)s->wall_ns / 1e9, n = (double)s->n;
    if (s->n == 0) {
        (void)fprintf(stderr, "stint-bench-pdf: %s, %s: no document was measured\n", plan->subject, plan->document);
        exit(1);
    }
    qsort(s->took_ns, s->n, sizeof *s->took_ns, by_value);
    (void)printf("{\"subject\":\"%s\",\"document\":\"%s\",\"n\":%zu,\"docs_s\":%.3f,\"pages_s\":%.3f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"cpu_ms\":%.4f,"
                 "\"peak_mib\":%.2f}\n",
                 plan->subject, plan->document, s->n, n / seconds, n * plan->pages / seconds, (double)s->took_ns[s->n / 2] / 1e6,
                 (double)s->took_ns[s->n * 99 / 100] / 1e6, (double)s->cpu_us / 1e3 / n, (double)s->peak_bytes / 1048576);
    (void)fflush(stdout);
}
