/*
 * Why: stint's producers speak Redis; these do so as the other clients in C do: one calls the Functions, one adds plain
 * entries, as any Redis client may (docs/protocol.md).
 * Refuses to: work: stint's own supervisor and workers do that.
 */
#include "bench_link.h"
#include "peer.h"

#include <stdio.h>

enum { UNDER_WAY = 4, PLAIN_UNDER_WAY = 1000 /* as the ceiling's */ };

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

/* An entry a job, which needs no Function and no id. */
static void send_plain(void *link, long first, long n, uint64_t intended_us)
{
    struct producer *p = link;
    (void)first, (void)n;
    size_t len;
    const char *payload = peer_payload(p->order, intended_us, &len);
    const char *const words[] = {"XADD", "stint:{bench}:s:normal", "*", "kind", "probe", "payload", payload};
    struct bench_command command;
    bench_begin(&command);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        bench_add(&command, words[i]);
    bench_send(&p->redis, &command);
}

static void settle(void *link)
{
    struct producer *p = link;
    freeReplyObject(bench_reply(&p->redis));
}

static void run(const struct peer_order *order, struct peer_client client)
{
    static struct producer p;
    p.order = order;
    if (strcmp(order->mode, "work") == 0)
        peer_give_up("stint's workers are started by stint-supervisor");
    bench_open(&p.redis, order->address);
    client.link = &p;
    client.settle = settle;
    peer_produce(order, &client);
    redis_sync_close(&p.redis);
}

void peer_stint(const struct peer_order *order)
{
    run(order, (struct peer_client){.send = send_jobs, .bulk = BENCH_BULK, .bulk_window = UNDER_WAY});
}

void peer_stint_plain(const struct peer_order *order)
{
    run(order, (struct peer_client){.send = send_plain, .bulk = 1, .bulk_window = PLAIN_UNDER_WAY});
}
