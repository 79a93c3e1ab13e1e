/*
 * queue_ghosts_uv - see queue_link_impl.h. A worker can be killed with a fetch on its way. A server that was stopped or
 * slow may read it after it was told of the death, and claim jobs for a name that nobody will ever ask for again while
 * this host's lease goes on. So each death is told a second time, a heartbeat or more later, naming no job: what is
 * found then was never begun and is handed back, free. Refuses to: charge a job for it.
 */
#include "queue_link_impl.h"

#include "log.h"
#include <stdio.h>

static void tell_first(struct queue_link *q);

static void on_ghost_told(void *arg, const redisReply *r, const struct err *e)
{
    (void)e;
    struct queue_link *q = arg;
    struct queue_ghosts *g = &q->ghosts;
    g->telling = false;
    if (r == NULL || !queue_reply_is(q, "stint_crash", r, 2))
        return; /* with a later heartbeat again */
    queue_wake_for(q, r->element[0]);
    int64_t moved = queue_reply_number(r->element[0]);
    if (moved > 0)
        log_info("jobs that were claimed for a worker after its death are handed back", KV_S("queue", q->name),
                 KV_S("consumer", g->names[0]), KV_I("jobs", moved));
    if (queue_reply_number(r->element[1]) == 0) {
        memmove(g->names[0], g->names[1], (size_t)(--g->n) * sizeof g->names[0]);
        if (g->due > 0)
            g->due--;
    }
    tell_first(q);
}

static void tell_first(struct queue_link *q)
{
    struct queue_ghosts *g = &q->ghosts;
    if (g->telling || g->due == 0)
        return;
    static const char why[] = "{\"code\":\"WORKER_LOST\",\"class\":\"resource\",\"cause\":\"worker_lost\",\"message\":"
                              "\"its worker had died before the job was claimed\"}";
    const char *args[] = {g->names[0], "", why, "0000000000000000", "2", "0", "once"};
    g->telling = queue_call(q, "stint_crash", on_ghost_told, ARRAY_LEN(args), args);
}

void queue_ghosts_add(struct queue_link *q, const char *consumer)
{
    struct queue_ghosts *g = &q->ghosts;
    if (g->n == QUEUE_GHOSTS_MAX) {
        if (g->telling)
            return;
        memmove(g->names[0], g->names[1], (size_t)(--g->n) * sizeof g->names[0]);
        if (g->due > 0)
            g->due--;
    }
    (void)snprintf(g->names[g->n++], sizeof g->names[0], "%s", consumer);
}

void queue_ghosts_tell(struct queue_link *q)
{
    q->ghosts.due = q->ghosts.n;
    tell_first(q);
}
