/*
 * pdf_local_uv - see pdf_local_uv.h. Cells end in any order, documents are reported in the order they were named; how many may be ahead is
 * bounded, and with it what is kept.
 */
#include "pdf_local_uv.h"

#include "alloc.h"
#include "clock.h"
#include "parser_client_uv.h"
#include "pdf_calendar.h"
#include "pdf_result.h"
#include "pdf_source.h"

#include <stdio.h>

enum { AHEAD_MAX = 64, CALENDAR_MAX_BYTES = 64 * 1024 * 1024 };

/* One document, from the start of its cell until it is reported. */
struct local_document {
    struct local *local;
    size_t index;
    struct pdf_input input;
    uint64_t started_ms;
    const char *expect;
    bool ended;
    json_t *result; /* owned; NULL: why says it */
    struct err why;
};

struct local {
    struct pdf_report *report;
    const struct pdf_inputs *in;
    struct parser_client *client;
    size_t started, running, reported;
    struct local_document ring[AHEAD_MAX]; /* of index i: ring[i % AHEAD_MAX] */
};

static void local_end(struct local_document *d)
{
    pdf_source_close(&d->input);
    d->ended = true;
}

static int local_calendar(const struct pdf_request *r, json_t *result, struct err *e)
{
    json_t *events = json_object_get(result, "events");
    struct buf text;
    if (!r->ics || events == NULL)
        return 0;
    buf_init(&text, CALENDAR_MAX_BYTES);
    int rc = pdf_calendar_write(events, r, &text, json_object_get(result, "warnings"), e);
    if (rc == 0)
        (void)json_object_set_new(result, "ics", json_string(text.data));
    buf_fini(&text);
    return rc;
}

static int local_result(struct local_document *d, const struct parser_outcome *outcome)
{
    struct pdf_request r = d->local->report->plan->request;
    const char *zone = pdf_request_layout_zone(&r, outcome->reply);
    r.timezone = zone != NULL ? zone : r.timezone;
    json_t *result = NULL;
    int rc = pdf_result_build(outcome->reply, &r, &result, &d->why);
    if (rc == 0)
        rc = local_calendar(&r, result, &d->why);
    if (rc < 0) {
        json_decref(result);
        return rc;
    }
    (void)json_object_set_new(result, "parse_ms", json_real(outcome->wall_us / 1000.0));
    (void)json_object_set_new(result, "input_sha256", json_string(d->input.sha256));
    (void)json_object_set_new(result, "cached", json_false());
    (void)json_object_set_new(result, "duration_ms", json_integer((json_int_t)(clock_mono_ms() - d->started_ms)));
    d->result = result;
    return 0;
}

static void local_parse(struct local_document *d);

static void local_on_parsed(void *arg, const struct parser_outcome *outcome)
{
    struct local_document *d = arg;
    d->local->running--;
    if (outcome->code == ERR_UNRECOGNISED_FORMAT && d->local->report->plan->table_too && strcmp(d->expect, "auto") == 0) {
        d->expect = "table";
        local_parse(d);
        return;
    }
    if (outcome->code < 0)
        d->why = outcome->e;
    else
        (void)local_result(d, outcome);
    local_end(d);
}

static void local_parse(struct local_document *d)
{
    const struct pdf_plan *plan = d->local->report->plan;
    const struct pdf_request *r = &plan->request;
    uint64_t id;
    struct parser_request request = {
        .memory_bytes = (uint64_t)r->memory_bytes,
        .cpu_s = (uint32_t)MAX_OF((r->cpu_ms + 999) / 1000, INT64_C(1)),
        .wall_ms = (uint32_t)r->timeout_ms,
        .reply_bytes = (uint64_t)plan->conf->pdf.max_reply,
        .max_pages = (uint32_t)r->max_pages,
        .unpacked_bytes = (uint64_t)r->max_unpacked,
    };
    (void)snprintf(request.expect, sizeof request.expect, "%s", d->expect);
    (void)snprintf(request.password, sizeof request.password, "%s", r->password);
    if (parser_client_parse(d->local->client, &request, d->input.fd, local_on_parsed, d, &id, &d->why) < 0)
        local_end(d);
    else
        d->local->running++;
    explicit_bzero(request.password, sizeof request.password);
}

static void local_start(struct local *l)
{
    const struct pdf_request *r = &l->report->plan->request;
    struct local_document *d = &l->ring[l->started % AHEAD_MAX];
    AUTO_FREE char *bytes = NULL;
    size_t len = 0;
    *d = (struct local_document){.local = l, .index = l->started++, .input = {.fd = -1}, .started_ms = clock_mono_ms(), .expect = r->expect};
    int rc = pdf_inputs_read(l->in->names[d->index], (size_t)r->max_bytes, &bytes, &len, &d->why);
    if (rc == 0)
        rc = pdf_source_bytes(&d->input, r, bytes, len, &d->why);
    if (rc < 0)
        local_end(d);
    else
        local_parse(d);
}

static void local_report(struct local *l)
{
    for (struct local_document *d; l->reported < l->started && (d = &l->ring[l->reported % AHEAD_MAX])->ended; l->reported++) {
        const char *name = l->in->names[d->index];
        if (d->result != NULL)
            pdf_report_result(l->report, name, NULL, d->result);
        else
            pdf_report_failure(l->report, name, NULL, NULL, &d->why, NULL);
        json_decref(d->result);
        d->result = NULL;
    }
}

int pdf_local_run(struct pdf_report *r, const struct pdf_inputs *in, struct err *e)
{
    uv_loop_t loop;
    AUTO_FREE struct local *l = alloc_zero(1, sizeof *l);
    l->report = r;
    l->in = in;
    if (uv_loop_init(&loop) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "no event loop can be made");
    int rc = parser_client_new(&loop, args_text(&r->session->args, "layouts", r->plan->conf->pdf.layouts), &l->client, e);
    while (rc == 0 && l->reported < in->n) {
        while (l->started < in->n && l->running < r->plan->jobs && l->started - l->reported < AHEAD_MAX)
            local_start(l);
        local_report(l);
        if (l->running > 0)
            (void)uv_run(&loop, UV_RUN_ONCE);
    }
    if (rc == 0)
        parser_client_close(l->client);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    return rc;
}
