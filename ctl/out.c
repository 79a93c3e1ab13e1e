/*
 * out - see out.h. Refuses to pass a job's bytes to a terminal unchanged: an id or an error text may hold escape
 * sequences.
 */
#include "out.h"

#include "clock.h"
#include "utf8.h"
#include "err.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <time.h>
#include <wchar.h>

static const char *const TINTS[] = {
    [TINT_NONE] = "",          [TINT_BOLD] = "\033[1m",    [TINT_DIM] = "\033[2m",
    [TINT_GREEN] = "\033[32m", [TINT_YELLOW] = "\033[33m", [TINT_RED] = "\033[31m",
};

void out_init(struct out *o, FILE *to, FILE *remarks, bool json, bool quiet, bool no_colour)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool dumb = term != NULL && strcmp(term, "dumb") == 0, tty = isatty(fileno(to)) == 1;
    *o = (struct out){.to = to, .remarks = remarks, .json = json, .quiet = quiet};
    o->colour = tty && !json && !no_colour && !dumb && (no_color == NULL || *no_color == '\0');
    o->live = isatty(fileno(remarks)) == 1 && !dumb;
    struct winsize size;
    if (tty && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        o->columns = size.ws_col;
}

const char *out_tint_code(enum tint tint)
{
    return TINTS[tint];
}

static void tinted(struct out *o, enum tint tint, const char *text)
{
    bool on = o->colour && tint != TINT_NONE;
    (void)fprintf(o->to, "%s%s%s", on ? TINTS[tint] : "", text, on ? "\033[0m" : "");
}

__attribute__((format(printf, 3, 0))) static void print_line(struct out *o, enum tint tint, const char *format,
                                                             va_list ap)
{
    char *text = NULL;
    if (o->json || vasprintf(&text, format, ap) < 0)
        return;
    tinted(o, tint, text);
    (void)fputc('\n', o->to);
    free(text);
}

void out_line(struct out *o, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(o, TINT_NONE, format, ap);
    va_end(ap);
}

void out_tinted(struct out *o, enum tint tint, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    print_line(o, tint, format, ap);
    va_end(ap);
}

void out_remark(struct out *o, const char *format, ...)
{
    if (o->quiet)
        return;
    AUTO_FREE char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    json_t *record = o->json ? json_pack("{s:s}", "remark", text) : NULL;
    if (record != NULL)
        (void)json_dumpf(record, o->remarks, JSON_COMPACT);
    else
        (void)fputs(text, o->remarks);
    (void)fputc('\n', o->remarks);
    json_decref(record);
}

void out_json(struct out *o, const json_t *record)
{
    (void)json_dumpf(record, o->to, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    (void)fputc('\n', o->to);
}

bool out_is_utf8(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t point;
        size_t n = utf8_next((const unsigned char *)text + i, len - i, &point);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

char *out_harmless(const char *text, size_t len)
{
    return utf8_harmless(text, len);
}

size_t out_fit(const char *text, size_t columns, size_t *ret_width)
{
    size_t width = 0, i = 0, len = strlen(text);
    while (i < len) {
        uint32_t point = 0;
        size_t n = utf8_next((const unsigned char *)text + i, len - i, &point);
        int w = n == 0 ? 1 : wcwidth((wchar_t)point);
        size_t cell = w < 0 ? 1 : (size_t)w;
        if (width + cell > columns)
            break;
        width += cell;
        i += MAX_OF(n, (size_t)1);
    }
    *ret_width = width;
    return i;
}

size_t out_width(const char *text)
{
    size_t width;
    (void)out_fit(text, SIZE_MAX / 2, &width);
    return width;
}

void table_init(struct table *t, const char *const titles[])
{
    *t = (struct table){.n_rows = 0};
    for (; titles[t->n_columns] != NULL; t->n_columns++) {
        assert(t->n_columns < TABLE_COLUMN_MAX);
        t->titles[t->n_columns] = titles[t->n_columns];
    }
}

int table_row(struct table *t)
{
    if (t->n_rows >= TABLE_ROW_MAX)
        return ERR_OUT_OF_MEMORY;
    if (t->n_rows == t->cap_rows) {
        size_t cap = t->cap_rows == 0 ? 32 : t->cap_rows * 2;
        struct table_cell *cells = reallocarray(t->cells, cap * t->n_columns, sizeof *cells);
        if (cells == NULL)
            return ERR_OUT_OF_MEMORY;
        t->cells = cells;
        t->cap_rows = cap;
    }
    memset(&t->cells[t->n_rows * t->n_columns], 0, t->n_columns * sizeof *t->cells);
    t->n_rows++;
    return 0;
}

static struct table_cell *cell_of(struct table *t, size_t column)
{
    assert(column < t->n_columns);
    return t->n_rows == 0 ? NULL : &t->cells[(t->n_rows - 1) * t->n_columns + column];
}

void table_set(struct table *t, size_t column, const char *format, ...)
{
    struct table_cell *cell = cell_of(t, column);
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0 || cell == NULL)
        return;
    free(cell->text);
    cell->text = out_harmless(text, (size_t)n);
    free(text);
}

void table_tint(struct table *t, size_t column, enum tint tint)
{
    struct table_cell *cell = cell_of(t, column);
    if (cell != NULL)
        cell->tint = tint;
}

static const char TITLE_MARKS[] = ">~?-|";

static const char *title_text(const char *title)
{
    return title + strspn(title, TITLE_MARKS);
}

static bool title_marked(const char *title, char mark)
{
    return memchr(title, mark, strspn(title, TITLE_MARKS)) != NULL;
}

static void print_cell(struct out *o, const char *title, const char *text, enum tint tint, size_t width, bool last)
{
    enum { PAD_MAX = 512 };
    size_t shown;
    size_t bytes = out_fit(text, width, &shown);
    bool cut = text[bytes] != '\0', right = title_marked(title, '>');
    if (cut && width > 0)
        bytes = out_fit(text, width - 1, &shown);
    char *piece = NULL;
    if (asprintf(&piece, "%.*s%s", (int)bytes, text, cut && width > 0 ? "…" : "") < 0)
        return;
    size_t pad = width - shown - (cut && width > 0 ? 1 : 0);
    int blanks = (int)MIN_OF(pad, (size_t)PAD_MAX);
    if (right)
        (void)fprintf(o->to, "%*s", blanks, "");
    tinted(o, tint, piece);
    if (!right && !last)
        (void)fprintf(o->to, "%*s", blanks, "");
    (void)fputs(last ? "\n" : "  ", o->to);
    free(piece);
}

static const char *cell_text(const struct table *t, size_t row, size_t column)
{
    const char *text = t->cells[row * t->n_columns + column].text;
    return text == NULL ? "" : text;
}

static bool says_nothing(const struct table *t, size_t column)
{
    for (size_t r = 0; r < t->n_rows; r++) {
        const char *text = cell_text(t, r, column);
        if (*text != '\0' && strcmp(text, "-") != 0 && strcmp(text, "0") != 0)
            return false;
    }
    return true;
}

/* A table's columns as they will be printed. */
struct layout {
    size_t widths[TABLE_COLUMN_MAX];
    bool shown[TABLE_COLUMN_MAX];
    size_t last; /* rightmost shown */
};

/* The least a column can be cut to. */
static size_t least_width(const struct table *t, size_t column, size_t width)
{
    enum { READABLE = 12 };
    size_t title = out_width(title_text(t->titles[column]));
    bool gives = title_marked(t->titles[column], '~') || title_marked(t->titles[column], '|');
    return gives ? MIN_OF(width, MAX_OF(title, (size_t)READABLE)) : width;
}

/* Columns of the terminal taken by what is shown; least: when everything is cut as far as it may be. */
static size_t total_width(const struct table *t, const struct layout *l, bool least)
{
    size_t total = 0;
    for (size_t c = 0; c < t->n_columns; c++)
        if (l->shown[c])
            total += (total > 0 ? 2 : 0) + (least ? least_width(t, c, l->widths[c]) : l->widths[c]);
    return total;
}

static void make_fit(const struct table *t, size_t columns, struct layout *l)
{
    for (size_t c = t->n_columns; c-- > 0 && total_width(t, l, true) > columns;)
        l->shown[c] = l->shown[c] && !title_marked(t->titles[c], '-');
    for (size_t c = 0; c < t->n_columns; c++) {
        size_t total = total_width(t, l, false), least = least_width(t, c, l->widths[c]);
        size_t over = total > columns ? total - columns : 0;
        if (l->shown[c] && !title_marked(t->titles[c], '|'))
            l->widths[c] -= MIN_OF(over, l->widths[c] - least);
    }
    /* Of those that are wrapped the widest gives way first, so that no row becomes longer than it must. */
    for (size_t c = 0; c < t->n_columns && total_width(t, l, false) > columns;) {
        size_t widest = t->n_columns;
        for (c = 0; c < t->n_columns; c++)
            if (l->shown[c] && title_marked(t->titles[c], '|') && l->widths[c] > least_width(t, c, l->widths[c]) &&
                (widest == t->n_columns || l->widths[c] > l->widths[widest]))
                widest = c;
        if (widest < t->n_columns)
            l->widths[c = widest]--;
    }
}

static void measure(const struct table *t, const struct out *o, struct layout *l)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        l->widths[c] = out_width(title_text(t->titles[c]));
        l->shown[c] = !(title_marked(t->titles[c], '?') && says_nothing(t, c));
        for (size_t r = 0; r < t->n_rows; r++)
            l->widths[c] = MAX_OF(l->widths[c], out_width(cell_text(t, r, c)));
    }
    if (o->columns > 0)
        make_fit(t, (size_t)o->columns, l);
    l->last = 0;
    for (size_t c = 0; c < t->n_columns; c++)
        l->last = l->shown[c] ? c : l->last;
}

/* Bytes of the first line of text in `width` columns: up to a space where there is one. */
static size_t first_line(const char *text, size_t width)
{
    size_t shown, bytes = out_fit(text, width, &shown);
    if (text[bytes] == '\0' || text[bytes] == ' ')
        return bytes;
    for (size_t at = bytes; at > 0; at--)
        if (text[at - 1] == ' ')
            return at - 1;
    return MAX_OF(bytes, (size_t)1);
}

/* Moves a wrapped cell's rest behind its first line, which is put into line; a cell that is not wrapped has one. */
static const char *take_line(const char *title, const char **rest, size_t width, char **line)
{
    const char *text = *rest;
    if (!title_marked(title, '|') || out_width(text) <= width) {
        *rest = "";
        return text;
    }
    size_t bytes = first_line(text, width);
    free(*line);
    *line = strndup(text, bytes);
    *rest = text + bytes + strspn(text + bytes, " ");
    return *line != NULL ? *line : "";
}

static void print_row(const struct table *t, size_t row, const struct layout *l, struct out *o)
{
    const char *rest[TABLE_COLUMN_MAX];
    AUTO_FREE char *line = NULL;
    for (size_t c = 0; c < t->n_columns; c++)
        rest[c] = cell_text(t, row, c);
    for (bool more = true; more;) {
        more = false;
        for (size_t c = 0; c < t->n_columns; c++)
            if (l->shown[c]) {
                const char *text = take_line(t->titles[c], &rest[c], l->widths[c], &line);
                print_cell(o, t->titles[c], text, t->cells[row * t->n_columns + c].tint, l->widths[c], c == l->last);
                more = more || *rest[c] != '\0';
            }
    }
}

static void print_table(const struct table *t, struct out *o, bool header)
{
    struct layout l;
    if (t->n_rows == 0 || o->json)
        return;
    measure(t, o, &l);
    for (size_t c = 0; c < t->n_columns && header; c++)
        if (l.shown[c])
            print_cell(o, t->titles[c], title_text(t->titles[c]), TINT_BOLD, l.widths[c], c == l.last);
    for (size_t r = 0; r < t->n_rows; r++)
        print_row(t, r, &l, o);
}

void table_print(const struct table *t, struct out *o)
{
    print_table(t, o, true);
}

void table_print_body(const struct table *t, struct out *o)
{
    print_table(t, o, false);
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct table){.n_rows = 0};
}

char *out_ms(char out[static 32], int64_t ms)
{
    long long s = (long long)(ms / 1000);
    if (ms < 0)
        (void)snprintf(out, 32, "-");
    else if (ms < 1000)
        (void)snprintf(out, 32, "%lld ms", (long long)ms);
    else if (s < 10)
        (void)snprintf(out, 32, "%.1f s", (double)ms / 1000.0);
    else if (s < 60)
        (void)snprintf(out, 32, "%lld s", s);
    else if (s < 3600)
        (void)snprintf(out, 32, "%lld min %02lld s", s / 60, s % 60);
    else if (s < 86400)
        (void)snprintf(out, 32, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else
        (void)snprintf(out, 32, "%lld d %lld h", s / 86400, s / 3600 % 24);
    return out;
}

char *out_bytes(char out[static 32], int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024.0 && unit + 1 < ARRAY_LEN(units); unit++)
        value /= 1024.0;
    if (bytes < 0)
        (void)snprintf(out, 32, "-");
    else
        (void)snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

char *out_time(char out[static 32], int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (wall_ms <= 0 || localtime_r(&seconds, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        (void)snprintf(out, 32, "-");
    return out;
}

void progress_init(struct progress *p, struct out *o, const char *label)
{
    *p = (struct progress){.out = o, .label = label};
}

void progress_update(struct progress *p, size_t done, size_t total)
{
    enum { BAR = 24, REDRAW_MS = 100 };
    uint64_t now = clock_mono_ms();
    if (!p->out->live || p->out->quiet || total == 0 || (p->drawn && done < total && now - p->shown_ms < REDRAW_MS))
        return;
    size_t filled = MIN_OF(done, total) * BAR / total;
    char bar[BAR * 3 + 1] = "";
    for (size_t i = 0; i < BAR; i++)
        (void)strcat(bar, i < filled ? "█" : "░");
    (void)fprintf(p->out->remarks, "\r%s %s %zu/%zu %zu %%\033[K", p->label, bar, done, total, done * 100 / total);
    (void)fflush(p->out->remarks);
    p->shown_ms = now;
    p->drawn = true;
}

void progress_end(struct progress *p)
{
    if (p->drawn)
        (void)fprintf(p->out->remarks, "\r\033[K");
    p->drawn = false;
}
