/*
 * redis_link_uv - exists because hiredis 0.14's asynchronous half has no timeouts, leaves its socket open across exec
 * and resolves names on the loop's thread. It refuses to guess after an error: whatever breaks the byte stream, every
 * command in flight is answered with "unknown" and the link is finished.
 */
#include "redis_link_uv.h"

#include <netdb.h>
#include <stdio.h>

#include "redis_format.h"
#include "redis_reader.h"
#include "redis_reply.h"

enum { KEEPALIVE_S = 15, PENDING_START = 16 };

/* A command without an answer. */
struct pending {
    redis_uv_reply_fn on_reply; /* may be NULL */
    void *arg;
    uint64_t sent_ns;
    bool raw;
};

enum link_state { LINK_RESOLVING, LINK_CONNECTING, LINK_UP, LINK_DOWN };

struct redis_link {
    uv_loop_t *loop;
    struct redis_link_owner owner;
    struct redis_address address;
    enum link_state state;
    int64_t connect_timeout_ms, command_timeout_ms;
    unsigned nth; /* which of a name's addresses to try */
    bool overdue; /* the timeout passed once; one more look at the socket before giving up */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    bool has_socket;
    uv_prepare_t flush; /* active while output waits: one write a loop turn */
    uv_timer_t timer;
    uv_getaddrinfo_t resolve;
    bool resolving; /* the request is with libuv: memory must stay */
    uv_connect_t connect;
    uv_write_t write;
    bool writing; /* `sending` is with libuv */
    struct buf output, sending;
    struct redis_reader reader;
    struct pending *ring; /* owned; ring_size entries, a power of two */
    size_t ring_size, first, n_pending;
    int open_handles; /* whose close callback has yet to come */
};

/* --- the queue of commands without an answer --- */

static int ring_reserve(struct redis_link *l)
{
    if (l->n_pending < l->ring_size)
        return 0;
    if (l->n_pending >= REDIS_LINK_PENDING_MAX)
        return -ENOBUFS;
    size_t size = l->ring_size ? l->ring_size * 2 : PENDING_START;
    struct pending *ring = calloc(size, sizeof *ring);
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < l->n_pending; i++)
        ring[i] = l->ring[(l->first + i) & (l->ring_size - 1)];
    free(l->ring);
    l->ring = ring;
    l->ring_size = size;
    l->first = 0;
    return 0;
}

static struct pending ring_pop(struct redis_link *l)
{
    struct pending p = l->ring[l->first];
    l->first = (l->first + 1) & (l->ring_size - 1);
    l->n_pending--;
    return p;
}

static void answer(const struct pending *p, const redisReply *reply, const struct err *e)
{
    if (p->on_reply)
        p->on_reply(p->arg, reply, e);
}

/* --- the end --- */

static void free_when_gone(struct redis_link *l)
{
    if (l->open_handles > 0 || l->resolving)
        return;
    l->owner.on_gone(l->owner.arg);
    redis_reader_fini(&l->reader);
    buf_fini(&l->output);
    buf_fini(&l->sending);
    free(l->ring);
    free(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis_link *l = handle->data;
    l->open_handles--;
    free_when_gone(l);
}

/* What the kernel still holds of a TCP stream would be sent again and again after a plain close, and could reach Redis
 * when we are long back on another connection: a fetch of a name that no longer listens. So the stream is reset. */
static void close_socket(struct redis_link *l)
{
    if (l->socket.handle.type != UV_TCP || l->state != LINK_UP ||
        uv_tcp_close_reset(&l->socket.tcp, on_handle_closed) < 0)
        uv_close(&l->socket.handle, on_handle_closed);
}

static void close_handles(struct redis_link *l)
{
    if (l->resolving)
        (void)uv_cancel(
            (uv_req_t *)&l->resolve); /* when it already runs, its callback comes later: memory waits for it */
    if (l->has_socket)
        close_socket(l);
    uv_close((uv_handle_t *)&l->flush, on_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}

void redis_link_close(struct redis_link *l, const struct err *e)
{
    if (!l || l->state == LINK_DOWN)
        return;
    struct err copy = *e;
    close_handles(l);
    l->state = LINK_DOWN;
    while (l->n_pending > 0) {
        struct pending p = ring_pop(l);
        answer(&p, NULL, &copy);
    }
}

void redis_link_break(struct redis_link *l, const struct err *e)
{
    if (!l || l->state == LINK_DOWN)
        return;
    struct err copy = *e;
    redis_link_close(l, &copy);
    l->owner.on_down(l->owner.arg, &copy);
}

/* Breaks with a sentence that names the address. */
static void break_because(struct redis_link *l, int code, const char *why)
{
    struct err e;
    char where[REDIS_ADDRESS_TEXT_MAX];
    (void)err_set(&e, code, "Redis at %s: %s", redis_address_text(&l->address, where), why);
    redis_link_break(l, &e);
}

/* The same for a loss: what was seen, and what to look at. */
static void break_lost(struct redis_link *l, enum redis_loss loss, const char *seen)
{
    char why[ERR_MESSAGE_MAX / 2];
    (void)snprintf(why, sizeof why, "%s; %s", seen, redis_loss_remedy(loss));
    break_because(l, ERR_REDIS_UNAVAILABLE, why);
}

/* status: of libuv, negative. Its own numbers for names that do not resolve are not errno's. */
static void break_uv(struct redis_link *l, int status)
{
    bool name = status <= UV_EAI_ADDRFAMILY && status >= UV_EAI_SOCKTYPE;
    break_lost(l, name ? REDIS_LOSS_NAME : redis_loss_of_errno(-status), uv_strerror(status));
}

/* --- time --- */

static void on_timer(uv_timer_t *timer)
{
    struct redis_link *l = timer->data;
    int64_t left_ms = 0;
    if (l->state == LINK_UP) {
        if (l->n_pending == 0 || l->command_timeout_ms == 0)
            return;
        int64_t age_ms = (int64_t)((uv_hrtime() - l->ring[l->first].sent_ns) / 1000000);
        left_ms = l->command_timeout_ms - age_ms;
    }
    if (left_ms > 0 || !l->overdue) {
        /* The loop itself may have been busy past the deadline: the answer can lie in the socket, so look once more. */
        l->overdue = left_ms <= 0;
        (void)uv_timer_start(timer, on_timer, l->overdue ? 1 : (uint64_t)left_ms, 0);
        return;
    }
    break_because(l, ERR_TIMED_OUT,
                  redis_loss_remedy(l->state == LINK_UP ? REDIS_LOSS_SILENT : REDIS_LOSS_SILENT_CONNECT));
}

static void arm_command_timer(struct redis_link *l)
{
    l->overdue = false;
    if (l->command_timeout_ms > 0)
        (void)uv_timer_start(&l->timer, on_timer, (uint64_t)l->command_timeout_ms, 0);
}

void redis_link_set_timeout(struct redis_link *l, int64_t command_timeout_ms)
{
    l->command_timeout_ms = command_timeout_ms;
    if (l->state != LINK_UP)
        return;
    (void)uv_timer_stop(&l->timer);
    if (l->n_pending > 0)
        arm_command_timer(l);
}

/* --- sending --- */

static void flush_output(struct redis_link *l);

static void on_written(uv_write_t *write, int status)
{
    struct redis_link *l = write->data;
    l->writing = false;
    buf_clear(&l->sending);
    if (l->state != LINK_UP || status == UV_EPIPE)
        return; /* closed by the server: its last word is still to be read, or the timer ends the wait */
    if (status < 0)
        break_uv(l, status);
    else
        flush_output(l);
}

static void flush_output(struct redis_link *l)
{
    if (l->writing || l->output.len == 0)
        return;
    uv_buf_t bytes = uv_buf_init(l->output.data, (unsigned)l->output.len);
    int n = uv_try_write(&l->socket.stream, &bytes, 1);
    if (n == (int)l->output.len) {
        buf_clear(&l->output);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    struct buf swap = l->sending;
    l->sending = l->output;
    l->output = swap;
    bytes = uv_buf_init(l->sending.data + sent, (unsigned)(l->sending.len - sent));
    l->write.data = l;
    int rc = uv_write(&l->write, &l->socket.stream, &bytes, 1, on_written);
    if (rc < 0)
        break_uv(l, rc);
    else
        l->writing = true;
}

static void on_flush(uv_prepare_t *prepare)
{
    struct redis_link *l = prepare->data;
    (void)uv_prepare_stop(prepare);
    flush_output(l);
}

void redis_link_flush(struct redis_link *l)
{
    if (!redis_link_up(l) || l->writing || l->output.len == 0)
        return;
    uv_buf_t bytes = uv_buf_init(l->output.data, (unsigned)l->output.len);
    int n = uv_try_write(&l->socket.stream, &bytes, 1);
    if (n <= 0)
        return;
    l->output.len -= (size_t)n;
    memmove(l->output.data, l->output.data + n, l->output.len + 1); /* its final NUL too */
}

bool redis_link_up(const struct redis_link *l)
{
    return l && l->state == LINK_UP;
}

int redis_link_send(struct redis_link *l, bool raw, redis_uv_reply_fn on_reply, void *arg, int argc,
                    const char *const argv[], const size_t lens[])
{
    if (!redis_link_up(l))
        return -ENOTCONN;
    int rc = ring_reserve(l);
    if (rc == 0)
        rc = redis_format(&l->output, argc, argv, lens);
    if (rc < 0)
        return rc == -ENOSPC ? -ENOBUFS : rc;
    l->ring[(l->first + l->n_pending) & (l->ring_size - 1)] =
        (struct pending){.on_reply = on_reply, .arg = arg, .sent_ns = uv_hrtime(), .raw = raw};
    l->n_pending++;
    if (!uv_is_active((const uv_handle_t *)&l->timer))
        arm_command_timer(l);
    if (!uv_is_active((const uv_handle_t *)&l->flush))
        (void)uv_prepare_start(&l->flush, on_flush);
    return 0;
}

/* --- receiving --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct redis_link *l = handle->data;
    size_t size = 0;
    (void)suggested;
    char *room = redis_reader_room(&l->reader, &size); /* without memory on_read is told so */
    *ret = uv_buf_init(room, (unsigned)size);
}

/* The server cannot serve, or lost its library: the command did nothing, and neither will those behind it. */
static void break_on_trouble(struct redis_link *l, const struct pending *p, const redisReply *reply)
{
    struct err reason, e;
    char where[REDIS_ADDRESS_TEXT_MAX];
    (void)redis_reply_error(reply->str, &reason);
    (void)err_set(&e, ERR_REDIS_UNAVAILABLE, "Redis at %s: %s", redis_address_text(&l->address, where), reason.message);
    answer(p, NULL, &e);
    redis_link_break(l, &e);
}

static void handle_reply(struct redis_link *l, const redisReply *reply)
{
    if (l->n_pending == 0) {
        struct err e = {.message = "it sent an answer nobody asked for"};
        if (reply->type == REDIS_REPLY_ERROR)
            (void)redis_reply_error(reply->str, &e);
        break_because(l, ERR_REDIS_UNAVAILABLE, e.message);
        return;
    }
    struct pending p = ring_pop(l);
    l->overdue = false;
    if (!p.raw && reply->type == REDIS_REPLY_ERROR && redis_reply_trouble(reply->str) != REDIS_TROUBLE_NONE) {
        break_on_trouble(l, &p, reply);
        return;
    }
    l->owner.on_rtt(l->owner.arg, (uv_hrtime() - p.sent_ns) / 1000);
    if (l->owner.on_moved && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "MOVED ", 6) == 0)
        l->owner.on_moved(l->owner.arg);
    answer(&p, reply, NULL);
}

static void handle_replies(struct redis_link *l)
{
    while (l->state == LINK_UP) {
        const redisReply *reply = NULL;
        int rc = redis_reader_next(&l->reader, &reply);
        if (rc == -EPROTO)
            break_lost(l, REDIS_LOSS_PROTOCOL, l->reader.wrong);
        else if (rc < 0)
            break_because(l, ERR_OUT_OF_MEMORY, "no memory for an answer");
        if (rc <= 0)
            return;
        handle_reply(l, reply);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct redis_link *l = stream->data;
    (void)bytes; /* the reader's own */
    if (l->state != LINK_UP || n == 0)
        return;
    if (n < 0) {
        if (n == UV_EOF)
            break_because(l, ERR_REDIS_UNAVAILABLE, redis_loss_remedy(REDIS_LOSS_CLOSED));
        else
            break_uv(l, (int)n);
        return;
    }
    redis_reader_fed(&l->reader, (size_t)n);
    handle_replies(l);
    if (l->state == LINK_UP && redis_reader_waiting(&l->reader) > REDIS_LINK_REPLY_MAX_BYTES)
        break_because(l, ERR_REDIS_UNAVAILABLE, "an answer is larger than any command of stint can have");
}

/* --- connecting --- */

static void on_connected(uv_connect_t *request, int status)
{
    struct redis_link *l = request->data;
    if (l->state != LINK_CONNECTING)
        return;
    if (status == 0)
        status = uv_read_start(&l->socket.stream, on_alloc, on_read);
    if (status < 0) {
        break_uv(l, status);
        return;
    }
    (void)uv_timer_stop(&l->timer);
    l->overdue = false;
    l->state = LINK_UP;
    l->owner.on_up(l->owner.arg);
}

static int connect_tcp(struct redis_link *l, const struct sockaddr *to)
{
    int rc = uv_tcp_init(l->loop, &l->socket.tcp);
    if (rc < 0)
        return rc;
    l->has_socket = true;
    l->open_handles++;
    l->socket.handle.data = l;
    (void)uv_tcp_nodelay(&l->socket.tcp, 1);
    (void)uv_tcp_keepalive(&l->socket.tcp, 1, KEEPALIVE_S);
    return uv_tcp_connect(&l->connect, &l->socket.tcp, to, on_connected);
}

static int connect_unix(struct redis_link *l)
{
    int rc = uv_pipe_init(l->loop, &l->socket.pipe, 0);
    if (rc < 0)
        return rc;
    l->has_socket = true;
    l->open_handles++;
    l->socket.handle.data = l;
    uv_pipe_connect(&l->connect, &l->socket.pipe, l->address.path, on_connected);
    return 0;
}

/* The nth of a non-empty list, counted round and round: "localhost" may be ::1 and 127.0.0.1, one of them refusing. */
static const struct addrinfo *nth_address(const struct addrinfo *found, unsigned nth)
{
    unsigned count = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        count++;
    for (nth %= count; nth > 0; nth--)
        found = found->ai_next;
    return found;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct redis_link *l = request->data;
    l->resolving = false;
    if (l->state != LINK_RESOLVING) {
        uv_freeaddrinfo(found);
        free_when_gone(l);
        return;
    }
    l->state = LINK_CONNECTING;
    if (status == 0)
        status = connect_tcp(l, nth_address(found, l->nth)->ai_addr);
    uv_freeaddrinfo(found);
    if (status < 0)
        break_uv(l, status);
}

/* First act on the loop, so that no callback comes from redis_link_new. */
static void on_start(uv_timer_t *timer)
{
    struct redis_link *l = timer->data;
    (void)uv_timer_start(timer, on_timer, (uint64_t)l->connect_timeout_ms, 0);
    l->connect.data = l;
    int rc;
    if (l->address.path[0]) {
        l->state = LINK_CONNECTING;
        rc = connect_unix(l);
    } else {
        char port[16];
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        (void)snprintf(port, sizeof port, "%d", l->address.port);
        l->resolve.data = l;
        rc = uv_getaddrinfo(l->loop, &l->resolve, on_resolved, l->address.host, port, &hints);
        l->resolving = rc == 0;
    }
    if (rc < 0)
        break_uv(l, rc);
}

struct redis_link *redis_link_new(uv_loop_t *loop, const struct redis_address *address, unsigned nth,
                                  int64_t connect_timeout_ms, int64_t command_timeout_ms,
                                  const struct redis_link_owner *owner)
{
    struct redis_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->loop = loop;
    l->owner = *owner;
    l->address = *address;
    l->nth = nth;
    l->connect_timeout_ms = connect_timeout_ms;
    l->command_timeout_ms = command_timeout_ms;
    buf_init(&l->output, REDIS_LINK_OUTPUT_MAX_BYTES);
    buf_init(&l->sending, REDIS_LINK_OUTPUT_MAX_BYTES);
    (void)uv_prepare_init(loop, &l->flush);
    (void)uv_timer_init(loop, &l->timer);
    l->flush.data = l;
    l->timer.data = l;
    l->open_handles = 2;
    (void)uv_timer_start(&l->timer, on_start, 0, 0);
    return l;
}
