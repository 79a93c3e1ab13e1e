/*
 * top_rates - see top_rates.h. Refuses a rate from one look: nothing is known then, which is not none.
 */
#include "top_rates.h"

#include "queue_call.h"

#include <stdio.h>

void top_rates_init(struct top_rates *r, const char *queue)
{
    *r = (struct top_rates){.n = 0};
    (void)snprintf(r->queue, sizeof r->queue, "%s", queue);
}

int64_t top_rates_look(struct top_rates *r, const json_t *stats)
{
    const struct top_look look = {.at_ms = json_number(stats, "now", 0),
                                  .in = json_number(stats, "enqueued", 0),
                                  .done = json_number(json_object_get(stats, "ledger"), "done", 0)};
    const struct top_look last = r->looks[r->newest];
    bool first = r->n == 0 || look.in < last.in || look.done < last.done || look.at_ms < last.at_ms;
    if (first)
        r->n = 0;
    r->newest = first ? 0 : (r->newest + 1) % TOP_RATES_LOOKS;
    r->looks[r->newest] = look;
    r->n = MIN_OF(r->n + 1, (size_t)TOP_RATES_LOOKS);
    return first ? 0 : look.done - last.done;
}

json_t *top_rates_json(const struct top_rates *r)
{
    const struct top_look *newest = &r->looks[r->newest], *from = newest;
    for (size_t back = 1; back < r->n; back++) {
        const struct top_look *look = &r->looks[(r->newest + TOP_RATES_LOOKS - back) % TOP_RATES_LOOKS];
        if (newest->at_ms - look->at_ms > TOP_RATES_OVER_MS && from != newest)
            break;
        from = look;
    }
    int64_t over_ms = newest->at_ms - from->at_ms;
    if (over_ms <= 0)
        return json_null();
    return json_pack("{s:f, s:f, s:I}", "in", (double)(newest->in - from->in) * 1000 / (double)over_ms, "done",
                     (double)(newest->done - from->done) * 1000 / (double)over_ms, "over_ms", (json_int_t)over_ms);
}
