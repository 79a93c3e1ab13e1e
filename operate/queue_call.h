/*
 * queue_call - calls of the Functions (docs/protocol.md) on one queue, and which queues a verb means.
 *
 * Runs in: ctl, console. Blocks with redis.command_timeout. Everything it returns is the caller's to free.
 */
#pragma once

#include "stores.h"

enum { QUEUE_CALL_BATCH_MAX = 100, QUEUE_CALL_ARGS_MAX = 2 * QUEUE_CALL_BATCH_MAX + 8 };
enum { QUEUE_LIST_MAX = 1200 }; /* queues of one Redis, of all hosts and configurations: more than one may name */

/* One call's arguments, borrowed. */
struct queue_call {
    const char *function;
    const char *queue;
    int argc;
    const char *argv[QUEUE_CALL_ARGS_MAX];
    size_t lens[QUEUE_CALL_ARGS_MAX];
};

/* An empty call; the texts are borrowed until it was run. */
void queue_call_init(struct queue_call *c, const char *function, const char *queue);
/* Adds an argument; at most QUEUE_CALL_ARGS_MAX (asserted). */
void queue_call_add(struct queue_call *c, const char *text);
void queue_call_add_bytes(struct queue_call *c, const char *bytes, size_t len);

/* The raw reply. */
int queue_call_run(struct stores *s, const struct queue_call *c, redisReply **ret_reply, struct err *e);
/* The reply's text as JSON. ERR_PROTOCOL when it is none. */
int queue_call_json(struct stores *s, const struct queue_call *c, json_t **ret_json, struct err *e);
/* The reply as a number. ERR_PROTOCOL when it is none. */
int queue_call_integer(struct stores *s, const struct queue_call *c, int64_t *ret_number, struct err *e);

/* The queues a command works on. */
struct queue_list {
    size_t n;
    char names[QUEUE_LIST_MAX][QUEUE_MAX];
};

/* `name` alone when given (checked), else every configured queue. */
int queue_list_resolve(struct stores *s, const char *name, struct queue_list *ret_list, struct err *e);
/* The same with every queue that has shards replaced by its parts (shard.h): where its jobs are. A part's own name means that part alone. */
int queue_list_parts(struct stores *s, const char *name, struct queue_list *ret_list, struct err *e);
/* What stint_stats says of a queue; of one with shards all parts together (queue_sum.h). *ret_stats is the caller's. */
int queue_stats_ask(struct stores *s, const char *queue, json_t **ret_stats, struct err *e);
/* Shards a queue is served with, and those that new jobs go into: as Redis knows them, else as configured; 1: none. Either may be NULL. */
int queue_shards(struct stores *s, const char *queue, int64_t *ret_served, int64_t *ret_shards, struct err *e);
/* The part of the queue that a job with that id or unique key (NULL: any) belongs into. */
int queue_shard_for(struct stores *s, const char *queue, const char *key, char ret_part[static QUEUE_MAX], struct err *e);
/* ERR_NOT_FOUND for a queue that is not configured here, was never put a job into and is served by nobody: a slip of
 * the keyboard, most likely. */
int queue_list_check_known(struct stores *s, const char *queue, struct err *e);
/* The part of a queue that knows job `id`: of `name` when given, else the first configured queue whose stint_job answers. *ret_job
 * is the job as stint_job tells it, with "queue" added. ERR_NOT_FOUND names the queues that were asked. */
int queue_list_find_job(struct stores *s, const char *name, const char *id, char ret_queue[static QUEUE_MAX],
                        json_t **ret_job, struct err *e);

/* Shorthands for reading replies: "" or fallback when the member is absent or of another type. */
const char *json_text(const json_t *object, const char *key);
int64_t json_number(const json_t *object, const char *key, int64_t fallback);
