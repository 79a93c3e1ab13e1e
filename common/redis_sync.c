/*
 * redis_sync - one command, one answer, for programs that have nothing else to do meanwhile.
 * It refuses to hide an outage: apart from one repeat after a lost Functions library, every failure is the caller's to
 * see.
 */
#include "redis_sync.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "redis_format.h"
#include "redis_functions.h"
#include "redis_reply.h"
#include "redis_sync_impl.h"

static struct timeval timeval_of_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

/* What hiredis saw. A timeout is EAGAIN while waiting for an answer, ETIMEDOUT or EINPROGRESS while connecting. */
static enum redis_loss loss_of(const redisContext *ctx, int sys_errno)
{
    if (ctx->err == REDIS_ERR_EOF)
        return REDIS_LOSS_CLOSED;
    if (ctx->err == REDIS_ERR_PROTOCOL)
        return REDIS_LOSS_PROTOCOL;
    if (ctx->err == REDIS_ERR_IO && sys_errno == EAGAIN)
        return REDIS_LOSS_SILENT;
    if (ctx->err == REDIS_ERR_IO && (sys_errno == ETIMEDOUT || sys_errno == EINPROGRESS))
        return REDIS_LOSS_SILENT_CONNECT;
    if (ctx->err == REDIS_ERR_IO)
        return redis_loss_of_errno(sys_errno);
    return REDIS_LOSS_NAME; /* REDIS_ERR_OTHER: getaddrinfo's word */
}

/* A server that refuses the connection (maxclients, protected mode) says so and closes; the command then fails before
 * its word is read. 0 when it said nothing. */
static int last_word(const redisContext *ctx, struct err *e)
{
    char text[256];
    ssize_t n = recv(ctx->fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n < 2)
        return 0;
    text[n] = '\0';
    if (text[0] == '-')
        return redis_reply_error(text + 1, e);
    return err_set(e, ERR_REDIS_UNAVAILABLE, "what answers at redis.url said \"%.*s\"; %s",
                   (int)MIN_OF(strcspn(text, "\r\n"), (size_t)60), text, redis_loss_remedy(REDIS_LOSS_PROTOCOL));
}

/* The connection can no longer be trusted (hiredis never resumes after an error): closes it and says why. */
static int lost(struct redis_sync *r, const struct redis_address *a, struct err *e)
{
    int sys_errno = errno;
    char where[REDIS_ADDRESS_TEXT_MAX];
    if (!r->ctx)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a Redis connection");
    enum redis_loss loss = loss_of(r->ctx, sys_errno);
    int said = loss == REDIS_LOSS_CLOSED ? last_word(r->ctx, e) : 0;
    if (said < 0) {
        redisFree(r->ctx);
        r->ctx = NULL;
        return said;
    }
    bool silent = loss == REDIS_LOSS_SILENT || loss == REDIS_LOSS_SILENT_CONNECT;
    int code = silent ? ERR_TIMED_OUT : ERR_REDIS_UNAVAILABLE;
    if (silent)
        (void)err_set(e, code, "Redis at %s: %s", redis_address_text(a, where), redis_loss_remedy(loss));
    else
        (void)err_set(e, code, "Redis at %s: %s; %s", redis_address_text(a, where), r->ctx->errstr,
                      redis_loss_remedy(loss));
    redisFree(r->ctx);
    r->ctx = NULL;
    return code;
}

static int connect_to(struct redis_sync *r, const struct redis_address *a, struct err *e)
{
    struct timeval timeout = timeval_of_ms(r->conf.connect_timeout);
    r->ctx =
        a->path[0] ? redisConnectUnixWithTimeout(a->path, timeout) : redisConnectWithTimeout(a->host, a->port, timeout);
    if (!r->ctx || r->ctx->err)
        return lost(r, a, e);
    (void)fcntl(r->ctx->fd, F_SETFD, FD_CLOEXEC);
    timeout = timeval_of_ms(r->conf.command_timeout);
    if (redisSetTimeout(r->ctx, timeout) != REDIS_OK)
        return lost(r, a, e);
    if (!a->path[0])
        (void)redisEnableKeepAlive(r->ctx); /* a convenience: the command timeout stands without it */
    return 0;
}

int redis_sync_raw(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len)
{
    struct redis_address a;
    void *reply = NULL;
    if (!r->ctx)
        return err_set(e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was lost; open it again");
    errno = 0;
    if (redisAppendFormattedCommand(r->ctx, bytes, len) == REDIS_OK && redisGetReply(r->ctx, &reply) == REDIS_OK) {
        *ret_reply = reply;
        return 0;
    }
    if (r->conf.cluster)
        a = (struct redis_address){.path = "a node of the cluster"};
    else if (redis_address_parse(r->conf.url, &a, NULL) < 0)
        a = (struct redis_address){.path = "redis.url"};
    return lost(r, &a, e);
}

/* Turns an error reply into its code and frees it; any other reply goes to the caller. */
static int take_reply(redisReply *reply, redisReply **ret_reply, struct err *e)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        int rc = redis_reply_error(reply->str, e);
        freeReplyObject(reply);
        return rc;
    }
    *ret_reply = reply;
    return 0;
}

/* A command of fixed arguments whose answer does not matter beyond "no error". */
static int run_plain(struct redis_sync *r, struct err *e, int argc, const char *const argv[])
{
    struct buf command;
    redisReply *reply = NULL;
    buf_init(&command, REDIS_COMMAND_MAX_BYTES);
    int rc = redis_format(&command, argc, argv, NULL);
    if (rc < 0)
        (void)err_set(e, rc, "out of memory for a Redis command");
    else
        rc = redis_sync_raw(r, &reply, e, command.data, command.len);
    buf_fini(&command);
    if (rc == 0)
        rc = take_reply(reply, &reply, e);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

static int log_in(struct redis_sync *r, const struct redis_address *a, struct err *e)
{
    int rc = 0;
    if (a->password[0]) {
        rc = a->user[0] ? run_plain(r, e, 3, (const char *const[]){"AUTH", a->user, a->password})
                        : run_plain(r, e, 2, (const char *const[]){"AUTH", a->password});
    }
    if (rc == 0 && a->db > 0) {
        char db[16];
        (void)snprintf(db, sizeof db, "%d", a->db);
        rc = run_plain(r, e, 2, (const char *const[]){"SELECT", db});
    }
    return rc;
}

int redis_sync_dial(struct redis_sync *r, const struct redis_address *a, struct err *e)
{
    int rc = connect_to(r, a, e);
    if (rc == 0)
        rc = log_in(r, a, e);
    if (rc < 0 && r->ctx) {
        redisFree(r->ctx);
        r->ctx = NULL;
    }
    return rc;
}

int redis_sync_open(struct redis_sync *r, const struct conf_redis *conf, struct err *e)
{
    struct redis_address a;
    *r = (struct redis_sync){.conf = *conf};
    int rc = redis_address_parse(conf->url, &a, e);
    if (rc < 0)
        return rc;
    return conf->cluster ? redis_cluster_open(r, e) : redis_sync_dial(r, &a, e);
}

void redis_sync_close(struct redis_sync *r)
{
    if (!r)
        return;
    redis_cluster_close_all(r); /* of one server: the one */
}

int redis_sync_node(struct redis_sync *r, size_t n, struct err *e)
{
    if (r->conf.cluster)
        return redis_cluster_node(r, n, e);
    return n == 0 ? 0 : err_set(e, ERR_NOT_FOUND, "there is one Redis server");
}

int redis_sync_at(struct redis_sync *r, const char *queue, struct err *e)
{
    redisReply *reply = NULL;
    if (!r->conf.cluster)
        return 0;
    int rc =
        redis_sync_cmd(r, &reply, e, "EXISTS stint:{%s}", queue); /* which is no key: MOVED says where it would be */
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

/* A number of the server's library; otherwise: when it has no such Function. question: the call as bytes. */
static int ask_number(struct redis_sync *r, const char *question, long long otherwise, long long *ret, struct err *e)
{
    redisReply *reply = NULL;
    int rc = redis_sync_raw(r, &reply, e, question, strlen(question));
    if (rc < 0)
        return rc;
    if (reply->type == REDIS_REPLY_INTEGER)
        *ret = reply->integer;
    else if (reply->type == REDIS_REPLY_ERROR && redis_reply_trouble(reply->str) == REDIS_TROUBLE_NO_FUNCTIONS)
        *ret = otherwise;
    else if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_reply_error(reply->str, e);
    else
        rc = err_set(e, ERR_REDIS_UNAVAILABLE, REDIS_FUNCTIONS_FOREIGN);
    freeReplyObject(reply);
    return rc;
}

/* Version of the server's library: -1 when it has none. */
static int server_version(struct redis_sync *r, long long *ret_version, struct err *e)
{
    return ask_number(r, "*3\r\n$5\r\nFCALL\r\n$13\r\nstint_version\r\n$1\r\n0\r\n", -1, ret_version, e);
}

/* A newer library is used as it is, if it is one that we can talk to. */
static int check_protocol(struct redis_sync *r, struct err *e)
{
    long long protocol = REDIS_FUNCTIONS_PROTOCOL;
    int rc = ask_number(r, "*3\r\n$5\r\nFCALL\r\n$14\r\nstint_protocol\r\n$1\r\n0\r\n", protocol, &protocol, e);
    if (rc == 0 && protocol != REDIS_FUNCTIONS_PROTOCOL)
        rc = err_set(e, ERR_REDIS_REFUSED, REDIS_FUNCTIONS_NEWER, protocol, REDIS_FUNCTIONS_PROTOCOL);
    return rc;
}

/* Of a cluster: each node when it is first used. */
int redis_sync_functions(struct redis_sync *r, struct err *e)
{
    r->wants_library = true;
    return r->conf.cluster ? 0 : redis_sync_load(r, e);
}

int redis_sync_load(struct redis_sync *r, struct err *e)
{
    const char *library = redis_functions_source(NULL);
    int rc = 0;
    for (int round = 0; round < REDIS_FUNCTIONS_ROUNDS; round++) {
        long long version = -1;
        struct err why;
        rc = server_version(r, &version, e);
        if (rc == 0 && version > redis_functions_version())
            return check_protocol(r, e);
        if (rc < 0 || version == redis_functions_version())
            return rc;
        rc = version >= 0 ? run_plain(r, &why, 4, (const char *const[]){"FUNCTION", "LOAD", "REPLACE", library})
                          : run_plain(r, &why, 3, (const char *const[]){"FUNCTION", "LOAD", library});
        if (rc == 0)
            return 0;
        rc = err_set(e, rc, "%s", why.message);
        if (!strstr(why.message, "already exists")) /* else somebody was faster, perhaps with a newer one: ask again */
            return rc;
    }
    return rc;
}

static int run_raw(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len)
{
    return r->conf.cluster ? redis_cluster_raw(r, ret_reply, e, bytes, len)
                           : redis_sync_raw(r, ret_reply, e, bytes, len);
}

/* Runs a formatted command; a lost library is loaded and the command, which did nothing, repeated once. */
static int run_command(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *bytes, size_t len)
{
    redisReply *reply = NULL;
    int rc = run_raw(r, &reply, e, bytes, len);
    if (rc == 0 && reply->type == REDIS_REPLY_ERROR && redis_reply_trouble(reply->str) == REDIS_TROUBLE_NO_FUNCTIONS) {
        freeReplyObject(reply);
        rc = redis_sync_load(r, e);
        if (rc == 0)
            rc = run_raw(r, &reply, e, bytes, len);
    }
    return rc < 0 ? rc : take_reply(reply, ret_reply, e);
}

int redis_sync_argv(struct redis_sync *r, redisReply **ret_reply, struct err *e, int argc, const char *const argv[],
                    const size_t lens[])
{
    struct buf command;
    buf_init(&command, REDIS_COMMAND_MAX_BYTES);
    int rc = redis_format(&command, argc, argv, lens);
    if (rc < 0)
        (void)err_set(e, rc, "a Redis command does not fit %d bytes, or memory is short", REDIS_COMMAND_MAX_BYTES);
    else
        rc = run_command(r, ret_reply, e, command.data, command.len);
    buf_fini(&command);
    return rc;
}

int redis_sync_cmd(struct redis_sync *r, redisReply **ret_reply, struct err *e, const char *format, ...)
{
    char *bytes = NULL;
    va_list args;
    va_start(args, format);
    int len = redisvFormatCommand(&bytes, format, args);
    va_end(args);
    if (len < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "out of memory, or a wrong Redis command format: %s", format);
    int rc = run_command(r, ret_reply, e, bytes, (size_t)len);
    redisFreeCommand(bytes);
    return rc;
}
