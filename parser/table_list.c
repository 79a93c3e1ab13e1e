/*
 * table_list - see table_list.h. Room alone does not tell where the longest text fills its column: then what stands in other cells does.
 */
#include "table_list.h"

#include "table_line.h"
#include <glib.h>
#include <math.h>

static const double ROOM_KEPT = 4;      /* points that a cell keeps free on its right where nothing is drawn */
static const double ROOM_KEPT_MOST = 12; /* and at most, where its left edge is */

bool table_list_had_no_room(const struct table *t, size_t column, const struct table_line *before, const struct table_line *line)
{
    if (g_str_has_suffix(before->text, ",") || g_str_has_suffix(before->text, ";"))
        return false;
    /* Cells keep on the right what they keep on the left; where no edge is drawn the left tells nothing. */
    double kept = t->ruled ? CLAMP(t->text[column][1] - t->left[column], 1, ROOM_KEPT_MOST) : ROOM_KEPT;
    double right = MIN_OF(t->right[column], MAX_OF(t->page_right, before->x1));
    return before->x1 + 0.28 * line->size + line->first_word > right - kept;
}

/* A session begins beside the line: it can only be a text of its own. */
static bool list_is_beside_key(const struct table *t, const struct table_row *row, size_t column, const struct table_line *line)
{
    for (size_t c = 0; t->layout->rows == LAYOUT_SESSIONS && c < t->n_columns; c++)
        if (c != column && (t->layout->columns[c].flags & LAYOUT_KEY) && table_line_at(&row->cells[c], line->y, line->size) != NULL)
            return true;
    return false;
}

bool table_list_is_rest(const char *before, const char *line)
{
    size_t n = strlen(before), opened = 0, closed = 0;
    for (size_t i = 0; i < n; i++) {
        opened += before[i] == '(';
        closed += before[i] == ')';
    }
    char last = n > 0 ? before[n - 1] : ' ';
    return opened > closed || strchr("-/&+", last) != NULL || g_unichar_islower(g_utf8_get_char(line)) || strchr("()&/+-", line[0]) != NULL;
}

static bool list_may_go_on(const struct table *t, const struct table_row *row, size_t column, size_t i)
{
    const struct table_line *lines = row->cells[column].lines;
    return i > 0 && i < row->cells[column].n && table_list_had_no_room(t, column, &lines[i - 1], &lines[i]) &&
           !list_is_beside_key(t, row, column, &lines[i]);
}

/* What is known of a list column's texts. */
struct list_known {
    GHashTable *whole; /* texts that are surely whole: nothing before them can go on in them, nor they in what follows */
    GHashTable *first; /* the words they begin with */
    double longest;    /* of them, points; 0: none is known */
};

static char *list_first_word(const char *text)
{
    return g_strndup(text, strcspn(text, " "));
}

static void list_learn(struct list_known *known, const struct table *t, size_t column)
{
    known->longest = 0;
    known->whole = g_hash_table_new(g_str_hash, g_str_equal);
    known->first = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t i = 0; i < t->rows[r].cells[column].n; i++) {
            const struct table_line *line = &t->rows[r].cells[column].lines[i];
            if (list_may_go_on(t, &t->rows[r], column, i) || list_may_go_on(t, &t->rows[r], column, i + 1))
                continue;
            (void)g_hash_table_add(known->whole, line->text);
            (void)g_hash_table_add(known->first, list_first_word(line->text));
            known->longest = fmax(known->longest, line->x1 - line->x0);
        }
}

/* line had no room beside the text so far, whose last line is before: is it the rest of it? A column made to fit its longest text leaves no
 * room beside it either: a text not much longer than those known is taken for whole, and one that begins like others for a new one. */
static bool list_goes_on(const struct list_known *known, const char *text, const struct table_line *before, const struct table_line *line)
{
    if (table_list_is_rest(text, line->text))
        return true;
    char *word = list_first_word(line->text);
    bool begins = g_hash_table_contains(known->first, word) || (g_str_has_prefix(text, word) && strchr(text, ' ') == text + strlen(word));
    g_free(word);
    return !begins && !g_str_has_suffix(text, ")") && !g_hash_table_contains(known->whole, text) && before->x1 - before->x0 > 1.25 * known->longest;
}

static void list_settle_cell(const struct table *t, const struct table_row *row, size_t column, const struct list_known *known)
{
    struct table_line *lines = row->cells[column].lines;
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < row->cells[column].n; i++) {
        lines[i].goes_on = list_may_go_on(t, row, column, i) && list_goes_on(known, text->str, &lines[i - 1], &lines[i]);
        if (!lines[i].goes_on)
            g_string_truncate(text, 0);
        table_line_join(text, lines[i].text);
    }
    g_string_free(text, TRUE);
}

void table_list_settle(struct table *t)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        if (!(t->layout->columns[c].flags & LAYOUT_LIST))
            continue;
        struct list_known known;
        list_learn(&known, t, c);
        for (size_t r = 0; r < t->n_rows; r++)
            list_settle_cell(t, &t->rows[r], c, &known);
        g_hash_table_unref(known.whole);
        g_hash_table_unref(known.first);
    }
}
