/*
 * trace_ticket - a person of a trace as a ticket of a match job.
 *
 * It refuses to know how the ticket is used: a replay gives it to the engine, a simulation to a live pool.
 */
#include "trace.h"

#include "place.h"
#include <inttypes.h>
#include <stdio.h>

void trace_ticket_id(int64_t id, char ret_id[static TRACE_TICKET_ID_MAX])
{
    (void)snprintf(ret_id, TRACE_TICKET_ID_MAX, "%016" PRId64, id);
}

static json_t *seeking(uint8_t set)
{
    json_t *names = json_array();
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (set >> g & 1)
            (void)json_array_append_new(names, json_string(gender_name(g)));
    return names;
}

static json_t *met(const struct trace *t, const struct trace_person *p)
{
    char id[TRACE_TICKET_ID_MAX];
    json_t *ids = json_array();
    for (uint32_t i = 0; i < p->n_met; i++) {
        trace_ticket_id(t->met[p->first_met + i], id);
        (void)json_array_append_new(ids, json_string(id));
    }
    return ids;
}

json_t *trace_ticket(const struct trace *t, uint32_t person)
{
    const struct trace_person *p = &t->persons[person];
    char id[TRACE_TICKET_ID_MAX];
    double lat, lon;
    trace_ticket_id(p->id, id);
    place_plane_degrees((double)p->x_hm, (double)p->y_hm, &lat, &lon);
    json_t *ticket = json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:f, s:f, s:f}", "id", id, "gender",
                               gender_name(p->gender), "seeking", seeking(p->seeking), "age", p->age, "age_min",
                               p->age_min, "age_max", p->age_max, "lat", lat, "lon", lon, "max_km", p->max_hm / 10.0);
    if (ticket && p->n_met > 0)
        (void)json_object_set_new(ticket, "recent", met(t, p));
    if (ticket && p->relax)
        (void)json_object_set_new(ticket, "consent", json_pack("{s:b}", "relax", 1));
    return ticket;
}
