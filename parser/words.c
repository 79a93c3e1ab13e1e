/*
 * words - see words.h. Characters that follow one another without a gap are a word, in whatever order the file sets them: what it sets
 * in pieces is put together by place. Refuses to keep what nobody can see; it is counted.
 */
#include "words.h"

#include "sheet.h"
#include <glib.h>
#include <math.h>

/* In ems. */
static const double GAP = 0.12, OVERLAP = 0.25, LEVEL = 0.15, TWIN = 0.1, LINE = 0.3, LIFTED = 0.45;
enum { END = -1, SOFT_HYPHEN = 0xad };

/* Characters that belong together: a chain of glyphs, in the order they are read where the writing runs from left to right. */
struct words_piece {
    int32_t head, tail;
    uint32_t n;
    float x0, y0, x1, y1, begin, end, base, size;
    uint64_t seams; /* as in struct word */
    uint32_t line; /* the page's lines are counted once the pieces are in order */
    bool space_before, space_after;
};

struct words_build {
    const struct sheet_glyph *glyphs;
    int32_t *next;             /* owned: of each glyph in its chain */
    uint32_t *letters;         /* owned: of each glyph; accents set apart are combining here */
    struct words_piece *pieces; /* owned */
    size_t n;
};

void words_rule_add(struct rules *rules, struct rule rule)
{
    if (rules->n == rules->cap) {
        rules->cap = rules->cap == 0 ? 64 : rules->cap * 2;
        rules->items = g_renew(struct rule, rules->items, rules->cap);
    }
    rules->items[rules->n++] = rule;
}

void words_free(struct page *page)
{
    for (size_t i = 0; i < page->n_words; i++)
        g_free(page->words[i].text);
    g_free(page->words);
    g_free(page->vertical.items);
    g_free(page->horizontal.items);
    *page = (struct page){0};
}

/* The combining form of an accent that is set as a character of its own; 0 for anything else. */
static uint32_t words_accent(uint32_t c)
{
    static const uint16_t accents[][2] = {{0x60, 0x300},   {0xb4, 0x301},   {0x5e, 0x302},  {0x2c6, 0x302}, {0x7e, 0x303},  {0x2dc, 0x303},
                                          {0xaf, 0x304},   {0x2c9, 0x304},  {0x2d8, 0x306}, {0x2d9, 0x307}, {0xa8, 0x308},  {0x2da, 0x30a},
                                          {0x2dd, 0x30b},  {0x2c7, 0x30c},  {0xb8, 0x327},  {0x2db, 0x328}, {0x2ca, 0x301}, {0x2cb, 0x300}};
    if (c < 0x5e)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(accents); i++)
        if (accents[i][0] == c)
            return accents[i][1];
    return c >= 0x300 && c < 0x370 ? c : 0;
}

static bool words_is_rtl(uint32_t c)
{
    return (c >= 0x590 && c < 0x900) || (c >= 0xfb1d && c < 0xfe00) || (c >= 0xfe70 && c < 0xff00) || (c >= 0x10800 && c < 0x11000) ||
           (c >= 0x1e800 && c < 0x1f000);
}

static void words_widen(struct words_piece *piece, const struct sheet_glyph *g)
{
    piece->x0 = MIN_OF(piece->x0, g->x0);
    piece->y0 = MIN_OF(piece->y0, g->y0);
    piece->x1 = MAX_OF(piece->x1, g->x1);
    piece->y1 = MAX_OF(piece->y1, g->y1);
    piece->begin = MIN_OF(piece->begin, g->begin);
    piece->end = MAX_OF(piece->end, g->end);
}

static bool words_alike(const struct sheet_glyph *a, const struct sheet_glyph *b)
{
    return a->turn == b->turn && a->flags == b->flags && a->colour == b->colour && fabsf(a->size - b->size) < 0.02F * a->size + 0.01F;
}

static void words_chain(struct words_build *b, struct words_piece *piece, int32_t i, bool first)
{
    if (first) {
        b->next[i] = piece->head;
        piece->head = i;
    } else {
        b->next[i] = END;
        b->next[piece->tail] = i;
        piece->tail = i;
    }
    piece->n++;
    words_widen(piece, &b->glyphs[i]);
}

/* An accent and its letter share their place; in either order the letter is read first. */
static bool words_combine(struct words_build *b, struct words_piece *piece, int32_t i)
{
    const struct sheet_glyph *g = &b->glyphs[i], *last = &b->glyphs[piece->tail];
    double shared = fmin(g->end, last->end) - fmax(g->begin, last->begin);
    uint32_t now = words_accent(b->letters[i]), before = words_accent(b->letters[piece->tail]);
    if ((now == 0) == (before == 0) || fabsf(g->base - last->base) > LIFTED * g->size ||
        shared < 0.5 * fmin(g->end - g->begin, last->end - last->begin))
        return false;
    if (now != 0) {
        b->letters[i] = now;
        words_chain(b, piece, i, false);
        return true;
    }
    uint32_t letter = b->letters[i];
    b->letters[i] = before;
    b->letters[piece->tail] = letter;
    words_chain(b, piece, i, false);
    return true;
}

/* Takes glyph i into the piece when it goes on there. */
static bool words_go_on(struct words_build *b, struct words_piece *piece, int32_t i)
{
    const struct sheet_glyph *g = &b->glyphs[i], *last = &b->glyphs[piece->tail];
    if (!words_alike(last, g))
        return false;
    double size = g->size, gap = g->begin - last->end;
    bool level = fabsf(g->base - last->base) <= LEVEL * size;
    /* Set twice a hair apart to look bold. */
    if (level && g->unicode == last->unicode && fabsf(g->begin - last->begin) < TWIN * size)
        return true;
    if (gap < 0 && words_combine(b, piece, i))
        return true;
    if (level && gap <= GAP * size && gap >= -OVERLAP * size) {
        words_chain(b, piece, i, false);
        return true;
    }
    double back = b->glyphs[piece->head].begin - g->end;
    if (level && back <= GAP * size && back >= -OVERLAP * size && words_is_rtl(g->unicode)) {
        words_chain(b, piece, i, true);
        return true;
    }
    return false;
}

static void words_pieces(struct words_build *b, const struct sheet *sheet)
{
    struct words_piece *piece = NULL;
    bool space = false;
    b->glyphs = sheet->glyphs;
    b->next = g_new(int32_t, sheet->n + 1);
    b->letters = g_new(uint32_t, sheet->n + 1);
    b->pieces = g_new(struct words_piece, sheet->n + 1);
    for (size_t i = 0; i < sheet->n; i++) {
        const struct sheet_glyph *g = &sheet->glyphs[i];
        b->letters[i] = g->unicode;
        if (g->flags & SHEET_SPACE) {
            if (piece != NULL && !space)
                piece->space_after = true;
            space = true;
            continue;
        }
        if (piece != NULL && !space && words_go_on(b, piece, (int32_t)i))
            continue;
        piece = &b->pieces[b->n++];
        *piece = (struct words_piece){.head = (int32_t)i, .tail = (int32_t)i, .n = 1, .x0 = g->x0, .y0 = g->y0, .x1 = g->x1, .y1 = g->y1,
                                      .begin = g->begin, .end = g->end, .base = g->base, .size = g->size, .space_before = space};
        b->next[i] = END;
        space = false;
    }
}

static int words_base_order(const void *a, const void *b)
{
    const struct words_piece *p = a, *q = b;
    return p->line != q->line ? (p->line < q->line ? -1 : 1) : p->base < q->base ? -1 : p->base > q->base;
}

static int words_line_order(const void *a, const void *b)
{
    const struct words_piece *p = a, *q = b;
    if (p->line != q->line)
        return p->line < q->line ? -1 : 1;
    return p->begin != q->begin ? (p->begin < q->begin ? -1 : 1) : p->head - q->head;
}

/* Puts the pieces in the order they are read: line by line, lines of each direction of writing by themselves. */
static void words_order(struct words_build *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->pieces[i].line = b->glyphs[b->pieces[i].head].turn;
    qsort(b->pieces, b->n, sizeof *b->pieces, words_base_order);
    uint32_t line = 0, turn = 0;
    float base = -INFINITY;
    for (size_t i = 0; i < b->n; i++) {
        struct words_piece *piece = &b->pieces[i];
        if (piece->line != turn || piece->base - base > (float)LINE * piece->size) {
            turn = piece->line;
            base = piece->base;
            line++;
        }
        piece->line = line;
    }
    qsort(b->pieces, b->n, sizeof *b->pieces, words_line_order);
}

static bool words_same_text(const struct words_build *b, const struct words_piece *p, const struct words_piece *q)
{
    if (p->n != q->n)
        return false;
    for (int32_t i = p->head, k = q->head; i != END && k != END; i = b->next[i], k = b->next[k])
        if (b->letters[i] != b->letters[k])
            return false;
    return true;
}

/* In one line: true when q is p once more, a hair beside it, or goes on where p ends, in which case p has it now. */
static bool words_take(struct words_build *b, struct words_piece *p, const struct words_piece *q)
{
    double size = p->size, gap = q->begin - p->end;
    if (fabsf(q->begin - p->begin) < TWIN * size && fabsf(q->base - p->base) < 2 * TWIN * size && words_same_text(b, p, q))
        return true;
    if (gap > GAP * size || gap < -TWIN * size || p->space_after || q->space_before || fabsf(q->base - p->base) > LEVEL * size ||
        !words_alike(&b->glyphs[p->tail], &b->glyphs[q->head]))
        return false;
    b->next[p->tail] = q->head;
    p->tail = q->tail;
    if (p->n < 64)
        p->seams |= (uint64_t)1 << p->n | q->seams << p->n;
    p->n += q->n;
    p->x0 = MIN_OF(p->x0, q->x0);
    p->y0 = MIN_OF(p->y0, q->y0);
    p->x1 = MAX_OF(p->x1, q->x1);
    p->y1 = MAX_OF(p->y1, q->y1);
    p->end = MAX_OF(p->end, q->end);
    p->space_after = q->space_after;
    return true;
}

static void words_join(struct words_build *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (kept > 0 && b->pieces[kept - 1].line == b->pieces[i].line && words_take(b, &b->pieces[kept - 1], &b->pieces[i]))
            continue;
        b->pieces[kept++] = b->pieces[i];
    }
    b->n = kept;
}

static bool words_is_near(uint32_t a, uint32_t b)
{
    enum { NEAR = 36 }; /* a contrast of 1.35 against white: hardly to be read */
    return b != PICTURE_UNKNOWN && abs((int)(a >> 16 & 255) - (int)(b >> 16 & 255)) < NEAR &&
           abs((int)(a >> 8 & 255) - (int)(b >> 8 & 255)) < NEAR && abs((int)(a & 255) - (int)(b & 255)) < NEAR;
}

/* Coloured (nearly) as what was drawn under it, or lying under what was drawn later: nobody can see it. A line through a word hides
 * nothing, hence more than one point. */
static bool words_is_hidden(const struct words_build *b, const struct picture *picture, const struct words_piece *p)
{
    static const double points[][2] = {{0.5, 0.35}, {0.5, 0.65}, {0.05, 0.35}, {0.05, 0.65}, {0.95, 0.35}, {0.95, 0.65}};
    const struct sheet_glyph *g = &b->glyphs[p->head];
    if (g->flags & SHEET_HIDDEN)
        return true;
    size_t alike = 0, covered = 0;
    for (size_t i = 0; i < ARRAY_LEN(points) && (covered == i || (alike > 0 && alike + 2 >= i)); i++) {
        double x = p->x0 + (p->x1 - p->x0) * points[i][0], y = p->y0 + (p->y1 - p->y0) * points[i][1];
        alike += words_is_near(g->colour, picture_colour(picture, x, y, g->seq));
        covered += covered == i && picture_covered(picture, x, y, g->seq);
    }
    return alike >= 4 || covered == ARRAY_LEN(points);
}

static void words_reverse(uint32_t letters[], double starts[], size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t letter = letters[i];
        double start = starts[i];
        letters[i] = letters[n - 1 - i];
        starts[i] = starts[n - 1 - i];
        letters[n - 1 - i] = letter;
        starts[n - 1 - i] = start;
    }
}

/* From right to left where letters are, except for what runs the other way among them. */
static void words_logical(uint32_t letters[], double starts[], size_t n)
{
    bool rtl = false;
    for (size_t i = 0; i < n; i++)
        rtl = rtl || words_is_rtl(letters[i]);
    if (!rtl)
        return;
    words_reverse(letters, starts, n);
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && !words_is_rtl(letters[end]) && (g_unichar_isalnum(letters[end]) || (end > i && letters[end] < 0x80)); end++)
            continue;
        if (end > i + 1)
            words_reverse(letters + i, starts + i, end - i);
    }
}

static bool words_is_ligature(uint32_t c)
{
    return (c >= 0xfb00 && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfefc);
}

/* UTF-8 in NFC, ligatures as their letters; caller frees with g_free. */
static char *words_utf8(const uint32_t letters[], size_t n)
{
    GString *utf8 = g_string_sized_new(n * 4);
    bool ligatures = false;
    for (size_t i = 0; i < n; i++) {
        if (letters[i] == SOFT_HYPHEN && i + 1 < n) /* seen at the end of a line only */
            continue;
        g_string_append_unichar(utf8, g_unichar_validate(letters[i]) && letters[i] != 0 ? letters[i] : 0xfffd);
        ligatures = ligatures || words_is_ligature(letters[i]);
    }
    char *normal = g_utf8_normalize(utf8->str, (gssize)utf8->len, ligatures ? G_NORMALIZE_ALL_COMPOSE : G_NORMALIZE_NFC);
    g_string_free(utf8, TRUE);
    return normal;
}

/* Gives the word its text and, where a character is a glyph, the glyphs' places. One allocation: most words are short, and many. */
static void words_write(struct word *word, uint32_t letters[], double starts[], size_t n, bool plain)
{
    char *normal = NULL;
    if (!plain) {
        words_logical(letters, starts, n);
        normal = words_utf8(letters, n);
    }
    size_t length = plain ? n : strlen(normal), room = (length + sizeof *starts) / sizeof *starts * sizeof *starts;
    word->text = g_malloc(room + n * sizeof *starts);
    if (plain || g_utf8_strlen(normal, -1) == (glong)n) {
        word->starts = (double *)(void *)(word->text + room);
        memcpy(word->starts, starts, n * sizeof *starts);
    }
    for (size_t i = 0; i < length; i++)
        word->text[i] = plain ? (char)letters[i] : normal[i];
    word->text[length] = '\0';
    g_free(normal);
}

static void words_add(const struct words_build *b, const struct words_piece *p, uint32_t letters[], double starts[], struct page *page)
{
    const struct sheet_glyph *g = &b->glyphs[p->head];
    struct word *word = &page->words[page->n_words++];
    size_t n = 0;
    bool plain = true;
    for (int32_t i = p->head; i != END; i = b->next[i], n++) {
        letters[n] = b->letters[i];
        starts[n] = b->glyphs[i].x0;
        plain = plain && letters[n] < 0x80;
    }
    *word = (struct word){.x0 = p->x0, .y0 = p->y0, .x1 = p->x1, .y1 = p->y1, .size = p->size, .bold = (g->flags & SHEET_BOLD) != 0,
                          .red = (uint8_t)(g->colour >> 16), .green = (uint8_t)(g->colour >> 8), .blue = (uint8_t)g->colour};
    words_write(word, letters, starts, n, plain);
    word->seams = plain ? p->seams : 0;
}

int words_read(struct page *page, const struct sheet *sheet, size_t *hidden, struct err *e)
{
    struct words_build b = {0};
    page->width = sheet->picture.width;
    page->height = sheet->picture.height;
    if (sheet->full)
        return err_set(e, ERR_DECOMPRESSION_LIMIT, "page %d: the document's text is longer than %d characters", page->number, WORDS_CHARS_MAX);
    words_pieces(&b, sheet);
    words_order(&b);
    words_join(&b);
    uint32_t *letters = g_new(uint32_t, sheet->n + 1);
    double *starts = g_new(double, sheet->n + 1);
    page->words = g_new(struct word, b.n + 1);
    for (size_t i = 0; i < b.n; i++) {
        if (words_is_hidden(&b, &sheet->picture, &b.pieces[i]))
            ++*hidden;
        else
            words_add(&b, &b.pieces[i], letters, starts, page);
    }
    g_free(letters);
    g_free(starts);
    g_free(b.next);
    g_free(b.letters);
    g_free(b.pieces);
    return 0;
}
