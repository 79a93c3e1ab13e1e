/*
 * Why: stint's producers speak Redis; this one does so as the other clients in C do.
 * Refuses to: work: stint's own supervisor and workers do that.
 */
#include "bench_link.h"
#include "peer.h"

#include <stdio.h>

enum { UNDER_WAY = 4 };

struct producer {
    struct redis_sync redis;
    const struct peer_order *order;
};

static void head(struct bench_command *command, const char *function)
{
    const char *const words[] = {"FCALL", function, "1", "stint:{bench}"};
    bench_begin(command);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        bench_add(command, words[i]);
}

/* A job of an open loop is called t<µs when due>, and its handler tells in its result when it began. */
static void send_timed(struct producer *p, uint64_t intended_us)
{
    char options[80];
    struct bench_command command;
    size_t len;
    const char *payload = peer_payload(p->order, intended_us, &len);
    snprintf(options, sizeof options, "{\"kind\":\"probe\",\"id\":\"t%llu\"}", (unsigned long long)intended_us);
    head(&command, "stint_enqueue");
    bench_add(&command, options);
    bench_add(&command, payload);
    bench_send(&p->redis, &command);
}

static void send_jobs(void *link, long first, long n, uint64_t intended_us)
{
    struct producer *p = link;
    (void)first;
    if (intended_us != 0) {
        send_timed(p, intended_us);
        return;
    }
    size_t len;
    const char *payload = peer_payload(p->order, 0, &len);
    struct bench_command command;
    head(&command, n > 1 ? "stint_enqueue_bulk" : "stint_enqueue");
    for (long i = 0; i < n; i++) {
        bench_add(&command, "{\"kind\":\"probe\"}");
        bench_add(&command, payload);
    }
    bench_send(&p->redis, &command);
}

static void settle(void *link)
{
    struct producer *p = link;
    freeReplyObject(bench_reply(&p->redis));
}

void peer_stint(const struct peer_order *order)
{
    static struct producer p;
    p.order = order;
    if (strcmp(order->mode, "work") == 0)
        peer_give_up("stint's workers are started by stint-supervisor");
    bench_open(&p.redis, order->address);
    peer_produce(order,
                 &(struct peer_client){
                     .link = &p, .send = send_jobs, .settle = settle, .bulk = BENCH_BULK, .bulk_window = UNDER_WAY});
    redis_sync_close(&p.redis);
}
