/*
 * pdf_report - see pdf_report.h. Results go to standard output, everything about them to standard error; a result that cannot be written is
 * a failure of its document.
 */
#include "pdf_report.h"

#include "clock.h"
#include "pdf_advice.h"
#include "pdf_calendar.h"
#include "pdf_show.h"
#include "pdf_write.h"
#include "queue_call.h"

#include <stdio.h>

enum { CALENDAR_MAX_BYTES = 256 * 1024 * 1024 };

void pdf_report_init(struct pdf_report *r, struct session *s, const struct pdf_plan *plan, size_t n)
{
    *r = (struct pdf_report){.session = s, .plan = plan, .n = n, .began_ms = clock_mono_ms(), .code = EXIT_DONE};
    r->calendar = json_array();
    r->seen = json_object();
    r->failures = json_array();
    progress_init(&r->progress, &s->out, "parse");
    if (n > 1)
        progress_update(&r->progress, 0, n);
}

static json_t *name_json(const char *name)
{
    AUTO_FREE char *shown = out_harmless(name, strlen(name));
    return json_string(shown != NULL ? shown : "?");
}

static void report_told(struct pdf_report *r)
{
    r->told++;
    if (r->n > 1)
        progress_update(&r->progress, r->told, r->n);
}

void pdf_report_failure(struct pdf_report *r, const char *name, const char *id, const char *state, const struct err *why, const char *next)
{
    AUTO_FREE char *message = out_harmless(why->message, strlen(why->message));
    json_t *failure = json_pack("{s:o, s:s, s:s?, s:s, s:s}", "file", name_json(name), "code", err_name(why->code), "message", message, "next",
                                next != NULL ? next : pdf_advice(err_name(why->code)), "state", state != NULL ? state : "failed");
    if (id != NULL)
        (void)json_object_set_new(failure, "id", json_string(id));
    r->failed++;
    if (r->code == EXIT_DONE && state == NULL && why->code == ERR_BAD_PAYLOAD)
        r->code = EXIT_USAGE; /* an option only the parser could judge: the name of a layout */
    r->code = r->code != EXIT_DONE ? r->code : state != NULL ? (int)EXIT_FAILED : (int)session_exit_code(why->code);
    if (r->plan->form == PDF_FORM_JSON) {
        json_t *record = json_pack("{s:O, s:s, s:{s:s, s:s?}, s:O}", "file", json_object_get(failure, "file"), "state", state != NULL ? state : "failed",
                                   "error", "code", err_name(why->code), "message", message, "next", json_object_get(failure, "next"));
        if (id != NULL)
            (void)json_object_set_new(record, "id", json_string(id));
        progress_end(&r->progress);
        out_json(&r->session->out, record);
        json_decref(record);
    }
    (void)json_array_append_new(r->failures, failure);
    report_told(r);
}

/* Events for the one calendar; a document that was given twice gives its events once. */
static void report_collect(struct pdf_report *r, const json_t *events)
{
    size_t i;
    json_t *event;
    json_array_foreach((json_t *)(uintptr_t)events, i, event) {
        const char *uid = json_text(event, "uid");
        if (json_object_get(r->seen, uid) == NULL)
            (void)json_array_append(r->calendar, event);
        (void)json_object_set_new(r->seen, uid, json_true());
    }
}

static int report_calendar(struct pdf_report *r, const char *name, const json_t *result, struct err *e)
{
    const char *text = json_string_value(json_object_get(result, "ics"));
    if (r->plan->calendars == PDF_CALENDARS_ONE) {
        report_collect(r, json_object_get(result, "events"));
        return 0;
    }
    if (r->plan->calendars == PDF_CALENDARS_NONE)
        return 0;
    if (text == NULL)
        return err_set(e, ERR_NO_EVENTS, "the result holds no calendar: a %s has no events", json_text(result, "type"));
    AUTO_FREE char *path = pdf_plan_calendar_path(r->plan, name);
    int rc = path == NULL ? err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path") : pdf_write_file(path, text, strlen(text), e);
    if (rc == 0 && r->n == 1)
        out_remark(&r->session->out, "calendar written to %s", path);
    return rc;
}

static void report_print(const struct pdf_report *r, struct out *o, const char *name, const char *id, const json_t *result)
{
    if (r->plan->form == PDF_FORM_TEXT) {
        pdf_show_text(o, json_object_get(result, "words"));
    } else if (r->plan->form == PDF_FORM_TABLE) {
        pdf_show_result(o, name, result);
    } else {
        json_t *record = json_pack("{s:o, s:s, s:O}", "file", name_json(name), "state", "done", "result", result);
        if (id != NULL)
            (void)json_object_set_new(record, "id", json_string(id));
        out_json(o, record);
        json_decref(record);
    }
}

/* The same into a file of its own, for no terminal. */
static int report_file(const struct pdf_report *r, const char *name, const char *id, const json_t *result, struct err *e)
{
    AUTO_FREE char *text = NULL, *path = pdf_plan_result_path(r->plan, name);
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (memory == NULL || path == NULL) {
        if (memory != NULL)
            (void)fclose(memory);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the result");
    }
    struct out plain = {.to = memory, .remarks = r->session->out.remarks, .quiet = true};
    report_print(r, &plain, name, id, result);
    if (fclose(memory) == EOF)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the result");
    return pdf_write_file(path, text, len, e);
}

static bool to_stdout(const struct pdf_plan *plan)
{
    return plan->calendars == PDF_CALENDARS_ONE && strcmp(plan->calendar, "-") == 0;
}

/* Text, a table or JSON on standard output; warnings alone where a calendar goes there. */
static void report_shown(struct pdf_report *r, const char *name, const char *id, const json_t *result)
{
    struct out *o = &r->session->out;
    progress_end(&r->progress);
    if (to_stdout(r->plan)) {
        struct out remarks = *o;
        remarks.to = o->remarks;
        remarks.columns = 0;
        remarks.colour = false;
        if (!o->quiet)
            pdf_show_warnings(&remarks, json_object_get(result, "warnings"));
        return;
    }
    if (r->told > 0 && r->plan->form != PDF_FORM_JSON)
        out_line(o, "%s", r->plan->form == PDF_FORM_TEXT ? "\f" : "");
    report_print(r, o, name, id, result);
    (void)fflush(o->to);
}

/* Remembers a semester whose dates nobody gave: its events are in no calendar. */
static void report_terms(struct pdf_report *r, const json_t *warnings)
{
    size_t i;
    json_t *warning;
    json_array_foreach((json_t *)(uintptr_t)warnings, i, warning)
        r->no_term = r->no_term || strstr(json_text(warning, "message"), "payload.terms") != NULL;
}

void pdf_report_result(struct pdf_report *r, const char *name, const char *id, const json_t *result)
{
    struct err e = {.code = 0};
    int rc = report_calendar(r, name, result, &e);
    if (rc == 0 && r->plan->out_dir != NULL)
        rc = report_file(r, name, id, result, &e);
    if (rc < 0) {
        pdf_report_failure(r, name, id, NULL, &e, NULL);
        return;
    }
    report_terms(r, json_object_get(result, "warnings"));
    r->events += json_array_size(json_object_get(result, "events"));
    r->warnings += json_array_size(json_object_get(result, "warnings"));
    if (r->plan->out_dir == NULL)
        report_shown(r, name, id, result);
    report_told(r);
}

static int report_one_calendar(struct pdf_report *r, struct err *e)
{
    struct buf text;
    json_t *warnings = json_array(); /* each document's own were shown */
    if (json_array_size(r->calendar) == 0)
        return err_set(e, ERR_NO_EVENTS, "no calendar was written: no document holds an event");
    buf_init(&text, CALENDAR_MAX_BYTES);
    int rc = pdf_calendar_write(r->calendar, &r->plan->request, &text, warnings, e);
    if (rc == 0 && to_stdout(r->plan))
        (void)fwrite(text.data, 1, text.len, r->session->out.to);
    else if (rc == 0)
        rc = pdf_write_file(r->plan->calendar, text.data, text.len, e);
    if (rc == 0) {
        report_terms(r, warnings);
        pdf_show_warnings(&(struct out){.to = r->session->out.remarks, .remarks = r->session->out.remarks}, warnings);
        out_remark(&r->session->out, "calendar of %zu events written to %s", json_array_size(r->calendar) - json_array_size(warnings),
                   to_stdout(r->plan) ? "standard output" : r->plan->calendar);
    }
    json_decref(warnings);
    buf_fini(&text);
    return rc;
}

static void report_failures(const struct pdf_report *r)
{
    size_t i;
    json_t *failure;
    FILE *to = r->session->out.remarks;
    struct out o = {.to = to, .remarks = to, .colour = r->session->out.colour && r->session->out.live};
    json_array_foreach(r->failures, i, failure) {
        out_tinted(&o, TINT_RED, "%s: %s", json_text(failure, "file"), json_text(failure, "state"));
        (void)fprintf(to, "  code   %s: %s\n  next   %s\n", json_text(failure, "code"), json_text(failure, "message"), json_text(failure, "next"));
        if (json_object_get(failure, "id") != NULL)
            (void)fprintf(to, "  job    %s (stint dlq show %s)\n", json_text(failure, "id"), json_text(failure, "id"));
    }
}

void pdf_report_drop(struct pdf_report *r)
{
    progress_end(&r->progress);
    json_decref(r->calendar);
    json_decref(r->seen);
    json_decref(r->failures);
    r->calendar = r->seen = r->failures = NULL;
}

int pdf_report_finish(struct pdf_report *r)
{
    struct err e = {.code = 0};
    char took[32];
    progress_end(&r->progress);
    if (r->plan->form != PDF_FORM_JSON)
        report_failures(r);
    if (r->plan->calendars == PDF_CALENDARS_ONE && report_one_calendar(r, &e) < 0) {
        int code = session_fail(r->session, &e);
        r->code = r->code == EXIT_DONE ? code : r->code;
    }
    if (r->no_term)
        out_remark(&r->session->out, "events of semesters without dates are in no calendar; say when they repeat: --term S1=2026-02-09..2026-06-05 (docs/pdf.md)");
    if (r->n > 1 && r->plan->form != PDF_FORM_JSON)
        out_remark(&r->session->out, "%zu documents: %zu parsed, %zu failed; %zu events, %zu warnings; %s", r->n, r->n - r->failed, r->failed, r->events,
                   r->warnings, out_ms(took, (int64_t)(clock_mono_ms() - r->began_ms)));
    pdf_report_drop(r);
    return r->code;
}
