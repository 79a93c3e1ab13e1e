/*
 * redis_link_uv - one connection to Redis on a libuv loop, from its first packet to its one death.
 *
 * Runs in: as redis_uv, its only user. Thread: the loop's only. Never blocks (names are resolved on libuv's threads).
 * Owner: itself. redis_link_new starts it; once it is down or closed it frees itself and says so with on_gone. It never
 * comes back: redis_uv makes a new one.
 *
 * The protocol is read by redis_reader. The socket is libuv's: close-on-exec from birth, with timeouts, neither of
 * which hiredis 0.14 has.
 */
#pragma once

#include "err.h"
#include "redis_address.h"
#include "redis_uv.h"

enum {
    REDIS_LINK_PENDING_MAX = 65536,          /* most commands without an answer */
    REDIS_LINK_OUTPUT_MAX_BYTES = 128 << 20, /* most bytes waiting to be sent */
    REDIS_LINK_REPLY_MAX_BYTES = 256 << 20,  /* most bytes of one unfinished reply */
};

struct redis_link;

/* What the link tells its owner. All borrowed for the life of the link. */
struct redis_link_owner {
    void *arg;
    void (*on_up)(void *arg);                        /* connected; commands are accepted */
    void (*on_down)(void *arg, const struct err *e); /* broke, after every pending command got its NULL reply */
    void (*on_rtt)(void *arg, uint64_t us);          /* a command was answered after us microseconds */
    void (*on_moved)(void *arg);                     /* a command was answered with MOVED; may be NULL */
    void (*on_gone)(void *arg);                      /* its handles are closed and its memory is about to be freed */
};

/* Begins to connect. Callbacks come from the loop, never from this call. NULL when memory is short. Copies address and
 * owner. nth: which of the host name's addresses to use, counted round; the owner raises it by one an attempt. */
struct redis_link *redis_link_new(uv_loop_t *loop, const struct redis_address *address, unsigned nth,
                                  int64_t connect_timeout_ms, int64_t command_timeout_ms,
                                  const struct redis_link_owner *owner);
/* Most ms to wait for an answer; 0: for ever (keep-alive still notices a dead host). */
void redis_link_set_timeout(struct redis_link *l, int64_t command_timeout_ms);
/* True while commands are accepted. */
bool redis_link_up(const struct redis_link *l);
/* Queues one command; all commands of a loop turn leave in one write. raw: error replies about the server's state
 * (LOADING, READONLY, a lost library) are handed over as replies; otherwise such a reply breaks the link and the
 * command gets NULL. 0, -ENOTCONN when not up, -ENOBUFS beyond the maxima, -ENOMEM. */
int redis_link_send(struct redis_link *l, bool raw, redis_uv_reply_fn on_reply, void *arg, int argc,
                    const char *const argv[], const size_t lens[]);
/* Writes what the socket takes of the queued commands now; what it does not take, and errors, are for the turn's end.
 * Calls nobody back. */
void redis_link_flush(struct redis_link *l);
/* Breaks the link: pending commands get NULL with e, then on_down is called, before this returns. Nothing when it is
 * down. */
void redis_link_break(struct redis_link *l, const struct err *e);
/* As redis_link_break, without on_down. */
void redis_link_close(struct redis_link *l, const struct err *e);
