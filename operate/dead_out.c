/*
 * dead_out - see dead_out.h. Refuses to remove a letter before what it goes to is on disk there, and one that is not as
 * it was read.
 */
#include "dead_out.h"

#include "clock.h"
#include "dead_archive.h"
#include "dead_archived.h"
#include "dead_scan.h"
#include "killpoint.h"

#include <stdio.h>

static const struct {
    const char *action;
} ways[] = {
#define X(way, action) [DEAD_OUT_##way] = {action},
    DEAD_OUT_WAYS(X)
#undef X
};

struct mover {
    struct stores *s;
    struct dead_out *o;
    struct redis_sync *redis;
    struct dead_removal removal;
    char run[64];
    size_t n;
    struct dead_letter letters[DEAD_BATCH_MAX]; /* of one queue; own no last_error */
    char noted[QUEUE_LIST_MAX][QUEUE_MAX];      /* queues whose audit log knows of a change in the archive */
    size_t n_noted;
    struct dead_batch batch;
};

/* -- one batch, one way ----------------------------------------------------------------------------------------------
 */

static int archive_batch(struct mover *m, const char *const ids[], struct err *e)
{
    PGconn *pg;
    int rc = stores_pg(m->s, &pg, e);
    for (size_t at = 0; rc == 0 && at < m->n;) {
        struct dead_archived done = {.taken = 0};
        rc =
            dead_archive_move(m->redis, pg, m->letters[0].queue, ids + at, m->n - at, INT64_MAX, &m->removal, &done, e);
        at += done.taken;
        m->o->removed += (size_t)done.removed;
        m->o->changed += done.taken - (size_t)done.removed;
    }
    return rc;
}

static int write_batch(struct mover *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->batch.n; i++)
        rc = dead_file_add(m->o->file, m->batch.records[i], e);
    KILL_POINT("drain_written");
    if (rc == 0)
        rc = dead_file_sync(m->o->file, e);
    KILL_POINT("drain_synced");
    if (rc == 0)
        m->o->written += m->batch.n;
    return rc;
}

static int drain_batch(struct mover *m, const char *const ids[], struct err *e)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < m->n;) {
        size_t taken = 0;
        int64_t removed = 0;
        rc = dead_batch_read(&m->batch, m->redis, m->letters[0].queue, ids + at, m->n - at, INT64_MAX, &taken, e);
        if (rc == 0)
            rc = write_batch(m, e);
        if (rc == 0 && !m->o->keep)
            rc = dead_batch_remove(&m->batch, m->redis, &m->removal, &removed, e);
        KILL_POINT("drain_removed");
        dead_batch_fini(&m->batch);
        at += taken;
        m->o->removed += (size_t)removed;
        m->o->changed += m->o->keep || rc < 0 ? 0 : taken - (size_t)removed;
    }
    return rc;
}

/* Without reading them: what the search saw is what is removed. */
static int purge_batch(struct mover *m, struct err *e)
{
    int64_t removed = 0;
    m->batch.queue = m->letters[0].queue;
    m->batch.n = m->n;
    for (size_t i = 0; i < m->n; i++) {
        const struct dead_letter *l = &m->letters[i];
        m->batch.records[i] = NULL;
        (void)snprintf(m->batch.ids[i], sizeof m->batch.ids[i], "%s", l->id);
        (void)snprintf(m->batch.tokens[i], sizeof m->batch.tokens[i], "%lld:%lld", (long long)l->died_ms,
                       (long long)l->edits);
    }
    int rc = dead_batch_remove(&m->batch, m->redis, &m->removal, &removed, e);
    m->o->removed += (size_t)removed;
    m->o->changed += rc < 0 ? 0 : m->n - (size_t)removed;
    return rc;
}

/* -- the archive's own letters ---------------------------------------------------------------------------------------
 */

/* The queue's audit log hears of it before anything is gone. */
static int note_archived(struct mover *m, const char *queue, struct err *e)
{
    struct queue_call c;
    int64_t done = 0;
    char action[64];
    for (size_t i = 0; i < m->n_noted; i++)
        if (strcmp(m->noted[i], queue) == 0)
            return 0;
    (void)snprintf(action, sizeof action, "%s-archived", ways[m->o->way].action);
    queue_call_init(&c, "stint_audit", queue);
    queue_call_add(&c, action);
    queue_call_add(&c, m->s->actor);
    queue_call_add(&c, m->o->reason);
    queue_call_add(&c, "filter");
    queue_call_add(&c, m->o->words);
    queue_call_add(&c, "run");
    queue_call_add(&c, m->run);
    int rc = queue_call_integer(m->s, &c, &done, e);
    if (rc == 0 && m->n_noted < QUEUE_LIST_MAX)
        (void)snprintf(m->noted[m->n_noted++], QUEUE_MAX, "%s", queue);
    return rc;
}

static int archived_batch(struct mover *m, struct err *e)
{
    int64_t removed = 0;
    int rc = m->o->keep ? 0 : note_archived(m, m->letters[0].queue, e);
    for (size_t i = 0; m->o->way == DEAD_OUT_DRAIN && rc == 0 && i < m->n; i++) {
        json_t *record = NULL;
        rc = dead_archived_record(m->s, &m->letters[i], &record, e);
        if (rc == 0)
            rc = dead_file_add(m->o->file, record, e);
        json_decref(record);
    }
    if (m->o->way == DEAD_OUT_DRAIN && rc == 0) {
        rc = dead_file_sync(m->o->file, e);
        m->o->written += rc == 0 ? m->n : 0;
    }
    if (rc == 0 && !m->o->keep)
        rc = dead_archived_delete(m->s, m->letters, m->n, &removed, e);
    m->o->removed += (size_t)removed;
    return rc;
}

/* -- all of them -----------------------------------------------------------------------------------------------------
 */

static int flush(struct mover *m, struct err *e)
{
    const char *ids[DEAD_BATCH_MAX];
    int rc = 0;
    if (m->n == 0)
        return 0;
    for (size_t i = 0; i < m->n; i++)
        ids[i] = m->letters[i].id;
    if (m->o->filter.archived)
        rc = archived_batch(m, e);
    else if (m->o->way == DEAD_OUT_ARCHIVE)
        rc = archive_batch(m, ids, e);
    else if (m->o->way == DEAD_OUT_DRAIN)
        rc = drain_batch(m, ids, e);
    else
        rc = purge_batch(m, e);
    m->n = 0;
    return rc;
}

/* The letters of one scan, in batches of one queue each. */
static int move_scan(struct mover *m, const struct dead_filter *f, size_t *moved, struct err *e)
{
    struct dead_scan *scan = NULL;
    const struct dead_letter *letter = NULL;
    size_t before = *moved;
    int rc = dead_scan_open(m->s, f, &scan, e), more = rc;
    while (rc == 0 && (more = dead_scan_next(scan, &letter, e)) == 1) {
        if (m->n == DEAD_BATCH_MAX || (m->n > 0 && strcmp(m->letters[0].queue, letter->queue) != 0))
            rc = flush(m, e);
        if (rc < 0)
            break;
        m->letters[m->n] = *letter;
        m->letters[m->n++].last_error = NULL;
        (*moved)++;
        if (m->o->on_progress != NULL)
            m->o->on_progress(m->o->arg, *moved, MAX_OF(before + dead_scan_total(scan), *moved));
    }
    rc = rc < 0 ? rc : more;
    if (rc == 0)
        rc = flush(m, e);
    dead_scan_close(scan);
    return rc;
}

/* Queue by queue, so that batches are full; the archive in one go, for it may hold queues that are configured no more.
 */
static int move_all(struct mover *m, struct err *e)
{
    struct dead_filter f = m->o->filter;
    struct queue_list list = {.n = 1};
    size_t moved = 0;
    if (f.archived)
        return move_scan(m, &f, &moved, e);
    int rc = queue_list_parts(m->s, f.queue, &list, e);
    for (size_t i = 0; rc == 0 && i < list.n && moved < m->o->filter.limit; i++) {
        f.queue = list.names[i];
        f.limit = m->o->filter.limit - moved;
        rc = move_scan(m, &f, &moved, e);
    }
    return rc;
}

int dead_out_run(struct stores *s, struct dead_out *o, struct err *e)
{
    AUTO_FREE struct mover *m = calloc(1, sizeof *m);
    if (m == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a batch of dead letters");
    m->s = s;
    m->o = o;
    (void)snprintf(m->run, sizeof m->run, "%s-%llx-%x", ways[o->way].action, (unsigned long long)clock_wall_ms(),
                   (unsigned)getpid());
    m->removal = (struct dead_removal){.action = o->note ? ways[DEAD_OUT_PURGE].action : ways[o->way].action,
                                       .actor = s->actor,
                                       .reason = o->reason,
                                       .filter = o->words,
                                       .run = m->run};
    int rc = stores_redis(s, &m->redis, e);
    if (rc == 0)
        rc = move_all(m, e);
    return rc;
}

int dead_out_count(struct stores *s, const struct dead_filter *f, dead_out_progress_fn on_progress, void *arg,
                   size_t *ret_n, struct err *e)
{
    struct dead_scan *scan = NULL;
    const struct dead_letter *letter;
    size_t n = 0;
    int rc = dead_scan_open(s, f, &scan, e), more = rc;
    while (rc == 0 && (more = dead_scan_next(scan, &letter, e)) == 1) {
        n++;
        if (on_progress != NULL)
            on_progress(arg, n, MAX_OF(dead_scan_total(scan), n));
    }
    dead_scan_close(scan);
    *ret_n = n;
    return rc < 0 ? rc : more;
}
