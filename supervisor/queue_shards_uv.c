/*
 * queue_shards_uv - see queue_link_impl.h. Producers read how many shards a queue has in its cfg hash, and hosts which
 * of a larger number of before may still hold jobs: `shards` is what the configuration says, `shards_drain` the most
 * there were. Refuses to: take shards_drain away, which only somebody can who knows that nobody puts jobs there any
 * more.
 */
#include "queue_link_impl.h"

#include <stdio.h>

static int64_t number_of(const redisReply *r, size_t i)
{
    return i < r->elements && r->element[i]->type == REDIS_REPLY_STRING ? strtoll(r->element[i]->str, NULL, 10) : 0;
}

static void tell(struct queue_link *q, const char *field, int64_t before, int64_t now)
{
    char value[24] = "";
    if (MAX_OF(before, INT64_C(1)) == now)
        return;
    if (now > 1)
        (void)snprintf(value, sizeof value, "%lld", (long long)now);
    const char *args[] = {field, value, q->owner->instance};
    (void)queue_call(q, "stint_config", NULL, ARRAY_LEN(args), args);
}

/* First that more were there, then that fewer are: whoever dies between leaves all of them served. */
static void on_shards(void *arg, const redisReply *r, const struct err *e)
{
    struct queue_link *q = arg;
    (void)e;
    if (r == NULL || r->type != REDIS_REPLY_ARRAY)
        return;
    int64_t shards = number_of(r, 0), drain = number_of(r, 1), wanted = conf_queue_shards(q->owner->conf, q->name);
    int64_t most = MAX_OF(shards, drain);
    if (most > wanted)
        tell(q, "shards_drain", drain, most);
    tell(q, "shards", shards, wanted);
    q->owner->hooks.on_parts(q->owner->hooks.arg, q->index, shard_parts(MAX_OF(most, wanted)));
}

void queue_shards_ask(struct queue_link *q)
{
    char key[KEY_MAX];
    if (strcmp(q->owner->hooks.whole(q->owner->hooks.arg, q->index), q->name) != 0)
        return;
    const char *argv[] = {"HMGET", keys_of(key, q->name, "cfg"), "shards", "shards_drain"};
    (void)redis_uv_argv(q->owner->redis, on_shards, q, ARRAY_LEN(argv), argv, NULL);
}
