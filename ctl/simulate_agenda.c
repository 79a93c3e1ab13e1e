/* simulate_agenda - see simulate_agenda.h. It refuses to order equals: nobody may depend on who of two acts first. */
#include "simulate_agenda.h"

#include "alloc.h"

void simulate_agenda_add(struct simulate_agenda *a, int64_t due_ms, uint32_t of)
{
    if (due_ms == INT64_MAX)
        return;
    if (a->n == a->cap) {
        a->cap = a->cap == 0 ? 1024 : 2 * a->cap;
        a->entries = alloc_must(reallocarray(a->entries, a->cap, sizeof *a->entries));
    }
    size_t i = a->n++;
    for (; i > 0 && a->entries[(i - 1) / 2].due_ms > due_ms; i = (i - 1) / 2)
        a->entries[i] = a->entries[(i - 1) / 2];
    a->entries[i] = (struct simulate_entry){due_ms, of};
}

bool simulate_agenda_take(struct simulate_agenda *a, int64_t now_ms, struct simulate_entry *ret)
{
    if (a->n == 0 || a->entries[0].due_ms > now_ms)
        return false;
    *ret = a->entries[0];
    struct simulate_entry last = a->entries[--a->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < a->n; i = child) {
        child += child + 1 < a->n && a->entries[child + 1].due_ms < a->entries[child].due_ms;
        if (a->entries[child].due_ms >= last.due_ms)
            break;
        a->entries[i] = a->entries[child];
    }
    a->entries[i] = last;
    return true;
}

void simulate_agenda_fini(struct simulate_agenda *a)
{
    free(a->entries);
    *a = (struct simulate_agenda){0};
}
