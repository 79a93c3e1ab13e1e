/*
 * table_header - see table_header.h. Never uses a known position: only header texts and drawn rules.
 */
#include "table_header.h"

#include <glib.h>
#include <math.h>

enum { HEADER_CELLS_MAX = 48, HEADER_TEXT_MAX = 160 };

/* A header cell: what its words say, and how far it reaches. */
struct header_cell {
    double x0, x1; /* of the words */
    double left, right; /* of the cell when ruled */
    char text[HEADER_TEXT_MAX];
    size_t column; /* LAYOUT_COLUMNS_MAX: no column of the layout */
};

struct header_band {
    const struct word *words[512];
    size_t n;
    double top, bottom;
};

/* The columns whose header texts have a word that begins with a letter: most words of a page are told by their first one. */
struct header_initials {
    uint64_t columns[256];
};
_Static_assert(LAYOUT_COLUMNS_MAX <= 64, "a bit a column");

static void header_initials(struct header_initials *initials, const struct layout *layout)
{
    *initials = (struct header_initials){0};
    for (size_t c = 0; layout->columns[c].headers != NULL; c++)
        for (const char *at = layout->columns[c].headers; *at != '\0'; at += strcspn(at, " |"), at += strspn(at, " |")) {
            initials->columns[(unsigned char)g_ascii_tolower(*at)] |= UINT64_C(1) << c;
            initials->columns[(unsigned char)g_ascii_toupper(*at)] |= UINT64_C(1) << c;
        }
}

static bool header_token(const struct layout *layout, const struct header_initials *initials, const char *text, bool first_only)
{
    size_t length = strlen(text);
    for (uint64_t left = initials->columns[(unsigned char)text[0]]; left != 0; left &= left - 1)
        for (const char *at = layout->columns[__builtin_ctzll(left)].headers; *at != '\0';) {
            size_t len = strcspn(at, " |");
            if ((length == len && strncasecmp(text, at, len) == 0) || layout_alternative(at, text))
                return true;
            at += first_only ? strcspn(at, "|") : len;
            at += strspn(at, " |");
        }
    return false;
}

/* A word of the line of the page that holds the most header words; NULL when no line has two. */
static const struct word *header_line(const struct layout *layout, const struct page *page)
{
    const struct word *best_seed = NULL;
    struct header_initials initials;
    size_t best = 2;
    header_initials(&initials, layout);
    for (size_t i = 0; i < page->n_words; i++) {
        const struct word *seed = &page->words[i];
        if (!header_token(layout, &initials, seed->text, true))
            continue;
        double middle = (seed->y0 + seed->y1) / 2;
        size_t score = 0;
        for (size_t k = 0; k < page->n_words; k++) {
            const struct word *w = &page->words[k];
            if (w->y0 < middle && w->y1 > middle && header_token(layout, &initials, w->text, true))
                score += w->bold == seed->bold && fabs(w->size - seed->size) < 0.6 ? 2 : 1;
        }
        if (score > best) {
            best = score;
            best_seed = seed;
        }
    }
    return best_seed;
}

/* The horizontal rules next above and below the header line; the band between them is the header row when it is drawn. */
static bool header_bounds(const struct page *page, double y, double height, double *ret_top, double *ret_bottom)
{
    double reach = 3.5 * height;
    *ret_top = y - 1.6 * height;
    *ret_bottom = y + 1.6 * height;
    double above = y - reach, below = y + reach;
    bool has_above = false, has_below = false;
    for (size_t i = 0; i < page->horizontal.n; i++) {
        const struct rule *r = &page->horizontal.items[i];
        if (r->at <= y - height * 0.4 && r->at > above) {
            above = r->at;
            has_above = true;
        }
        if (r->at >= y + height * 0.4 && r->at < below) {
            below = r->at;
            has_below = true;
        }
    }
    if (has_below)
        *ret_bottom = below;
    if (has_above)
        *ret_top = above;
    return has_above && has_below;
}

static int header_word_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    if (fabs((*p)->y0 - (*q)->y0) > 0.4 * (*p)->size)
        return (*p)->y0 < (*q)->y0 ? -1 : 1;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static void header_collect(struct header_band *band, const struct layout *layout, const struct page *page,
                           const struct word *seed)
{
    struct header_initials initials;
    double top, bottom, y = (seed->y0 + seed->y1) / 2;
    header_initials(&initials, layout);
    bool ruled = header_bounds(page, y, seed->y1 - seed->y0, &top, &bottom);
    band->n = 0;
    band->top = y;
    band->bottom = y;
    for (size_t i = 0; i < page->n_words && band->n < ARRAY_LEN(band->words); i++) {
        const struct word *w = &page->words[i];
        double middle = (w->y0 + w->y1) / 2;
        if (middle <= top || middle >= bottom || !header_token(layout, &initials, w->text, false))
            continue;
        if (!ruled && (w->bold != seed->bold || fabs(w->size - seed->size) > 1.5))
            continue;
        band->words[band->n++] = w;
        band->top = fmin(band->top, w->y0);
        band->bottom = fmax(band->bottom, w->y1);
    }
    qsort(band->words, band->n, sizeof band->words[0], header_word_order);
}

static void header_cell_add(struct header_cell *cell, const struct word *w)
{
    size_t len = strlen(cell->text);
    (void)g_snprintf(cell->text + len, (gulong)(sizeof cell->text - len), "%s%s", len > 0 ? " " : "", w->text);
    cell->x0 = len > 0 ? fmin(cell->x0, w->x0) : w->x0;
    cell->x1 = len > 0 ? fmax(cell->x1, w->x1) : w->x1;
}

static int header_double_order(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return *p < *q ? -1 : *p > *q;
}

/* x of the vertical rules that cross the header row, each once. */
static size_t header_edges(const struct page *page, const struct header_band *band, double edges[], size_t max)
{
    size_t n = 0;
    double need = 0.6 * (band->bottom - band->top);
    for (size_t i = 0; i < page->vertical.n && n < max; i++) {
        const struct rule *r = &page->vertical.items[i];
        if (fmin(r->to, band->bottom) - fmax(r->from, band->top) >= need)
            edges[n++] = r->at;
    }
    qsort(edges, n, sizeof *edges, header_double_order);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || edges[i] - edges[kept - 1] > 1.6)
            edges[kept++] = edges[i];
    return kept;
}

static size_t header_cells_ruled(const struct page *page, const struct header_band *band, struct header_cell cells[])
{
    double edges[1024];
    size_t n = header_edges(page, band, edges, ARRAY_LEN(edges)), n_cells = 0;
    for (size_t i = 0; i + 1 < n && n_cells < HEADER_CELLS_MAX; i++) {
        struct header_cell *cell = &cells[n_cells];
        *cell = (struct header_cell){.left = edges[i], .right = edges[i + 1]};
        for (size_t k = 0; k < band->n; k++) {
            double middle = (band->words[k]->x0 + band->words[k]->x1) / 2;
            if (middle > edges[i] && middle < edges[i + 1])
                header_cell_add(cell, band->words[k]);
        }
        n_cells += cell->text[0] != '\0' || cell->right - cell->left > 6;
    }
    return n_cells;
}

/* Words that stand above one another or a space apart are one header. */
static size_t header_cells_free(const struct header_band *band, struct header_cell cells[])
{
    size_t n = 0;
    for (size_t k = 0; k < band->n; k++) {
        const struct word *w = band->words[k];
        size_t at = n;
        for (size_t c = 0; c < n; c++)
            if (w->x0 < cells[c].x1 + 0.45 * w->size && w->x1 > cells[c].x0 - 0.45 * w->size)
                at = c;
        if (at == n) {
            if (n == HEADER_CELLS_MAX)
                break;
            cells[n++] = (struct header_cell){0};
        }
        header_cell_add(&cells[at], w);
    }
    return n;
}

static size_t header_match(struct header_cell cells[], size_t n, const struct layout *layout, bool found[])
{
    size_t count = 0;
    memset(found, 0, LAYOUT_COLUMNS_MAX * sizeof *found);
    for (size_t i = 0; i < n; i++) {
        cells[i].column = LAYOUT_COLUMNS_MAX;
        for (size_t c = 0; layout->columns[c].headers != NULL; c++)
            if (!found[c] && layout_alternative(layout->columns[c].headers, cells[i].text)) {
                cells[i].column = c;
                found[c] = true;
                count++;
                break;
            }
    }
    return count;
}

static int header_cell_order(const void *a, const void *b)
{
    const struct header_cell *p = a, *q = b;
    return p->x0 < q->x0 ? -1 : p->x0 > q->x0;
}

static size_t header_cuts(double x, double below, const struct page body[], size_t n_body)
{
    size_t cuts = 0;
    for (size_t p = 0; p < n_body; p++)
        for (size_t i = 0; i < body[p].n_words; i++) {
            const struct word *w = &body[p].words[i];
            cuts += w->x0 < x && w->x1 > x && (p > 0 || w->y0 > below);
        }
    return cuts;
}

static size_t header_begins(double x, double below, const struct page body[], size_t n_body)
{
    size_t begins = 0;
    for (size_t p = 0; p < n_body; p++)
        for (size_t i = 0; i < body[p].n_words; i++)
            begins += fabs(body[p].words[i].x0 - x) < 1.5 && (p > 0 || body[p].words[i].y0 > below);
    return begins;
}

/* The x between two headers that cuts the fewest words of the body. The right header's own left edge when nothing is cut there, or
 * little beside what begins there: a page number below the table, a text too wide for its cell. */
static double header_boundary(const struct header_cell *a, const struct header_cell *b, double below, const struct page body[],
                              size_t n_body)
{
    double best = b->x0 - 1;
    size_t best_cuts = header_cuts(best, below, body, n_body);
    if (best_cuts * 3 <= header_begins(b->x0, below, body, n_body))
        return best;
    for (double x = best - 1; x >= a->x1 - 1 && best_cuts > 0; x -= 1) {
        size_t cuts = header_cuts(x, below, body, n_body);
        if (cuts < best_cuts) {
            best_cuts = cuts;
            best = x;
        }
    }
    return best;
}

static void header_columns(struct table_header *h, struct header_cell cells[], size_t n, const struct page body[],
                           size_t n_body)
{
    for (size_t c = 0; c < LAYOUT_COLUMNS_MAX; c++) {
        h->left[c] = 1;
        h->right[c] = 0;
    }
    if (!h->ruled) {
        qsort(cells, n, sizeof *cells, header_cell_order);
        for (size_t i = 0; i < n; i++) {
            cells[i].left = i == 0 ? -INFINITY : cells[i - 1].right;
            cells[i].right = i + 1 == n ? INFINITY : header_boundary(&cells[i], &cells[i + 1], h->bottom, body, n_body);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (cells[i].column < LAYOUT_COLUMNS_MAX) {
            h->left[cells[i].column] = cells[i].left;
            h->right[cells[i].column] = cells[i].right;
        }
}

/* The same header over columns that are not drawn: they were found already, over all pages. */
static bool header_is_again(const struct table_header *h, const struct table_header *known)
{
    bool same = known != NULL && !h->ruled && !known->ruled && h->n_found == known->n_found;
    for (size_t c = 0; c < LAYOUT_COLUMNS_MAX && same; c++)
        same = fabs(h->text[c] - known->text[c]) < 0.5;
    return same;
}

bool table_header_find(struct table_header *h, const struct layout *layout, const struct page *page, const struct page body[],
                       size_t n_body, const struct table_header *known)
{
    struct header_cell ruled[HEADER_CELLS_MAX], loose[HEADER_CELLS_MAX];
    bool found_ruled[LAYOUT_COLUMNS_MAX], found_loose[LAYOUT_COLUMNS_MAX];
    const struct word *seed = header_line(layout, page);
    if (seed == NULL)
        return false;
    struct header_band band;
    header_collect(&band, layout, page, seed);
    size_t n_ruled = header_cells_ruled(page, &band, ruled), n_loose = header_cells_free(&band, loose);
    size_t a = header_match(ruled, n_ruled, layout, found_ruled), b = header_match(loose, n_loose, layout, found_loose);
    *h = (struct table_header){.top = band.top, .bottom = band.bottom, .n_found = MAX_OF(a, b), .ruled = a >= b && a > 0};
    struct header_cell *cells = h->ruled ? ruled : loose;
    size_t n = h->ruled ? n_ruled : n_loose;
    for (size_t i = 0; i < n; i++)
        if (cells[i].column < LAYOUT_COLUMNS_MAX)
            h->text[cells[i].column] = cells[i].x0;
    if (header_is_again(h, known)) {
        memcpy(h->left, known->left, sizeof h->left);
        memcpy(h->right, known->right, sizeof h->right);
    } else {
        header_columns(h, cells, n, body, n_body);
    }
    return h->n_found * 2 >= layout_n_columns(layout);
}
