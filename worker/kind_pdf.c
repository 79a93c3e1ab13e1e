/*
 * kind_pdf - a pdf-parse job from payload to stored events. Moves the bytes and never looks into them: that is the parser's cell.
 *
 *   payload ─► source ─► cache? ─── there ───────────────────┐
 *                          ├─ my turn ─► cell ─────► check ─┴─► one transaction: events, calendar, result, outcome ─► done
 *                          └─ somebody parses it: come back later
 */
#include "alloc.h"
#include "clock.h"
#include "ics_zone.h"
#include "kind.h"
#include "killpoint.h"
#include "log.h"
#include "parser_client_uv.h"
#include "pdf_cache.h"
#include "pdf_request.h"
#include "pdf_result.h"
#include "pdf_source.h"
#include "pdf_source_uv.h"
#include "pdf_store.h"
#include "pg_conn_uv.h"

#include <stdio.h>

enum {
    PDF_BUSY_FIRST_MS = 200,    /* a document that somebody parses is asked for again after half of what it has taken, */
    PDF_BUSY_MAX_MS = 5000,     /* so that copies of a slow one do not keep the workers */
    PDF_PRUNE_EVERY_MS = 60000, /* the cache is bounded again so often, and after so many documents */
    PDF_PRUNE_EVERY = 64,
};

struct pdf_kind {
    const struct worker_ctx *ctx;
    uint64_t pruned_ms;
    size_t kept; /* documents since */
    struct parser_client *parser;
    struct pdf_sources sources;
};

/* One job under way; run->data. */
struct pdf_work {
    struct pdf_kind *kind;
    struct job_run *run;
    struct pdf_request request;
    struct pdf_input input;
    struct pdf_get get;
    bool getting; /* the input is under way */
    uint64_t started_ms, cell_id; /* cell_id 0: no cell runs */
    bool cancelled;
    struct ics_zone *zone; /* owned; NULL: no calendar is asked for */
    struct pdf_cache_key key;
    bool keyed;            /* key is set: the cache may answer and learn */
    struct pg_conn *turn;  /* holds the document's turn; NULL: none, or it is stored's */
    struct pdf_stored stored;
    char *reply;           /* owned: what the cache is to keep */
    struct parser_outcome failed; /* of the cell, while the cache learns it */
};

static void pdf_free(void *arg)
{
    struct pdf_work *w = arg;
    w->run->data = NULL;
    if (w->turn != NULL)
        pg_pool_release(w->kind->ctx->pg, w->turn);
    json_decref(w->stored.result);
    free(w->zone);
    free(w->reply);
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

/* The reply is refused; which document made it is what whoever looks into it needs. */
static void pdf_fail_reply(struct pdf_work *w, const json_t *reply, const struct err *e)
{
    char text[400];
    const char *type = json_string_value(json_object_get(reply, "type"));
    (void)snprintf(text, sizeof text, "{\"process\":\"parser cell\",\"input_sha256\":\"%s\",\"rows_seen\":%lld,\"rows_parsed\":%lld,\"warnings\":%zu}",
                   w->input.sha256, (long long)json_integer_value(json_object_get(reply, "rows_seen")),
                   (long long)json_integer_value(json_object_get(reply, "rows_parsed")),
                   json_array_size(json_object_get(reply, "warnings")));
    struct job_run *run = w->run;
    struct err copy = *e;
    log_error("the parser's reply is refused", KV_S("job", run->job->id), KV_S("why", e->message), KV_S("input_sha256", w->input.sha256),
              KV_S("type", type != NULL ? type : ""));
    pdf_free(w);
    job_run_fail(run, &copy, text);
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

/* The cache stays within its bounds without anybody waiting for it. */
static void pdf_kept(struct pdf_kind *kind)
{
    uint64_t now_ms = clock_mono_ms();
    if (++kind->kept < PDF_PRUNE_EVERY && now_ms - kind->pruned_ms < PDF_PRUNE_EVERY_MS)
        return;
    kind->kept = 0;
    kind->pruned_ms = now_ms;
    pdf_cache_prune(kind->ctx);
}

static void pdf_on_saved(void *arg)
{
    struct pdf_work *w = arg;
    struct pdf_kind *kind = w->kind;
    bool kept = w->keyed && !w->stored.cached;
    pdf_free(w);
    if (kept)
        pdf_kept(kind);
}

/* result: taken. */
static void pdf_save(struct pdf_work *w, json_t *result, int64_t parse_us, bool cached)
{
    (void)json_object_set_new(result, "input_sha256", json_string(w->input.sha256));
    (void)json_object_set_new(result, "cached", json_boolean(cached));
    (void)json_object_set_new(result, "parse_ms", json_real((double)parse_us / 1000.0));
    job_run_progress(w->run, 90, "storing");
    w->stored = (struct pdf_stored){
        .result = result,
        .request = &w->request,
        .zone = json_object_get(result, "events") != NULL ? w->zone : NULL,
        .sha256 = w->input.sha256,
        .key = w->keyed ? &w->key : NULL, /* whoever has no password gets no answer */
        .row = {.reply = w->reply, .pages = json_integer_value(json_object_get(result, "pages")), .parse_us = parse_us},
        .turn = TAKE(w->turn),
        .started_ms = w->started_ms,
        .cached = cached,
    };
    pdf_store_save(w->run, &w->stored, pdf_on_saved, w);
}

/* A layout may say in which zone its times are; the payload's word counts more. */
static int pdf_layout_zone(struct pdf_work *w, const json_t *reply, struct err *e)
{
    const char *zone = pdf_request_layout_zone(&w->request, reply);
    if (zone == NULL || w->zone == NULL)
        return 0;
    (void)json_object_set_new(w->request.json, "timezone", json_string(zone));
    w->request.timezone = json_string_value(json_object_get(w->request.json, "timezone"));
    return ics_zone_load(w->zone, w->request.timezone, e);
}

/* The reply, from a cell or from the cache, becomes the answer. */
static void pdf_answer(struct pdf_work *w, const json_t *reply, int64_t parse_us, bool cached)
{
    struct err e = {0};
    json_t *result = NULL;
    int rc = pdf_result_build(reply, &w->request, &result, &e);
    if (rc == 0)
        rc = pdf_layout_zone(w, reply, &e);
    if (rc == ERR_BAD_REPLY)
        pdf_fail_reply(w, reply, &e);
    else if (rc < 0)
        pdf_fail(w, &e);
    else
        pdf_save(w, result, parse_us, cached);
}

static void pdf_on_noted(void *arg)
{
    struct pdf_work *w = arg;
    struct parser_outcome outcome = w->failed; /* w is freed before the run ends */
    if (!pdf_stopped(w))
        pdf_fail_in_cell(w, &outcome);
}

/* The cell said why there is no reply. That a document cannot be parsed is learnt, so that its copies are not tried one after the other; that it
 * took too much or that its cell died is not, for it may do better on another day. */
static void pdf_no_reply(struct pdf_work *w, const struct parser_outcome *outcome)
{
    if (w->turn == NULL || err_class(outcome->code) != ERR_CLASS_PERMANENT || outcome->code == ERR_CANCELLED ||
        !pg_conn_in_transaction(w->turn)) {
        pdf_fail_in_cell(w, outcome);
        return;
    }
    w->failed = *outcome;
    w->failed.page_fd = -1; /* borrowed */
    const struct pdf_cache_row row = {.parse_us = outcome->wall_us, .code = outcome->code, .message = w->failed.e.message};
    pdf_cache_note(w->run, TAKE(w->turn), &w->key, &row, pdf_on_noted, w);
}

static void pdf_on_parsed(void *arg, const struct parser_outcome *outcome)
{
    struct pdf_work *w = arg;
    w->cell_id = 0;
    KILL_POINT("pdf_parsed");
    if (pdf_stopped(w))
        return;
    if (outcome->code < 0) {
        pdf_no_reply(w, outcome);
        return;
    }
    if (w->keyed)
        w->reply = json_dumps(outcome->reply, JSON_COMPACT);
    pdf_answer(w, outcome->reply, outcome->wall_us, false);
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
        .unpacked_bytes = (uint64_t)r->max_unpacked,
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

/* Somebody else parses it: this worker has other work meanwhile. */
static void pdf_come_back(struct pdf_work *w, int64_t busy_ms)
{
    struct job_run *run = w->run;
    pdf_free(w);
    job_run_snooze(run, MIN_OF(MAX_OF(busy_ms / 2, (int64_t)PDF_BUSY_FIRST_MS), (int64_t)PDF_BUSY_MAX_MS), "parsed_elsewhere");
}

static void pdf_hit(struct pdf_work *w, const struct pdf_cached *found)
{
    struct err e;
    json_t *reply = found->reply;
    if (found->pages > w->request.max_pages) {
        (void)err_set(&e, ERR_TOO_MANY_PAGES, "the PDF has %lld pages; allowed are %lld", (long long)found->pages,
                      (long long)w->request.max_pages);
        pdf_fail(w, &e);
    } else {
        pdf_answer(w, reply, found->parse_us, true);
    }
    json_decref(reply);
}

static void pdf_on_found(void *arg, const struct pdf_cached *found)
{
    struct pdf_work *w = arg;
    w->turn = found->conn;
    if (w->cancelled) {
        json_decref(found->reply);
        (void)pdf_stopped(w);
        return;
    }
    switch (found->how) {
    case PDF_CACHE_HIT:
        pdf_hit(w, found);
        return;
    case PDF_CACHE_FAILED:
    case PDF_CACHE_ERROR:
        pdf_fail(w, &found->e);
        return;
    case PDF_CACHE_BUSY:
        pdf_come_back(w, found->busy_ms);
        return;
    case PDF_CACHE_LEAD:
        KILL_POINT("pdf_turn");
        pdf_parse(w);
        return;
    }
}

static void pdf_begin(struct pdf_work *w)
{
    const struct worker_ctx *ctx = w->kind->ctx;
    const char *parser = parser_client_identity(w->kind->parser);
    if (w->request.password[0] != '\0' || ctx->repro != REPRO_NO || ctx->conf->pdf.cache_rows == 0 || parser[0] == '\0') {
        pdf_parse(w);
        return;
    }
    w->keyed = true;
    (void)snprintf(w->key.sha256, sizeof w->key.sha256, "%s", w->input.sha256);
    pdf_request_options_hash(&w->request, parser, parser_client_layouts(w->kind->parser), w->key.options);
    (void)snprintf(w->key.limits, sizeof w->key.limits, "pages=%lld,reply=%lld", (long long)w->request.max_pages,
                   (long long)ctx->conf->pdf.max_reply);
    pdf_cache_find(w->run, &w->key, pdf_on_found, w);
}

static void pdf_on_input(void *arg, int rc, const struct err *e, int64_t retry_after_ms)
{
    struct pdf_work *w = arg;
    w->getting = false;
    if (pdf_stopped(w))
        return;
    if (rc == 0) {
        pdf_begin(w);
        return;
    }
    job_run_retry_after(w->run, retry_after_ms);
    pdf_fail(w, e);
}

/* A name that is no zone is told before anything is fetched, also where no calendar is asked for. */
static int pdf_zone(struct pdf_work *w, struct err *e)
{
    if (!w->request.ics && json_object_get(w->request.json, "timezone") == NULL)
        return 0;
    struct ics_zone *zone = alloc_zero(1, sizeof *zone);
    int rc = ics_zone_load(zone, w->request.timezone, e);
    if (rc == 0 && w->request.ics)
        w->zone = TAKE(zone);
    free(zone);
    return rc;
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
    int rc = pdf_request_read(&w->request, run->job->payload, run->job->payload_len, &kind->ctx->conf->pdf, &e);
    if (rc == 0)
        rc = pdf_zone(w, &e);
    if (rc < 0) {
        pdf_fail(w, &e);
        return;
    }
    w->getting = true;
    pdf_source_get(&w->get, &kind->sources, &w->request, run->soft_deadline_ms, &w->input, pdf_on_input, w);
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
    else if (w->getting)
        pdf_source_cancel(&w->get);
}

static int pdf_open(const struct worker_ctx *ctx, void **ret_state, struct err *e)
{
    struct pdf_kind *kind = alloc_zero(1, sizeof *kind);
    kind->ctx = ctx;
    int rc = parser_client_new(ctx->loop, ctx->conf->pdf.layouts, &kind->parser, e);
    if (rc < 0) {
        free(kind);
        return rc;
    }
    pdf_sources_init(&kind->sources, ctx);
    log_info("the parser is ready", KV_S("walls", parser_client_walls(kind->parser)));
    *ret_state = kind;
    return 0;
}

static void pdf_close(void *state)
{
    struct pdf_kind *kind = state;
    pdf_sources_fini(&kind->sources);
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
    .needs_sql = "SELECT sequence FROM stint.pdf_event, stint.pdf_cache LIMIT 0",
};
