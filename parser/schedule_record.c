/*
 * schedule_record - a row that is one event: a test's sitting, an exam's paper. Every cell's lines are joined.
 */
#include "schedule.h"

#include <glib.h>

bool schedule_record(struct schedule *s, const struct table *table, const struct table_row *row)
{
    const struct layout *layout = table->layout;
    json_t *event = json_pack("{s:s,s:b}", "kind", layout->name, "recurring", 0);
    bool understood = true;
    for (size_t c = 0; c < table->n_columns && understood; c++) {
        char *text = table_cell_text(&row->cells[c]);
        understood = schedule_put(s, table, row, c, text, event);
        if (layout->columns[c].field == LAYOUT_VENUES)
            json_object_set_new(event, "venues", schedule_venues(table, c, row->cells[c].lines, row->cells[c].n));
        g_free(text);
    }
    if (understood && json_object_get(event, "module") == NULL) {
        schedule_warn(s, "row_without_module", "the row names no module; it is not an event", row->page, row->number, NULL);
        understood = false;
    }
    if (!understood || json_array_size(s->events) >= SCHEDULE_EVENTS_MAX) {
        if (understood)
            schedule_warn(s, "too_many_events", "the document holds more events than allowed", row->page, row->number, NULL);
        json_decref(event);
        return false;
    }
    if (json_object_get(event, "unfinalised") == NULL)
        json_object_set_new(event, "unfinalised", json_false());
    json_object_set_new(event, "src", json_pack("{s:i,s:i}", "page", row->page, "row", row->number));
    json_array_append_new(s->events, event);
    return true;
}
