/*
 * outcome_file - see outcome_file.h. Refuses to call a file written whose last byte is not with the kernel.
 */
#include "outcome_file.h"

#include <inttypes.h>

static void put_null_or(FILE *to, const char *name, bool there, int64_t value)
{
    if (there)
        (void)fprintf(to, ", \"%s\": %" PRId64, name, value);
    else
        (void)fprintf(to, ", \"%s\": null", name);
}

static int flushed(FILE *to)
{
    return fflush(to) == 0 && !ferror(to) ? 0 : -errno;
}

int outcome_file_write(FILE *to, const struct trace *t, const struct replay_result *r)
{
    static const char *const events[] = {
        [REPLAY_STILL_WAITS] = "end", [REPLAY_MATCHED] = "match", [REPLAY_LEFT] = "leave"};
    for (uint32_t i = 0; i < r->n; i++) {
        const struct replay_outcome *o = &r->outcomes[i];
        (void)fprintf(to, "{\"id\": %" PRId64 ", \"wait\": %" PRId64 ", \"event\": \"%s\"", t->persons[i].id,
                      o->wait_ms, events[o->end]);
        put_null_or(to, "partner", o->partner != REPLAY_NOBODY,
                    o->partner != REPLAY_NOBODY ? t->persons[o->partner].id : 0);
        (void)fprintf(to, ", \"queued\": %d", o->queued);
        put_null_or(to, "vwait", o->virtual_ms != REPLAY_NO_WAIT, o->virtual_ms);
        (void)fputs("}\n", to);
    }
    return flushed(to);
}

static void put_would(FILE *to, const struct replay_outcome *o)
{
    (void)fputs(", \"would\": {", to);
    for (int k = 0; k < REPLAY_WISHES; k++) {
        const char *name = wait_reason_name((enum wait_reason)(WAIT_REASON_DISTANCE + k));
        if (o->would_ms[k] == REPLAY_NO_WAIT)
            (void)fprintf(to, "%s\"%s\": null", k ? ", " : "", name);
        else
            (void)fprintf(to, "%s\"%s\": %" PRId64, k ? ", " : "", name, o->would_ms[k]);
    }
    (void)fputs("}", to);
}

static void put_also(FILE *to, const struct replay_prediction *p, const struct replay_outcome *o,
                     struct outcome_also also)
{
    if (also.reason)
        (void)fprintf(to, ", \"reason\": \"%s\", \"saves\": %.3f, \"supply\": %.4f", wait_reason_name(p->told.reason),
                      p->told.saves_s, p->told.supply_per_min);
    if (also.would)
        put_would(to, o);
    if (also.again && p->made_again)
        (void)fprintf(to, ", \"again\": {\"p50\": %.3f, \"p90\": %.3f}", p->again.p50_s, p->again.p90_s);
}

int prediction_file_write(FILE *to, const struct trace *t, const struct replay_result *r, struct outcome_also also)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const struct replay_prediction *p = &r->predictions[i];
        const struct wait_curve_summary *w = &p->told.wait;
        if (!p->made)
            continue;
        (void)fprintf(to, "{\"id\": %" PRId64 ", \"p50\": %.3f, \"p90\": %.3f, \"mean\": %.3f, \"pT\": {",
                      t->persons[i].id, w->p50_s, w->p90_s, w->mean_s);
        for (int k = 0; k < WAIT_WITHIN; k++)
            (void)fprintf(to, "%s\"%d\": %.5f", k ? ", " : "", wait_within_s[k], w->within[k]);
        (void)fprintf(to, "}, \"pmatch\": %.5f", w->matched);
        put_also(to, p, &r->outcomes[i], also);
        (void)fputs("}\n", to);
    }
    return flushed(to);
}
