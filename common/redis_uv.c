/*
 * redis_uv - keeps a connection to Redis alive: one redis_link after the other, each greeted before commands are let
 * through. It refuses to queue commands while there is no connection: what to do meanwhile is the caller's decision.
 */
#include "redis_uv.h"

#include <stdio.h>
#include <sys/random.h>

#include "redis_functions.h"
#include "redis_link_uv.h"
#include "redis_reply.h"
#include "redis_slots.h"
#include "redis_uv_impl.h"

enum {
    BACKOFF_BASE_MS = 50, /* doubled an attempt, full jitter */
    BACKOFF_MAX_MS = 1000,
    CALM_MS = 2000, /* a connection that stood for so long makes the next attempt the first again */
};

/* The greeting, one command after the other; a step that does not apply is skipped. */
enum greeting {
    GREET_AUTH,
    GREET_SELECT,
    GREET_SETNAME,
    GREET_VERSION,
    GREET_PROTOCOL,
    GREET_LOAD,
    GREET_PING,
    GREET_DONE
};

struct redis_uv {
    uv_loop_t *loop;
    struct conf_redis conf;
    struct redis_address address;
    struct redis_cluster *cluster; /* owned; then nothing else here is used but what closing needs */
    bool pinned;                   /* address is given, not conf.url's */
    bool bare;                     /* logs in and no more */
    void (*on_moved)(void *arg);   /* may be NULL */
    char name[CONSUMER_MAX + 16];
    int64_t block_ms;
    redis_uv_state_fn on_state;
    void *arg;
    void (*on_rtt)(void *arg, uint64_t us); /* may be NULL */
    void *rtt_arg;
    struct redis_link *link; /* NULL between connections; frees itself */
    int links;               /* not yet gone, dying ones included */
    enum greeting greeting;
    long long server_version; /* of the library, -1: none */
    int loads;                /* tries to load the library in this greeting */
    bool ready;
    uint64_t ready_since_ms;
    unsigned attempt; /* since the last calm connection */
    uv_timer_t retry;
    bool closing, timer_closed;
    void (*on_closed)(void *arg);
    void *closed_arg;
    uint64_t commands, last_rtt_us;
};

static void on_retry(uv_timer_t *timer);

static void free_when_gone(struct redis_uv *r)
{
    if (!r->timer_closed || r->links > 0)
        return;
    void (*on_closed)(void *) = r->on_closed;
    void *arg = r->closed_arg;
    free(r);
    if (on_closed)
        on_closed(arg);
}

/* Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015): a uniform share of the doubled delay, so
 * that a thousand workers do not come back in the same millisecond. */
static uint64_t backoff_ms(unsigned attempt)
{
    uint64_t limit =
        attempt < 8 ? MIN_OF((uint64_t)BACKOFF_BASE_MS << attempt, (uint64_t)BACKOFF_MAX_MS) : BACKOFF_MAX_MS;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)uv_hrtime();
    return 1 + random % limit;
}

/* --- the greeting --- */

static void greet(struct redis_uv *r);

static void become_ready(struct redis_uv *r)
{
    r->ready = true;
    r->ready_since_ms = uv_now(r->loop);
    redis_link_set_timeout(r->link, r->block_ms + r->conf.command_timeout);
    r->on_state(r->arg, true, NULL);
}

/* Breaks the link with a sentence that names the address. Returns false. */
static bool refuse(struct redis_uv *r, int code, const char *why)
{
    struct err e;
    char where[REDIS_ADDRESS_TEXT_MAX];
    (void)err_set(&e, code, "Redis at %s: %s", redis_address_text(&r->address, where), why);
    redis_link_break(r->link, &e);
    return false;
}

static bool version_accepted(struct redis_uv *r, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return refuse(r, ERR_REDIS_REFUSED, REDIS_FUNCTIONS_FOREIGN);
    r->server_version = reply->integer;
    return true;
}

/* A newer library is used as it is, if it is one that we can talk to. */
static bool protocol_accepted(struct redis_uv *r, const redisReply *reply)
{
    char why[256];
    if (reply->type != REDIS_REPLY_INTEGER)
        return refuse(r, ERR_REDIS_REFUSED, REDIS_FUNCTIONS_FOREIGN);
    if (reply->integer == REDIS_FUNCTIONS_PROTOCOL)
        return true;
    (void)snprintf(why, sizeof why, REDIS_FUNCTIONS_NEWER, reply->integer, REDIS_FUNCTIONS_PROTOCOL);
    return refuse(r, ERR_REDIS_REFUSED, why);
}

/* An answer to a step: true when it was good or does not matter; else the link is broken with the reason. */
static bool greeting_accepted(struct redis_uv *r, const redisReply *reply)
{
    struct err e;
    bool error = reply->type == REDIS_REPLY_ERROR;
    enum redis_trouble trouble = error ? redis_reply_trouble(reply->str) : REDIS_TROUBLE_NONE;
    if (!error && r->greeting == GREET_PROTOCOL)
        return protocol_accepted(r, reply);
    if (!error)
        return r->greeting != GREET_VERSION || version_accepted(r, reply);
    if (r->greeting == GREET_SETNAME && trouble == REDIS_TROUBLE_NONE)
        return true; /* a name is for people; an ACL may forbid it */
    if (r->greeting == GREET_VERSION && trouble == REDIS_TROUBLE_NO_FUNCTIONS)
        return true;
    if (r->greeting == GREET_PROTOCOL && trouble == REDIS_TROUBLE_NO_FUNCTIONS)
        return true; /* of before there were two */
    if (r->greeting == GREET_PING && trouble == REDIS_TROUBLE_NO_FUNCTIONS)
        return true; /* a newer library that has it no more */
    if (r->greeting == GREET_LOAD && strstr(reply->str, "already exists") && ++r->loads < REDIS_FUNCTIONS_ROUNDS) {
        r->greeting = GREET_SETNAME; /* somebody else was faster, perhaps with a newer one: ask its version again */
        return true;
    }
    int code = redis_reply_error(reply->str, &e);
    return refuse(r, code == ERR_REDIS_UNAVAILABLE || code == ERR_REDIS_FULL ? code : ERR_REDIS_REFUSED, e.message);
}

static void on_greeting(void *arg, const redisReply *reply, const struct err *e)
{
    struct redis_uv *r = arg;
    (void)e; /* told by on_down */
    if (!reply || !greeting_accepted(r, reply))
        return;
    r->greeting++;
    greet(r);
}

static bool greeting_applies(const struct redis_uv *r, enum greeting step)
{
    if (r->bare && step != GREET_AUTH)
        return false;
    switch (step) {
    case GREET_AUTH:
        return r->address.password[0] != '\0';
    case GREET_SELECT:
        return r->address.db > 0;
    case GREET_PROTOCOL:
        return r->server_version > redis_functions_version();
    case GREET_LOAD:
        return r->server_version < redis_functions_version();
    case GREET_SETNAME:
    case GREET_VERSION:
    case GREET_PING:
    case GREET_DONE:
        return true;
    }
    return true;
}

static int greeting_send(struct redis_uv *r)
{
    char db[16];
    const char *library = redis_functions_source(NULL);
    const char *user = r->address.user, *password = r->address.password;
    (void)snprintf(db, sizeof db, "%d", r->address.db);
    const struct {
        int argc;
        const char *argv[4];
    } commands[] = {
        [GREET_AUTH] = {user[0] ? 3 : 2, {"AUTH", user[0] ? user : password, password}},
        [GREET_SELECT] = {2, {"SELECT", db}},
        [GREET_SETNAME] = {3, {"CLIENT", "SETNAME", r->name}},
        [GREET_VERSION] = {3, {"FCALL", "stint_version", "0"}},
        [GREET_PROTOCOL] = {3, {"FCALL", "stint_protocol", "0"}},
        [GREET_LOAD] = {r->server_version >= 0 ? 4 : 3,
                        {"FUNCTION", "LOAD", r->server_version >= 0 ? "REPLACE" : library, library}},
        [GREET_PING] = {3, {"FCALL", "stint_ping", "0"}},
    };
    return redis_link_send(r->link, true, on_greeting, r, commands[r->greeting].argc, commands[r->greeting].argv, NULL);
}

static void greet(struct redis_uv *r)
{
    while (r->greeting < GREET_DONE && !greeting_applies(r, r->greeting))
        r->greeting++;
    if (r->greeting == GREET_DONE) {
        become_ready(r);
        return;
    }
    int rc = greeting_send(r);
    if (rc < 0) {
        struct err e;
        (void)err_set(&e, rc, "no memory to greet Redis");
        redis_link_break(r->link, &e);
    }
}

/* --- what the link says --- */

static void on_up(void *arg)
{
    struct redis_uv *r = arg;
    r->greeting = GREET_AUTH;
    r->server_version = -1;
    r->loads = 0;
    greet(r);
}

static void schedule_retry(struct redis_uv *r)
{
    if (r->ready && uv_now(r->loop) - r->ready_since_ms >= CALM_MS)
        r->attempt = 0;
    (void)uv_timer_start(&r->retry, on_retry, backoff_ms(r->attempt), 0);
    r->attempt++;
}

static void on_down(void *arg, const struct err *e)
{
    struct redis_uv *r = arg;
    if (r->closing)
        return; /* closed by the callback of a command this link failed */
    r->link = NULL;
    schedule_retry(r);
    r->ready = false;
    r->on_state(r->arg, false, e);
}

static void on_link_rtt(void *arg, uint64_t us)
{
    struct redis_uv *r = arg;
    r->last_rtt_us = us;
    if (r->on_rtt)
        r->on_rtt(r->rtt_arg, us);
}

static void on_link_moved(void *arg)
{
    struct redis_uv *r = arg;
    if (r->on_moved)
        r->on_moved(r->arg);
}

static void on_link_gone(void *arg)
{
    struct redis_uv *r = arg;
    r->links--;
    free_when_gone(r);
}

static void on_retry(uv_timer_t *timer)
{
    struct redis_uv *r = timer->data;
    struct err e;
    const struct redis_link_owner owner = {.arg = r,
                                           .on_up = on_up,
                                           .on_down = on_down,
                                           .on_rtt = on_link_rtt,
                                           .on_moved = on_link_moved,
                                           .on_gone = on_link_gone};

    int rc = r->pinned ? 0 : redis_address_parse(r->conf.url, &r->address, &e);
    if (rc == 0) {
        r->link =
            redis_link_new(r->loop, &r->address, r->attempt, r->conf.connect_timeout, r->conf.command_timeout, &owner);
        if (!r->link)
            rc = err_set(&e, ERR_OUT_OF_MEMORY, "no memory for a Redis connection");
    }
    if (rc < 0) {
        on_down(r, &e);
        return;
    }
    r->links++;
}

/* --- public --- */

/* Without a connection yet. NULL: no memory. */
static struct redis_uv *new_for(uv_loop_t *loop, const struct conf_redis *conf, const char *name, int64_t block_ms,
                                redis_uv_state_fn on_state, void *arg)
{
    struct redis_uv *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->loop = loop;
    r->conf = *conf;
    r->block_ms = block_ms;
    r->on_state = on_state;
    r->arg = arg;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

static void begin(struct redis_uv *r)
{
    (void)uv_timer_init(r->loop, &r->retry);
    r->retry.data = r;
    (void)uv_timer_start(&r->retry, on_retry, 0, 0);
}

struct redis_uv *redis_uv_node(uv_loop_t *loop, const struct conf_redis *conf, const struct redis_address *address,
                               bool bare, const char *name, int64_t block_ms, redis_uv_state_fn on_state,
                               void (*on_moved)(void *arg), void *arg)
{
    struct redis_uv *r = new_for(loop, conf, name, block_ms, on_state, arg);
    if (!r)
        return NULL;
    r->address = *address;
    r->pinned = true;
    r->bare = bare;
    r->on_moved = on_moved;
    begin(r);
    return r;
}

struct redis_uv *redis_uv_new(uv_loop_t *loop, const struct conf_redis *conf, const char *name, int64_t block_ms,
                              redis_uv_state_fn on_state, void *arg)
{
    struct redis_uv *r = new_for(loop, conf, name, block_ms, on_state, arg);
    if (!r)
        return NULL;
    if (!conf->cluster) {
        begin(r);
        return r;
    }
    r->cluster = redis_cluster_new(loop, conf, name, block_ms, on_state, arg);
    if (!r->cluster) {
        free(r);
        return NULL;
    }
    return r;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct redis_uv *r = handle->data;
    r->timer_closed = true;
    free_when_gone(r);
}

static void on_cluster_closed(void *arg)
{
    struct redis_uv *r = arg;
    r->timer_closed = true;
    free_when_gone(r);
}

void redis_uv_close(struct redis_uv *r, void (*on_closed)(void *arg), void *arg)
{
    struct err e;
    if (!r) {
        if (on_closed)
            on_closed(arg);
        return;
    }
    assert(!r->closing);
    r->closing = true;
    r->ready = false;
    r->on_closed = on_closed;
    r->closed_arg = arg;
    if (r->cluster) {
        redis_cluster_close(r->cluster, on_cluster_closed, r);
        return;
    }
    uv_close((uv_handle_t *)&r->retry, on_timer_closed);
    (void)err_set(&e, ERR_REDIS_UNAVAILABLE, "the connection to Redis was closed by its owner");
    redis_link_close(r->link, &e);
    r->link = NULL;
}

bool redis_uv_ready(const struct redis_uv *r)
{
    if (r->cluster)
        return !r->closing && redis_cluster_ready(r->cluster);
    return r->ready && redis_link_up(r->link);
}

bool redis_uv_reaches(struct redis_uv *r, const char *queue)
{
    return r->cluster ? !r->closing && redis_cluster_reaches(r->cluster, queue) : redis_uv_ready(r);
}

static int send_to(struct redis_uv *r, int slot, redis_uv_reply_fn on_reply, void *arg, int argc,
                   const char *const argv[], const size_t lens[])
{
    if (r->closing)
        return -ENOTCONN;
    return redis_cluster_argv(r->cluster, slot, on_reply, arg, argc, argv, lens);
}

int redis_uv_argv_at(struct redis_uv *r, const char *queue, redis_uv_reply_fn on_reply, void *arg, int argc,
                     const char *const argv[], const size_t lens[])
{
    return r->cluster ? send_to(r, redis_slot_of_queue(queue), on_reply, arg, argc, argv, lens)
                      : redis_uv_argv(r, on_reply, arg, argc, argv, lens);
}

int redis_uv_argv(struct redis_uv *r, redis_uv_reply_fn on_reply, void *arg, int argc, const char *const argv[],
                  const size_t lens[])
{
    if (r->cluster) {
        int key = redis_key_of(argc, argv, lens);
        int slot = key < 0 ? -1 : redis_slot(argv[key], lens ? lens[key] : strlen(argv[key]));
        return send_to(r, slot, on_reply, arg, argc, argv, lens);
    }
    if (!redis_uv_ready(r))
        return -ENOTCONN;
    int rc = redis_link_send(r->link, false, on_reply, arg, argc, argv, lens);
    if (rc == 0)
        r->commands++;
    return rc;
}

void redis_uv_flush(struct redis_uv *r)
{
    if (r->cluster)
        redis_cluster_flush(r->cluster);
    else
        redis_link_flush(r->link);
}

void redis_uv_reset(struct redis_uv *r)
{
    struct err e;
    if (r->cluster) {
        if (!r->closing)
            redis_cluster_reset(r->cluster);
        return;
    }
    (void)err_set(&e, ERR_REDIS_UNAVAILABLE, "the connection to Redis is made anew");
    redis_link_break(r->link, &e);
}

long long redis_uv_library(const struct redis_uv *r)
{
    return r->cluster ? redis_cluster_library(r->cluster) : r->server_version;
}

void redis_uv_stats(const struct redis_uv *r, uint64_t *ret_commands, uint64_t *ret_last_rtt_us)
{
    if (r->cluster) {
        redis_cluster_stats(r->cluster, ret_commands, ret_last_rtt_us);
        return;
    }
    *ret_commands = r->commands;
    *ret_last_rtt_us = r->last_rtt_us;
}

void redis_uv_on_rtt(struct redis_uv *r, void (*on_rtt)(void *arg, uint64_t us), void *arg)
{
    if (r->cluster) {
        redis_cluster_on_rtt(r->cluster, on_rtt, arg);
        return;
    }
    r->on_rtt = on_rtt;
    r->rtt_arg = arg;
}
