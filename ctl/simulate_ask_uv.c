/*
 * simulate_ask_uv - see simulate_ask_uv.h. It refuses to pipeline: the next question leaves when the last was answered,
 * so what waits here loads nobody.
 */
#include "simulate_ask_uv.h"

#include "buf.h"

#include <stdio.h>
#include <strings.h>

enum { ANSWER_MAX = 1 << 20, CHUNK = 65536, ADDRESS_MAX = 80, RETRY_MS = 500 };

struct question {
    struct question *next;
    uint32_t tag;
    char path[SIMULATE_ASK_PATH_MAX];
};

/* One connection; frees itself when closed. */
struct line {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_write_t writing;
    struct simulate_ask *ask; /* NULL: given up */
    char request[SIMULATE_ASK_PATH_MAX + 160];
    char chunk[CHUNK];
};

struct simulate_ask {
    uv_loop_t *loop;
    simulate_ask_fn fn;
    void *arg;
    struct sockaddr_storage address;
    char host[ADDRESS_MAX];
    struct question *first, **last;
    size_t waiting;
    struct line *line; /* NULL: none */
    bool up, asking;
    uint64_t broke_ms; /* loop time of the last failure; 0: none */
    struct buf answer;
};

static void next(struct simulate_ask *a);

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop_line(struct simulate_ask *a)
{
    struct line *l = a->line;
    if (l == NULL)
        return;
    a->line = NULL;
    a->up = a->asking = false;
    l->ask = NULL;
    uv_close((uv_handle_t *)&l->tcp, on_closed);
    buf_clear(&a->answer);
}

/* Ends the first question with this answer. */
static void answer(struct simulate_ask *a, int status, const char *body)
{
    struct question *q = a->first;
    a->first = q->next;
    if (a->first == NULL)
        a->last = &a->first;
    a->waiting--;
    a->asking = false;
    a->fn(a->arg, q->tag, status, body);
    free(q);
}

static void broke(struct simulate_ask *a)
{
    drop_line(a);
    a->broke_ms = uv_now(a->loop);
    while (a->first != NULL)
        answer(a, 0, "");
}

/* True when the whole answer is here, and was given. */
static bool whole(struct simulate_ask *a)
{
    const char *head = a->answer.data, *end = head != NULL ? strstr(head, "\r\n\r\n") : NULL, *line;
    int status = 0;
    long length = -1;
    if (end == NULL)
        return false;
    for (line = head; line != NULL && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line, "\r\nContent-Length:", 17) == 0)
            length = strtol(line + 17, NULL, 10);
    if (sscanf(head, "HTTP/1.%*d %3d", &status) != 1 || length < 0 || a->first == NULL) {
        broke(a);
        return false;
    }
    if (a->answer.len < (size_t)(end + 4 - head) + (size_t)length)
        return false;
    answer(a, status, end + 4);
    buf_clear(&a->answer);
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct line *l = handle->data;
    (void)suggested;
    *ret = uv_buf_init(l->chunk, sizeof l->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    struct line *l = stream->data;
    struct simulate_ask *a = l->ask;
    if (a == NULL || n == 0)
        return;
    if (n == UV_EOF && !a->asking) { /* kept for long enough: the next question makes a new one */
        drop_line(a);
        return;
    }
    if (n < 0 || buf_add(&a->answer, data->base, (size_t)n) < 0) {
        broke(a);
        return;
    }
    if (whole(a))
        next(a);
}

static void on_write(uv_write_t *req, int status)
{
    const struct line *l = req->data;
    if (status < 0 && l->ask != NULL)
        broke(l->ask);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct line *l = req->data;
    if (l->ask == NULL)
        return;
    if (status < 0 || uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read) < 0) {
        broke(l->ask);
        return;
    }
    l->ask->up = true;
    next(l->ask);
}

static void dial(struct simulate_ask *a)
{
    struct line *l = calloc(1, sizeof *l);
    if (l == NULL || uv_tcp_init(a->loop, &l->tcp) < 0) {
        free(l);
        broke(a);
        return;
    }
    l->ask = a;
    l->tcp.data = l->connecting.data = l->writing.data = l;
    a->line = l;
    (void)uv_tcp_nodelay(&l->tcp, 1);
    if (uv_tcp_connect(&l->connecting, &l->tcp, (const struct sockaddr *)&a->address, on_connect) < 0)
        broke(a);
}

/* Sends the first question, when nothing is under way. */
static void next(struct simulate_ask *a)
{
    if (a->first == NULL || a->asking)
        return;
    if (a->line == NULL) {
        dial(a);
        return;
    }
    if (!a->up)
        return;
    struct line *l = a->line;
    int len = snprintf(l->request, sizeof l->request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", a->first->path, a->host);
    uv_buf_t data = uv_buf_init(l->request, (unsigned)len);
    a->asking = true;
    if (uv_write(&l->writing, (uv_stream_t *)&l->tcp, &data, 1, on_write) < 0)
        broke(a);
}

static bool parse_base(struct simulate_ask *a, const char *base)
{
    char host[ADDRESS_MAX];
    const char *at = strncmp(base, "http://", 7) == 0 ? base + 7 : base, *colon = strrchr(at, ':');
    bool v6 = *at == '[';
    if (colon == NULL || (size_t)(colon - at) >= sizeof host)
        return false;
    (void)snprintf(a->host, sizeof a->host, "%s", at);
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - at - (v6 ? 2 : 0)), at + (v6 ? 1 : 0));
    int port = atoi(colon + 1);
    return uv_ip4_addr(host, port, (struct sockaddr_in *)&a->address) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)&a->address) == 0;
}

struct simulate_ask *simulate_ask_new(uv_loop_t *loop, const char *base, simulate_ask_fn fn, void *arg)
{
    struct simulate_ask *a = calloc(1, sizeof *a);
    if (a == NULL || !parse_base(a, base)) {
        free(a);
        return NULL;
    }
    a->loop = loop;
    a->fn = fn;
    a->arg = arg;
    a->last = &a->first;
    buf_init(&a->answer, ANSWER_MAX);
    return a;
}

void simulate_ask_get(struct simulate_ask *a, const char *path, uint32_t tag)
{
    bool away = a->broke_ms != 0 && uv_now(a->loop) - a->broke_ms < RETRY_MS;
    struct question *q = away || a->waiting >= SIMULATE_ASK_MAX ? NULL : calloc(1, sizeof *q);
    if (q == NULL) {
        a->fn(a->arg, tag, 0, "");
        return;
    }
    q->tag = tag;
    (void)snprintf(q->path, sizeof q->path, "%s", path);
    *a->last = q;
    a->last = &q->next;
    a->waiting++;
    next(a);
}

size_t simulate_ask_waiting(const struct simulate_ask *a)
{
    return a->waiting;
}

void simulate_ask_close(struct simulate_ask *a)
{
    if (a == NULL)
        return;
    drop_line(a);
    for (struct question *q = a->first, *after; q != NULL; q = after) {
        after = q->next;
        free(q);
    }
    buf_fini(&a->answer);
    free(a);
}
