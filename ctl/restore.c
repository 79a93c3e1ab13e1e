/*
 * restore - see restore.h. The order is the point: marks first, so that nothing runs on half of it; PostgreSQL before
 * Redis, so that outcomes are there before jobs are; marks taken away last, queue by queue.
 */
#include "restore.h"

#include "killpoint.h"

#include <stdio.h>

static void take_queues(struct restore *r)
{
    const json_t *rows = backup_manifest_queues(r->archive->manifest), *row;
    size_t i;
    if (!r->with_redis)
        return;
    json_array_foreach(rows, i, row)
    {
        const char *name = json_text(row, "queue");
        r->queues[r->n_queues++] = (struct restore_queue){.row = row, .name = name, .of_host = name[0] == '_'};
    }
}

static int mark_all(struct restore *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        struct restore_queue *q = &r->queues[i];
        if (!q->of_host && q->stage == RESTORE_NONE)
            rc = restore_mark(r, q, RESTORE_BEGUN, e);
        KILL_POINT("restore_marked");
    }
    return rc;
}

/* That PostgreSQL is done is known from here on. */
static int note_postgres(struct restore *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++)
        if (!r->queues[i].of_host && r->queues[i].stage != RESTORE_DONE)
            rc = restore_mark(r, &r->queues[i], r->queues[i].stage, e);
    return rc;
}

static int settle_all(struct restore *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        struct restore_queue *q = &r->queues[i];
        if (q->of_host || q->stage != RESTORE_SETTLE)
            continue;
        rc = restore_settle(r, q, e);
        if (rc == 0)
            rc = restore_mark(r, q, RESTORE_DONE, e);
    }
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        if (!r->queues[i].of_host)
            rc = restore_unmark(r, &r->queues[i], e);
        KILL_POINT("restore_unmarked");
    }
    return rc;
}

static int restore_both(struct restore *r, struct err *e)
{
    int rc = mark_all(r, e);
    if (rc == 0)
        rc = restore_check_alive(r, e); /* nobody begins after the mark: who began just before it is seen now */
    if (rc == 0 && r->with_postgres) {
        rc = restore_postgres(r, e);
        if (rc == 0)
            rc = note_postgres(r, e);
    }
    if (rc == 0 && r->with_redis)
        rc = private_source_start(r->stores, r->archive, r->to, e);
    if (rc == 0 && r->with_redis)
        rc = restore_keys(r, e);
    return rc < 0 ? rc : settle_all(r, e);
}

int restore_run(struct restore *r, bool dry_run, struct err *e)
{
    take_queues(r);
    int rc = restore_guard(r, e);
    return rc < 0 || dry_run ? rc : restore_both(r, e);
}
