/*
 * pdf_plan - what `stint pdf parse` is to do, from its options, checked before a document is touched.
 *
 * Runs in: ctl. Blocks on reading the files that options name. Owner: the caller's struct pdf_plan.
 */
#pragma once

#include "pdf_inputs.h"
#include "pdf_request.h"
#include "session.h"

enum pdf_form { PDF_FORM_TABLE, PDF_FORM_JSON, PDF_FORM_TEXT };
enum pdf_calendars {
    PDF_CALENDARS_NONE,
    PDF_CALENDARS_EACH, /* one a document */
    PDF_CALENDARS_ONE,  /* of all documents together */
};

struct pdf_plan {
    bool local;         /* parsed here, by no worker */
    bool table_too;     /* what is no known timetable is shown as a table */
    enum pdf_form form;
    enum pdf_calendars calendars;
    const char *calendar; /* ONE: the file, "-" for standard output; EACH: the folder, NULL: beside each document. Borrowed */
    const char *out_dir;  /* a file a document in the plan's form goes there; NULL: all on standard output. Borrowed */
    unsigned jobs;        /* cells at once */
    const struct conf *conf;    /* borrowed of the session */
    json_t *payload;            /* owned: every option, and a source that stands for none */
    struct pdf_request request; /* owned: the payload, read as a worker reads it */
};

/* ERR_BAD_ARGUMENT names the option; folders that are written to are made. Free with pdf_plan_free in any case. */
int pdf_plan_make(struct pdf_plan *plan, struct session *s, const struct pdf_inputs *in, struct err *e);
void pdf_plan_free(struct pdf_plan *plan);
/* Where a document's calendar or result goes, the caller's to free: NULL without memory. */
char *pdf_plan_calendar_path(const struct pdf_plan *plan, const char *name);
char *pdf_plan_result_path(const struct pdf_plan *plan, const char *name);
