/*
 * metrics_writer - see metrics_writer.h. Knows the format, no metric.
 */
#include "metrics_writer.h"

#include <math.h>
#include <stdio.h>

void metrics_family(struct metrics_writer *w, const char *name, enum metrics_type type, const char *help)
{
    static const char *const types[] = {"counter", "gauge", "summary", "histogram"};
    const char *suffix = type == METRICS_COUNTER && !w->openmetrics ? "_total" : "";
    w->family = name;
    w->type = type;
    (void)buf_addf(w->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, types[type]);
}

static void metrics_label_value(struct buf *out, const char *value)
{
    for (const char *s = value; *s != '\0'; s++) {
        if (*s == '\\' || *s == '"')
            (void)buf_addf(out, "\\%c", *s);
        else if (*s == '\n')
            (void)buf_adds(out, "\\n");
        else if ((unsigned char)*s >= 0x80) /* no name of ours has such a byte: do not judge encodings here */
            (void)buf_adds(out, "?");
        else
            (void)buf_add(out, s, 1);
    }
}

/* `name_suffix{a="b",…,le="…"} `; le may be NULL. */
static void metrics_open(struct metrics_writer *w, const char *suffix, const struct metrics_label *labels, size_t n,
                         const char *le)
{
    (void)buf_addf(w->out, "%s%s", w->family, suffix);
    const char *before = "{";
    for (size_t i = 0; i < n; i++, before = ",") {
        (void)buf_addf(w->out, "%s%s=\"", before, labels[i].name);
        metrics_label_value(w->out, labels[i].value);
        (void)buf_adds(w->out, "\"");
    }
    if (le != NULL) {
        (void)buf_addf(w->out, "%sle=\"%s\"", before, le);
        before = ",";
    }
    (void)buf_adds(w->out, *before == ',' ? "} " : " ");
}

static void metrics_number(struct buf *out, double value)
{
    if (isnan(value))
        (void)buf_adds(out, "NaN\n");
    else if (isinf(value))
        (void)buf_adds(out, value > 0 ? "+Inf\n" : "-Inf\n");
    else if (value == trunc(value) && fabs(value) < 9e15) /* whole numbers are exact in a double up to 2^53 */
        (void)buf_addf(out, "%.0f\n", value);
    else
        (void)buf_addf(out, "%.9g\n", value);
}

void metrics_sample(struct metrics_writer *w, const struct metrics_label *labels, size_t n, double value)
{
    assert(w->type != METRICS_HISTOGRAM);
    metrics_open(w, w->type == METRICS_COUNTER ? "_total" : "", labels, n, NULL);
    metrics_number(w->out, value);
}

void metrics_histogram(struct metrics_writer *w, const struct metrics_label *labels, size_t n,
                       const struct metrics_histogram *h)
{
    assert(w->type == METRICS_HISTOGRAM);
    uint64_t below = 0;
    for (size_t i = 0; i < SCORE_BUCKETS; i++) {
        char le[32] = "+Inf";
        below += h->counts[i];
        if (i < SCORE_BUCKETS - 1) { /* OpenMetrics wants bounds to look like floats */
            uint32_t ms = score_bucket_ms[i];
            (void)snprintf(le, sizeof le, "%u.%03u", ms / 1000, ms % 1000);
            size_t len = strlen(le);
            while (le[len - 1] == '0' && le[len - 2] != '.')
                le[--len] = '\0';
        }
        metrics_open(w, "_bucket", labels, n, le);
        metrics_number(w->out, (double)below);
    }
    metrics_open(w, "_sum", labels, n, NULL);
    metrics_number(w->out, (double)h->sum_us / 1e6);
    metrics_open(w, "_count", labels, n, NULL);
    metrics_number(w->out, (double)below);
}

void metrics_end(struct metrics_writer *w)
{
    if (w->openmetrics)
        (void)buf_adds(w->out, "# EOF\n");
}
