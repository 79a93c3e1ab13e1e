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

static bool is_plain(unsigned char c)
{
    return c != '\\' && c != '"' && c != '\n' && c < 0x80;
}

static void metrics_label_value(struct buf *out, const char *value)
{
    for (const char *s = value; *s != '\0';) {
        size_t n = 0;
        while (s[n] != '\0' && is_plain((unsigned char)s[n]))
            n++;
        (void)buf_add(out, s, n);
        s += n;
        if (*s == '\0')
            return;
        if (*s == '\n')
            (void)buf_adds(out, "\\n");
        else if ((unsigned char)*s >= 0x80) /* no name of ours has such a byte: do not judge encodings here */
            (void)buf_adds(out, "?");
        else
            (void)buf_add(out, (const char[]){'\\', *s}, 2);
        s++;
    }
}

/* `name_suffix{a="b",…,le="…"} `; le may be NULL. Most of a body: written without formats, which cost ten times as
 * much. */
static void metrics_open(struct metrics_writer *w, const char *suffix, const struct metrics_label *labels, size_t n,
                         const char *le)
{
    (void)buf_adds(w->out, w->family);
    (void)buf_adds(w->out, suffix);
    const char *before = "{";
    for (size_t i = 0; i < n; i++, before = ",") {
        (void)buf_add(w->out, before, 1);
        (void)buf_adds(w->out, labels[i].name);
        (void)buf_add(w->out, "=\"", 2);
        metrics_label_value(w->out, labels[i].value);
        (void)buf_add(w->out, "\"", 1);
    }
    if (le != NULL) {
        (void)buf_add(w->out, before, 1);
        (void)buf_adds(w->out, "le=\"");
        (void)buf_adds(w->out, le);
        (void)buf_add(w->out, "\"", 1);
        before = ",";
    }
    (void)buf_adds(w->out, *before == ',' ? "} " : " ");
}

static void metrics_whole(struct buf *out, double value)
{
    char text[24], *at = text + sizeof text;
    uint64_t rest = (uint64_t)fabs(value);
    *--at = '\n';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    (void)buf_add(out, at, (size_t)(text + sizeof text - at));
}

static void metrics_number(struct buf *out, double value)
{
    if (isnan(value))
        (void)buf_adds(out, "NaN\n");
    else if (isinf(value))
        (void)buf_adds(out, value > 0 ? "+Inf\n" : "-Inf\n");
    else if (value == trunc(value) && fabs(value) < 9e15) /* whole numbers are exact in a double up to 2^53 */
        metrics_whole(out, value);
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
