/*
 * kind_pdf - a pdf-parse job from payload to stored events. Moves the bytes and never looks into them: that is the parser's cell.
 *
 *   payload ─► source ─► cache? ──hit──────────────────┐
 *                          └─miss─► cell ─► check ─► ics ┴─► one transaction ─► done
 */
#include "alloc.h"
#include "clock.h"
#include "ics.h"
#include "kind.h"
#include "killpoint.h"
#include "parser_client_uv.h"
#include "pdf_request.h"
#include "pdf_result.h"
#include "pdf_source.h"
#include "pdf_store.h"

#include <stdio.h>

struct pdf_kind {
    const struct worker_ctx *ctx;
    struct parser_client *parser;
};

/* One job under way; run->data. */
struct pdf_work {
    struct pdf_kind *kind;
    struct job_run *run;
    struct pdf_request request;
    struct pdf_input input;
    char options_hash[65];
    uint64_t started_ms, cell_id; /* cell_id 0: no cell runs */
    uint32_t parse_us;
    bool cancelled;
};

static void pdf_free(void *arg)
{
    struct pdf_work *w = arg;
    w->run->data = NULL;
    pdf_source_close(&w->input);
    pdf_request_free(&w->request);
    free(w);
}

static void pdf_fail(struct pdf_work *w, const struct err *e)
{
    struct job_run *run = w->run;
    struct err copy = *e;
    pdf_free(w);
    job_run_fail(run, &copy, NULL);
}

/* A document's own fault is told as such; what a cell died of, with the cell's evidence. */
static void pdf_fail_in_cell(struct pdf_work *w, const struct parser_outcome *outcome)
{
    struct job_run *run = w->run;
    const struct job_child child = {
        .signal = outcome->signal,
        .exit_status = outcome->exit_status,
        .wall_ms = outcome->wall_us / 1000,
        .cpu_ms = outcome->cpu_us / 1000,
        .rss_bytes = (int64_t)outcome->rss_bytes,
        .page_fd = outcome->page_fd,
    };
    pdf_free(w);
    job_run_fail_child(run, &outcome->e, outcome->cause[0] != '\0' ? outcome->cause : NULL, &child);
}

/* True when it was asked to stop: the run is over then. */
static bool pdf_stopped(struct pdf_work *w)
{
    if (!w->cancelled)
        return false;
    struct job_run *run = w->run;
    pdf_free(w);
    job_run_cancelled(run);
    return true;
}

static void pdf_save(struct pdf_work *w, json_t *result, bool cached)
{
    (void)json_object_set_new(result, "input_sha256", json_string(w->input.sha256));
    (void)json_object_set_new(result, "cached", json_boolean(cached));
    (void)json_object_set_new(result, "duration_ms", json_integer((json_int_t)(clock_mono_ms() - w->started_ms)));
    job_run_progress(w->run, 90, "storing");
    const struct pdf_stored stored = {
        .result = result,
        .owner = w->request.owner,
        .sha256 = w->input.sha256,
        .options_hash = w->request.password[0] == '\0' ? w->options_hash : NULL, /* whoever has no password gets no answer */
        .cached = cached,
    };
    pdf_store_save(w->run, &stored, pdf_free, w);
    json_decref(result);
}

static int pdf_calendar(struct pdf_work *w, json_t *result, struct err *e)
{
    json_t *events = json_object_get(result, "events");
    struct buf text;
    if (!w->request.ics || events == NULL)
        return 0;
    buf_init(&text, 64 * 1024 * 1024);
    int rc = ics_write(events, &w->request, clock_wall_ms() / 1000, &text, json_object_get(result, "warnings"), e);
    if (rc == 0)
        (void)json_object_set_new(result, "ics", json_string(text.data));
    buf_fini(&text);
    return rc;
}

static void pdf_on_parsed(void *arg, const struct parser_outcome *outcome)
{
    struct pdf_work *w = arg;
    struct err e = {0};
    json_t *result = NULL;
    w->cell_id = 0;
    KILL_POINT("pdf_parsed");
    if (pdf_stopped(w))
        return;
    if (outcome->code < 0) {
        pdf_fail_in_cell(w, outcome);
        return;
    }
    int rc = pdf_result_build(outcome->reply, &w->request, &result, &e);
    if (rc == 0)
        rc = pdf_calendar(w, result, &e);
    if (rc < 0) {
        json_decref(result);
        pdf_fail(w, &e);
        return;
    }
    (void)json_object_set_new(result, "parse_ms", json_real(outcome->wall_us / 1000.0));
    pdf_save(w, result, false);
}

static void pdf_parse(struct pdf_work *w)
{
    const struct pdf_request *r = &w->request;
    struct parser_request request = {
        .memory_bytes = (uint64_t)r->memory_bytes,
        .cpu_s = (uint32_t)MAX_OF((r->cpu_ms + 999) / 1000, INT64_C(1)),
        .wall_ms = (uint32_t)r->timeout_ms,
        .reply_bytes = (uint64_t)w->kind->ctx->conf->pdf.max_reply,
        .max_pages = (uint32_t)r->max_pages,
        .hold = w->kind->ctx->repro == REPRO_HOLD,
    };
    struct err e = {0};
#ifdef STINT_TEST_HOOKS
    if (strncmp(w->run->job->id, "cellprobe.", strlen("cellprobe.")) == 0)
        request.probe = (uint32_t)strtoul(w->run->job->id + strlen("cellprobe."), NULL, 10);
#endif
    (void)snprintf(request.expect, sizeof request.expect, "%s", r->expect);
    (void)snprintf(request.password, sizeof request.password, "%s", r->password);
    job_run_progress(w->run, 30, "parsing");
    int rc = parser_client_parse(w->kind->parser, &request, w->input.fd, pdf_on_parsed, w, &w->cell_id, &e);
    explicit_bzero(request.password, sizeof request.password);
    if (rc < 0)
        pdf_fail(w, &e);
}

static void pdf_on_found(void *arg, json_t *result, const struct err *e)
{
    struct pdf_work *w = arg;
    if (pdf_stopped(w)) {
        json_decref(result);
        return;
    }
    if (e != NULL)
        pdf_fail(w, e);
    else if (json_is_object(result))
        pdf_save(w, result, true);
    else
        pdf_parse(w);
}

/* The input is in memory, or could not be had. */
static void pdf_begin(struct pdf_work *w, int rc, const struct err *e)
{
    if (rc < 0) {
        pdf_fail(w, e);
        return;
    }
    if (w->request.password[0] != '\0' || w->kind->ctx->repro != REPRO_NO) {
        pdf_parse(w);
        return;
    }
    pdf_request_options_hash(&w->request, w->options_hash);
    pdf_store_find(w->run, w->input.sha256, w->options_hash, pdf_on_found, w);
}

static void pdf_on_blob(void *arg, const redisReply *reply, const struct err *e)
{
    struct pdf_work *w = arg;
    struct err mine = {0};
    int rc;
    if (pdf_stopped(w))
        return;
    if (reply == NULL)
        rc = err_set(&mine, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: %.300s", w->request.source,
                     e != NULL ? e->message : "no answer");
    else if (reply->type == REDIS_REPLY_STRING && reply->len == 0)
        rc = err_set(&mine, ERR_SOURCE_MISSING, "source.redis %.200s does not exist", w->request.source);
    else if (reply->type != REDIS_REPLY_STRING)
        rc = err_set(&mine, ERR_SOURCE_REFUSED, "source.redis %.200s is no string of bytes", w->request.source);
    else
        rc = pdf_source_bytes(&w->input, &w->request, reply->str, reply->len, &mine);
    pdf_begin(w, rc, &mine);
}

/* One byte more than allowed is asked for, so that a blob too large is known without being fetched whole. */
static int pdf_fetch_blob(struct pdf_work *w, struct err *e)
{
    char last[24];
    (void)snprintf(last, sizeof last, "%lld", (long long)w->request.max_bytes);
    const char *const argv[] = {"GETRANGE", w->request.source, "0", last};
    if (redis_uv_argv(w->kind->ctx->redis, pdf_on_blob, w, (int)ARRAY_LEN(argv), argv, NULL) < 0)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.redis %.200s cannot be read: Redis is away", w->request.source);
    return 0;
}

static void pdf_start_one(struct pdf_kind *kind, struct job_run *run)
{
    struct pdf_work *w = alloc_zero(1, sizeof *w);
    struct err e = {0};
    w->kind = kind;
    w->run = run;
    w->input.fd = -1;
    w->started_ms = clock_mono_ms();
    run->data = w;
    const struct conf_pdf *conf = &kind->ctx->conf->pdf;
    int rc = pdf_request_read(&w->request, run->job->payload, run->job->payload_len, conf, &e);
    if (rc == 0 && w->request.source_type == PDF_SOURCE_REDIS) {
        rc = pdf_fetch_blob(w, &e);
        if (rc == 0)
            return;
    } else if (rc == 0 && w->request.source_type == PDF_SOURCE_PATH) {
        rc = pdf_source_path(&w->input, &w->request, conf->roots, &e);
    } else if (rc == 0 && w->request.source_type == PDF_SOURCE_INLINE) {
        rc = pdf_source_inline(&w->input, &w->request, &e);
    } else if (rc == 0) {
        rc = pdf_source_refused(&w->request, &e);
    }
    pdf_begin(w, rc, &e);
}

static void pdf_start(void *state, struct job_run *const runs[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        pdf_start_one(state, runs[i]);
}

static void pdf_cancel(void *state, struct job_run *run, enum cancel_reason why)
{
    struct pdf_kind *kind = state;
    struct pdf_work *w = run->data;
    (void)why;
    if (w == NULL)
        return;
    w->cancelled = true;
    if (w->cell_id != 0)
        parser_client_cancel(kind->parser, w->cell_id);
}

static int pdf_open(const struct worker_ctx *ctx, void **ret_state, struct err *e)
{
    struct pdf_kind *kind = alloc_zero(1, sizeof *kind);
    kind->ctx = ctx;
    int rc = parser_client_new(ctx->loop, &kind->parser, e);
    if (rc < 0) {
        free(kind);
        return rc;
    }
    ics_init();
    *ret_state = kind;
    return 0;
}

static void pdf_close(void *state)
{
    struct pdf_kind *kind = state;
    parser_client_close(kind->parser);
    free(kind);
}

extern const struct kind_ops kind_pdf_ops;
const struct kind_ops kind_pdf_ops = {
    .open = pdf_open,
    .start = pdf_start,
    .cancel = pdf_cancel,
    .close = pdf_close,
    .stores = true,
    .execs = true,
    .holds_itself = true,
    .needs_sql = "SELECT FROM stint.pdf_event LIMIT 0",
};
