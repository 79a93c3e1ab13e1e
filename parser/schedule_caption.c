/*
 * schedule_caption - see schedule_caption.h.
 */
#include "schedule_caption.h"

#include "layout_pattern.h"
#include "schedule_value.h"
#include <glib.h>

static int caption_order(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    double y = ((*p)->y0 + (*p)->y1) - ((*q)->y0 + (*q)->y1);
    return y < 0 ? -1 : y > 0 ? 1 : (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

static int caption_left(const void *a, const void *b)
{
    const struct word *const *p = a, *const *q = b;
    return (*p)->x0 < (*q)->x0 ? -1 : (*p)->x0 > (*q)->x0;
}

/* One line's words, from left to right: the whole, then its parts when it has any. */
static void caption_line(GPtrArray *out, const struct word *words[], size_t n)
{
    GString *whole = g_string_new(NULL);
    size_t part = 0, parts = 0, first = out->len;
    g_ptr_array_add(out, NULL);
    for (size_t i = 0; i < n; i++) {
        bool apart = i > 0 && words[i]->x0 - words[i - 1]->x1 > 1.5 * words[i]->size;
        if (apart) {
            g_ptr_array_add(out, g_strndup(whole->str + part, whole->len - part));
            part = whole->len + 1;
            parts++;
        }
        g_string_append_printf(whole, "%s%s", i > 0 ? " " : "", words[i]->text);
    }
    if (parts > 0)
        g_ptr_array_add(out, g_strdup(whole->str + part));
    out->pdata[first] = g_string_free(whole, FALSE);
}

GPtrArray *schedule_caption_lines(const struct page *page)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    const struct word **words = g_new(const struct word *, page->n_words + 1);
    for (size_t i = 0; i < page->n_words; i++)
        words[i] = &page->words[i];
    qsort(words, page->n_words, sizeof *words, caption_order);
    for (size_t i = 0, end; i < page->n_words; i = end) {
        double middle = (words[i]->y0 + words[i]->y1) / 2;
        for (end = i + 1; end < page->n_words && (words[end]->y0 + words[end]->y1) / 2 - middle < 0.35 * words[i]->size;)
            end++;
        qsort(words + i, end - i, sizeof *words, caption_left);
        caption_line(out, words + i, end - i);
    }
    g_free(words);
    return out;
}

/* What the caption says on this line, to be freed; NULL when it is another line. */
static char *caption_says(const struct layout_caption *c, const struct layout_values *v, const char *line)
{
    struct layout_parts parts;
    if (strlen(line) > LAYOUT_PATTERN_TEXT_MAX || !layout_pattern_match(c->pattern, v, line, &parts))
        return NULL;
    if (c->value != NULL)
        return g_strdup(c->value);
    for (size_t i = 0; i < parts.n; i++)
        if (parts.items[i].field == c->field)
            return g_strndup(parts.items[i].start, parts.items[i].len);
    return NULL;
}

static void caption_page(struct schedule *s, const struct page *page, bool found[])
{
    const struct layout *layout = s->layout;
    GPtrArray *lines = schedule_caption_lines(page);
    for (guint i = 0; i < lines->len; i++)
        for (size_t k = 0; k < layout->n_captions; k++) {
            enum layout_field field = layout->captions[k].field;
            char *says = found[field] ? NULL : caption_says(&layout->captions[k], &s->values, lines->pdata[i]);
            if (says == NULL)
                continue;
            found[field] = true;
            g_free(s->facts[field]);
            s->facts[field] = says;
        }
    g_ptr_array_unref(lines);
}

void schedule_captions(struct schedule *s, const struct page pages[], size_t n_pages)
{
    bool found[LAYOUT_FIELD_COUNT] = {false};
    for (size_t i = 0; i < LAYOUT_FIELD_COUNT; i++)
        if (s->facts[i] == NULL)
            s->facts[i] = g_strdup(s->layout->fixed[i]);
    for (size_t p = 0; p < n_pages && s->layout->n_captions > 0; p++)
        caption_page(s, &pages[p], found);
    if (s->facts[LAYOUT_YEAR] != NULL)
        s->values.year = atoi(s->facts[LAYOUT_YEAR]);
}
