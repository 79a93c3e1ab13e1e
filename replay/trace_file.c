/* trace_file - see trace_file.h. It refuses to call a file written whose last byte is not with the kernel. */
#include "trace_file.h"

#include <inttypes.h>

static int by_time(const void *pa, const void *pb)
{
    const struct trace_event *a = pa, *b = pb;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->type != b->type)
        return a->type == TRACE_LEAVE ? -1 : 1;
    return (a->person > b->person) - (a->person < b->person);
}

static int put_header(FILE *to, const struct trace *t)
{
    json_t *o =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "ev", "header", "scenario", t->scenario, "seed",
                  (json_int_t)t->seed, "users", (json_int_t)t->n_persons, "horizon_ms", (json_int_t)t->horizon_ms,
                  "score_from_ms", (json_int_t)t->score_from_ms, "score_to_ms", (json_int_t)t->score_to_ms);
    int rc = o != NULL && json_dumpf(o, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF ? 0 : -1;
    json_decref(o);
    return rc;
}

static void put_join(FILE *to, const struct trace *t, const struct trace_person *p)
{
    (void)fprintf(to,
                  "{\"ev\":\"join\",\"t\":%" PRId64 ",\"id\":%" PRId64
                  ",\"g\":%d,\"seek\":%d,\"age\":%d,\"amin\":%d,\"amax\":%d,\"x\":%" PRId32 ",\"y\":%" PRId32
                  ",\"maxd\":%" PRId32 ",\"hist\":[",
                  p->join_ms, p->id, p->gender, p->seeking, p->age, p->age_min, p->age_max, p->x_hm, p->y_hm,
                  p->max_hm);
    for (uint32_t i = 0; i < p->n_met; i++)
        (void)fprintf(to, "%s%" PRId64, i > 0 ? "," : "", t->met[p->first_met + i]);
    (void)fputs(p->relax ? "],\"relax\":true}\n" : "]}\n", to);
}

int trace_file_write(FILE *to, const struct trace *t)
{
    size_t n = 0;
    AUTO_FREE struct trace_event *events = calloc(2 * (size_t)t->n_persons + 1, sizeof *events);
    if (events == NULL)
        return ERR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < t->n_persons; i++) {
        const struct trace_person *p = &t->persons[i];
        events[n++] = (struct trace_event){p->join_ms, i, TRACE_JOIN};
        if (p->leave_ms != TRACE_STAYS && p->leave_ms < t->horizon_ms)
            events[n++] = (struct trace_event){p->leave_ms, i, TRACE_LEAVE};
    }
    qsort(events, n, sizeof *events, by_time);
    if (put_header(to, t) < 0)
        return -EIO;
    for (size_t i = 0; i < n; i++) {
        const struct trace_person *p = &t->persons[events[i].person];
        if (events[i].type == TRACE_JOIN)
            put_join(to, t, p);
        else
            (void)fprintf(to, "{\"ev\":\"leave\",\"t\":%" PRId64 ",\"id\":%" PRId64 "}\n", p->leave_ms, p->id);
    }
    return fflush(to) == 0 && !ferror(to) ? 0 : -errno;
}
