/*
 * table_cut - see table_cut.h. Cuts only where another column's text is sure to begin: a text that is too wide for its cell stays whole.
 */
#include "table_cut.h"

#include <glib.h>
#include <math.h>

static const double EXACT = 0.12; /* points: by chance a character hardly ever stands so near another column's edge */

/* Where most text of each column begins. */
static void cut_text_edges(struct table *t, const double header_text[], const struct page pages[], size_t n_pages)
{
    enum { SLOTS_MAX = 8192 }; /* of a quarter of a point */
    double right = 0;
    for (size_t p = 0; p < n_pages; p++)
        right = fmax(right, pages[p].width);
    size_t n_slots = (size_t)fmin(right * 4 + 1, SLOTS_MAX);
    uint32_t *counts = g_new(uint32_t, n_slots);
    double *sums = g_new(double, n_slots);
    for (size_t c = 0; c < t->n_columns; c++) {
        size_t best = 0;
        memset(counts, 0, n_slots * sizeof *counts);
        memset(sums, 0, n_slots * sizeof *sums);
        for (size_t p = 0; p < n_pages; p++)
            for (size_t i = 0; i < pages[p].n_words; i++) {
                double x = pages[p].words[i].x0;
                if (x < 0 || x * 4 >= (double)n_slots || x < t->left[c] || x >= t->right[c])
                    continue;
                size_t slot = (size_t)(x * 4);
                sums[slot] += x;
                if (++counts[slot] > counts[best])
                    best = slot;
            }
        t->text[c][0] = header_text[c];
        t->text[c][1] = counts[best] > 0 ? sums[best] / counts[best] : 0;
    }
    g_free(counts);
    g_free(sums);
}

static bool cut_is_text_edge(const struct table *t, double x)
{
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->left[c] < t->right[c] && (fabs(t->text[c][0] - x) < 0.6 || fabs(t->text[c][1] - x) < 0.6))
            return true;
    return false;
}

/* How wide characters are where nothing follows them but their own word. */
static void cut_narrowest(struct table *t, const struct page pages[], size_t n_pages)
{
    for (size_t i = 0; i < 2 * ARRAY_LEN(t->narrow[0]); i++)
        t->narrow[i % 2][i / 2] = INFINITY;
    for (size_t p = 0; p < n_pages; p++)
        for (size_t i = 0; i < pages[p].n_words; i++) {
            const struct word *w = &pages[p].words[i];
            size_t n = strlen(w->text);
            if (w->starts == NULL || w->size <= 0 || (size_t)g_utf8_strlen(w->text, -1) != n) /* ASCII only: bytes are characters */
                continue;
            for (size_t k = 0; k < n; k++) {
                if (k + 1 < n && cut_is_text_edge(t, w->starts[k + 1]))
                    continue;
                double *least = &t->narrow[w->bold][w->text[k] & 127];
                *least = fmin(*least, ((k + 1 < n ? w->starts[k + 1] : w->x1) - w->starts[k]) / w->size);
            }
        }
}

/* The file sets the i-th character apart from the one before, or that one is wider or narrower here than elsewhere: a gap too small to see
 * parts the two, or they overlap. */
static bool cut_parted(const struct table *t, const struct word *w, size_t i)
{
    if (i < 64 && (w->seams >> i & 1) != 0)
        return true;
    unsigned char before = (unsigned char)*g_utf8_offset_to_pointer(w->text, (glong)i - 1);
    double advance = w->starts[i] - w->starts[i - 1];
    return before >= 128 || fabs(advance - t->narrow[w->bold][before] * w->size) > 0.04;
}

/* Another word on w's line begins at x. */
static bool cut_stands_at(const struct page *page, const struct word *w, double x)
{
    for (size_t i = 0; i < page->n_words; i++)
        if (fabs(page->words[i].x0 - x) < 0.6 && fabs(page->words[i].y0 - w->y0) < 0.3 * w->size && page->words[i].text != w->text)
            return true;
    return false;
}

/* Text that fills its cell touches the next cell's, and the library takes both for one word: it is cut where a character stands
 * exactly at the left edge of another column's text, a little apart from the one before; a text that is wider than its cell has no
 * such gap, nor where that column has a text of its own. Returns the character to cut before, 0 for none. */
static size_t cut_before(const struct table *t, const struct page *page, const struct word *w)
{
    size_t n = w->starts != NULL ? (size_t)g_utf8_strlen(w->text, -1) : 0;
    for (size_t c = 0; c < t->n_columns; c++)
        for (size_t k = 0; k < 2; k++) {
            double x = t->text[c][k];
            if (t->left[c] >= t->right[c] || w->x0 > x - 2 || w->x1 < x + 1)
                continue;
            for (size_t i = 1; i < n; i++)
                if (fabs(w->starts[i] - x) < (cut_parted(t, w, i) ? 0.6 : EXACT) && !cut_stands_at(page, w, x))
                    return i;
        }
    return 0;
}

void table_cut_learn(struct table *t, const double header_text[], const struct page pages[], size_t n_pages)
{
    cut_text_edges(t, header_text, pages, n_pages);
    cut_narrowest(t, pages, n_pages);
}

GArray *table_cut_words(const struct table *t, const struct page *page, double top)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(struct word));
    for (size_t i = 0; i < page->n_words; i++) {
        struct word w = page->words[i];
        if ((w.y0 + w.y1) / 2 <= top)
            continue;
        const char *rest = w.text;
        for (size_t cut; (cut = cut_before(t, page, &w)) > 0;) {
            struct word head = w;
            const char *end = g_utf8_offset_to_pointer(rest, (glong)cut);
            head.text = g_strndup(rest, (gsize)(end - rest));
            head.x1 = w.starts[cut];
            g_array_append_val(out, head);
            rest = end;
            w.x0 = w.starts[cut];
            w.starts += cut;
            w.seams = cut < 64 ? w.seams >> cut : 0;
            w.text += end - w.text;
        }
        w.text = g_strdup(rest);
        g_array_append_val(out, w);
    }
    return out;
}

void table_cut_free(GArray *words)
{
    for (guint i = 0; i < words->len; i++)
        g_free(g_array_index(words, struct word, i).text);
    g_array_free(words, TRUE);
}
