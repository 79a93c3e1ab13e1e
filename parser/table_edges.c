/*
 * table_edges - see table_edges.h. Believes in gaps only where each anchor is parted from the next by one wider than every other gap.
 */
#include "table_edges.h"

#include "table_line.h"
#include <glib.h>
#include <math.h>

enum { SLOTS = 512 }; /* of the table's width */
static const double SAME_RULE = 0.6, SAME_EDGE = 0.9;

static int edges_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

static int edges_rule_order(const void *a, const void *b)
{
    const struct rule *p = a, *q = b;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* The share of the table's width that rules cover, the two sides of a thin box counted once. */
static double edges_covered(const struct rule *rules, size_t n, double left, double right)
{
    bool slots[SLOTS] = {false};
    size_t covered = 0;
    for (size_t i = 0; i < n; i++) {
        double from = (fmax(rules[i].from, left) - left) / (right - left) * SLOTS, to = (fmin(rules[i].to, right) - left) / (right - left) * SLOTS;
        for (size_t k = (size_t)fmax(from, 0); k < SLOTS && (double)k < to; k++)
            slots[k] = true;
    }
    for (size_t k = 0; k < SLOTS; k++)
        covered += slots[k];
    return (double)covered / SLOTS;
}

static size_t edges_along(const struct table *t, const struct page *page, double top, double edges[])
{
    double left = INFINITY, right = -INFINITY;
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->left[c] < t->right[c]) {
            left = fmin(left, fmax(t->left[c], 0));
            right = fmax(right, fmin(t->right[c], page->width));
        }
    size_t n = 0, n_rules = page->horizontal.n;
    if (n_rules == 0 || left >= right)
        return 0;
    struct rule *rules = g_memdup2(page->horizontal.items, n_rules * sizeof *rules);
    qsort(rules, n_rules, sizeof *rules, edges_rule_order);
    for (size_t i = 0, first = 0, end = 0; i < n_rules && n < TABLE_EDGES_MAX; i++) {
        while (rules[first].at < rules[i].at - SAME_RULE)
            first++;
        while (end < n_rules && rules[end].at < rules[i].at + SAME_RULE)
            end++;
        bool known = n > 0 && rules[i].at - edges[n - 1] < SAME_EDGE;
        if (!known && rules[i].at > top && edges_covered(rules + first, end - first, left, right) > 0.6)
            edges[n++] = rules[i].at;
    }
    g_free(rules);
    return n;
}

static double edges_middle(const struct word *w)
{
    return (w->y0 + w->y1) / 2;
}

size_t table_edges_drawn(const struct table *t, const struct page *page, const struct word *const words[], size_t n, double edges[])
{
    size_t n_edges = edges_along(t, page, -INFINITY, edges);
    /* The frame of a header above the rows parts nothing. */
    return n == 0 || n_edges < 2 || edges[n_edges - 1] < edges_middle(words[0]) ? 0 : n_edges;
}

/* Lines of the page's anchor column that begin a code; its rests stand below them. */
static size_t edges_anchors(const struct table *t, const struct word *const words[], size_t n, double anchors[])
{
    const struct word **own = g_new(const struct word *, n + 1);
    struct table_cell cell = {0};
    size_t n_own = 0, n_anchors = 0;
    for (size_t i = 0; i < n; i++) {
        int c = table_column_at(t, words[i]);
        if (c >= 0 && (t->layout->columns[c].flags & LAYOUT_ANCHOR))
            own[n_own++] = words[i];
    }
    table_line_fill(&cell, own, n_own, 0);
    for (size_t i = 0; i < cell.n; i++)
        if (i == 0 || !table_is_rest(&cell.lines[i - 1], &cell.lines[i]))
            anchors[n_anchors++] = cell.lines[i].y;
    table_line_clear(&cell);
    g_free(own);
    return n_anchors;
}

static int edges_top_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->y0 < (*q)->y0 ? -1 : (*p)->y0 > (*q)->y0;
}

/* The gap above each word, from the top: negative where others stand beside it. sorted is the words' copy, by their tops. */
static double *edges_gaps(const struct word *const words[], size_t n, const struct word ***ret_sorted)
{
    const struct word **sorted = g_memdup2(words, n * sizeof *words);
    double *gaps = g_new(double, n + 1), bottom = INFINITY;
    qsort(sorted, n, sizeof *sorted, edges_top_order);
    for (size_t i = 0; i < n; i++) {
        gaps[i] = sorted[i]->y0 - bottom;
        bottom = i == 0 ? sorted[i]->y1 : fmax(bottom, sorted[i]->y1);
    }
    *ret_sorted = sorted;
    return gaps;
}

static bool edges_part(const double edges[], size_t n, double above, double below)
{
    size_t low = 0, high = n;
    while (low < high) { /* the first edge below `above` */
        size_t middle = (low + high) / 2;
        if (edges[middle] > above)
            high = middle;
        else
            low = middle + 1;
    }
    return low < n && edges[low] < below;
}

void table_edges_learn(struct table_gaps *evidence, const struct table *t, const struct word *const words[], size_t n, const double edges[],
                       size_t n_edges)
{
    if (n == 0)
        return;
    double *anchors = g_new(double, n + 1);
    size_t n_anchors = edges_anchors(t, words, n, anchors), i = 0;
    const struct word **sorted;
    double *gaps = edges_gaps(words, n, &sorted);
    for (size_t a = 0; a + 1 < n_anchors; a++) {
        double widest = -INFINITY, second = -INFINITY;
        while (i < n && edges_middle(sorted[i]) <= anchors[a])
            i++;
        for (; i < n && sorted[i]->y0 < anchors[a + 1]; i++) {
            second = fmax(second, fmin(widest, gaps[i]));
            widest = fmax(widest, gaps[i]);
        }
        if (edges_part(edges, n_edges, anchors[a], anchors[a + 1]))
            continue;
        evidence->between = fmin(evidence->between, widest);
        evidence->within = fmax(evidence->within, second);
    }
    g_free(anchors);
    g_free(gaps);
    g_free(sorted);
}

bool table_edges_tell(const struct table_gaps *gaps, double size)
{
    return isfinite(gaps->between) && gaps->between - gaps->within > 0.05 * size && gaps->between > -0.1 * size;
}

size_t table_edges_add(const struct table_gaps *evidence, const struct word *const words[], size_t n, double edges[], size_t n_edges)
{
    if (n == 0)
        return n_edges;
    double least = isfinite(evidence->within) ? (evidence->between + evidence->within) / 2 : evidence->between - 0.5, bottom = words[0]->y1;
    const struct word **sorted;
    double *gaps = edges_gaps(words, n, &sorted);
    for (size_t i = 0; i < n && n_edges + 2 < TABLE_EDGES_MAX; i++) {
        if (i > 0 && gaps[i] > least)
            edges[n_edges++] = sorted[i]->y0 - gaps[i] / 2;
        bottom = fmax(bottom, sorted[i]->y1);
    }
    edges[n_edges++] = sorted[0]->y0 - 0.1;
    edges[n_edges++] = bottom + 0.1;
    qsort(edges, n_edges, sizeof *edges, edges_order);
    g_free(gaps);
    g_free(sorted);
    return n_edges;
}
