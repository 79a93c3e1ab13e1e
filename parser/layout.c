/*
 * layout - see layout.h. Knows no timetable: they are text files (layouts/NAME.layout, an operator's folder).
 */
#include "layout.h"

#include "layout_example.h"
#include "layout_pattern.h"
#include <ctype.h>
#include <glib.h>

size_t layout_n_columns(const struct layout *layout)
{
    size_t n = 0;
    while (n < LAYOUT_COLUMNS_MAX && layout->columns[n].headers != NULL)
        n++;
    return n;
}

static bool layout_column_has(const struct layout_column *column, enum layout_field field)
{
    bool has = column->field == field;
    for (size_t i = 0; i < column->patterns.n; i++)
        has = has || layout_pattern_has(column->patterns.items[i], field);
    return has;
}

int layout_column_of(const struct layout *layout, enum layout_field field)
{
    for (size_t i = 0; layout->columns[i].headers != NULL; i++)
        if (layout_column_has(&layout->columns[i], field))
            return (int)i;
    return -1;
}

static const char *const LAYOUT_NAMES[] = {
#define X(id, name, word) name,
    LAYOUT_FIELDS(X)
#undef X
};

static const char *const LAYOUT_WORDS[] = {
#define X(id, name, word) word,
    LAYOUT_FIELDS(X)
#undef X
};

const char *layout_field_name(enum layout_field field)
{
    return field < LAYOUT_FIELD_COUNT ? LAYOUT_NAMES[field] : "";
}

const char *layout_field_word(enum layout_field field)
{
    return field < LAYOUT_FIELD_COUNT ? LAYOUT_WORDS[field] : "";
}

enum layout_field layout_field_of(const char *word, size_t len)
{
    size_t i = 0;
    while (i < LAYOUT_FIELD_COUNT && (strlen(LAYOUT_WORDS[i]) != len || strncmp(LAYOUT_WORDS[i], word, len) != 0))
        i++;
    return (enum layout_field)i;
}

/* The alternative at a (up to | or the end) stands at the start of b, spaces and case aside: what follows in b, else NULL. */
static const char *layout_starts(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        if (*a == '\0' || *a == '|')
            return b;
        b += strspn(b, " ");
        if (*b == '\0' || tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return NULL;
        a++;
        b++;
    }
}

bool layout_alternative(const char *list, const char *text)
{
    for (const char *at = list;; at++) {
        const char *rest = layout_starts(at, text);
        if (rest != NULL && rest[strspn(rest, " ")] == '\0')
            return true;
        at += strcspn(at, "|");
        if (*at == '\0')
            return false;
    }
}

bool layout_names(const char *list, const char *text)
{
    for (const char *at = list; *at != '\0';) {
        for (const char *t = text; *t != '\0'; t++)
            if (layout_starts(at, t) != NULL)
                return true;
        at += strcspn(at, "|");
        at += *at == '|';
    }
    return false;
}

static void layout_free_patterns(struct layout_patterns *list)
{
    for (size_t i = 0; i < list->n; i++)
        layout_pattern_free(list->items[i]);
}

static void layout_free_values(struct layout_values *v)
{
    for (size_t i = 0; i < ARRAY_LEN(v->days); i++)
        g_free(v->days[i]);
    for (size_t i = 0; i < ARRAY_LEN(v->months); i++)
        g_free(v->months[i]);
    g_free(v->open);
    g_free(v->week);
    g_free(v->odd);
    g_free(v->even);
    g_free(v->every);
}

void layout_free(struct layout *layout)
{
    char *const texts[] = {layout->file, layout->text, layout->about, layout->titles, layout->kind, layout->timezone,
                           layout->grid.separators, layout->grid.ignored};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        g_free(texts[i]);
    for (size_t i = 0; i <= LAYOUT_COLUMNS_MAX; i++) {
        g_free((char *)(uintptr_t)layout->columns[i].headers);
        g_free((char *)(uintptr_t)layout->columns[i].hidden_tail);
        layout_free_patterns(&layout->columns[i].patterns);
    }
    for (size_t i = 0; i < LAYOUT_FIELD_COUNT; i++)
        g_free(layout->fixed[i]);
    for (size_t i = 0; i < layout->n_captions; i++) {
        layout_pattern_free(layout->captions[i].pattern);
        g_free(layout->captions[i].value);
    }
    for (size_t i = 0; i < layout->grid.n_hours; i++)
        g_free(layout->grid.hours[i].name);
    layout_free_patterns(&layout->grid.patterns);
    layout_free_values(&layout->values);
    layout_examples_free(layout->examples, layout->n_examples);
    *layout = (struct layout){.order = 0};
}
