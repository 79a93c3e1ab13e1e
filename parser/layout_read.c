/*
 * layout_read - see layout_read.h. inih splits the lines, this knows their numbers. Refuses a file it did not understand to its last line.
 */
#include "layout_read.h"

#include "layout_example.h"
#include "layout_reader.h"
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

enum { READ_LINE_MAX = 2048 };

/* Stands for ';' in a value while inih looks at it, so that a pattern may hold one: it would take the rest for a comment. */
static const char READ_SEMICOLON = '\x01';

int layout_reader_fail(struct layout_reader *r, const char *format, ...)
{
    char text[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->rc == 0)
        r->rc = err_set(r->e, ERR_BAD_CONFIG, "%s:%zu: %s", r->file, r->line, text);
    return r->rc;
}

bool layout_read_name_valid(const char *name)
{
    static const char *const taken[] = {"auto", "table", "text"};
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return false;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return g_ascii_islower(name[0]) && name[len] == '\0' && len <= LAYOUT_NAME_MAX;
}

/* Enters [section]. */
static void read_section(struct layout_reader *r, const char *line)
{
    bool known = false;
    char list[700];
    size_t len = strcspn(line + 1, "]\n");
    if (line[1 + len] != ']' || len == 0 || len > LAYOUT_SECTION_MAX) {
        (void)layout_reader_fail(r, "a section is written [name], with at most %d characters", LAYOUT_SECTION_MAX);
        return;
    }
    memcpy(r->section, line + 1, len);
    r->section[len] = '\0';
    r->section_line = r->line;
    (void)layout_keys_find(r->section, "", &known);
    layout_keys_list("", list, sizeof list);
    if (!known)
        (void)layout_reader_fail(r, "[%s] is no section; allowed are: %s", r->section, list);
    else if (!g_hash_table_add(r->seen, g_strdup(r->section)))
        (void)layout_reader_fail(r, "[%s] stands a second time", r->section);
    else if (g_str_has_prefix(r->section, "column.")) {
        size_t n = layout_n_columns(r->layout);
        if (n == LAYOUT_COLUMNS_MAX) {
            (void)layout_reader_fail(r, "[%s] is one column too many; at most %d", r->section, LAYOUT_COLUMNS_MAX);
            return;
        }
        enum layout_field field = layout_field_of(r->section + 7, strlen(r->section + 7));
        r->column = n;
        r->column_line[n] = r->line;
        r->fielded[n] = field < LAYOUT_FIELD_COUNT;
        r->layout->columns[n] = (struct layout_column){.headers = g_strdup(""), .hidden_tail = g_strdup(""), .field = field};
    } else if (g_str_has_prefix(r->section, "example.") && layout_examples_add(r->layout, r->section, r->line) < 0) {
        (void)layout_reader_fail(r, "[%s] is one example too many; at most %d", r->section, LAYOUT_EXAMPLES_MAX);
    }
}

/* ini_reader. Leading blanks go, so that an indented key is a key and not the last value continued. */
static char *read_line(char *out, int size, void *stream)
{
    struct layout_reader *r = stream;
    if (r->rc < 0 || *r->rest == '\0')
        return NULL;
    r->line++;
    size_t raw = strcspn(r->rest, "\n");
    const char *start = r->rest + strspn(r->rest, " \t");
    size_t len = start < r->rest + raw ? (size_t)(r->rest + raw - start) : 0;
    if (len + 2 > (size_t)MIN_OF(size, READ_LINE_MAX) || r->line > LAYOUT_LINES_MAX) {
        if (r->line > LAYOUT_LINES_MAX)
            (void)layout_reader_fail(r, "the file has more than %d lines", LAYOUT_LINES_MAX);
        else
            (void)layout_reader_fail(r, "the line is longer than %d bytes", MIN_OF(size, READ_LINE_MAX) - 2);
        return NULL;
    }
    memcpy(out, start, len);
    out[len] = '\n';
    out[len + 1] = '\0';
    r->rest += raw + (r->rest[raw] == '\n');
    bool comment = out[0] == ';' || out[0] == '#';
    if (out[0] == '[')
        read_section(r, out);
    else if (!comment && strspn(out, " \t\r\n") != strlen(out) && strpbrk(out, "=:") == NULL)
        (void)layout_reader_fail(r, "\"%.*s\" is not \"key = value\"", (int)MIN_OF(len, (size_t)80), start);
    for (char *at = out; !comment && *at != '\0'; at++)
        if (*at == ';')
            *at = READ_SEMICOLON;
    return r->rc < 0 ? NULL : out;
}

static int read_value(void *user, const char *section, const char *key, const char *value)
{
    struct layout_reader *r = user;
    char text[READ_LINE_MAX], list[700];
    bool known;
    if (r->rc < 0)
        return 0;
    (void)snprintf(text, sizeof text, "%s", value);
    for (char *at = text; *at != '\0'; at++)
        if (*at == READ_SEMICOLON)
            *at = ';';
    if (section[0] == '\0')
        return layout_reader_fail(r, "%.60s stands before any [section]", key) == 0;
    const struct layout_key *row = layout_keys_find(section, key, &known);
    if (row == NULL) {
        layout_keys_list(section, list, sizeof list);
        return layout_reader_fail(r, "%.60s is no key of [%s]; allowed are: %s", key, section, list) == 0;
    }
    char *name = g_strdup_printf("%s\t%s", section, key);
    bool first = g_hash_table_add(r->seen, name);
    if (!first && !row->again)
        return layout_reader_fail(r, "%.60s of [%s] is set a second time", key, section) == 0;
    if (strlen(text) > LAYOUT_TEXT_MAX && !row->again)
        return layout_reader_fail(r, "%.60s is longer than %d bytes", key, LAYOUT_TEXT_MAX) == 0;
    int rc = row->set(r, key, text);
    if (rc < 0 && r->rc == 0)
        (void)layout_reader_fail(r, "%.60s is \"%.80s\"; allowed: %s", key, text, row->allowed);
    return r->rc == 0;
}

int layout_read(const char *name, const char *file, const char *text, struct layout *ret_layout, struct err *e)
{
    struct layout layout = {.order = 100, .values.last_week = 26};
    struct layout_reader r = {.layout = &layout, .file = file, .rest = text, .e = e};
    (void)snprintf(layout.name, sizeof layout.name, "%s", name);
    if (!layout_read_name_valid(name))
        return err_set(e, ERR_BAD_CONFIG, "%s: a layout's file is named NAME.layout; NAME is a small letter, then small letters, figures, _ "
                                          "and -, at most %d, and not auto, table or text", file, LAYOUT_NAME_MAX);
    const char *bad = NULL;
    if (!g_utf8_validate(text, -1, &bad)) {
        for (const char *at = text; at < bad; at++)
            r.line += *at == '\n';
        r.line++;
        return layout_reader_fail(&r, "the line is not UTF-8");
    }
    if (g_str_has_prefix(text, "\xef\xbb\xbf"))
        r.rest += 3;
    layout.file = g_strdup(file);
    layout.text = g_strdup(text);
    layout.kind = g_strdup(name);
    layout.titles = g_strdup("");
    layout.about = g_strdup("");
    r.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ini_max_line = READ_LINE_MAX; /* the library's own default, 200, is shorter than a row of an example */
    int line = ini_parse_stream(read_line, &r, read_value, &r);
    if (r.rc == 0 && line != 0)
        r.rc = err_set(e, ERR_BAD_CONFIG, "%s:%d: not \"key = value\"", file, line);
    if (r.rc == 0)
        (void)layout_keys_finish(&r);
    g_hash_table_destroy(r.seen);
    if (r.rc < 0)
        layout_free(&layout);
    else
        *ret_layout = layout;
    return r.rc;
}
