/*
 * metrics_routes - see metrics_routes.h. Fixed paths in one table; refuses everything else by naming them.
 */
#include "metrics_routes.h"

#include "health.h"
#include "metrics_match.h"
#include "metrics_text.h"
#include "wait_routes.h"

typedef void (*metrics_route_fn)(const struct metrics_view *view, const struct metrics_request *request,
                                 struct metrics_reply *reply);

static void route_metrics(const struct metrics_view *view, const struct metrics_request *request,
                          struct metrics_reply *reply)
{
    struct metrics_writer w = {.out = &reply->body,
                               .openmetrics = strstr(request->accept, "application/openmetrics-text") != NULL};
    reply->content_type = w.openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                        : "text/plain; version=0.0.4; charset=utf-8";
    metrics_text(&w, view->snapshot);
    metrics_match(&w, view->waits, view->feed_now_ms);
    metrics_end(&w);
}

static void route_health(const struct metrics_view *view, const struct health *h, struct metrics_reply *reply)
{
    if (h->n == 0) {
        (void)buf_addf(&reply->body, "{\"status\":\"ok\",\"instance\":\"%s\"}\n", view->snapshot->instance);
        return;
    }
    struct buf extra;
    buf_init(&extra, 65536);
    (void)buf_adds(&extra, ",\"reasons\":");
    (void)health_json(h, &extra);
    metrics_reply_problem(reply, 503, "Service Unavailable", h->reasons[0].detail, extra.failed ? "" : extra.data);
    buf_fini(&extra);
}

static void route_healthz(const struct metrics_view *view, const struct metrics_request *request,
                          struct metrics_reply *reply)
{
    struct health h;
    (void)request;
    health_live(view->snapshot, view->conf, &h);
    route_health(view, &h, reply);
}

static void route_readyz(const struct metrics_view *view, const struct metrics_request *request,
                         struct metrics_reply *reply)
{
    struct health h;
    (void)request;
    health_ready(view->snapshot, view->conf, &h);
    route_health(view, &h, reply);
}

static void route_queues(const struct metrics_view *view, const struct metrics_request *request,
                         struct metrics_reply *reply)
{
    const struct metrics_snapshot *s = view->snapshot;
    (void)request;
    (void)queue_stats_json(s->queues, s->n_queues, s->instance, s->taken_ms, &reply->body);
}

static void route_queue_stats(const struct metrics_view *view, const struct metrics_request *request,
                              struct metrics_reply *reply)
{
    wait_routes_queue_stats(view->waits, view->feed_now_ms, request, reply);
}

static void route_balance(const struct metrics_view *view, const struct metrics_request *request,
                          struct metrics_reply *reply)
{
    wait_routes_balance(view->waits, view->feed_now_ms, request, reply);
}

static void route_wait(const struct metrics_view *view, const struct metrics_request *request,
                       struct metrics_reply *reply)
{
    wait_routes_wait(view->waits, view->feed_now_ms, request, reply);
}

#define METRICS_ROUTES(X)                                                                                              \
    X("/metrics", route_metrics)                                                                                       \
    X("/healthz", route_healthz)                                                                                       \
    X("/readyz", route_readyz)                                                                                         \
    X("/v1/queues", route_queues)                                                                                      \
    X("/v1/queue-stats", route_queue_stats)                                                                            \
    X("/v1/balance", route_balance)                                                                                    \
    X("/v1/wait", route_wait)

void metrics_routes_get(const struct metrics_view *view, const struct metrics_request *request,
                        struct metrics_reply *reply)
{
    static const struct {
        const char *path;
        metrics_route_fn answer;
    } rows[] = {
#define X(path, answer) {path, answer},
        METRICS_ROUTES(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].path, request->path) == 0) {
            rows[i].answer(view, request, reply);
            return;
        }
    metrics_reply_problem(reply, 404, "Not Found",
                          "there is no such path; the paths are:"
#define X(path, answer) " " path
                          METRICS_ROUTES(X)
#undef X
                              ,
                          "");
}
