/*
 * relay_lock - see relay_lock.h. Refuses to wait for a lock: who has it works, the others look again.
 */
#include "relay_lock.h"

#include "log.h"
#include "pg_dial.h"
#include "relay_outbox.h"

/* The key is of the database's own making, so that every build and host computes the same. */
static const char try_sql[] = "SELECT pg_try_advisory_lock(hashtextextended('stint.relay:' || $1, 0))";
static const char ping_sql[] = "SELECT 1";

static int take_one(struct relay *r, struct relay_queue *q, struct err *e)
{
    const char *const params[] = {q->name};
    PGresult *rows = PQexecParams(r->pg, try_sql, 1, NULL, params, NULL, NULL, 0);
    int rc = pg_dial_fault(r->pg, rows, e);
    q->held = rc == 0 && PQntuples(rows) == 1 && PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    if (q->held)
        log_info("this relay serves the queue now", KV_S("queue", q->name));
    return rc;
}

int relay_lock_take(struct relay *r, struct err *e)
{
    int rc = 0;
    bool asked = false;
    for (size_t i = 0; rc == 0 && i < r->n_queues; i++) {
        if (r->queues[i].held)
            continue;
        asked = true;
        rc = take_one(r, &r->queues[i], e);
    }
    if (asked || rc < 0)
        return rc;
    PGresult *rows = PQexec(r->pg, ping_sql); /* a session that ended took the locks with it */
    rc = pg_dial_fault(r->pg, rows, e);
    PQclear(rows);
    return rc;
}

void relay_lock_forget(struct relay *r)
{
    for (size_t i = 0; i < r->n_queues; i++) {
        r->queues[i].held = false;
        relay_outbox_forget(&r->queues[i].outbox);
    }
}

size_t relay_lock_count(const struct relay *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_queues; i++)
        n += r->queues[i].held;
    return n;
}
