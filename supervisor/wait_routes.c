/*
 * wait_routes - see wait_routes.h. Finds the model that is asked for and hands over to wait_json; refuses names it does
 * not know rather than answering for another pool.
 */
#include "wait_routes.h"

#include "ticket_hash.h"
#include "wait_json.h"

#include <stdio.h>

#define BALANCE_TARGET_S 60.0 /* as queue-stats tells it */

static struct wait_queue *wait_routes_queue(struct wait_queues *waits, const char *name)
{
    for (size_t i = 0; i < waits->n; i++)
        if (name == NULL || name[0] == '\0' || strcmp(waits->queues[i].queue, name) == 0)
            return &waits->queues[i];
    return NULL;
}

/* The pool that is asked for. NULL: a problem was answered, unless `empty_is_fine` and there is no pool at all yet. */
static struct wait_pool *wait_routes_pool(struct wait_queues *waits, const struct metrics_request *request,
                                          struct metrics_reply *reply, bool empty_is_fine)
{
    const char *name = request->query(request->handle, "pool");
    struct wait_queue *q = wait_routes_queue(waits, request->query(request->handle, "queue"));
    if (q == NULL) {
        metrics_reply_problem(reply, 404, "Not Found", "no queue of that name matches people on this host", "");
        return NULL;
    }
    struct wait_pool *pool = wait_pools_of(&q->pools, name);
    bool any = name == NULL || name[0] == '\0';
    if (pool == NULL && !(empty_is_fine && any))
        metrics_reply_problem(reply, 404, "Not Found",
                              any ? "nobody has been heard of yet" : "nobody has been heard of in a pool of that name",
                              "");
    return pool;
}

void wait_routes_queue_stats(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                             struct metrics_reply *reply)
{
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, true);
    if (reply->status != 200)
        return;
    (void)wait_json_queue_stats(pool != NULL ? pool->name : "", pool != NULL ? pool->model : NULL, now_ms,
                                &reply->body);
}

void wait_routes_balance(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                         struct metrics_reply *reply)
{
    const char *target = request->query(request->handle, "target");
    char *end = NULL;
    double target_s = target != NULL ? strtod(target, &end) : BALANCE_TARGET_S;
    if (target != NULL && (end == target || *end != '\0' || !(target_s >= 1 && target_s <= WAIT_HORIZON_S))) {
        metrics_reply_problem(reply, 400, "Bad Request", "target is a median wait in seconds, 1 to 1200", "");
        return;
    }
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, false);
    if (pool != NULL)
        (void)wait_json_balance(pool->name, pool->model, now_ms, target_s, &reply->body);
}

static const char *wait_routes_get(void *arg, const char *name)
{
    const struct metrics_request *const *request = arg;
    return (*request)->query((*request)->handle, name);
}

/* The person asked about: a ticket that waits, or attributes. False: a problem was answered. */
static bool wait_routes_person(const struct wait_pool *pool, int64_t now_ms, const struct metrics_request *request,
                               struct metrics_reply *reply, struct wait_person *ret_who)
{
    const char *ticket = request->query(request->handle, "ticket"), *wrong = "";
    if (ticket != NULL) {
        const struct wait_person *who = wait_model_person(pool->model, ticket_hash(pool->name, ticket));
        if (who != NULL)
            *ret_who = *who;
        else
            metrics_reply_problem(reply, 404, "Not Found", "no such ticket waits in this pool", "");
        return who != NULL;
    }
    if (wait_json_person(wait_routes_get, &request, now_ms, ret_who, &wrong) == 0)
        return true;
    char detail[160];
    (void)snprintf(detail, sizeof detail, "give ticket=ID, or attributes; missing or wrong: %.64s", wrong);
    metrics_reply_problem(reply, 400, "Bad Request", detail, "");
    return false;
}

void wait_routes_wait(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                      struct metrics_reply *reply)
{
    struct wait_person who;
    struct wait_estimate estimate;
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, false);
    if (pool == NULL || !wait_routes_person(pool, now_ms, request, reply, &who))
        return;
    int64_t waited_ms = who.hash != 0 ? MAX_OF(now_ms - who.joined_ms, (int64_t)0) : 0;
    wait_model_ticket(pool->model, &who, now_ms, waited_ms, &estimate);
    (void)wait_json_estimate(&estimate, (int64_t)wait_model_ahead(pool->model, &who) + 1, &reply->body);
}
