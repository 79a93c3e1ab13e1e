/*
 * pdf_calendar - see pdf_calendar.h. Knows no earlier version of the events: each is new, as for a worker that has no owner.
 */
#include "pdf_calendar.h"

#include "clock.h"
#include "ics.h"

int pdf_calendar_write(const json_t *events, const struct pdf_request *r, struct buf *out, json_t *warnings, struct err *e)
{
    AUTO_FREE struct ics_zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a time zone");
    int rc = ics_zone_load(zone, r->timezone, e);
    const struct ics_input input = {.events = events, .request = r, .zone = zone, .stamp_s = clock_wall_ms() / 1000};
    return rc < 0 ? rc : ics_write(&input, out, warnings, e);
}
