/*
 * fsck_repair - see fsck_repair.h. Writes no key itself: stint_fsck_mend judges and mends in one step, and puts each
 * repair into the audit log. Refuses to mend what it cannot do without losing a job.
 */
#include "fsck_repair.h"

#include "fsck_postgres.h"
#include "queue_call.h"

#include <stdio.h>

enum { MEND_BATCH = 50 };

static void tell(struct session *s, const struct fsck_finding *it, const char *outcome, const char *text,
                 struct fsck_repaired *sums)
{
    bool mended = strcmp(outcome, "mended") == 0, left = strcmp(outcome, "left") == 0;
    sums->mended += mended;
    sums->left += left;
    sums->gone += !mended && !left;
    if (s->out.json) {
        json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:s}", "queue", it->queue, "fault",
                                   fsck_fault_row(it->fault)->name, "id", it->id, "repair", outcome, "did", text);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    out_tinted(&s->out, mended ? TINT_GREEN : left ? TINT_YELLOW : TINT_DIM, "%-7s %s %s: %s", outcome,
               fsck_fault_row(it->fault)->name, *it->id != '\0' ? it->id : it->subject, text);
}

/* One call for items[0..n), all of the server's kind. */
static int mend_batch(struct session *s, const struct fsck_finding *const items[], size_t n,
                      struct fsck_repaired *sums, struct err *e)
{
    struct queue_call c;
    redisReply *reply = NULL;
    queue_call_init(&c, "stint_fsck_mend", items[0]->queue);
    queue_call_add(&c, s->stores.actor);
    for (size_t i = 0; i < n; i++) {
        queue_call_add(&c, fsck_fault_row(items[i]->fault)->name);
        queue_call_add(&c, items[i]->place);
        queue_call_add_bytes(&c, items[i]->subject, items[i]->subject_len);
        queue_call_add(&c, items[i]->value);
    }
    int rc = queue_call_run(&s->stores, &c, &reply, e);
    if (rc == 0 && (reply->type != REDIS_REPLY_ARRAY || reply->elements != n))
        rc = err_set(e, ERR_PROTOCOL, "stint_fsck_mend answered what is no list of repairs");
    for (size_t i = 0; rc == 0 && i < n; i++)
        tell(s, items[i], reply->element[i]->element[0]->str, reply->element[i]->element[1]->str, sums);
    freeReplyObject(reply);
    return rc;
}

/* What the server cannot mend. */
static int mend_alone(struct session *s, const struct fsck_finding *it, struct fsck_repaired *sums, struct err *e)
{
    const char *text = "";
    if (it->fault != FSCK_outcome_orphan) {
        tell(s, it, "left", "its effect must be judged by people; give the job again if it is missing", sums);
        return 0;
    }
    int rc = fsck_postgres_mend(s, it, &text, e);
    if (rc >= 0)
        tell(s, it, rc > 0 ? "mended" : "gone", text, sums);
    return rc < 0 ? rc : 0;
}

int fsck_repair_run(struct session *s, const struct fsck_findings *f, struct fsck_repaired *sums, struct err *e)
{
    const struct fsck_finding *batch[MEND_BATCH];
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        const struct fsck_finding *it = &f->items[i];
        bool alone = it->fault == FSCK_outcome_missing || it->fault == FSCK_outcome_orphan;
        if (n > 0 && (alone || n == MEND_BATCH || it->fault != batch[0]->fault)) {
            rc = mend_batch(s, batch, n, sums, e);
            n = 0;
        }
        if (rc == 0 && alone)
            rc = mend_alone(s, it, sums, e);
        else
            batch[n++] = it;
    }
    return rc == 0 && n > 0 ? mend_batch(s, batch, n, sums, e) : rc;
}
