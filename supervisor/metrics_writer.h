/*
 * metrics_writer - Prometheus text exposition 0.0.4 and OpenMetrics 1.0, family by family.
 *
 * Runs in: supervisor's metrics thread. Pure: appends to the caller's buffer; what does not fit shows in buf.failed.
 * Sources: prometheus.io "Exposition formats"; OpenMetrics 1.0.0 (the two differ in counters' family names, the end,
 * and units).
 */
#pragma once

#include "base.h"
#include "buf.h"
#include "metrics_snapshot.h"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_SUMMARY, METRICS_HISTOGRAM };

struct metrics_label {
    const char *name;  /* literal */
    const char *value; /* any text: escaped; bytes that are not UTF-8 become '?' */
};

struct metrics_writer {
    struct buf *out;
    bool openmetrics;
    const char *family; /* without _total; borrowed until the next family */
    enum metrics_type type;
};

/* Opens a family. name: a literal without _total; help: a literal, one line, no backslash. */
void metrics_family(struct metrics_writer *w, const char *name, enum metrics_type type, const char *help);
/* One sample of a counter, a gauge, or a summary's quantile (the only type that may have a label of that name). */
void metrics_sample(struct metrics_writer *w, const struct metrics_label *labels, size_t n, double value);
/* One histogram of seconds: cumulative buckets, _sum, _count. */
void metrics_histogram(struct metrics_writer *w, const struct metrics_label *labels, size_t n,
                       const struct metrics_histogram *h);
/* Ends the text. */
void metrics_end(struct metrics_writer *w);

/* metrics_sample with labels in place: METRICS_SAMPLE(w, 3, {"queue", q}, {"band", b}) */
#define METRICS_SAMPLE(w, value, ...)                                                                                  \
    metrics_sample((w), (const struct metrics_label[]){__VA_ARGS__},                                                   \
                   sizeof((const struct metrics_label[]){__VA_ARGS__}) / sizeof(struct metrics_label), (value))
#define METRICS_HISTOGRAM_SAMPLE(w, h, ...)                                                                            \
    metrics_histogram((w), (const struct metrics_label[]){__VA_ARGS__},                                                \
                      sizeof((const struct metrics_label[]){__VA_ARGS__}) / sizeof(struct metrics_label), (h))
