/*
 * fsck_findings - see fsck_findings.h. Refuses to grow without bound: a queue of which everything is broken is mended
 * in several rounds.
 */
#include "fsck_findings.h"

#include <stdio.h>

static const struct fsck_fault FAULTS[FSCK_FAULTS] = {
#define X(name_, settles_, meaning_, mend_)                                                                            \
    [FSCK_##name_] = {.name = #name_, .meaning = (meaning_), .mend = (mend_), .settles = (settles_)},
    FSCK_FAULT_TABLE(X)
#undef X
};

const struct fsck_fault *fsck_fault_row(enum fsck_fault_id fault)
{
    return &FAULTS[fault];
}

int fsck_fault_find(const char *name)
{
    for (int i = 0; i < FSCK_FAULTS; i++)
        if (strcmp(FAULTS[i].name, name) == 0)
            return i;
    return -1;
}

static int make_room(struct fsck_findings *f, struct err *e)
{
    if (f->n < f->cap)
        return 0;
    size_t cap = f->cap == 0 ? 64 : f->cap * 2;
    struct fsck_finding *items = reallocarray(f->items, cap, sizeof *items);
    if (items == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu findings", cap);
    f->items = items;
    f->cap = cap;
    return 0;
}

static void finding_fini(struct fsck_finding *it)
{
    free(it->subject);
    free(it->id);
    free(it->seen);
}

int fsck_findings_add(struct fsck_findings *f, enum fsck_fault_id fault, const char *queue, const char *place,
                      const char *subject, size_t subject_len, const char *id, const char *seen, struct err *e)
{
    if (f->n >= FSCK_FINDINGS_MAX) {
        f->beyond++;
        return 0;
    }
    int rc = make_room(f, e);
    if (rc < 0)
        return rc;
    struct fsck_finding it = {.fault = fault, .subject_len = subject_len};
    (void)snprintf(it.queue, sizeof it.queue, "%s", queue);
    (void)snprintf(it.place, sizeof it.place, "%s", place);
    it.subject = malloc(subject_len + 1);
    it.id = out_harmless(id, strlen(id));
    it.seen = out_harmless(seen, strlen(seen));
    if (it.subject == NULL || it.id == NULL || it.seen == NULL) {
        finding_fini(&it);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a finding");
    }
    memcpy(it.subject, subject, subject_len);
    it.subject[subject_len] = '\0';
    f->items[f->n++] = it;
    return 0;
}

void fsck_findings_keep(struct fsck_findings *f, const bool keep[])
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (keep[i])
            f->items[n++] = f->items[i];
        else
            finding_fini(&f->items[i]);
    }
    f->n = n;
}

static int by_mending(const void *a, const void *b)
{
    const struct fsck_finding *x = a, *y = b;
    if (x->fault != y->fault)
        return x->fault < y->fault ? -1 : 1;
    int order = strcmp(x->place, y->place);
    return order != 0 ? order : strcmp(x->subject, y->subject);
}

void fsck_findings_sort(struct fsck_findings *f)
{
    if (f->n > 1)
        qsort(f->items, f->n, sizeof *f->items, by_mending);
}

static json_t *finding_record(const struct fsck_finding *it)
{
    const struct fsck_fault *row = &FAULTS[it->fault];
    AUTO_FREE char *subject = out_harmless(it->subject, it->subject_len);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "queue", it->queue, "fault", row->name, "id", it->id,
                     "place", it->place, "subject", subject != NULL ? subject : "", "seen", it->seen, "meaning",
                     row->meaning, "mend", row->mend);
}

void fsck_findings_print(struct session *s, const struct fsck_findings *f, size_t most, bool plan)
{
    static const char *const titles[] = {"-QUEUE", "FAULT", "JOB", "~SEEN", NULL};
    static const char *const plan_titles[] = {"-QUEUE", "FAULT", "JOB", "~REPAIR", NULL};
    struct table t;
    table_init(&t, plan ? plan_titles : titles);
    for (size_t i = 0; i < f->n; i++) {
        const struct fsck_finding *it = &f->items[i];
        if (s->out.json) {
            json_t *record = finding_record(it);
            out_json(&s->out, record);
            json_decref(record);
            continue;
        }
        if (i >= most || table_row(&t) < 0)
            break;
        const char *mend = *FAULTS[it->fault].mend != '\0' ? FAULTS[it->fault].mend : "nothing: for people to judge";
        table_set(&t, 0, "%s", it->queue);
        table_set(&t, 1, "%s", FAULTS[it->fault].name);
        table_tint(&t, 1, TINT_RED);
        table_set(&t, 2, "%s", *it->id != '\0' ? it->id : "-");
        table_set(&t, 3, "%s", plan ? mend : it->seen);
    }
    table_print(&t, &s->out);
    table_fini(&t);
    if (f->n > most && !s->out.json)
        out_line(&s->out, "... and %zu more; --json shows all", f->n - most);
    if (f->beyond > 0)
        out_remark(&s->out, "%zu findings beyond the first %d were not kept: repair these, then look again", f->beyond,
                   FSCK_FINDINGS_MAX);
}

void fsck_findings_fini(struct fsck_findings *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n; i++)
        finding_fini(&f->items[i]);
    free(f->items);
    *f = (struct fsck_findings){.n = 0};
}
