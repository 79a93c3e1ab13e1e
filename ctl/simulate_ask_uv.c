/*
 * simulate_ask_uv - see simulate_ask_uv.h. It refuses to pipeline: the next question leaves when the last was answered,
 * so what waits here loads nobody.
 */
#include "simulate_ask_uv.h"

#include "http_answer.h"

#include <stdio.h>

enum { ANSWER_MAX = 1 << 20, CHUNK = 65536, RETRY_MS = 500 };

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
    struct question *first, **last;
    size_t waiting;
    struct line *line; /* NULL: none */
    bool up, asking;
    uint64_t broke_ms; /* loop time of the last failure; 0: none */
    struct http_answer answer;
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
    http_answer_again(&a->answer);
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
    int whole = n == UV_EOF ? http_answer_end(&a->answer) : n < 0 ? (int)n : http_answer_add(&a->answer, data->base, (size_t)n);
    if (whole < 0 || !a->asking) {
        broke(a);
        return;
    }
    if (whole == 0)
        return;
    answer(a, a->answer.status, http_answer_text(&a->answer));
    http_answer_again(&a->answer);
    if (n < 0)
        drop_line(a);
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
    int len = snprintf(l->request, sizeof l->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", a->first->path);
    uv_buf_t data = uv_buf_init(l->request, (unsigned)len);
    a->asking = true;
    if (uv_write(&l->writing, (uv_stream_t *)&l->tcp, &data, 1, on_write) < 0)
        broke(a);
}

struct simulate_ask *simulate_ask_new(uv_loop_t *loop, const struct metrics_address *at, simulate_ask_fn fn, void *arg)
{
    struct simulate_ask *a = calloc(1, sizeof *a);
    socklen_t size;
    if (a == NULL || metrics_address_resolve(at, &a->address, &size) < 0) {
        free(a);
        return NULL;
    }
    a->loop = loop;
    a->fn = fn;
    a->arg = arg;
    a->last = &a->first;
    http_answer_init(&a->answer, ANSWER_MAX);
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
    http_answer_fini(&a->answer);
    free(a);
}
