/*
 * job_packed - why: a status of its own costs Redis more than the job; together they cost a line each. Refuses what a
 * line cannot hold, and what somebody may look for elsewhere.
 */
#include "job_packed.h"

#include "alloc.h"

#include <stdio.h>

/* An entry `ssssssssssmmm-n`: seconds, ms within the second, sequence. */
enum { SECOND_DIGITS = 10, MS_DIGITS = 3, DASH_AT = SECOND_DIGITS + MS_DIGITS };

static bool packs(const struct job_core *item)
{
    return item->state == JOB_ENDED && item->op == FINISH_DONE && item->plain && item->retain_ms > 0 &&
           item->job.by_entry && !item->job.has_hash && !item->kind->ops->stores && item->job.entry[DASH_AT] == '-' &&
           (item->a == NULL || (strlen(item->a) <= PACKED_RESULT_MAX && strchr(item->a, '\n') == NULL));
}

bool job_packed_beside(const struct job_core *first, const struct job_core *item)
{
    return packs(item) && item->job.band == first->job.band && item->kind == first->kind &&
           memcmp(item->job.entry, first->job.entry, SECOND_DIGITS) == 0;
}

static size_t count_beside(const struct job_batch *batch, const struct job_core *first)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->n && count < PACKED_LEAST; i++)
        count += job_packed_beside(first, &batch->items[i]);
    return count;
}

const struct job_core *job_packed_first(const struct job_batch *batch)
{
    const struct job_core *before = NULL;
    for (size_t i = 0, looks = 0; i < batch->n && looks < PACKED_LOOKS; i++) {
        const struct job_core *item = &batch->items[i];
        if (!packs(item) || (before && job_packed_beside(before, item)))
            continue;
        if (count_beside(batch, item) >= PACKED_LEAST)
            return item;
        before = item;
        looks++;
    }
    return NULL;
}

static unsigned ms_of(const struct job_core *item)
{
    unsigned ms = 0;
    for (size_t i = SECOND_DIGITS; i < DASH_AT; i++)
        ms = ms * 10 + (unsigned)(item->job.entry[i] - '0');
    return ms;
}

void packed_text_begin(struct packed_text *t, const struct job_core *first)
{
    if (t->text.max == 0)
        buf_init(&t->text, PACKED_TEXT_MAX);
    buf_clear(&t->text);
    (void)snprintf(t->second, sizeof t->second, "%.*s", SECOND_DIGITS, first->job.entry);
    t->first = first->job.entry;
    t->first_ms = t->last_ms = ms_of(first);
}

void packed_text_add(struct packed_text *t, const struct job_core *item)
{
    char usage[JOB_USAGE_MAX];
    unsigned ms = ms_of(item);
    if (ms < t->first_ms) {
        t->first = item->job.entry;
        t->first_ms = ms;
    }
    t->last_ms = MAX_OF(t->last_ms, ms);
    job_used_words(&item->used, usage);
    const char *const words[] = {item->job.entry + SECOND_DIGITS, " ", usage, " ", item->a ? item->a : "", "\n"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        (void)buf_adds(&t->text, words[i]);
    if (t->text.failed)
        alloc_failed(); /* the lines of a whole call fit: it is memory that is out */
}

const char *packed_text_span(struct packed_text *t)
{
    (void)snprintf(t->span, sizeof t->span, "%s-%03u", t->first + SECOND_DIGITS, t->last_ms);
    return t->span;
}

void packed_text_fini(struct packed_text *t)
{
    buf_fini(&t->text);
    *t = (struct packed_text){0};
}
