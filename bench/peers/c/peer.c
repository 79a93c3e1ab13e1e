/*
 * Why: the systems that have a client in C must be driven by the same loop, or the comparison would be of loops.
 * Refuses to: wait for a slow system in an open loop: a send that comes late counts from when it was due.
 */
#include "peer.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PEER_HANG_MS = 600000 };

void peer_give_up(const char *what)
{
    fprintf(stderr, "stint-bench-peer: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

uint64_t peer_now_us(void)
{
    return clock_mono_ns() / 1000;
}

const char *peer_payload(const struct peer_order *order, uint64_t intended_us, size_t *ret_len)
{
    static char body[PEER_BODY_MAX];
    static size_t filled; /* the padding of a job that tells no time is made once */
    if (intended_us != 0 || filled == 0) {
        char time_text[56] = "";
        if (intended_us != 0)
            snprintf(time_text, sizeof time_text, "\"t\":%llu,\"stamp\":true,", (unsigned long long)intended_us);
        int head = snprintf(body, sizeof body, "{\"v\":1,\"do\":\"ok\",%s\"pad\":\"", time_text);
        size_t end = MAX_OF(order->bytes, (size_t)head + 2);
        memset(body + head, 'x', end - (size_t)head - 2);
        memcpy(body + end - 2, "\"}", 3);
        filled = end;
    }
    *ret_len = filled;
    return body;
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Sends of `each` jobs, at most `window` of them without an answer. */
static void produce_closed(const struct peer_order *order, const struct peer_client *client, long each, int window)
{
    int under_way = 0;
    for (long sent = 0; sent < order->jobs || under_way > 0;) {
        while (sent < order->jobs && under_way < window) {
            long n = MIN_OF(each, order->jobs - sent);
            client->send(client->link, sent, n, 0);
            sent += n;
            under_way++;
        }
        client->settle(client->link);
        under_way--;
    }
}

/* Job i is due at start + i / rate and is sent then, whatever became of the ones before; all that is due goes out
 * together. A job tells when it was due or, `calm`, when it was sent: where jobs are far apart nothing piles up before
 * the call, and how late this process woke is not the system's. */
static uint64_t produce_paced(const struct peer_order *order, const struct peer_client *client, bool calm)
{
    uint64_t start = peer_now_us() + 1000, worst = 0, told = 0;
    for (long sent = 0; sent < order->jobs;) {
        uint64_t now = peer_now_us(), due = start + (uint64_t)((double)sent * 1e6 / order->rate);
        if (now < due) {
            struct timespec nap = {.tv_nsec = (long)(due - now) * 1000 % 1000000000L,
                                   .tv_sec = (time_t)((due - now) / 1000000)};
            (void)nanosleep(&nap, NULL);
            continue;
        }
        int n = 0;
        for (; sent < order->jobs && due <= now && n < PEER_WINDOW; n++) {
            worst = MAX_OF(worst, now - due);
            told = calm ? MAX_OF(peer_now_us(), told + 1) : due; /* no two the same: it names the job */
            client->send(client->link, sent++, 1, told);
            due = start + (uint64_t)((double)sent * 1e6 / order->rate);
        }
        while (n-- > 0)
            client->settle(client->link);
    }
    return worst;
}

void peer_produce(const struct peer_order *order, const struct peer_client *client)
{
    uint64_t start = peer_now_us(), late = 0;
    double cpu = cpu_seconds();
    if (strcmp(order->mode, "bulk") == 0)
        produce_closed(order, client, client->bulk, client->bulk_window);
    else if (strcmp(order->mode, "single") == 0)
        produce_closed(order, client, 1, 1);
    else if (strcmp(order->mode, "pipelined") == 0)
        produce_closed(order, client, 1, PEER_WINDOW);
    else if (strcmp(order->mode, "pace") == 0)
        late = produce_paced(order, client, false);
    else if (strcmp(order->mode, "calm") == 0)
        late = produce_paced(order, client, true);
    else
        peer_give_up("a mode is bulk, single, pipelined, pace, calm or work");
    printf("{\"jobs\":%ld,\"start_us\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f,\"late_us\":%llu}\n", order->jobs,
           (unsigned long long)start, (double)(peer_now_us() - start) / 1e6, cpu_seconds() - cpu,
           (unsigned long long)late);
}

static void stamp(uint64_t intended_us)
{
    static int fd = -1;
    const char *path = getenv("BENCH_STAMPS");
    uint64_t record[3] = {intended_us, peer_now_us(), (uint64_t)getpid()};
    if (fd < 0 && path)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, record, sizeof record) != (ssize_t)sizeof record)
        peer_give_up("cannot write $BENCH_STAMPS");
}

static void hang_once(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s.hung", getenv("BENCH_STAMPS"));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)poll(NULL, 0, PEER_HANG_MS);
}

void peer_handle(const char *payload, size_t len)
{
    const char *at = memmem(payload, len, "\"t\":", 4);
    if (at)
        stamp(strtoull(at + 4, NULL, 10));
    if (at && memmem(payload, len, "\"hang\":1", 8))
        hang_once();
}
