/*
 * wait_routes - see wait_routes.h. Finds the model that is asked for and hands over to wait_json; refuses names it does
 * not know rather than answering for another pool.
 */
#include "wait_routes.h"

#include "clock.h"
#include "ticket_hash.h"
#include "wait_json.h"

#include <jansson.h>
#include <stdio.h>

#define BALANCE_TARGET_S 60.0 /* as queue-stats tells it */

enum { PUBLISHED_LEASES = 3 }; /* what was published longer ago is not served: this process' own numbers are younger */

/* -- what may be asked -----------------------------------------------------------------------------------------------
 */

/* A problem that names a parameter of ours. */
static void wait_routes_refuse(struct metrics_reply *reply, const char *parameter, const char *why)
{
    char detail[256], extra[96];
    (void)snprintf(detail, sizeof detail, "%s: %s", parameter, why);
    (void)snprintf(extra, sizeof extra, ",\"parameter\":\"%s\"", parameter);
    metrics_reply_problem(reply, 400, "Bad Request", detail, extra);
}

/* False: there is a parameter beside `names` (ends with NULL); a problem was answered. */
static bool wait_routes_only(const struct metrics_request *request, struct metrics_reply *reply,
                             const char *const names[])
{
    char why[192];
    size_t len = (size_t)snprintf(why, sizeof why, "is no parameter here; allowed:");
    const char *other = request->other(request->handle, names);
    if (other == NULL)
        return true;
    for (size_t i = 0; names[i] != NULL && len < sizeof why; i++)
        len += (size_t)snprintf(why + len, sizeof why - len, " %s", names[i]);
    bool plain = strspn(other, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == strlen(other);
    wait_routes_refuse(reply, plain && strlen(other) <= 32 ? other : "one of them", why);
    return false;
}

/* -- whom it is about ------------------------------------------------------------------------------------------------
 */

static struct wait_queue *wait_routes_queue(struct wait_queues *waits, const char *name)
{
    for (size_t i = 0; i < waits->n; i++)
        if (name == NULL || name[0] == '\0' || strcmp(waits->queues[i].queue, name) == 0)
            return &waits->queues[i];
    return NULL;
}

/* The pool that is asked for. NULL: a problem was answered, unless `empty_is_fine` and there is no pool at all yet. */
static struct wait_pool *wait_routes_pool(struct wait_queues *waits, const struct metrics_request *request,
                                          struct metrics_reply *reply, bool empty_is_fine, struct wait_desk **ret_desk)
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
    if (pool != NULL)
        *ret_desk = &q->desks[pool - q->pools.pools];
    return pool;
}

/* -- queue-stats -----------------------------------------------------------------------------------------------------
 */

/* What was published is foreign: whether it is such an object of this pool. */
static bool wait_routes_is_body(const char *json, const char *pool)
{
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(root, "pool"));
    bool ok = name != NULL && strcmp(name, pool) == 0 && json_object_get(root, "age_ms") == NULL &&
              json_is_string(json_object_get(root, "publisher"));
    json_decref(root);
    return ok;
}

/* Adds members to the object that body ends with. */
static void wait_routes_reopen(struct buf *body)
{
    while (body->len > 0 && body->data[body->len - 1] != '}')
        body->data[--body->len] = '\0';
    if (body->len > 0)
        body->data[--body->len] = '\0';
}

/* Every replica answers what the pool's publisher said last, so that they agree; this process' own numbers only when
 * nobody has published for a while. */
static void wait_routes_published(const struct wait_queues *waits, const struct wait_desk *d,
                                  const struct wait_pool *pool, int64_t now_ms, struct buf *body)
{
    uint64_t mono_ms = clock_mono_ms();
    int64_t age_ms = wait_desk_age_ms(d, mono_ms);
    bool published =
        age_ms >= 0 && age_ms < (int64_t)waits->lease_ms * PUBLISHED_LEASES && wait_routes_is_body(d->json, pool->name);
    if (published)
        (void)buf_adds(body, d->json);
    else
        (void)wait_json_queue_stats(pool->name, pool->model, now_ms, body);
    wait_routes_reopen(body);
    if (published)
        (void)buf_addf(body, ",\"age_ms\":%lld,\"publishedHere\":%s}", (long long)age_ms,
                       wait_desk_publishes(waits, d, mono_ms) ? "true" : "false");
    else
        (void)buf_adds(body, ",\"publisher\":null,\"epoch\":0,\"age_ms\":0,\"publishedHere\":false}");
}

void wait_routes_queue_stats(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                             struct metrics_reply *reply)
{
    static const char *const names[] = {"queue", "pool", NULL};
    struct wait_desk *desk = NULL;
    if (!wait_routes_only(request, reply, names))
        return;
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, true, &desk);
    if (pool != NULL)
        wait_routes_published(waits, desk, pool, now_ms, &reply->body);
    else if (reply->status == 200)
        (void)wait_json_queue_stats("", NULL, now_ms, &reply->body);
}

/* -- balance ---------------------------------------------------------------------------------------------------------
 */

void wait_routes_balance(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                         struct metrics_reply *reply)
{
    static const char *const names[] = {"queue", "pool", "target", NULL};
    struct wait_desk *desk;
    if (!wait_routes_only(request, reply, names))
        return;
    const char *target = request->query(request->handle, "target");
    char *end = NULL;
    double target_s = target != NULL ? strtod(target, &end) : BALANCE_TARGET_S;
    if (target != NULL && (end == target || *end != '\0' || !(target_s >= 1 && target_s <= WAIT_HORIZON_S))) {
        wait_routes_refuse(reply, "target", "a median wait in seconds, 1 to 1200");
        return;
    }
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, false, &desk);
    if (pool != NULL)
        (void)wait_json_balance(pool->name, pool->model, now_ms, target_s, &reply->body);
}

/* -- wait ------------------------------------------------------------------------------------------------------------
 */

static const char *wait_routes_get(void *arg, const char *name)
{
    const struct metrics_request *const *request = arg;
    return (*request)->query((*request)->handle, name);
}

static void wait_routes_wrong(struct metrics_reply *reply, const char *name)
{
    static const char *const allowed[][2] = {
        {"gender", "male, female, nonbinary, other or unknown (or give ticket=ID)"},
        {"seeking", "genders with commas between, or any"},
        {"age", "18 to 120"},
        {"age_min", "18 to 120"},
        {"age_max", "age_min to 120"},
        {"lat", "-90 to 90, together with lon"},
        {"lon", "-180 to 180, together with lat"},
        {"max_km", "0 (any distance) to 20038"},
        {"regions", "at most 8 names of 1 to 64 bytes with commas between"},
    };
    const char *why = "is not allowed";
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (strcmp(allowed[i][0], name) == 0)
            why = allowed[i][1];
    wait_routes_refuse(reply, name, why);
}

/* The person asked about: a ticket that waits, or attributes. False: a problem was answered. */
static bool wait_routes_person(const struct wait_pool *pool, int64_t now_ms, const struct metrics_request *request,
                               struct metrics_reply *reply, struct wait_person *ret_who)
{
    static const char *const of_ticket[] = {"queue", "pool", "ticket", NULL};
    static const char *const of_anybody[] = {"queue",   "pool", "gender", "seeking", "age",     "age_min",
                                             "age_max", "lat",  "lon",    "max_km",  "regions", NULL};
    const char *ticket = request->query(request->handle, "ticket"), *wrong = "";
    if (!wait_routes_only(request, reply, ticket != NULL ? of_ticket : of_anybody))
        return false;
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
    wait_routes_wrong(reply, wrong);
    return false;
}

void wait_routes_wait(struct wait_queues *waits, int64_t now_ms, const struct metrics_request *request,
                      struct metrics_reply *reply)
{
    struct wait_person who;
    struct wait_estimate estimate;
    struct wait_desk *desk;
    const struct wait_pool *pool = wait_routes_pool(waits, request, reply, false, &desk);
    if (pool == NULL || !wait_routes_person(pool, now_ms, request, reply, &who))
        return;
    int64_t waited_ms = who.hash != 0 ? MAX_OF(now_ms - who.joined_ms, (int64_t)0) : 0;
    wait_model_ticket(pool->model, &who, now_ms, waited_ms, &estimate);
    (void)wait_json_estimate(&estimate, (int64_t)wait_model_ahead(pool->model, &who) + 1, who.hash != 0, &reply->body);
}
