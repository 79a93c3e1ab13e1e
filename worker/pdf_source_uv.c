/*
 * pdf_source_uv - see pdf_source_uv.h. Decides where the work is done and nothing about the document. The name of an input is told in errors,
 * a URL never: its query may be a secret.
 */
#include "pdf_source_uv.h"

#include "clock.h"
#include "killpoint.h"
#include "pdf_source.h"
#include "s3_sign.h"

#include <stdio.h>

/* At most this much is copied and digested on the loop: about a millisecond. */
enum { SOURCE_ON_LOOP = 256 * 1024, SOURCE_BLOB_PIECE = 256 * 1024 };

void pdf_sources_init(struct pdf_sources *s, const struct worker_ctx *ctx)
{
    *s = (struct pdf_sources){.ctx = ctx, .fetcher = fetcher_client_new(ctx->loop, &ctx->conf->pdf)};
}

void pdf_sources_fini(struct pdf_sources *s)
{
    fetcher_client_close(s->fetcher);
    s->fetcher = NULL;
}

static void get_done(struct pdf_get *g, int rc, const struct err *e, int64_t retry_after_ms)
{
    pdf_sink_close(&g->sink);
    if (g->file_fd >= 0)
        (void)close(g->file_fd);
    g->file_fd = -1;
    struct err copy = rc < 0 ? *e : (struct err){0};
    g->on_done(g->arg, rc, &copy, retry_after_ms);
}

/* ---- what is copied or digested ---- */

static int task_file(struct pdf_get *g)
{
    return pdf_source_copy(&g->sink, g->file_fd, &g->stop, g->input, &g->e);
}

static int task_inline(struct pdf_get *g)
{
    return pdf_source_inline(&g->sink, &g->stop, g->input, &g->e);
}

static int task_verify(struct pdf_get *g)
{
    return pdf_sink_verify(&g->sink, g->said, g->input, &g->e);
}

static void on_thread(uv_work_t *work)
{
    struct pdf_get *g = work->data;
    g->rc = g->task(g);
}

static void on_thread_done(uv_work_t *work, int status)
{
    struct pdf_get *g = work->data;
    if (status < 0)
        g->rc = err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "the input was not read: %s", uv_strerror(status));
    get_done(g, g->rc, &g->e, 0);
}

static void get_run(struct pdf_get *g, uint64_t bytes, int (*task)(struct pdf_get *g))
{
    g->task = task;
    g->work.data = g;
    if (bytes <= SOURCE_ON_LOOP || uv_queue_work(g->sources->ctx->loop, &g->work, on_thread, on_thread_done) < 0)
        get_done(g, task(g), &g->e, 0);
}

/* ---- a blob in Redis ---- */

static int blob_send(struct pdf_get *g, redis_uv_reply_fn on_reply, int argc, const char *const argv[])
{
    if (redis_uv_argv(g->sources->ctx->redis, on_reply, g, argc, argv, NULL) == 0)
        return 0;
    return err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: Redis is away", g->request->source);
}

static void blob_done(struct pdf_get *g, int rc)
{
    static const char *const unwatch[] = {"UNWATCH"};
    if (g->watching && rc < 0)
        (void)redis_uv_argv(g->sources->ctx->redis, NULL, NULL, 1, unwatch, NULL);
    get_done(g, rc, &g->e, 0);
}

/* 0 when the reply is of the type; else g->e says why not. */
static int blob_reply(struct pdf_get *g, const redisReply *reply, const struct err *e, int type)
{
    const char *key = g->request->source;
    if (g->stop)
        return err_set(&g->e, ERR_CANCELLED, "the job was stopped while its input was read");
    if (reply == NULL)
        return err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: %.300s", key, e != NULL ? e->message : "no answer");
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "WRONGTYPE", 9) == 0)
        return err_set(&g->e, ERR_SOURCE_REFUSED, "source.redis %.200s is no string of bytes", key);
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0)
        return err_set(&g->e, ERR_SOURCE_REFUSED, "source.redis %.200s: Redis does not allow it: %.300s", key, reply->str);
    if (reply->type != type)
        return err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: %.300s", key,
                       reply->type == REDIS_REPLY_ERROR ? reply->str : "another answer than expected");
    return 0;
}

static int blob_changed(struct pdf_get *g)
{
    return err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s changed while it was read", g->request->source);
}

static void on_exec(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_get *g = arg;
    g->watching = false;
    int rc = reply != NULL && reply->type == REDIS_REPLY_NIL ? blob_changed(g) : blob_reply(g, reply, e, REDIS_REPLY_ARRAY);
    blob_done(g, rc < 0 ? rc : pdf_sink_end(&g->sink, g->input, &g->e));
}

static int blob_next(struct pdf_get *g);

static void on_piece(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_get *g = arg;
    int rc = blob_reply(g, reply, e, REDIS_REPLY_STRING);
    if (rc == 0 && reply->len != MIN_OF((uint64_t)SOURCE_BLOB_PIECE, g->total - g->sink.bytes))
        rc = blob_changed(g);
    if (rc == 0)
        rc = pdf_sink_add(&g->sink, reply->str, reply->len, &g->e);
    if (rc == 0)
        rc = blob_next(g);
    if (rc < 0)
        blob_done(g, rc);
}

/* The next piece, or the question whether it was all of one blob: an empty transaction fails when a watched key was touched. */
static int blob_next(struct pdf_get *g)
{
    static const char *const multi[] = {"MULTI"}, *const exec[] = {"EXEC"};
    char first[24], last[24];
    if (g->sink.bytes == g->total) {
        int rc = redis_uv_argv(g->sources->ctx->redis, NULL, NULL, 1, multi, NULL) < 0
                     ? err_set(&g->e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: Redis is away", g->request->source)
                     : 0;
        return rc < 0 ? rc : blob_send(g, on_exec, 1, exec);
    }
    (void)snprintf(first, sizeof first, "%llu", (unsigned long long)g->sink.bytes);
    (void)snprintf(last, sizeof last, "%llu", (unsigned long long)g->sink.bytes + SOURCE_BLOB_PIECE - 1);
    const char *const argv[] = {"GETRANGE", g->request->source, first, last};
    return blob_send(g, on_piece, (int)ARRAY_LEN(argv), argv);
}

static void on_length(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_get *g = arg;
    int rc = blob_reply(g, reply, e, REDIS_REPLY_INTEGER);
    if (rc == 0) {
        g->total = (uint64_t)reply->integer;
        rc = pdf_sink_expect(&g->sink, g->total, &g->e);
    }
    if (rc == 0)
        rc = blob_next(g);
    if (rc < 0)
        blob_done(g, rc);
}

static void on_exists(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_get *g = arg;
    int rc = blob_reply(g, reply, e, REDIS_REPLY_INTEGER);
    if (rc == 0 && reply->integer > 0)
        rc = pdf_sink_expect(&g->sink, 0, &g->e);
    else if (rc == 0)
        rc = err_set(&g->e, ERR_SOURCE_MISSING, "source.redis %.200s does not exist", g->request->source);
    blob_done(g, rc);
}

/* One piece that is not full is the whole blob, read at once. A longer one is begun again under watch. */
static void on_first_piece(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_get *g = arg;
    const char *const exists[] = {"EXISTS", g->request->source}, *const watch[] = {"WATCH", g->request->source},
               *const length[] = {"STRLEN", g->request->source};
    int rc = blob_reply(g, reply, e, REDIS_REPLY_STRING);
    if (rc == 0 && reply->len == 0) {
        rc = blob_send(g, on_exists, 2, exists);
        if (rc == 0)
            return;
    } else if (rc == 0 && reply->len == SOURCE_BLOB_PIECE) {
        g->watching = redis_uv_argv(g->sources->ctx->redis, NULL, NULL, 2, watch, NULL) == 0;
        rc = blob_send(g, on_length, 2, length);
        if (rc == 0)
            return;
    } else if (rc == 0) {
        rc = pdf_sink_expect(&g->sink, reply->len, &g->e);
        rc = rc < 0 ? rc : pdf_sink_add(&g->sink, reply->str, reply->len, &g->e);
        rc = rc < 0 ? rc : pdf_sink_end(&g->sink, g->input, &g->e);
    }
    blob_done(g, rc);
}

static int get_blob(struct pdf_get *g)
{
    char last[24];
    int rc = pdf_source_key_allowed(g->request->source, g->sources->ctx->conf->pdf.redis_prefixes, &g->e);
    (void)snprintf(last, sizeof last, "%d", SOURCE_BLOB_PIECE - 1);
    const char *const argv[] = {"GETRANGE", g->request->source, "0", last};
    if (rc == 0 && g->sources->ctx->conf->redis.cluster)
        rc = err_set(&g->e, ERR_SOURCE_REFUSED, "source.redis %.200s: not on a Redis Cluster; use source.path, url, s3 or postgres",
                     g->request->source);
    return rc < 0 ? rc : blob_send(g, on_first_piece, (int)ARRAY_LEN(argv), argv);
}

/* ---- a document elsewhere ---- */

static void on_fetched(void *arg, const struct fetcher_answer *answer)
{
    struct pdf_get *g = arg;
    g->fetch_id = 0;
    KILL_POINT("pdf_fetched");
    g->said = answer->bytes;
    if (answer->code < 0)
        get_done(g, answer->code, &answer->e, answer->retry_after_ms);
    else
        get_run(g, answer->bytes, task_verify);
}

static int get_elsewhere(struct pdf_get *g, const char *url, uint64_t deadline_ms)
{
    uint64_t now = clock_mono_ms(), most = (uint64_t)g->sources->ctx->conf->pdf.url_timeout;
    const struct fetcher_wish wish = {
        .url = url,
        .configured = g->request->source_type == PDF_SOURCE_S3,
        .max_bytes = (uint64_t)g->request->max_bytes,
        .size = g->request->size,
        .timeout_ms = (uint32_t)MIN_OF(most, deadline_ms > now ? deadline_ms - now : 1),
        .fd = g->sink.fd,
    };
    int rc = fetcher_client_get(g->sources->fetcher, &wish, on_fetched, g, &g->fetch_id, &g->e);
    if (rc == 0)
        KILL_POINT("pdf_fetching");
    return rc;
}

static int get_object(struct pdf_get *g, uint64_t deadline_ms)
{
    char url[FETCHER_URL_MAX];
    const struct s3_object object = {g->request->s3_bucket, g->request->source, g->request->s3_version};
    int rc = s3_sign_url(&g->sources->ctx->conf->pdf, &object, clock_wall_ms() / 1000, url, sizeof url, &g->e);
    if (rc == 0)
        rc = get_elsewhere(g, url, deadline_ms);
    explicit_bzero(url, sizeof url);
    return rc;
}

/* ---- */

void pdf_source_get(struct pdf_get *g, struct pdf_sources *s, const struct pdf_request *request, uint64_t deadline_ms, struct pdf_input *input,
                    pdf_source_done_fn on_done, void *arg)
{
    uint64_t bytes = 0;
    *g = (struct pdf_get){.sources = s, .request = request, .input = input, .on_done = on_done, .arg = arg, .file_fd = -1};
    int rc = pdf_sink_open(&g->sink, request, &g->e);
    if (rc == 0 && request->source_type == PDF_SOURCE_PATH) {
        rc = pdf_source_open(&g->sink, s->ctx->conf->pdf.roots, &g->file_fd, &bytes, &g->e);
        if (rc == 0) {
            get_run(g, bytes, task_file);
            return;
        }
    } else if (rc == 0 && request->source_type == PDF_SOURCE_INLINE) {
        get_run(g, request->source_len, task_inline);
        return;
    } else if (rc == 0 && request->source_type == PDF_SOURCE_REDIS) {
        rc = get_blob(g);
    } else if (rc == 0 && request->source_type == PDF_SOURCE_S3) {
        rc = get_object(g, deadline_ms);
    } else if (rc == 0 && strcmp(s->ctx->conf->pdf.url, "off") == 0) { /* as stint-fetch would say, which need not be started for it */
        rc = err_set(&g->e, ERR_SOURCE_REFUSED, "source.url is not allowed here; set pdf.url to list (with pdf.url_allow) or public");
    } else if (rc == 0) {
        rc = get_elsewhere(g, request->source, deadline_ms);
    }
    if (rc < 0)
        get_done(g, rc, &g->e, request->source_type == PDF_SOURCE_URL || request->source_type == PDF_SOURCE_S3 ? fetcher_client_pause_ms(s->fetcher) : 0);
}

void pdf_source_cancel(struct pdf_get *g)
{
    struct err e;
    g->stop = true; /* a thread looks at each piece, a blob at each answer */
    if (g->fetch_id == 0)
        return;
    fetcher_client_cancel(g->sources->fetcher, g->fetch_id);
    g->fetch_id = 0;
    get_done(g, err_set(&e, ERR_CANCELLED, "the job was stopped while its input was fetched"), &e, 0);
}
