/*
 * words - see words.h. Asks poppler for a selection far larger than the page: its text functions walk from the block nearest one
 * corner to the block nearest the other, and only corners outside everything are sure to take in every block.
 */
#include "words.h"

#include "drawing.h"
#include <math.h>
#include <poppler.h>

static const double BEYOND = 1e7;

struct words_style {
    double size;
    bool bold;
    uint8_t red, green, blue;
};

void words_rule_add(struct rules *rules, struct rule rule)
{
    if (rules->n == rules->cap) {
        rules->cap = rules->cap == 0 ? 64 : rules->cap * 2;
        rules->items = g_renew(struct rule, rules->items, rules->cap);
    }
    rules->items[rules->n++] = rule;
}

static void words_free_one(struct word *word)
{
    g_free(word->text);
    g_free(word->starts);
}

void words_free(struct page *page)
{
    for (size_t i = 0; i < page->n_words; i++)
        words_free_one(&page->words[i]);
    g_free(page->words);
    g_free(page->vertical.items);
    g_free(page->horizontal.items);
    *page = (struct page){0};
}

static bool words_font_is_bold(const char *name)
{
    return name != NULL && (strcasestr(name, "bold") != NULL || strcasestr(name, "black") != NULL || strcasestr(name, "heavy") != NULL);
}

/* One style per character index. */
static struct words_style *words_styles(PopplerPage *from, PopplerRectangle *area, size_t n)
{
    struct words_style *styles = g_new0(struct words_style, n + 1);
    GList *list = poppler_page_get_text_attributes_for_area(from, area);
    for (GList *l = list; l != NULL; l = l->next) {
        const PopplerTextAttributes *a = l->data;
        struct words_style style = {a->font_size, words_font_is_bold(a->font_name), (uint8_t)(a->color.red >> 8),
                                    (uint8_t)(a->color.green >> 8), (uint8_t)(a->color.blue >> 8)};
        for (int i = MAX_OF(a->start_index, 0); i <= a->end_index && (size_t)i < n; i++)
            styles[i] = style;
    }
    poppler_page_free_text_attributes(list);
    return styles;
}

static bool words_is_space(gunichar c)
{
    return c == 0 || g_unichar_isspace(c) || c == 0xa0 || c == 0x200b || c == 0xfeff;
}

static void words_add(struct page *page, const struct word *word, GString *text, GArray *starts)
{
    if ((page->n_words & (page->n_words - 1)) == 0) /* grows at powers of two */
        page->words = g_renew(struct word, page->words, MAX_OF(page->n_words * 2, (size_t)1));
    page->words[page->n_words] = *word;
    page->words[page->n_words].text = g_utf8_normalize(text->str, (gssize)text->len, G_NORMALIZE_NFC);
    if (page->words[page->n_words].text == NULL)
        page->words[page->n_words].text = g_utf8_make_valid(text->str, (gssize)text->len);
    if (g_utf8_strlen(page->words[page->n_words].text, -1) == (glong)starts->len)
        page->words[page->n_words].starts = g_memdup2(starts->data, starts->len * sizeof(double));
    page->n_words++;
    g_string_truncate(text, 0);
    g_array_set_size(starts, 0);
}

static bool words_style_equal(const struct words_style *a, const struct words_style *b)
{
    return a->size == b->size && a->bold == b->bold && a->red == b->red && a->green == b->green && a->blue == b->blue;
}

/* Neighbours in the text that are apart on the page: the text has no separator where another block begins. */
static bool words_apart(const struct word *word, double x0, double y0, double x1, double y1, double size)
{
    double gap = fmax(x0 - word->x1, word->x0 - x1);
    double middle = (y0 + y1) / 2;
    return gap > 0.12 * size || middle < word->y0 || middle > word->y1;
}

static void words_split(struct page *page, const char *text, const PopplerRectangle *boxes, const struct words_style *styles)
{
    GString *now = g_string_new(NULL);
    GArray *starts = g_array_new(FALSE, FALSE, sizeof(double));
    struct word word = {0};
    const struct words_style *style = NULL;
    size_t i = 0;
    for (const char *at = text;; at += g_utf8_skip[(unsigned char)*at], i++) {
        gunichar c = *at == '\0' ? 0 : g_utf8_get_char(at);
        double x0 = fmin(boxes[i].x1, boxes[i].x2), x1 = fmax(boxes[i].x1, boxes[i].x2);
        double y0 = fmin(boxes[i].y1, boxes[i].y2), y1 = fmax(boxes[i].y1, boxes[i].y2);
        bool ends = words_is_space(c) || (style != NULL && (!words_style_equal(style, &styles[i]) ||
                                                            words_apart(&word, x0, y0, x1, y1, style->size)));
        if (ends && now->len > 0) {
            words_add(page, &word, now, starts);
            style = NULL;
        }
        if (*at == '\0')
            break;
        if (words_is_space(c))
            continue;
        if (now->len == 0) {
            style = &styles[i];
            word = (struct word){x0, y0, x1, y1, style->size, style->bold, style->red, style->green, style->blue, NULL, NULL};
        } else {
            word.x0 = fmin(word.x0, x0);
            word.y0 = fmin(word.y0, y0);
            word.x1 = fmax(word.x1, x1);
            word.y1 = fmax(word.y1, y1);
        }
        g_string_append_unichar(now, c);
        g_array_append_val(starts, x0);
    }
    g_string_free(now, TRUE);
    g_array_free(starts, TRUE);
}

static bool words_is_near(const struct word *w, uint32_t colour)
{
    enum { NEAR = 24 };
    return abs((int)(colour >> 16 & 255) - w->red) < NEAR && abs((int)(colour >> 8 & 255) - w->green) < NEAR &&
           abs((int)(colour & 255) - w->blue) < NEAR;
}

/* A word coloured (nearly) as what is painted under it cannot be seen by anybody. Three points tell for nearly every word. */
static bool words_is_hidden(const struct drawing *drawing, const struct word *w)
{
    bool maybe = false;
    for (int i = 0; i < 3; i++)
        maybe = maybe || words_is_near(w, drawing_pixel_at(drawing, w->x0 + (w->x1 - w->x0) * (0.05 + 0.45 * i), (w->y0 + w->y1) / 2));
    return maybe && words_is_near(w, drawing_colour(drawing, w->x0, w->y0, w->x1, w->y1));
}

static void words_drop_hidden(struct page *page, const struct drawing *drawing, size_t *hidden)
{
    size_t kept = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        if (words_is_hidden(drawing, &page->words[i])) {
            words_free_one(&page->words[i]);
            ++*hidden;
        } else {
            page->words[kept++] = page->words[i];
        }
    }
    page->n_words = kept;
}

int words_read(struct page *page, PopplerPage *from, size_t *chars, size_t *hidden, struct err *e)
{
    PopplerRectangle area = {-BEYOND, -BEYOND, BEYOND, BEYOND};
    PopplerRectangle *boxes = NULL;
    guint n = 0;
    struct drawing drawing;
    poppler_page_get_size(from, &page->width, &page->height);
    drawing_init(&drawing, from, page->width, page->height);
    char *text = poppler_page_get_text_for_area(from, &area);
    bool any = text != NULL && text[0] != '\0' && poppler_page_get_text_layout_for_area(from, &area, &boxes, &n);
    glong length = any ? g_utf8_strlen(text, -1) : 0;
    int rc = 0;
    *chars += (size_t)length;
    if (*chars > WORDS_CHARS_MAX)
        rc = err_set(e, ERR_DECOMPRESSION_LIMIT, "page %d: the text is longer than %d characters", page->number, WORDS_CHARS_MAX);
    else if (any && length > (glong)n + 1)
        rc = err_set(e, ERR_CORRUPT_PDF, "page %d: %ld characters but %u boxes", page->number, length, n);
    if (rc == 0 && any) {
        /* The text may end in one separator more than there are boxes. */
        boxes = g_renew(PopplerRectangle, boxes, n + 2);
        memset(boxes + n, 0, 2 * sizeof *boxes);
        struct words_style *styles = words_styles(from, &area, (size_t)n + 1);
        words_split(page, text, boxes, styles);
        g_free(styles);
    }
    if (rc == 0) {
        drawing_settle(&drawing, from, page);
        words_drop_hidden(page, &drawing, hidden);
        drawing_rules(&drawing, page);
    }
    drawing_fini(&drawing);
    g_free(boxes);
    g_free(text);
    return rc;
}
