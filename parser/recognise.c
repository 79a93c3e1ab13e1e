/*
 * recognise - see recognise.h. Guesses no layout: what fits none, or two alike, is refused by name, with what the nearest lacks.
 */
#include "recognise.h"

#include "schedule_grid.h"
#include "table_header.h"
#include <glib.h>
#include <stdio.h>

enum { TITLE_SIZE = 14, TITLE_MAX = 512, MISSING_MAX = 256 };

/* How well a layout's headers stand on a page. */
struct recognise_fit {
    size_t found, columns; /* headers found, of so many */
    bool whole;            /* nothing required is missing */
    char missing[MISSING_MAX];
};

/* The large print of page 1 in reading order. */
static void recognise_title(const struct page *page, char out[static TITLE_MAX])
{
    double large = 0;
    for (size_t i = 0; i < page->n_words; i++)
        large = MAX_OF(large, page->words[i].size);
    large = MIN_OF(large * 0.9, TITLE_SIZE);
    out[0] = '\0';
    size_t len = 0;
    for (size_t i = 0; i < page->n_words && len + 1 < TITLE_MAX; i++)
        if (page->words[i].size >= large)
            len += (size_t)g_snprintf(out + len, (gulong)(TITLE_MAX - len), "%s%s", len > 0 ? " " : "", page->words[i].text);
}

static void recognise_missing(struct recognise_fit *fit, const char *headers)
{
    size_t len = strlen(fit->missing);
    fit->whole = false;
    if (len < MISSING_MAX)
        (void)g_snprintf(fit->missing + len, (gulong)(MISSING_MAX - len), "%s%.*s", len > 0 ? ", " : "", (int)strcspn(headers, "|"), headers);
}

static void recognise_fits(struct recognise_fit *fit, const struct layout *layout, const struct page *page)
{
    struct table_header h;
    *fit = (struct recognise_fit){.columns = layout_n_columns(layout), .whole = true};
    if (layout->rows == LAYOUT_GRID) {
        fit->columns = 8; /* the days and one side of hours weigh as much as a table's headers */
        fit->found = schedule_grid_labels(layout, page);
        if (fit->found == 0)
            recognise_missing(fit, layout->grid.hours_across ? "hours along the top and days down the side"
                                                             : "days along the top and hours down the side");
        return;
    }
    bool found = table_header_find(&h, layout, page, page, 1, NULL);
    for (size_t c = 0; c < fit->columns; c++) {
        bool has = found && h.left[c] < h.right[c];
        fit->found += has;
        if (!has && (layout->columns[c].flags & LAYOUT_REQUIRED))
            recognise_missing(fit, layout->columns[c].headers);
    }
}

/* The better of two that both fit: more headers found, then fewer of its own left over. */
static int recognise_better(const struct recognise_fit *a, const struct recognise_fit *b)
{
    if (a->found != b->found)
        return a->found > b->found ? 1 : -1;
    return a->columns != b->columns ? (a->columns < b->columns ? 1 : -1) : 0;
}

/* By headers alone, on the first page that has a table any layout knows. */
static int recognise_by_headers(const struct layout_set *set, const struct page pages[], size_t n, const char *title,
                                const struct layout **ret_layout, size_t *ret_first, struct err *e)
{
    struct recognise_fit best, near = {.found = 0}, fit;
    const struct layout *found = NULL, *rival = NULL, *nearest = NULL;
    for (size_t p = 0; p < n && p <= RECOGNISE_COVERS_MAX && found == NULL; p++)
        for (size_t i = 0; i < set->n; i++) {
            if (set->items[i]->title_only)
                continue;
            recognise_fits(&fit, set->items[i], &pages[p]);
            int better = fit.whole && found != NULL ? recognise_better(&fit, &best) : 1;
            if (!fit.whole && (nearest == NULL || fit.found * near.columns > near.found * fit.columns)) {
                near = fit;
                nearest = set->items[i];
            }
            if (!fit.whole || better < 0)
                continue;
            rival = better == 0 ? set->items[i] : NULL;
            found = better == 0 ? found : set->items[i];
            best = better == 0 ? best : fit;
            *ret_first = p;
        }
    char names[LAYOUT_LIST_MAX];
    layout_set_names(set, names);
    if (rival != NULL)
        return err_set(e, ERR_UNRECOGNISED_FORMAT, "the headers fit the layouts %s and %s alike; name one of them as expect", found->name, rival->name);
    if (found != NULL) {
        *ret_layout = found;
        return 0;
    }
    if (nearest != NULL && near.found > 0)
        return err_set(e, ERR_UNRECOGNISED_FORMAT, "no known title stands on page 1 (\"%.60s\"), and no layout's headers; the nearest, %s, lacks: %s. "
                                                   "Known layouts: %.200s", title, nearest->name, near.missing, names);
    return err_set(e, ERR_UNRECOGNISED_FORMAT, "no known title stands on page 1 (known layouts: %.200s); its largest print says \"%.80s\"", names, title);
}

/* By title: the first whose headers stand there too, else the first (whose missing columns the table names). NULL: none. */
static const struct layout *recognise_by_title(const struct layout_set *set, const struct page *page, const char *title)
{
    const struct layout *first = NULL;
    struct recognise_fit fit;
    for (size_t i = 0; i < set->n; i++) {
        if (!layout_names(set->items[i]->titles, title))
            continue;
        if (first == NULL) {
            first = set->items[i];
            continue;
        }
        recognise_fits(&fit, first, page);
        if (fit.whole)
            return first;
        recognise_fits(&fit, set->items[i], page);
        if (fit.whole)
            return set->items[i];
    }
    return first;
}

int recognise_layout(const struct layout_set *set, const struct page pages[], size_t n, const char *expect,
                     const struct layout **ret_layout, size_t *ret_first, struct err *e)
{
    char title[TITLE_MAX] = "", names[LAYOUT_LIST_MAX];
    const struct layout *wanted = layout_set_find(set, expect), *layout = NULL;
    size_t first = 0;
    if (wanted == NULL && strcmp(expect, "auto") != 0) {
        layout_set_names(set, names);
        return err_set(e, ERR_BAD_PAYLOAD, "expect is \"%.40s\"; allowed are: auto, table, text and the known layouts: %.400s", expect, names);
    }
    if (n > 0)
        recognise_title(&pages[0], title);
    if (wanted != NULL && wanted->titles[0] != '\0' && layout_names(wanted->titles, title))
        layout = wanted;
    else
        layout = n > 0 ? recognise_by_title(set, &pages[0], title) : NULL;
    if (layout == NULL && wanted != NULL) { /* what is expected is tried first: it may look like another */
        struct recognise_fit fit = {.whole = false};
        for (size_t p = 0; p < n && p <= RECOGNISE_COVERS_MAX && layout == NULL; p++) {
            recognise_fits(&fit, wanted, &pages[p]);
            layout = fit.whole && !wanted->title_only ? wanted : NULL;
            first = p;
        }
    }
    if (layout == NULL) {
        int rc = recognise_by_headers(set, pages, n, title, &layout, &first, e);
        if (rc < 0)
            return rc;
    }
    if (wanted != NULL && wanted != layout)
        return err_set(e, ERR_TYPE_MISMATCH, "the document is a %s timetable, not the expected %s", layout->name, expect);
    *ret_layout = layout;
    *ret_first = first;
    return 0;
}
