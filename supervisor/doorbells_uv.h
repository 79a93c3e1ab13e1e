/*
 * doorbells_uv - all queues' blocked reads, DOORBELL_QUEUES_MAX queues each: one for most hosts. On a Redis
 * Cluster one queue each: a read cannot wait for keys of two slots.
 *
 * Runs in: supervisor. Thread: the loop's only. Owns: the doorbells. Queues are numbered as in struct slots, without
 * gaps.
 */
#pragma once

#include "doorbell_uv.h"
#include "shard.h"

struct doorbells {
    uv_loop_t *loop;
    const struct conf *conf;   /* borrowed */
    struct redis_uv *commands; /* borrowed */
    struct doorbell_hooks hooks;
    uint32_t each; /* queues of a doorbell */
    struct doorbell *bells[QUEUES_MAX];
    uint32_t n, queues;
};

/* As doorbell_new, for n queues. Close and free in any case. */
int doorbells_open(struct doorbells *d, uv_loop_t *loop, const struct conf *conf, const char (*names)[QUEUE_MAX],
                   uint32_t n, struct redis_uv *commands, const struct doorbell_hooks *hooks, struct err *e);
/* One queue more, up to QUEUES_MAX. Without memory for its doorbell it is heard with its heartbeats alone. */
void doorbells_add(struct doorbells *d, const char *name);
void doorbells_touch(struct doorbells *d);
bool doorbells_listen(const struct doorbells *d, uint32_t queue);
void doorbells_renew(struct doorbells *d);
void doorbells_close(struct doorbells *d);
void doorbells_free(struct doorbells *d);
