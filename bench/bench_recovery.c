/*
 * Why: "recovers in milliseconds" is a figure or it is nothing.
 * Refuses to: kill before the job is in its handler, or to count a job that was not started again.
 */
#include "bench_recovery.h"

#include "bench_host.h"
#include "clock.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#define KEY "stint:{bench}"
enum {
    RECOVERY_LOOK_MS = 5,
    RECOVERY_DEADLINE_MS = 60000,
    RECOVERY_SETTLE_MS = 30, /* whoever is to be idle is, and the doorbell listens */
    RECOVERY_JOBS = 2,       /* in hand of what is killed whole */
    RECOVERY_LOAD = 400,     /* short jobs that wait when a supervisor is killed under load */
    RECOVERY_LOAD_MS = 2,
};

/* Sleeps in its first delivery, says when it was called in every later one. */
static void enqueue_victim(struct redis_sync *r, const char *id)
{
    freeReplyObject(bench_cmd(r, "FCALL stint_enqueue 1 " KEY " {\"kind\":\"probe\",\"band\":\"high\",\"id\":\"%s\"} %s", id,
                              "{\"v\":1,\"do\":\"sleep\",\"ms\":600000,\"times\":1,\"stamp\":true}"));
}

static void enqueue_sleeper(struct redis_sync *r, const char *id)
{
    freeReplyObject(bench_cmd(r, "FCALL stint_enqueue 1 " KEY " {\"kind\":\"probe\",\"id\":\"%s\"} %s", id,
                              "{\"v\":1,\"do\":\"sleep\",\"ms\":100000000}"));
}

/* When the job's handler was called again, µs; waits for its end. */
static uint64_t started_us(struct redis_sync *r, const char *id)
{
    uint64_t us = 0;
    for (uint64_t give_up = clock_mono_ms() + RECOVERY_DEADLINE_MS; us == 0;) {
        redisReply *reply = bench_cmd(r, "HGET " KEY ":j:%s result", id);
        json_t *result = reply->type == REDIS_REPLY_STRING ? json_loads(reply->str, 0, NULL) : NULL;
        us = (uint64_t)json_integer_value(json_object_get(result, "started_us"));
        json_decref(result);
        freeReplyObject(reply);
        if (clock_mono_ms() > give_up) {
            fprintf(stderr, "stint-bench: job %s was not started again within %d s\n", id, RECOVERY_DEADLINE_MS / 1000);
            exit(1);
        }
        if (us == 0)
            (void)poll(NULL, 0, RECOVERY_LOOK_MS);
    }
    return us;
}

static void emit_ms(const char *measure, const char *label, double ms)
{
    char name[96];
    snprintf(name, sizeof name, "%s, %s ms", measure, label);
    bench_emit("stint", name, ms, 1);
}

static struct bench_host host_in(const char *dir, const char *sub)
{
    struct bench_host h = {0};
    snprintf(h.dir, sizeof h.dir, "%s/%s", dir, sub);
    return h;
}

/* The worker that runs in the slot now. */
static struct bench_worker worker_in(const struct bench_host *h, int slot)
{
    struct bench_worker all[16];
    int n = bench_host_workers(h, all, ARRAY_LEN(all)), at = 0;
    while (at < n && all[at].slot != slot)
        at++;
    assert(at < n);
    return all[at];
}

void bench_recovery_worker(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                           int busy, const char *label)
{
    struct bench_host h = host_in(dir, "a");
    char id[64];
    bench_host_start(&h, program);
    bench_host_wait_ready(&h, workers);
    for (int i = 0; i < busy; i++) {
        snprintf(id, sizeof id, "sleeper-%d", i);
        enqueue_sleeper(r, id);
        (void)bench_host_wait_running(&h, id);
    }
    for (long i = 0; i < kills; i++) {
        snprintf(id, sizeof id, "victim-%ld", i);
        enqueue_victim(r, id);
        struct bench_worker victim = bench_host_wait_running(&h, id);
        (void)poll(NULL, 0, RECOVERY_SETTLE_MS);
        uint64_t killed_us = bench_now_us();
        (void)kill(victim.pid, SIGKILL);
        emit_ms("recovery", label, (double)(started_us(r, id) - killed_us) / 1000);
        bench_host_wait_ready(&h, workers);
        emit_ms("replacement boot", label, worker_in(&h, victim.slot).boot_ms);
    }
    uint64_t ignored;
    bench_host_kill_all(&h, &ignored);
}

void bench_recovery_host(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                         const char *label)
{
    struct bench_host hosts[2] = {host_in(dir, "a"), host_in(dir, "b")};
    struct bench_host *holder = &hosts[0], *other = &hosts[1];
    char ids[RECOVERY_JOBS][64];
    bench_host_start(holder, program);
    bench_host_wait_ready(holder, workers);
    for (long i = 0; i < kills; i++) {
        for (int k = 0; k < RECOVERY_JOBS; k++) {
            snprintf(ids[k], sizeof ids[k], "host-%ld-%d", i, k);
            enqueue_victim(r, ids[k]);
            (void)bench_host_wait_running(holder, ids[k]);
        }
        bench_host_start(other, program);
        bench_host_wait_ready(other, workers);
        (void)poll(NULL, 0, (int)(i * 137 % 1000)); /* anywhere between two heartbeats */
        uint64_t killed_us;
        bench_host_kill_all(holder, &killed_us);
        for (int k = 0; k < RECOVERY_JOBS; k++)
            emit_ms("host loss", label, (double)(started_us(r, ids[k]) - killed_us) / 1000);
        struct bench_host *swap = holder;
        holder = other;
        other = swap;
        bench_host_wait_ready(holder, workers);
    }
    bench_host_stop(holder);
}

/* Short jobs that wait while the supervisor is killed, so that everybody has something to do. */
static void enqueue_load(struct redis_sync *r)
{
    for (int i = 0; i < RECOVERY_LOAD; i++)
        freeReplyObject(bench_cmd(r, "FCALL stint_enqueue 1 " KEY " {\"kind\":\"probe\"} {\"v\":1,\"do\":\"sleep\",\"ms\":%d}",
                                  RECOVERY_LOAD_MS));
}

void bench_recovery_supervisor(struct redis_sync *r, const char *program, const char *dir, long kills, int workers,
                               const char *label)
{
    struct bench_host h = host_in(dir, "a");
    char ids[RECOVERY_JOBS][64];
    bench_host_start(&h, program);
    for (long i = 0; i < kills; i++) {
        bench_host_wait_ready(&h, workers);
        for (int k = 0; k < RECOVERY_JOBS; k++) {
            snprintf(ids[k], sizeof ids[k], "supervisor-%ld-%d", i, k);
            enqueue_victim(r, ids[k]);
            (void)bench_host_wait_running(&h, ids[k]);
        }
        enqueue_load(r);
        uint64_t killed_us;
        bench_host_kill_supervisor(&h, &killed_us);
        bench_host_start(&h, program);
        for (int k = 0; k < RECOVERY_JOBS; k++)
            emit_ms("supervisor restart", label, (double)(started_us(r, ids[k]) - killed_us) / 1000);
    }
    bench_host_stop(&h);
}
