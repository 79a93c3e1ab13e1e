/*
 * predecessors_uv - see predecessors_uv.h. Refuses to end anybody whose lock is not ours: a worker that is still dying, or
 * that survived, keeps its jobs until the lease ends.
 */
#include "predecessors_uv.h"

#include "log.h"
#include "redis_address.h"
#include <stdio.h>

enum {
    HURRY_MS = 2,    /* between looks while workers of a dead supervisor are being killed by the kernel */
    HURRY_MAX = 500, /* such looks; then with the heartbeat */
};

static void look(struct predecessors *p);

static void on_look(uv_timer_t *timer)
{
    look(timer->data);
}

static void look(struct predecessors *p)
{
    size_t known = p->scan.n;
    life_lock_scan(&p->scan, p->conf->supervisor.state_dir, p->instance, p->redis);
    for (size_t i = 0; i < p->scan.n; i++) {
        if (i >= known)
            log_warn("an earlier supervisor of this host is gone, and its workers with it", KV_S("predecessor", p->scan.dead[i].instance));
        (void)queue_links_gone(p->links, p->scan.dead[i].instance);
    }
    uint64_t ms = (uint64_t)p->conf->supervisor.heartbeat;
    if (p->scan.dying == 0)
        p->hurried = 0;
    else if (p->hurried++ < HURRY_MAX)
        ms = HURRY_MS;
    (void)uv_timer_start(&p->timer, on_look, ms, 0);
}

void predecessors_open(struct predecessors *p, uv_loop_t *loop, const struct conf *conf, const char *instance)
{
    struct err e = {0};
    struct redis_address address;
    char text[REDIS_ADDRESS_TEXT_MAX];
    p->conf = conf;
    p->instance = instance;
    (void)uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    p->open = true;
    if (redis_address_parse(conf->redis.url, &address, &e) == 0)
        (void)snprintf(p->redis, sizeof p->redis, "%s/%d", redis_address_text(&address, text), address.db);
    if (life_lock_open(&p->own, conf->supervisor.state_dir, instance, p->redis, &e) < 0)
        log_warn("nobody could end this supervisor early if it were killed", KV_S("error", e.message));
}

void predecessors_watch(struct predecessors *p, struct queue_links *links)
{
    p->links = links;
    look(p);
}

void predecessors_look(struct predecessors *p)
{
    if (p->links == NULL)
        return;
    p->hurried = 0;
    look(p);
}

void predecessors_ended(struct predecessors *p, const char *instance)
{
    for (size_t i = 0; i < p->scan.n; i++) {
        if (strcmp(p->scan.dead[i].instance, instance) != 0)
            continue;
        life_lock_forget(&p->scan, i);
        return;
    }
}

void predecessors_close(struct predecessors *p, bool clean)
{
    if (!p->open)
        return;
    p->open = false;
    uv_close((uv_handle_t *)&p->timer, NULL);
    life_lock_close(&p->own, clean);
    while (p->scan.n > 0)
        life_lock_close(&p->scan.dead[--p->scan.n].lock, false);
}
