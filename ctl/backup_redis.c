/*
 * backup_redis - see backup_redis.h. The moment of a snapshot is read from the RDB itself (ctime), for a copy may have
 * been begun for somebody else, before we asked. Refuses a copy that does not say when it was made.
 */
#include "backup_redis.h"

#include "backup_dump.h"
#include "clock.h"
#include "redis_functions.h"
#include "stop_flag.h"
#include "sync_reply.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { CHUNK = 1 << 18, LOOK_MS = 200, SILENCE_MS = 120000, CTIME_MS = 1000 };

/* One copy under way. */
struct copy {
    struct backup_redis *b;
    struct redis_sync link;
    struct sync_reply reply;
    struct backup_part part;
    struct progress bar;
    bool moment_told;
    uint64_t heard_ms;
};

/* -- counts
 * ------------------------------------------------------------------------------------------------------------- */

static int ask_counts(struct session *s, const char *queue, json_t **ret, struct err *e)
{
    struct queue_call c;
    json_t *stats = NULL;
    queue_call_init(&c, "stint_stats", queue);
    int rc = queue_call_json(&s->stores, &c, &stats, e);
    if (rc == 0)
        *ret = backup_manifest_counts(stats);
    json_decref(stats);
    return rc;
}

int backup_redis_counts(struct backup_redis *b, const char *member, struct err *e)
{
    json_t *queues = json_object_get(b->manifest, "queues");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(queues); i++) {
        json_t *counts = NULL, *row = json_array_get(queues, i);
        rc = ask_counts(b->s, json_text(row, "queue"), &counts, e);
        if (rc == 0)
            (void)json_object_set_new(row, member, counts);
    }
    return rc;
}

void backup_redis_moment(struct backup_redis *b, size_t queue, int64_t at_ms)
{
    json_t *row = json_array_get(json_object_get(b->manifest, "queues"), queue);
    (void)json_object_set_new(row, "at_ms", json_integer(at_ms));
}

/* -- the snapshot
 * ------------------------------------------------------------------------------------------------------- */

static int tell_moment(struct copy *c, struct err *e)
{
    struct rdb_header header;
    int rc = rdb_header_read(c->part.head, (size_t)MIN_OF(c->part.bytes, (uint64_t)RDB_HEADER_BYTES), &header, e);
    if (rc < 0)
        return rc;
    if (header.ctime_s <= 0)
        return err_set(e, ERR_PROTOCOL,
                       "Redis' snapshot does not say when it was made; --queue makes a backup without one");
    c->moment_told = true;
    for (size_t i = 0; i < c->b->queues->n; i++)
        backup_redis_moment(c->b, i, header.ctime_s * 1000 + CTIME_MS); /* whole seconds: not before the moment */
    (void)json_object_set_new(c->b->manifest, "rdb_version", json_integer(header.version));
    rc = backup_redis_counts(c->b, "after", e);
    return rc < 0 ? rc : c->b->on_moment(c->b->arg, header.ctime_s * 1000, e);
}

static int take_rdb(void *arg, const char *bytes, size_t len, struct err *e)
{
    struct copy *c = arg;
    int rc = backup_part_write(&c->part, bytes, len, e);
    if (rc == 0 && !c->moment_told && c->part.bytes >= RDB_HEADER_BYTES)
        rc = tell_moment(c, e);
    progress_update(&c->bar, (size_t)c->part.bytes, (size_t)MAX_OF(c->reply.size, c->part.bytes));
    return rc;
}

/* A word to the server whose refusal changes nothing: an older one does not know it. */
static void mention(struct copy *c, const char *name, const char *value)
{
    redisReply *reply = NULL;
    if (redis_sync_cmd(&c->link, &reply, NULL, "REPLCONF %s %s", name, value) == 0)
        freeReplyObject(reply);
}

static int ask(struct copy *c, struct err *e)
{
    static const char question[] = "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n";
    mention(c, "capa", "eof");   /* the copy need not be written to Redis' disk first */
    mention(c, "rdb-only", "1"); /* what comes after it is not kept for us */
    if (c->link.ctx == NULL)
        return err_set(e, ERR_REDIS_UNAVAILABLE, "Redis closed the connection before a copy was asked for");
    ssize_t n = send(c->link.ctx->fd, question, sizeof question - 1, MSG_NOSIGNAL);
    return n == (ssize_t)sizeof question - 1 ? 0 : err_set_errno(e, errno, "cannot ask Redis for a copy");
}

static int read_some(struct copy *c, char *chunk, struct err *e)
{
    struct pollfd p = {.fd = c->link.ctx->fd, .events = POLLIN};
    int ready = poll(&p, 1, LOOK_MS);
    int rc = stop_flag_check(e);
    if (rc < 0)
        return rc;
    if (ready <= 0 && clock_mono_ms() - c->heard_ms > SILENCE_MS)
        return err_set(e, ERR_TIMED_OUT, "Redis has said nothing for %d s in the middle of its copy",
                       SILENCE_MS / 1000);
    if (ready <= 0)
        return 0;
    ssize_t n = recv(c->link.ctx->fd, chunk, CHUNK, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0)
        return err_set(
            e, ERR_REDIS_UNAVAILABLE,
            "Redis ended the connection in the middle of its copy (its log says why: no memory or process for a fork, "
            "client-output-buffer-limit replica)");
    c->heard_ms = clock_mono_ms();
    return sync_reply_feed(&c->reply, chunk, (size_t)n, take_rdb, c, e);
}

static int copy_all(struct copy *c, struct err *e)
{
    AUTO_FREE char *chunk = malloc(CHUNK);
    if (chunk == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a copy of Redis");
    int rc = ask(c, e);
    c->heard_ms = clock_mono_ms();
    while (rc == 0 && c->reply.state != SYNC_DONE)
        rc = read_some(c, chunk, e);
    if (rc == 0 && !c->moment_told)
        rc = tell_moment(c, e); /* a very small one */
    return rc;
}

/* *ret_none: the server gives no copy to anybody like us; nothing was written then. */
static int snapshot(struct backup_redis *b, bool *ret_none, struct err *e)
{
    struct copy c = {.b = b, .part = {.fd = -1}};
    int rc = redis_sync_open(&c.link, &b->s->conf->redis, e);
    if (rc < 0)
        return rc;
    progress_init(&c.bar, &b->s->out, "Redis");
    sync_reply_init(&c.reply);
    rc = backup_part_open(b->folder, &c.part, BACKUP_RDB, e);
    if (rc == 0)
        rc = copy_all(&c, e);
    progress_end(&c.bar);
    if (rc == 0)
        rc = backup_part_close(b->folder, &c.part, e);
    backup_part_abandon(&c.part);
    redis_sync_close(&c.link);
    if (rc == 0) {
        (void)json_object_set_new(b->manifest, "replid", json_string(c.reply.replid));
        (void)json_object_set_new(b->manifest, "offset", json_integer(c.reply.offset));
    }
    bool by_redis = rc == ERR_REFUSED && c.reply.state == SYNC_LINES;
    *ret_none = by_redis && !c.reply.opened;
    if (*ret_none)
        (void)unlinkat(b->folder->fd, BACKUP_RDB, 0);
    return by_redis && c.reply.opened ? err_set(e, ERR_PROTOCOL, "Redis gave its copy up in the middle") : rc;
}

/* -- both
 * --------------------------------------------------------------------------------------------------------------- */

static int describe(struct backup_redis *b, struct err *e)
{
    struct redis_sync *redis;
    redisReply *info = NULL;
    char version[64] = "";
    int rc = session_redis(b->s, &redis, e);
    if (rc == 0)
        rc = redis_sync_cmd(redis, &info, e, "INFO server");
    if (rc < 0)
        return rc;
    const char *at = strstr(info->str, "redis_version:");
    if (at != NULL)
        (void)sscanf(at, "redis_version:%63[0-9.]", version);
    freeReplyObject(info);
    struct redis_address address;
    rc = redis_address_parse(b->s->conf->redis.url, &address, e);
    json_t *queues = json_array();
    for (size_t i = 0; i < b->queues->n; i++)
        (void)json_array_append_new(queues, json_pack("{s:s}", "queue", b->queues->names[i]));
    (void)json_object_set_new(b->manifest, "server", json_string(version));
    (void)json_object_set_new(b->manifest, "functions", json_integer(redis_functions_version()));
    (void)json_object_set_new(b->manifest, "db", json_integer(address.db));
    (void)json_object_set_new(b->manifest, "queues", queues);
    return rc;
}

int backup_redis_run(struct backup_redis *b, struct err *e)
{
    int rc = describe(b, e);
    if (rc == 0)
        rc = backup_redis_counts(b, "before", e);
    if (rc == 0 && !b->dump) {
        rc = snapshot(b, &b->dump, e);
        if (b->dump)
            out_remark(&b->s->out, "%s; its keys are read queue by queue instead, and each queue waits meanwhile",
                       e->message);
    }
    if (rc == 0 || b->dump)
        (void)json_object_set_new(b->manifest, "how", json_string(b->dump ? "dump" : "snapshot"));
    return b->dump ? backup_dump_run(b, e) : rc;
}
