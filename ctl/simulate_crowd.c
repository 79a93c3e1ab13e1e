/*
 * simulate_crowd - see simulate_crowd.h. It judges a pair by the people themselves, not by the matcher's code: a
 * mistake there must not be made here a second time.
 */
#include "simulate_crowd.h"

#include "place.h"

#include <math.h>
#include <stdio.h>

#define SLACK_KM    0.02
#define SLACK_SHARE 1e-4
#define RELAX_YEARS 5 /* most a consent may add (docs/matching.md, "Rules") */
#define RELAX_SHARE 1.5

struct place_in_order {
    int64_t id;
    uint32_t person;
};

static int by_id(const void *pa, const void *pb)
{
    const struct place_in_order *a = pa, *b = pb;
    return (a->id > b->id) - (a->id < b->id);
}

int simulate_crowd_init(struct simulate_crowd *c, const struct trace *trace, const char *run, struct err *e)
{
    AUTO_FREE struct place_in_order *order = calloc((size_t)trace->n_persons + 1, sizeof *order);
    *c = (struct simulate_crowd){.trace = trace, .by_id = calloc((size_t)trace->n_persons + 1, sizeof *c->by_id)};
    (void)snprintf(c->run, sizeof c->run, "%s", run);
    if (order == NULL || c->by_id == NULL) {
        simulate_crowd_fini(c);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %u people", trace->n_persons);
    }
    for (uint32_t i = 0; i < trace->n_persons; i++)
        order[i] = (struct place_in_order){trace->persons[i].id, i};
    qsort(order, trace->n_persons, sizeof *order, by_id);
    for (uint32_t i = 0; i < trace->n_persons; i++)
        c->by_id[i] = order[i].person;
    return 0;
}

void simulate_crowd_fini(struct simulate_crowd *c)
{
    free(c->by_id);
    c->by_id = NULL;
}

static char *ticket_of(const struct simulate_crowd *c, int64_t id, char ret[static SIMULATE_ID_MAX])
{
    char number[TRACE_TICKET_ID_MAX];
    trace_ticket_id(id, number);
    (void)snprintf(ret, SIMULATE_ID_MAX, "%s-%s", c->run, number);
    return ret;
}

char *simulate_crowd_id(const struct simulate_crowd *c, uint32_t person, char ret_id[static SIMULATE_ID_MAX])
{
    return ticket_of(c, c->trace->persons[person].id, ret_id);
}

int64_t simulate_crowd_find(const struct simulate_crowd *c, const char *ticket)
{
    size_t len = strlen(c->run);
    if (strncmp(ticket, c->run, len) != 0 || ticket[len] != '-' || strspn(ticket + len + 1, "0123456789") == 0)
        return SIMULATE_NOBODY;
    int64_t id = strtoll(ticket + len + 1, NULL, 10);
    uint32_t low = 0, high = c->trace->n_persons;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->trace->persons[c->by_id[middle]].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < c->trace->n_persons && c->trace->persons[c->by_id[low]].id == id;
    return found ? (int64_t)c->by_id[low] : SIMULATE_NOBODY;
}

static json_t *met(const struct simulate_crowd *c, const struct trace_person *p)
{
    char id[SIMULATE_ID_MAX];
    json_t *ids = json_array();
    for (uint32_t i = 0; i < p->n_met; i++)
        (void)json_array_append_new(ids, json_string(ticket_of(c, c->trace->met[p->first_met + i], id)));
    return ids;
}

char *simulate_crowd_submit(const struct simulate_crowd *c, uint32_t person, const struct simulate_ticket *how)
{
    const struct trace_person *p = &c->trace->persons[person];
    char id[SIMULATE_ID_MAX];
    json_t *ticket = trace_ticket(c->trace, person);
    json_t *more = json_pack("{s:i, s:s, s:s, s:s, s:I, s:{s:b, s:b}}", "v", 1, "op", "submit", "pool", how->pool, "id",
                             simulate_crowd_id(c, person, id), "presence_ms", (json_int_t)how->presence_ms, "consent",
                             "relax", (int)p->relax, "notify", (int)how->notify);
    bool made = json_object_update(ticket, more) == 0;
    if (made && p->n_met > 0)
        made = json_object_set_new(ticket, "recent", met(c, p)) == 0;
    char *text = made ? json_dumps(ticket, JSON_COMPACT) : NULL;
    json_decref(more);
    json_decref(ticket);
    return text;
}

static bool knows(const struct trace *t, const struct trace_person *p, int64_t id)
{
    for (uint32_t i = 0; i < p->n_met; i++)
        if (t->met[p->first_met + i] == id)
            return true;
    return false;
}

static double km_between(const struct trace_person *a, const struct trace_person *b)
{
    double lat, lon;
    float pos_a[3], pos_b[3];
    place_plane_degrees(a->x_hm, a->y_hm, &lat, &lon);
    place_of(lat, lon, pos_a);
    place_plane_degrees(b->x_hm, b->y_hm, &lat, &lon);
    place_of(lat, lon, pos_b);
    return place_ground_km(sqrt(place_chord2(pos_a, pos_b)));
}

const char *simulate_crowd_misfit(const struct simulate_crowd *c, uint32_t first, uint32_t second)
{
    const struct trace_person *a = &c->trace->persons[first], *b = &c->trace->persons[second];
    int years = a->relax && b->relax ? RELAX_YEARS : 0;
    double share = a->relax && b->relax ? RELAX_SHARE : 1;
    if (first == second)
        return "with themselves";
    if (!(a->seeking >> b->gender & 1) || !(b->seeking >> a->gender & 1))
        return "gender sought";
    if (a->age < b->age_min - years || a->age > b->age_max + years || b->age < a->age_min - years ||
        b->age > a->age_max + years)
        return "age";
    if (knows(c->trace, a, b->id) || knows(c->trace, b, a->id))
        return "have met";
    double most_km = MIN_OF(a->max_hm, b->max_hm) / 10.0 * share;
    return km_between(a, b) > most_km * (1 + SLACK_SHARE) + SLACK_KM ? "distance" : NULL;
}
