/*
 * layout_keys - the language of layout files, key by key: docs/layouts.md says the same in words.
 */
#include "layout_example.h"
#include "layout_pattern.h"
#include "layout_reader.h"
#include "schedule_value.h"

#include <stdio.h>

enum { ORDER_MAX = 1000, MINUTES_MAX = 600, ALTERNATIVES_MAX = 32 };

/* The next of what mark separates in *at, trimmed, to be freed with g_free; NULL after the last. */
static char *keys_next(const char **at, char mark)
{
    if (*at == NULL)
        return NULL;
    const char *end = strchr(*at, mark);
    char *part = g_strstrip(g_strndup(*at, end != NULL ? (gsize)(end - *at) : strlen(*at)));
    *at = end != NULL ? end + 1 : NULL;
    return part;
}

/* "A | B" as "A|B"; NULL when one is empty or there are too many. Caller frees. */
static char *keys_alternatives(const char *value)
{
    GString *out = g_string_new(NULL);
    size_t n = 0;
    bool valid = true;
    char *part;
    for (const char *at = value; (part = keys_next(&at, '|')) != NULL; g_free(part)) {
        valid = valid && part[0] != '\0' && ++n <= ALTERNATIVES_MAX;
        g_string_append_printf(out, "%s%s", out->len > 0 ? "|" : "", part);
    }
    return g_string_free(out, !valid);
}

static int keys_set(char **to, char *value)
{
    if (value == NULL)
        return -EINVAL;
    g_free(*to);
    *to = value;
    return 0;
}

static int keys_number(const char *value, int min, int max, int *ret)
{
    size_t n = strspn(value, "0123456789");
    if (n == 0 || n > 6 || value[n] != '\0' || atoi(value) < min || atoi(value) > max)
        return -EINVAL;
    *ret = atoi(value);
    return 0;
}

static int keys_choice(const char *value, const char *const words[], size_t n, int *ret)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0) {
            *ret = (int)i;
            return 0;
        }
    return -EINVAL;
}

static int set_title(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_set(&r->layout->titles, keys_alternatives(value));
}

static int set_text(struct layout_reader *r, const char *key, const char *value)
{
    char **to = strcmp(key, "about") == 0 ? &r->layout->about : &r->layout->timezone;
    return value[0] == '\0' ? -EINVAL : keys_set(to, g_strdup(value));
}

static int set_kind(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len == 0 || len > LAYOUT_NAME_MAX || value[len] != '\0' ? -EINVAL : keys_set(&r->layout->kind, g_strdup(value));
}

static int set_order(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_number(value, 0, ORDER_MAX, &r->layout->order);
}

static int set_rows(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"records", "sessions", "grid"};
    int choice = 0, rc = keys_choice(value, words, ARRAY_LEN(words), &choice);
    (void)key;
    r->layout->rows = (enum layout_rows)choice;
    return rc;
}

static int set_recognise(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"headers", "title"};
    int choice = 0, rc = keys_choice(value, words, ARRAY_LEN(words), &choice);
    (void)key;
    r->layout->title_only = choice == 1;
    return rc;
}

/* n names separated by commas, each with alternatives. */
static int keys_names(char *to[], size_t n, const char *value)
{
    size_t got = 0;
    bool valid = true;
    char *part;
    for (const char *at = value; (part = keys_next(&at, ',')) != NULL; g_free(part)) {
        char *list = keys_alternatives(part);
        valid = valid && list != NULL && got < n;
        if (valid)
            to[got++] = list;
        else
            g_free(list);
    }
    return valid && got == n ? 0 : -EINVAL;
}

static int set_days(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_names(r->layout->values.days, ARRAY_LEN(r->layout->values.days), value);
}

static int set_months(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_names(r->layout->values.months, ARRAY_LEN(r->layout->values.months), value);
}

static int set_words(struct layout_reader *r, const char *key, const char *value)
{
    struct layout_values *v = &r->layout->values;
    char **const of[] = {&v->open, &v->week, &v->odd, &v->even, &v->every}, **to = NULL;
    static const char *const keys[] = {"open", "week", "odd", "even", "every"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        to = strcmp(key, keys[i]) == 0 ? of[i] : to;
    return keys_set(to, keys_alternatives(value));
}

static int set_date_order(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"dmy", "mdy", "ymd"};
    int choice = 0, rc = keys_choice(value, words, ARRAY_LEN(words), &choice);
    (void)key;
    r->layout->values.date_order = (enum layout_date_order)choice;
    return rc;
}

static int set_last_week(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_number(value, 1, VALUE_WEEKS_MAX, &r->layout->values.last_week);
}

/* True when every event can have the same one. */
static bool keys_is_fixable(enum layout_field field)
{
    return field < LAYOUT_FIELD_COUNT && field != LAYOUT_DAY && field != LAYOUT_DATE && field != LAYOUT_TIME_RANGE &&
           field != LAYOUT_END_TIME && field != LAYOUT_IGNORE && field != LAYOUT_VENUES;
}

static int keys_check_fixed(struct layout_reader *r, enum layout_field field, const char *value)
{
    bool weeks[VALUE_WEEKS_MAX + 1];
    char iso[11];
    int year = 0;
    if (value[0] == '\0' || strlen(value) > LAYOUT_TEXT_MAX / 2)
        return -EINVAL;
    bool valid = field == LAYOUT_YEAR       ? keys_number(value, 1900, 2999, &year) == 0
                 : field == LAYOUT_WEEK1    ? schedule_value_date(value, &r->layout->values, iso)
                 : field == LAYOUT_WEEKS    ? schedule_value_weeks(value, &r->layout->values, weeks) >= 0
                 : field == LAYOUT_DURATION ? schedule_value_minutes(value) > 0
                                            : true;
    return valid ? 0 : -EINVAL;
}

static int set_fixed(struct layout_reader *r, const char *key, const char *value)
{
    enum layout_field field = layout_field_of(key, strlen(key));
    if (!keys_is_fixable(field))
        return layout_reader_fail(r, "%.60s is no field that all events can share; allowed: module, module_name, semester, group, lang, activity, "
                                     "test, paper, duration, weeks, campus, module_campus, study_prog, lecturer, status, comments, year, week1", key);
    if (keys_check_fixed(r, field, value) < 0)
        return layout_reader_fail(r, "\"%.80s\" is no %s", value, key);
    if (field == LAYOUT_YEAR)
        r->layout->values.year = atoi(value);
    return keys_set(&r->layout->fixed[field], g_strdup(value));
}

static struct layout_pattern *keys_pattern(struct layout_reader *r, const char *value)
{
    char why[160] = "";
    struct layout_pattern *p = layout_pattern_new(value, why, sizeof why);
    if (p == NULL)
        (void)layout_reader_fail(r, "\"%.80s\" is no pattern: %s", value, why);
    return p;
}

static int set_caption(struct layout_reader *r, const char *key, const char *value)
{
    struct layout *l = r->layout;
    enum layout_field field = layout_field_of(key, strlen(key));
    if (!keys_is_fixable(field))
        return layout_reader_fail(r, "%.60s is no field that all events can share", key);
    if (l->n_captions == LAYOUT_CAPTIONS_MAX)
        return layout_reader_fail(r, "more than %d captions", LAYOUT_CAPTIONS_MAX);
    const char *arrow = strstr(value, "=>");
    char *left = g_strstrip(g_strndup(value, arrow != NULL ? (gsize)(arrow - value) : strlen(value)));
    struct layout_caption *c = &l->captions[l->n_captions];
    c->field = field;
    c->value = arrow != NULL ? g_strstrip(g_strdup(arrow + 2)) : NULL;
    c->pattern = keys_pattern(r, left);
    g_free(left);
    l->n_captions++;
    if (c->pattern == NULL)
        return r->rc;
    if (c->value == NULL && !layout_pattern_has(c->pattern, field))
        return layout_reader_fail(r, "the pattern holds no {%s} and no \"=> VALUE\" says what it means", key);
    if (c->value != NULL && keys_check_fixed(r, field, c->value) < 0)
        return layout_reader_fail(r, "\"%.80s\" is no %s", c->value, key);
    return 0;
}

static int set_header(struct layout_reader *r, const char *key, const char *value)
{
    char *list = keys_alternatives(value);
    (void)key;
    if (list == NULL)
        return -EINVAL;
    g_free((char *)(uintptr_t)r->layout->columns[r->column].headers);
    r->layout->columns[r->column].headers = list;
    return 0;
}

static int set_field(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    r->layout->columns[r->column].field = layout_field_of(value, strlen(value));
    r->fielded[r->column] = true;
    return r->layout->columns[r->column].field < LAYOUT_FIELD_COUNT ? 0 : -EINVAL;
}

static int set_flags(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"required", "anchor", "key", "carry", "list", "shared"};
    struct layout_column *c = &r->layout->columns[r->column];
    int rc = 0, choice = 0;
    char *part;
    (void)key;
    r->flagged[r->column] = true;
    c->flags = 0;
    if (strcmp(value, "none") == 0)
        return 0;
    for (const char *at = value; (part = keys_next(&at, ',')) != NULL; g_free(part)) {
        rc = rc < 0 ? rc : keys_choice(part, words, ARRAY_LEN(words), &choice);
        c->flags |= 1u << choice;
    }
    return rc;
}

static int set_hidden_tail(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    if (value[0] == '\0' || strlen(value) > 26 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(value))
        return -EINVAL;
    g_free((char *)(uintptr_t)r->layout->columns[r->column].hidden_tail);
    r->layout->columns[r->column].hidden_tail = g_strdup(value);
    return 0;
}

static int keys_add_pattern(struct layout_reader *r, struct layout_patterns *list, const char *value)
{
    if (list->n == LAYOUT_PATTERNS_MAX)
        return layout_reader_fail(r, "more than %d patterns", LAYOUT_PATTERNS_MAX);
    struct layout_pattern *p = keys_pattern(r, value);
    if (p == NULL)
        return r->rc;
    list->items[list->n++] = p;
    return 0;
}

static int set_column_pattern(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_add_pattern(r, &r->layout->columns[r->column].patterns, value);
}

static int set_cell_pattern(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_add_pattern(r, &r->layout->grid.patterns, value);
}

static int set_cell_list(struct layout_reader *r, const char *key, const char *value)
{
    return keys_set(strcmp(key, "ignore") == 0 ? &r->layout->grid.ignored : &r->layout->grid.separators, keys_alternatives(value));
}

static int set_across(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"days", "hours"};
    int choice = 0, rc = keys_choice(value, words, ARRAY_LEN(words), &choice);
    (void)key;
    r->layout->grid.hours_across = choice == 1;
    return rc;
}

static int set_repeat(struct layout_reader *r, const char *key, const char *value)
{
    static const char *const words[] = {"join", "apart"};
    int choice = 0, rc = keys_choice(value, words, ARRAY_LEN(words), &choice);
    (void)key;
    r->layout->grid.apart = choice == 1;
    return rc;
}

static int set_minutes(struct layout_reader *r, const char *key, const char *value)
{
    (void)key;
    return keys_number(value, 1, MINUTES_MAX, &r->layout->grid.minutes);
}

static int set_hour(struct layout_reader *r, const char *key, const char *value)
{
    struct layout_grid *g = &r->layout->grid;
    char start[6], end[6];
    if (g->n_hours == LAYOUT_HOURS_MAX)
        return layout_reader_fail(r, "more than %d hours", LAYOUT_HOURS_MAX);
    if (schedule_value_time(value, start, end) != VALUE_TIME || end[0] == '\0')
        return -EINVAL;
    struct layout_hour *h = &g->hours[g->n_hours++];
    *h = (struct layout_hour){g_strdup(key), atoi(start) * 60 + atoi(start + 3), atoi(end) * 60 + atoi(end + 3)};
    return 0;
}

static int set_example(struct layout_reader *r, const char *key, const char *value)
{
    char why[200] = "";
    struct layout_example *x = layout_examples_last(r->layout);
    return layout_example_set(x, key, value, r->line, why, sizeof why) < 0 ? layout_reader_fail(r, "%s", why) : 0;
}

static const struct layout_key KEYS[] = {
    {"layout", "title", false, set_title, "texts separated by |"},
    {"layout", "about", false, set_text, "one line of text"},
    {"layout", "order", false, set_order, "a whole number from 0 to 1000; the lowest is tested first"},
    {"layout", "rows", false, set_rows, "records, sessions, grid"},
    {"layout", "kind", false, set_kind, "small letters, figures, _ and -"},
    {"layout", "timezone", false, set_text, "a name of the zone database, such as Europe/Berlin"},
    {"layout", "recognise", false, set_recognise, "headers (beside the title), title (only)"},
    {"language", "days", false, set_days, "seven names from Monday, separated by commas; alternatives by |"},
    {"language", "months", false, set_months, "twelve names from January, separated by commas; alternatives by |"},
    {"language", "open", false, set_words, "texts separated by |"},
    {"language", "week", false, set_words, "texts separated by |"},
    {"language", "odd", false, set_words, "texts separated by |"},
    {"language", "even", false, set_words, "texts separated by |"},
    {"language", "every", false, set_words, "texts separated by |"},
    {"language", "date_order", false, set_date_order, "dmy, mdy, ymd"},
    {"language", "last_week", false, set_last_week, "a whole number from 1 to 53"},
    {"fixed", NULL, false, set_fixed, "FIELD = text"},
    {"caption", NULL, true, set_caption, "FIELD = pattern, or FIELD = pattern => value"},
    {"column.", "header", false, set_header, "header texts separated by |"},
    {"column.", "field", false, set_field,
     "module, module_name, semester, group, lang, activity, test, paper, day, date, time, end, duration, weeks, venue, campus, "
     "module_campus, study_prog, lecturer, status, comments, ignore"},
    {"column.", "flags", false, set_flags, "none, or some of required, anchor, key, carry, list, shared, separated by commas"},
    {"column.", "hidden_tail", false, set_hidden_tail, "capital letters"},
    {"column.", "pattern", true, set_column_pattern, "a pattern"},
    {"grid", "across", false, set_across, "days, hours"},
    {"grid", "repeat", false, set_repeat, "join, apart"},
    {"grid", "minutes", false, set_minutes, "a whole number from 1 to 600"},
    {"cell", "pattern", true, set_cell_pattern, "a pattern"},
    {"cell", "separator", false, set_cell_list, "texts separated by |"},
    {"cell", "ignore", false, set_cell_list, "texts separated by |"},
    {"hours", NULL, false, set_hour, "NAME = 07:30 - 08:20"},
    {"example.", "about", false, set_example, "one line of text"},
    {"example.", "title", false, set_example, "a text"},
    {"example.", "above", true, set_example, "a text"},
    {"example.", "header", false, set_example, "cells separated by |"},
    {"example.", "row", true, set_example, "cells separated by |"},
    {"example.", "break", true, set_example, "page"},
    {"example.", "below", true, set_example, "a text"},
    {"example.", "drawn", false, set_example, "ruled, plain, both"},
    {"example.", "event", true, set_example, "member=value, separated by |"},
    {"example.", "warning", true, set_example, "a warning's code"},
    {"example.", "rows", false, set_example, "a whole number"},
    {"example.", "fails", false, set_example, "a failure's code"},
};

static bool keys_in_section(const struct layout_key *k, const char *section)
{
    size_t len = strlen(k->section);
    return k->section[len - 1] == '.' ? strncmp(section, k->section, len) == 0 && section[len] != '\0' : strcmp(section, k->section) == 0;
}

const struct layout_key *layout_keys_find(const char *section, const char *key, bool *ret_known)
{
    *ret_known = false;
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        if (!keys_in_section(&KEYS[i], section))
            continue;
        *ret_known = true;
        if (KEYS[i].key == NULL || strcmp(KEYS[i].key, key) == 0)
            return &KEYS[i];
    }
    return NULL;
}

void layout_keys_list(const char *section, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(KEYS) && len < size; i++) {
        bool named = section[0] != '\0', first = i == 0 || strcmp(KEYS[i].section, KEYS[i - 1].section) != 0;
        bool open = KEYS[i].section[strlen(KEYS[i].section) - 1] == '.';
        if (named ? !keys_in_section(&KEYS[i], section) : !first)
            continue;
        len += (size_t)snprintf(out + len, size - len, named ? "%s%s" : open ? "%s[%sNAME]" : "%s[%s]", len > 0 ? ", " : "",
                                named ? KEYS[i].key : KEYS[i].section);
    }
}

/* The flags of a column whose file names none. */
static unsigned keys_flags(enum layout_field field, enum layout_rows rows)
{
    unsigned carry = rows == LAYOUT_SESSIONS ? LAYOUT_CARRY : 0, shared = rows == LAYOUT_SESSIONS ? LAYOUT_SHARED : 0;
    const struct {
        enum layout_field field;
        unsigned flags;
    } usual[] = {
        {LAYOUT_MODULE, LAYOUT_REQUIRED | LAYOUT_ANCHOR | carry},
        {LAYOUT_DAY, LAYOUT_REQUIRED | LAYOUT_KEY},
        {LAYOUT_DATE, LAYOUT_REQUIRED | LAYOUT_KEY},
        {LAYOUT_TIME_RANGE, LAYOUT_REQUIRED | LAYOUT_KEY},
        {LAYOUT_ACTIVITY, LAYOUT_KEY},
        {LAYOUT_TEST, LAYOUT_KEY},
        {LAYOUT_PAPER, LAYOUT_KEY},
        {LAYOUT_MODULE_NAME, carry},
        {LAYOUT_SEMESTER, carry},
        {LAYOUT_GROUP, carry},
        {LAYOUT_LANG, carry},
        {LAYOUT_CAMPUS, shared},
        {LAYOUT_STUDY_PROG, shared},
    };
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (usual[i].field == field)
            return usual[i].flags;
    return 0;
}

/* The field by which a column of several is known: the one that says when, else the first. */
static enum layout_field keys_first_field(const struct layout_column *c)
{
    static const enum layout_field order[] = {LAYOUT_DATE, LAYOUT_DAY, LAYOUT_TIME_RANGE, LAYOUT_MODULE, LAYOUT_VENUES};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        for (size_t k = 0; k < c->patterns.n; k++)
            if (layout_pattern_has(c->patterns.items[k], order[i]))
                return order[i];
    for (int field = 0; field < LAYOUT_FIELD_COUNT; field++)
        for (size_t k = 0; k < c->patterns.n; k++)
            if (layout_pattern_has(c->patterns.items[k], (enum layout_field)field))
                return (enum layout_field)field;
    return LAYOUT_IGNORE;
}

static int keys_finish_columns(struct layout_reader *r)
{
    struct layout *l = r->layout;
    for (size_t i = 0; i < layout_n_columns(l); i++) {
        struct layout_column *c = &l->columns[i];
        r->line = r->column_line[i];
        if (c->headers[0] == '\0')
            return layout_reader_fail(r, "the column has no header = …");
        if (c->patterns.n > 0 && !r->fielded[i])
            c->field = keys_first_field(c);
        else if (!r->fielded[i])
            return layout_reader_fail(r, "the column has neither field = … nor pattern = …, and its section's name is no field");
        if (!r->flagged[i])
            c->flags = keys_flags(c->field, l->rows);
    }
    return 0;
}

static bool keys_any_says(const struct layout *l, enum layout_field field)
{
    bool says = layout_column_of(l, field) >= 0 || l->fixed[field] != NULL;
    for (size_t i = 0; i < l->n_captions; i++)
        says = says || l->captions[i].field == field;
    for (size_t i = 0; i < l->grid.patterns.n; i++)
        says = says || layout_pattern_has(l->grid.patterns.items[i], field);
    return says;
}

/* What a table of columns must say. */
static int keys_finish_table(struct layout_reader *r)
{
    struct layout *l = r->layout;
    bool anchor = false;
    for (size_t i = 0; i < layout_n_columns(l); i++)
        anchor = anchor || (l->columns[i].flags & LAYOUT_ANCHOR);
    if (!anchor)
        return layout_reader_fail(r, "no column has the flag anchor: where a row begins cannot be told");
    if (!keys_any_says(l, LAYOUT_DAY) && !keys_any_says(l, LAYOUT_DATE))
        return layout_reader_fail(r, "no column says the day or the date");
    if (l->rows == LAYOUT_SESSIONS && !keys_any_says(l, LAYOUT_DAY))
        return layout_reader_fail(r, "rows = sessions needs a column with the day: a session begins on each line with one");
    return 0;
}

int layout_keys_finish(struct layout_reader *r)
{
    struct layout *l = r->layout;
    bool grid = l->rows == LAYOUT_GRID;
    if (!g_hash_table_contains(r->seen, "layout\trows"))
        return layout_reader_fail(r, "[layout] does not say rows = records, sessions or grid");
    if (keys_finish_columns(r) < 0)
        return r->rc;
    r->line = r->section_line;
    if (!keys_any_says(l, LAYOUT_MODULE))
        return layout_reader_fail(r, "nothing says the module: no column, pattern, caption or [fixed] value");
    if (grid && (l->columns[0].headers != NULL || l->grid.patterns.n == 0))
        return layout_reader_fail(r, l->grid.patterns.n == 0 ? "a grid needs [cell] with pattern = …" : "a grid has no [column.NAME]");
    if (!grid && keys_finish_table(r) < 0)
        return r->rc;
    if (l->titles[0] == '\0' && l->title_only)
        return layout_reader_fail(r, "recognise = title, and no title is given");
    return layout_examples_check(r->layout, &r->line) < 0
               ? layout_reader_fail(r, "the example has no event = … and no warning = … or fails = …")
               : 0;
}
