/*
 * Why: a figure means something beside what the same server can do at best, measured in the same minute.
 * Refuses to: do anything a queue needs beyond add, claim, acknowledge and delete.
 */
#include "bench_link.h"
#include "peer.h"

#include <stdio.h>
#include <unistd.h>

#define STREAM "bench:ceiling"
enum { CLAIM = 500 };

struct ceiling {
    struct redis_sync redis;
    const struct peer_order *order;
};

static void send_jobs(void *link, long first, long n, uint64_t intended_us)
{
    struct ceiling *c = link;
    (void)n;
    char id[40];
    struct bench_command command;
    snprintf(id, sizeof id, "01a20146-9e6f-7001-baef-%012lx", (unsigned long)first);
    bench_begin(&command);
    size_t len;
    const char *words[] = {
        "XADD", STREAM, "*", "kind", "probe", "id", id, "payload", peer_payload(c->order, intended_us, &len)};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        bench_add(&command, words[i]);
    bench_send(&c->redis, &command);
}

static void settle(void *link)
{
    struct ceiling *c = link;
    freeReplyObject(bench_reply(&c->redis));
}

/* One variadic command over the entries of a claim, into the buffer. */
static void over_entries(struct redis_sync *r, const redisReply *entries, const char *const head[], int n_head)
{
    struct bench_command command;
    bench_begin(&command);
    for (int i = 0; i < n_head; i++)
        bench_add(&command, head[i]);
    for (size_t i = 0; i < entries->elements; i++)
        bench_add(&command, entries->element[i]->element[0]->str);
    bench_send(r, &command);
}

static void handle(const redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        const redisReply *payload = fields->element[fields->elements - 1];
        peer_handle(payload->str, payload->len);
    }
}

static void work(struct redis_sync *r)
{
    static const char *const ack[] = {"XACK", STREAM, "g"}, *const del[] = {"XDEL", STREAM};
    for (;;) {
        redisReply *got =
            bench_cmd(r, "XREADGROUP GROUP g c%d COUNT %d BLOCK 1000 STREAMS " STREAM " >", (int)getpid(), CLAIM);
        if (got->type == REDIS_REPLY_ARRAY && got->elements > 0) {
            const redisReply *entries = got->element[0]->element[1];
            handle(entries);
            over_entries(r, entries, ack, ARRAY_LEN(ack));
            over_entries(r, entries, del, ARRAY_LEN(del));
            freeReplyObject(bench_reply(r));
            freeReplyObject(bench_reply(r));
        }
        freeReplyObject(got);
    }
}

void peer_ceiling(const struct peer_order *order)
{
    static struct ceiling c;
    c.order = order;
    bench_open(&c.redis, order->address);
    if (strcmp(order->mode, "work") == 0)
        work(&c.redis);
    peer_produce(
        order, &(struct peer_client){.link = &c, .send = send_jobs, .settle = settle, .bulk = 1, .bulk_window = 1000});
    redis_sync_close(&c.redis);
}
