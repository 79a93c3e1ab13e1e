/*
 * verb_pdf - `stint pdf parse FILE…`: what documents hold, by the workers or, with --local, by a parser of its own. Refuses to look into a
 * document itself: foreign bytes belong in the parser's cell.
 */
#include "parser_proto.h"
#include "pdf_local_uv.h"
#include "pdf_remote.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_pdf_parse_options[] = {
    {"local", ARG_FLAG, NULL, "parse here: no server, no configuration needed", NULL, 0, 0},
    {"expect", ARG_TEXT, "TYPE", "auto (default), table, text, or a layout's name (stint pdf layout list)", NULL, 1, 31},
    {"layouts", ARG_TEXT, "FOLDER|FILE", "with --local: layout files beside the compiled-in; default: pdf.layouts", NULL, 1, 511},
    {"table", ARG_FLAG, NULL, "show a table, also of what is no known timetable", NULL, 0, 0},
    {"text", ARG_FLAG, NULL, "show the text, line by line", NULL, 0, 0},
    {"ics", ARG_OPTIONAL, "OUT", "calendars: one beside each FILE; OUT a folder: one each there; OUT a file or \"-\": one of all", ".pdf", 1, 4095},
    {"out-dir", ARG_TEXT, "DIR", "write a file a document there (.ics, .json or .txt) instead of showing it", NULL, 1, 4000},
    {"jobs", ARG_INT, "N", "documents at once with --local; default: a processor each", NULL, 1, PARSER_CELLS_MAX},
    {"timezone", ARG_TEXT, "ZONE", "of the times; default: pdf.timezone", NULL, 1, 63},
    {"term", ARG_LIST, "S1=FIRST..LAST", "when weekly events repeat, S1=2026-02-09..2026-06-05; may be given again", NULL, 0, 0},
    {"terms", ARG_TEXT, "JSON|@FILE", "the same as {\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"},…}", NULL, 0, 0},
    {"holidays", ARG_TEXT, "FILE|DATE,DATE", "days without lectures: 2026-04-27,… or a file with one a line", NULL, 1, 65536},
    {"exam-minutes", ARG_INT, "N", "length of an exam without an end; default 180", NULL, 1, 1440},
    {"venue-policy", ARG_ENUM, "P", "one event with all venues, or one each", "merge|split", 0, 0},
    {"calendar-name", ARG_TEXT, "NAME", "what calendar programs show", NULL, 1, 128},
    {"alarm-minutes", ARG_INT, "N", "an alarm so long before every event", NULL, 0, 40320},
    {"group", ARG_LIST, "G01,G02", "only these groups; may be given again", NULL, 0, 0},
    {"password-file", ARG_TEXT, "FILE|prompt", "file whose first line opens the documents, or ask for it", NULL, 1, 4095},
    {"timeout", ARG_DURATION, "2m", "longest wait for each document at a server; default 5m", NULL, 1, INT64_C(86400000)},
    {"queue", ARG_TEXT, "QUEUE", "default: the queue of the pool that runs pdf-parse", NULL, 1, 64},
    {.name = NULL},
};

/* Who has a file and no server is told that none is needed. */
static int parse_failed(struct session *s, const struct pdf_plan *plan, const struct err *e)
{
    if (plan->local || session_exit_code(e->code) != EXIT_UNREACHABLE)
        return session_fail(s, e);
    struct err with = {.code = 0};
    (void)err_set(&with, e->code, "%.800s; no server is needed to parse documents on this machine: add --local", e->message);
    return session_fail(s, &with);
}

static int parse(struct session *s, const struct pdf_inputs *in, const struct pdf_plan *plan)
{
    struct err e = {.code = 0};
    struct pdf_report report;
    pdf_report_init(&report, s, plan, in->n);
    int rc = plan->local ? pdf_local_run(&report, in, &e) : pdf_remote_run(&report, in, &e);
    if (rc == 0)
        return pdf_report_finish(&report);
    pdf_report_drop(&report);
    return parse_failed(s, plan, &e);
}

int verb_pdf_parse(struct session *s)
{
    struct err e = {.code = 0};
    struct pdf_inputs in;
    struct pdf_plan plan = {.local = false};
    int rc = pdf_inputs_find(&in, &s->args, &e);
    if (rc == 0)
        rc = pdf_plan_make(&plan, s, &in, &e);
    int code = rc < 0 ? session_fail(s, &e) : parse(s, &in, &plan);
    pdf_plan_free(&plan);
    pdf_inputs_free(&in);
    return code;
}
