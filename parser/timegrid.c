/*
 * timegrid - see timegrid.h. Finds the labels of days and hours and the edges between them; timegrid_cells reads what stands between.
 */
#include "timegrid.h"

#include "schedule_value.h"
#include <math.h>
#include <stdio.h>

enum { TIMEGRID_STEPS = 4000 }; /* longest page side looked at, points */

/* Words that stand next to each other on a line. */
struct grid_run {
    double x0, y0, x1, y1, size;
    char *text; /* owned */
};

void timegrid_init(struct timegrid *t)
{
    *t = (struct timegrid){.cells = g_array_new(FALSE, FALSE, sizeof(struct timegrid_cell)),
                           .outside = g_ptr_array_new_with_free_func(g_free), .outside_page = g_array_new(FALSE, FALSE, sizeof(int))};
}

void timegrid_free(struct timegrid *t)
{
    for (guint i = 0; i < t->cells->len; i++)
        g_free(g_array_index(t->cells, struct timegrid_cell, i).text);
    g_array_free(t->cells, TRUE);
    g_ptr_array_unref(t->outside);
    g_array_free(t->outside_page, TRUE);
    *t = (struct timegrid){.cells = NULL};
}

static double grid_middle(const struct word *w)
{
    return (w->y0 + w->y1) / 2;
}

static int grid_word_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double y = grid_middle(*p) - grid_middle(*q);
    return y < 0 ? -1 : y > 0 ? 1 : (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static int grid_left_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static size_t grid_line_end(const struct word *words[], size_t from, size_t n)
{
    size_t end = from + 1;
    while (end < n && grid_middle(words[end]) - grid_middle(words[from]) < 0.35 * words[from]->size)
        end++;
    return end;
}

void timegrid_outside(struct timegrid *t, int page, const struct word *words[], size_t n)
{
    qsort(words, n, sizeof *words, grid_word_order);
    for (size_t i = 0, end; i < n; i = end) {
        end = grid_line_end(words, i, n);
        qsort(words + i, end - i, sizeof *words, grid_left_order);
        GString *text = g_string_new(NULL);
        for (size_t k = i; k < end; k++)
            g_string_append_printf(text, "%s%s", k > i ? " " : "", words[k]->text);
        g_ptr_array_add(t->outside, g_string_free(text, FALSE));
        g_array_append_val(t->outside_page, page);
    }
}

/* A drawn line stands between a and b at the height y. */
static bool grid_parted(const struct page *page, double a, double b, double y)
{
    for (size_t i = 0; i < page->vertical.n; i++) {
        const struct rule *r = &page->vertical.items[i];
        if (r->at > a - 0.5 && r->at < b + 0.5 && r->from <= y && r->to >= y)
            return true;
    }
    return false;
}

/* words sorted by line. */
static GArray *grid_runs(const struct page *page, const struct word *words[], size_t n)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(struct grid_run));
    for (size_t i = 0, end; i < n; i = end) {
        end = grid_line_end(words, i, n);
        qsort(words + i, end - i, sizeof *words, grid_left_order);
        for (size_t k = i; k < end; k++) {
            struct grid_run *last = k > i ? &g_array_index(runs, struct grid_run, runs->len - 1) : NULL;
            double gap = last != NULL ? words[k]->x0 - last->x1 : INFINITY;
            if (last != NULL && gap < 0.7 * words[k]->size && (gap < 0.1 || !grid_parted(page, last->x1, words[k]->x0, grid_middle(words[k])))) {
                char *text = g_strdup_printf("%s%s%s", last->text, gap < 0.08 * words[k]->size ? "" : " ", words[k]->text);
                g_free(last->text);
                last->text = text;
                last->x1 = words[k]->x1;
                continue;
            }
            struct grid_run run = {words[k]->x0, words[k]->y0, words[k]->x1, words[k]->y1, words[k]->size, g_strdup(words[k]->text)};
            g_array_append_val(runs, run);
        }
    }
    return runs;
}

static void grid_runs_free(GArray *runs)
{
    for (guint i = 0; i < runs->len; i++)
        g_free(g_array_index(runs, struct grid_run, i).text);
    g_array_free(runs, TRUE);
}

static bool grid_hour(const struct layout *layout, const char *text, struct timegrid_label *label)
{
    char start[6], end[6];
    for (size_t i = 0; i < layout->grid.n_hours; i++)
        if (layout_alternative(layout->grid.hours[i].name, text)) {
            label->start = layout->grid.hours[i].start;
            label->end = layout->grid.hours[i].end;
            return true;
        }
    if (schedule_value_time(text, start, end) != VALUE_TIME)
        return false;
    label->start = atoi(start) * 60 + atoi(start + 3);
    label->end = end[0] != '\0' ? atoi(end) * 60 + atoi(end + 3) : layout->grid.minutes > 0 ? label->start + layout->grid.minutes : -1;
    return true;
}

/* "Monday", "Mon 9 Feb 2026", "Mon 09/02". */
static bool grid_day(const struct layout_values *v, const char *text, struct timegrid_label *label)
{
    char word[32];
    if (strlen(text) > 40)
        return false;
    label->days = schedule_value_days(text, v);
    if (label->days != 0 && __builtin_popcount(label->days) == 1)
        return true;
    size_t len = strcspn(text, " ,\n");
    (void)g_snprintf(word, sizeof word, "%.*s", (int)MIN_OF(len, sizeof word - 1), text);
    label->days = schedule_value_days(word, v);
    const char *rest = text + len + strspn(text + len, " ,\n");
    if (label->days == 0 || __builtin_popcount(label->days) != 1)
        return false;
    if (schedule_value_date(rest, v, label->date))
        return true;
    return rest[0] != '\0' && rest[strspn(rest, "0123456789./- ()")] == '\0'; /* a day of the month without a year */
}

static bool grid_label(const struct layout *layout, const struct layout_values *v, bool day, const struct grid_run *run, struct timegrid_label *label)
{
    *label = (struct timegrid_label){run->x0, run->y0, run->x1, run->y1, 0, "", -1, -1};
    return day ? grid_day(v, run->text, label) : grid_hour(layout, run->text, label);
}

static void grid_labels_add(struct timegrid_labels *list, const struct timegrid_label *label)
{
    for (size_t i = 0; i < list->n; i++) /* a day or an hour has one place */
        if (list->items[i].days == label->days && list->items[i].start == label->start && strcmp(list->items[i].date, label->date) == 0)
            return;
    if (list->n < TIMEGRID_LABELS_MAX)
        list->items[list->n++] = *label;
}

/* The labels along the top: those of the first line from run `from` on that has at least `least` of them. Returns the run after it, 0: none. */
static guint grid_find_top(struct timegrid_labels *top, const struct layout *layout, const struct layout_values *v, const GArray *runs,
                           guint from, size_t least)
{
    bool day = !layout->grid.hours_across;
    for (guint i = from, end; i < runs->len; i = end) {
        const struct grid_run *first = &g_array_index(runs, struct grid_run, i);
        *top = (struct timegrid_labels){.n = 0};
        for (end = i; end < runs->len; end++) {
            const struct grid_run *run = &g_array_index(runs, struct grid_run, end);
            struct timegrid_label label;
            if (end > i && run->y0 + run->y1 - first->y0 - first->y1 > 1.2 * first->size) /* the first always: it goes on */
                break;
            if (grid_label(layout, v, day, run, &label))
                grid_labels_add(top, &label);
        }
        if (top->n >= least)
            return end;
    }
    top->n = 0;
    return 0;
}

static int grid_label_by_x(const void *a, const void *b)
{
    const struct timegrid_label *p = a, *q = b;
    return p->x0 < q->x0 ? -1 : p->x0 > q->x0;
}

static int grid_label_by_y(const void *a, const void *b)
{
    const struct timegrid_label *p = a, *q = b;
    return p->y0 < q->y0 ? -1 : p->y0 > q->y0;
}

/* A horizontal rule between two heights, over x. */
static bool grid_ruled_between(const struct page *page, double a, double b, double x)
{
    for (size_t i = 0; i < page->horizontal.n; i++) {
        const struct rule *r = &page->horizontal.items[i];
        if (r->at > a && r->at < b && r->from <= x && r->to >= x)
            return true;
    }
    return false;
}

/* Start and end of an hour on two lines are one label, where rules part the hours and none parts the two. */
static void grid_join_stacked(struct timegrid_labels *side, const struct page *page)
{
    size_t parted = 0, kept = 0;
    for (size_t i = 0; i + 1 < side->n; i++)
        parted += grid_ruled_between(page, side->items[i].y1 - 2, side->items[i + 1].y0 + 2, (side->items[i].x0 + side->items[i].x1) / 2);
    for (size_t i = 0; i < side->n && parted > 0; i++) {
        struct timegrid_label l = side->items[i];
        const struct timegrid_label *next = i + 1 < side->n ? &side->items[i + 1] : NULL;
        if (next != NULL && l.start >= 0 && l.end < 0 && next->end < 0 && next->start > l.start &&
            !grid_ruled_between(page, l.y1 - 2, next->y0 + 2, (l.x0 + l.x1) / 2)) {
            l.end = next->start;
            l.y1 = next->y1;
            i++;
        }
        side->items[kept++] = l;
    }
    side->n = parted > 0 ? kept : side->n;
}

/* The labels down the side: left of x, between two heights. */
static void grid_find_side(struct timegrid_labels *side, const struct layout *layout, const struct layout_values *v, const struct page *page,
                           const GArray *runs, double x, double top, double bottom)
{
    *side = (struct timegrid_labels){.n = 0};
    for (guint i = 0; i < runs->len; i++) {
        const struct grid_run *run = &g_array_index(runs, struct grid_run, i);
        struct timegrid_label label;
        if ((run->x0 + run->x1) / 2 >= x || run->y0 < top || run->y1 > bottom)
            continue;
        if (grid_label(layout, v, layout->grid.hours_across, run, &label)) {
            grid_labels_add(side, &label);
            continue;
        }
        /* "08:30 -" and below it "09:20" */
        for (guint k = i + 1; k < runs->len && k < i + 24 && !layout->grid.hours_across; k++) {
            const struct grid_run *below = &g_array_index(runs, struct grid_run, k);
            if (below->x0 >= run->x1 || below->x1 <= run->x0 || below->y0 - run->y1 > run->size)
                continue;
            struct grid_run both = *run;
            both.text = g_strdup_printf("%s %s", run->text, below->text);
            both.y1 = below->y1;
            bool is = grid_label(layout, v, false, &both, &label) && label.end > 0;
            g_free(both.text);
            if (is)
                grid_labels_add(side, &label);
            break;
        }
    }
    qsort(side->items, side->n, sizeof side->items[0], grid_label_by_y);
    if (!layout->grid.hours_across)
        grid_join_stacked(side, page);
}

/* How many words are cut at each point of an axis. */
static void grid_cuts(const struct word *const words[], size_t n, bool x, uint32_t cuts[TIMEGRID_STEPS])
{
    memset(cuts, 0, TIMEGRID_STEPS * sizeof *cuts);
    for (size_t i = 0; i < n; i++) {
        double from = x ? words[i]->x0 : words[i]->y0, to = x ? words[i]->x1 : words[i]->y1;
        for (int at = (int)fmax(ceil(from), 0); at <= to && at < TIMEGRID_STEPS; at++)
            cuts[at]++;
    }
}

/* A rule that parts a and b, the nearest to b: long enough to be an edge of the grid. NAN: none. along: where it must stand, on the other
 * axis; from, to: the grid's extent there. */
static double grid_edge_drawn(const struct rules *rules, double a, double b, double along, double from, double to)
{
    double best = NAN;
    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *r = &rules->items[i];
        bool reaches = (r->from <= along && r->to >= along) || fmin(r->to, to) - fmax(r->from, from) > 0.5 * (to - from);
        if (r->at > a && r->at < b && reaches && (isnan(best) || r->at > best))
            best = r->at;
    }
    return best;
}

/* Where nothing is drawn between a and b: the point nearest to b that cuts the fewest words. */
static double grid_edge_guessed(const uint32_t cuts[TIMEGRID_STEPS], double a, double b)
{
    int best = (int)fmin(fmax(floor(b), 0), TIMEGRID_STEPS - 1);
    for (int at = best; at >= (int)fmax(a, 0); at--)
        if (cuts[at] < cuts[best])
            best = at;
    return best;
}

/* Edges between labels along one axis. first: of the grid before its first label; last: its end. */
static void grid_edges(const struct timegrid_labels *labels, bool x, const struct rules *rules, const uint32_t cuts[TIMEGRID_STEPS], double first,
                       double last, double along, double from, double to, double edges[], bool drawn[])
{
    for (size_t i = 0; i <= labels->n; i++) {
        const struct timegrid_label *a = i > 0 ? &labels->items[i - 1] : NULL, *b = i < labels->n ? &labels->items[i] : NULL;
        double low = a == NULL ? first : x ? (a->x0 + a->x1) / 2 : (a->y0 + a->y1) / 2;
        double high = b == NULL ? last : x ? (b->x0 + b->x1) / 2 : (b->y0 + b->y1) / 2;
        double edge = b != NULL || isfinite(last) ? grid_edge_drawn(rules, low, high, along, from, to) : NAN;
        drawn[i] = !isnan(edge);
        edges[i] = drawn[i] ? edge : b == NULL ? last : grid_edge_guessed(cuts, low, (x ? b->x0 : b->y0) - 0.5);
    }
}

/* The first rule of the list behind x; NAN: none. */
static double grid_after(const struct rules *rules, double at, double along)
{
    double best = NAN;
    for (size_t i = 0; i < rules->n; i++) {
        const struct rule *r = &rules->items[i];
        if (r->at > at && r->from <= along && r->to >= along && (isnan(best) || r->at < best))
            best = r->at;
    }
    return best;
}

/* Below the last row of a grid without rules: where no word stands for a line and a half. */
static double grid_ends(const uint32_t cuts[TIMEGRID_STEPS], double from, double size, double bottom)
{
    int empty = 0;
    for (int at = (int)fmax(from, 0); at < TIMEGRID_STEPS && at < bottom; at++) {
        empty = cuts[at] == 0 ? empty + 1 : 0;
        if (empty > 1.2 * size)
            return at - empty + 1;
    }
    return fmin(bottom, TIMEGRID_STEPS);
}

static void grid_place(struct timegrid_place *place, const struct timegrid *t, const struct page *page, const struct word *const words[], size_t n,
                       double band, double bottom)
{
    uint32_t *cuts = g_new(uint32_t, TIMEGRID_STEPS);
    const struct timegrid_label *last = &t->side.items[t->side.n - 1], *right = &t->top.items[t->top.n - 1];
    double side_right = 0;
    for (size_t i = 0; i < t->side.n; i++)
        side_right = fmax(side_right, t->side.items[i].x1);
    grid_cuts(words, n, false, cuts);
    double side_x = (last->x0 + last->x1) / 2, end = grid_after(&page->horizontal, last->y1 - 2, side_x);
    if (isnan(end) || end > bottom)
        end = grid_ends(cuts, last->y1 + 1, last->y1 - last->y0, bottom);
    double left = t->side.items[0].x0, far = fmin(page->width, right->x1 + 200);
    grid_edges(&t->side, false, &page->horizontal, cuts, band, end + 0.5, side_x, left, far, place->ys, place->y_drawn);
    place->ys[t->side.n] = end;
    grid_cuts(words, n, true, cuts);
    double along = isfinite(band) && t->top.items[0].y1 <= place->ys[0] + 2 ? (t->top.items[0].y0 + t->top.items[0].y1) / 2 : place->ys[0] + 1;
    grid_edges(&t->top, true, &page->vertical, cuts, side_right - 0.5, page->width, along, place->ys[0], end, place->xs, place->x_drawn);
    double outer = grid_after(&page->vertical, (right->x0 + right->x1) / 2, along);
    place->xs[t->top.n] = isnan(outer) ? page->width : outer;
    place->x_drawn[t->top.n] = !isnan(outer);
    place->top = isfinite(band) ? fmin(t->top.items[0].y0, place->ys[0]) : place->ys[0];
    place->bottom = end;
    g_free(cuts);
}

static double grid_band(const struct timegrid_labels *top)
{
    double band = -INFINITY;
    for (size_t i = 0; i < top->n; i++)
        band = fmax(band, top->items[i].y1);
    return band;
}

/* The words between two heights: a grid's own to its cells, the others outside. */
static void grid_read(struct timegrid *t, const struct layout *layout, const struct page *page, const struct word *words[], size_t n, double from,
                      double bottom, bool headed)
{
    struct timegrid_place place;
    const struct word **own = g_new(const struct word *, n + 1), **rest = g_new(const struct word *, n + 1);
    size_t n_own = 0, n_rest = 0;
    double band = headed ? grid_band(&t->top) : fmax(t->side.items[0].y0 - 200, from);
    grid_place(&place, t, page, words, n, band - (headed ? 1 : 0), bottom);
    for (size_t i = 0; i < n; i++) {
        double middle = grid_middle(words[i]);
        if (middle < from || middle >= bottom)
            continue;
        if (middle > place.top - 1 && middle < place.bottom)
            own[n_own++] = words[i];
        else if (middle >= place.bottom || isfinite(from) || !headed) /* above the first grid stands the page's heading */
            rest[n_rest++] = words[i];
    }
    timegrid_outside(t, page->number, rest, n_rest);
    timegrid_cells(t, layout, page, &place, own, n_own);
    g_free(own);
    g_free(rest);
}

bool timegrid_page(struct timegrid *t, const struct layout *layout, const struct layout_values *v, const struct page *page)
{
    const struct word **words = g_new(const struct word *, page->n_words + 1);
    struct timegrid_labels top, next, before = t->top;
    size_t n = page->n_words, grids = 0;
    for (size_t i = 0; i < n; i++)
        words[i] = &page->words[i];
    qsort(words, n, sizeof *words, grid_word_order);
    GArray *runs = grid_runs(page, words, n);
    guint at = grid_find_top(&top, layout, v, runs, 0, 2);
    if (at == 0 && before.n > 0) { /* the grid of the page before goes on, without its header */
        grid_find_side(&t->side, layout, v, page, runs, before.items[0].x0, -INFINITY, INFINITY);
        if (t->side.n > 0) {
            grid_read(t, layout, page, words, n, -INFINITY, INFINITY, false);
            grids++;
        }
    }
    double from = -INFINITY;
    while (at > 0 && grids < TIMEGRID_GRIDS_MAX) {
        guint again = grid_find_top(&next, layout, v, runs, at, MAX_OF(top.n / 2, (size_t)2));
        double bottom = again > 0 ? next.items[0].y0 - 0.5 : INFINITY;
        qsort(top.items, top.n, sizeof top.items[0], grid_label_by_x);
        t->top = top;
        grid_find_side(&t->side, layout, v, page, runs, top.items[0].x0, grid_band(&top) - 1, bottom);
        if (t->side.n > 0) {
            grid_read(t, layout, page, words, n, from, bottom, true);
            grids++;
            from = bottom;
        } else {
            t->top = before;
        }
        at = again;
        top = next;
    }
    grid_runs_free(runs);
    if (grids == 0)
        timegrid_outside(t, page->number, words, n);
    g_free(words);
    return grids > 0;
}

size_t timegrid_count(const struct layout *layout, const struct page *page)
{
    const struct word **words = g_new(const struct word *, page->n_words + 1);
    struct timegrid_labels top, side = {.n = 0};
    for (size_t i = 0; i < page->n_words; i++)
        words[i] = &page->words[i];
    qsort(words, page->n_words, sizeof *words, grid_word_order);
    GArray *runs = grid_runs(page, words, page->n_words);
    if (grid_find_top(&top, layout, &layout->values, runs, 0, 2) > 0) {
        qsort(top.items, top.n, sizeof top.items[0], grid_label_by_x);
        grid_find_side(&side, layout, &layout->values, page, runs, top.items[0].x0, grid_band(&top) - 1, INFINITY);
    }
    grid_runs_free(runs);
    g_free(words);
    return top.n >= 2 && side.n >= 2 ? top.n + MIN_OF(side.n, (size_t)3) : 0;
}
