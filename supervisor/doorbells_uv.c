/*
 * doorbells_uv - see doorbells_uv.h.
 */
#include "doorbells_uv.h"

#include "log.h"

enum { BLOCK_MS = 10000, BLOCK_MAX_MS = 60000 };

/* Many reads ask anew less often each: together they are the same few commands a second. */
static int block_ms(uint32_t queues)
{
    return (int)MIN_OF(BLOCK_MS * (uint64_t)(1 + queues / DOORBELL_QUEUES_MAX), (uint64_t)BLOCK_MAX_MS);
}

static int open_next(struct doorbells *d, const char (*names)[QUEUE_MAX], uint32_t first, uint32_t all, struct err *e)
{
    int rc = doorbell_new(d->loop, d->conf, names + first, first, MIN_OF(all - first, d->each), block_ms(all),
                          d->commands, &d->hooks, &d->bells[d->n], e);
    d->n += rc == 0;
    return rc;
}

int doorbells_open(struct doorbells *d, uv_loop_t *loop, const struct conf *conf, const char (*names)[QUEUE_MAX],
                   uint32_t n, struct redis_uv *commands, const struct doorbell_hooks *hooks, struct err *e)
{
    *d = (struct doorbells){.loop = loop,
                            .conf = conf,
                            .commands = commands,
                            .hooks = *hooks,
                            .queues = n,
                            .each = conf->redis.cluster ? 1 : DOORBELL_QUEUES_MAX};
    int rc = 0;
    for (uint32_t first = 0; rc == 0 && first < n; first += d->each)
        rc = open_next(d, names, first, n, e);
    return rc;
}

void doorbells_add(struct doorbells *d, const char *name)
{
    struct doorbell *last = d->n > 0 ? d->bells[d->n - 1] : NULL;
    struct err e;
    char names[1][QUEUE_MAX] = {""};
    memcpy(names[0], name, strlen(name));
    uint32_t first = d->queues++;
    if (last != NULL && first % d->each != 0 && first / d->each == d->n - 1)
        doorbell_add(last, name);
    else if (d->n == first / d->each && doorbell_new(d->loop, d->conf, (const char(*)[QUEUE_MAX])names, first, 1,
                                                     block_ms(first), d->commands, &d->hooks, &d->bells[d->n], &e) == 0)
        d->n++;
    else
        log_error("a queue's jobs are noticed with heartbeats alone until a restart", KV_S("queue", name),
                  KV_S("why", e.message));
}

void doorbells_touch(struct doorbells *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        doorbell_touch(d->bells[i]);
}

bool doorbells_listen(const struct doorbells *d, uint32_t queue)
{
    uint32_t i = queue / d->each;
    return i < d->n && doorbell_listens(d->bells[i], queue);
}

void doorbells_renew(struct doorbells *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        doorbell_renew(d->bells[i]);
}

void doorbells_close(struct doorbells *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        doorbell_close(d->bells[i]);
}

void doorbells_free(struct doorbells *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        doorbell_free(d->bells[i]);
    d->n = 0;
}
