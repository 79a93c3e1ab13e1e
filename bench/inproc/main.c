/*
 * stint-parse-inproc FILE N [EXPECT [PASSWORD]] - reads one document N times, or for N seconds ("1.5s"), in this process: the parser's code
 * without zygote, cell and walls, so that their share can be told, and a profiler has one process to look at. Prints one line; the exit code
 * is 1 when the document was refused. Not for documents nobody vouches for: nothing here confines the PDF library.
 */
#include "base.h"
#include "clock.h"
#include "document.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { TIMES_MAX = 1 << 20 };

static double cpu_us(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static int order(const void *a, const void *b)
{
    const uint64_t *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

static const char *inproc_bytes(const char *path, size_t *ret_size)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
        return NULL;
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    *ret_size = (size_t)st.st_size;
    return bytes == MAP_FAILED ? NULL : bytes;
}

/* What a cell does between its walls and its end: the reply is made a text too. */
static int inproc_once(const char *bytes, size_t size, const struct document_options *o, size_t *ret_reply, struct err *e)
{
    json_t *reply = NULL;
    int rc = document_parse(bytes, size, o, &reply, e);
    char *text = rc == 0 ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
    *ret_reply = text != NULL ? strlen(text) : 0;
    if (getenv("STINT_INPROC_SHOW") != NULL && text != NULL)
        (void)fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(reply);
    return rc;
}

int main(int argc, char *argv[])
{
    struct err e = {0};
    size_t size = 0, reply = 0, n = 0, most = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc > 2 && strchr(argv[2], 's') != NULL ? strtod(argv[2], NULL) : 0;
    const char *bytes = argc > 2 ? inproc_bytes(argv[1], &size) : NULL;
    if (bytes == NULL || (most == 0 && seconds <= 0)) {
        (void)fprintf(stderr, "usage: stint-parse-inproc FILE N [EXPECT [PASSWORD]]; the file must be readable and not empty, N at least 1\n");
        return 2;
    }
    static struct layout_set layouts;
    struct document_options o = {.expect = argc > 3 ? argv[3] : "auto", .layouts = &layouts, .password = argc > 4 ? argv[4] : "", .max_pages = 100000,
                                 .max_unpacked = UINT64_C(128) << 20};
    most = seconds > 0 ? TIMES_MAX : most;
    uint64_t *took = calloc(most, sizeof *took), all = 0;
    if (took == NULL || layout_set_load(&layouts, NULL, &e) < 0 || document_warm_up(&e) < 0) {
        (void)fprintf(stderr, "stint-parse-inproc: %s\n", took == NULL ? "no memory" : e.message);
        return 2;
    }
    int rc = 0;
    struct rusage before, after;
    (void)getrusage(RUSAGE_SELF, &before);
    for (; n < most && (n == 0 || seconds <= 0 || (double)all < seconds * 1e9); n++) {
        uint64_t begin = clock_mono_ns();
        rc = inproc_once(bytes, size, &o, &reply, &e);
        took[n] = clock_mono_ns() - begin;
        all += took[n];
    }
    (void)getrusage(RUSAGE_SELF, &after);
    uint64_t first = took[0];
    qsort(took, n, sizeof *took, order);
    (void)printf("%s n=%zu p50_us=%.1f p99_us=%.1f mean_us=%.1f first_us=%.1f reply_bytes=%zu cpu_us=%.1f peak_mib=%.2f %s\n", argv[1], n, (double)took[n / 2] / 1e3,
                 (double)took[n * 99 / 100] / 1e3, (double)all / (double)n / 1e3, (double)first / 1e3, reply,
                 (cpu_us(&after) - cpu_us(&before)) / (double)n, (double)after.ru_maxrss / 1024, rc < 0 ? e.message : "ok");
    free(took);
    return rc < 0;
}
