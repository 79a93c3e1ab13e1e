/*
 * relay - see relay.h. Connects, decides whose turn it is, and waits; what is moved is in the tasks. Refuses to end
 * because a store is away, and to touch a queue whose lock it does not hold.
 */
#include "relay.h"

#include "clock.h"
#include "ipc.h"
#include "log.h"
#include "pg_dial.h"
#include "relay_archive.h"
#include "relay_link.h"
#include "relay_lock.h"
#include "relay_outbox.h"
#include "relay_task_table.h"

#include <stdio.h>

enum { BEAT_EVERY_MS = 1000 };

static const relay_step_fn steps[] = {
#define X(name, step) step,
    RELAY_TASKS(X)
#undef X
};

/* -- the stores ------------------------------------------------------------------------------------------------------
 */

static void lose_pg(struct relay *r)
{
    PQfinish(r->pg);
    r->pg = NULL;
    relay_lock_forget(r);
}

static int connect_all(struct relay *r, struct err *e)
{
    if (r->pg != NULL && PQstatus(r->pg) != CONNECTION_OK)
        lose_pg(r);
    int rc = r->pg == NULL ? pg_dial(&r->conf->postgres, "stint-relay", &r->pg, e) : 0;
    if (rc == 0 && r->redis.ctx == NULL) {
        rc = redis_sync_open(&r->redis, &r->conf->redis, e);
        if (rc == 0)
            rc = redis_sync_functions(&r->redis, e);
        for (size_t i = 0; i < r->n_queues; i++) /* a server that came back may have lost its last second */
            relay_outbox_forget(&r->queues[i].outbox);
    }
    return rc;
}

/* -- telling ---------------------------------------------------------------------------------------------------------
 */

/* One outage is one line in the log, and its end another. */
static void log_trouble(struct relay *r, int rc, const struct err *e)
{
    if (rc == r->told)
        return;
    if (rc < 0)
        log_warn("the relay waits", KV_S("code", err_name(rc)), KV_S("why", e->message));
    else
        log_info("the relay works again", KV_I("queues", relay_lock_count(r)));
    r->told = rc;
}

static void say(struct relay *r, int rc, const struct err *e)
{
    char words[256] = "";
    size_t n = 0;
    for (size_t i = 0; i < r->n_queues && n < sizeof words - QUEUE_MAX - 2; i++)
        if (r->queues[i].held)
            n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", n > 0 ? ", " : "", r->queues[i].name);
    if (rc < 0)
        relay_link_say(r, "away", e->message);
    else
        relay_link_say(r, n > 0 ? "active" : "standby", words);
    r->beat_ms = clock_mono_ms();
}

bool relay_alive(struct relay *r)
{
    if (clock_mono_ms() - r->beat_ms >= BEAT_EVERY_MS)
        say(r, 0, NULL);
    return relay_link_listen(r);
}

/* -- rounds ----------------------------------------------------------------------------------------------------------
 */

/* A task that fails does not keep the others from their turn; the first failure is the round's. */
static int serve(struct relay *r, const char *queue, struct err *e)
{
    int rc = 0;
    for (size_t t = 0; t < ARRAY_LEN(steps); t++) {
        int step = 1;
        struct err why = {.code = 0};
        while (step == 1 && relay_alive(r))
            step = steps[t](r, queue, &why);
        if (step < 0 && rc == 0)
            rc = err_set(e, step, "%s", why.message);
    }
    return rc;
}

static int round_of_work(struct relay *r, struct err *e)
{
    int rc = connect_all(r, e);
    if (rc == 0)
        rc = relay_lock_take(r, e);
    for (size_t i = 0; rc == 0 && i < r->n_queues && !r->stopping; i++)
        if (r->queues[i].held)
            rc = serve(r, r->queues[i].name, e);
    if (rc < 0 && r->pg != NULL && PQstatus(r->pg) != CONNECTION_OK)
        lose_pg(r);
    return rc;
}

/* Shards have dead letters of their own. */
static void add_queues(struct relay *r)
{
    const char *names[QUEUES_MAX];
    size_t n = conf_queues(r->conf, names, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++)
        for (uint32_t part = 0; part < shard_parts(conf_queue_shards(r->conf, names[i])) && r->n_queues < QUEUES_MAX; part++)
            if (shard_name(r->queues[r->n_queues].name, names[i], part))
                r->n_queues++;
}

int relay_open(struct relay *r, const char *instance, struct err *e)
{
    (void)snprintf(r->instance, sizeof r->instance, "%s", instance);
    (void)snprintf(r->actor, sizeof r->actor, "relay@%s", r->instance);
    r->conf = calloc(1, sizeof *r->conf);
    if (r->conf == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the configuration");
    int rc = conf_load_fd(r->conf, WORKER_FD_CONFIG, e);
    if (rc < 0)
        return rc;
    add_queues(r);
    return 0;
}

int relay_run(struct relay *r)
{
    log_info("relay started", KV_I("queues", r->n_queues));
    say(r, 0, NULL);
    while (relay_link_listen(r)) {
        struct err e = {.code = 0};
        int rc = round_of_work(r, &e);
        log_trouble(r, rc, &e);
        say(r, rc, &e);
        if (!r->stopping)
            relay_link_wait(r, r->conf->relay.interval);
    }
    log_info0("relay stopped");
    return relay_link_orphaned() ? WORKER_EXIT_ORPHANED : WORKER_EXIT_OK;
}

void relay_close(struct relay *r)
{
    if (r == NULL)
        return;
    PQfinish(r->pg);
    r->pg = NULL;
    relay_lock_forget(r);
    redis_sync_close(&r->redis);
    free(r->conf);
    r->conf = NULL;
}
