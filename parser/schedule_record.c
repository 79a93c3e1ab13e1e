/*
 * schedule_record - a row that is one event: a test's sitting, an exam's paper, a course's class. Every cell's lines are joined.
 */
#include "schedule_event.h"

#include <glib.h>

bool schedule_record(struct schedule *s, const struct table *table, const struct table_row *row, struct schedule_carry *carry)
{
    const struct layout *layout = table->layout;
    struct schedule_event event = schedule_event_begin(s, row->page, row->number);
    for (size_t c = 0; c < table->n_columns && !event.failed; c++) {
        char *text = table_cell_text(&row->cells[c]);
        if ((layout->columns[c].flags & LAYOUT_CARRY) && text[0] != '\0') {
            g_free(carry->values[c]);
            carry->values[c] = g_strdup(text);
        }
        schedule_event_column(s, &event, c, text[0] == '\0' && carry->values[c] != NULL ? carry->values[c] : text);
        if (layout->columns[c].field == LAYOUT_VENUES && layout->columns[c].patterns.n == 0)
            json_object_set_new(event.members, "venues", schedule_venues(table, c, row->cells[c].lines, row->cells[c].n));
        g_free(text);
    }
    return schedule_event_finish(s, &event);
}
