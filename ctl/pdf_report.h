/*
 * pdf_report - what becomes of each document: shown, written, counted; and the end of it all: one calendar, the failures, a summary.
 *
 * Runs in: ctl. Blocks on writing. Owner: the caller's struct pdf_report. Documents are reported in the order they were named.
 */
#pragma once

#include "pdf_plan.h"

struct pdf_report {
    struct session *session;      /* borrowed */
    const struct pdf_plan *plan;  /* borrowed */
    struct progress progress;
    size_t n, told, failed, events, warnings; /* of n documents; told: reported so far */
    uint64_t began_ms;
    bool no_term;        /* an event is in no calendar for want of its semester's dates */
    int code;            /* exit code so far */
    json_t *calendar;    /* owned: events of all documents, for the one calendar */
    json_t *seen;        /* owned: their uids */
    json_t *failures;    /* owned: {"file","code","message","next","id"?} */
};

/* n documents are to come; s and plan are borrowed until pdf_report_finish. */
void pdf_report_init(struct pdf_report *r, struct session *s, const struct pdf_plan *plan, size_t n);
/* A document that was parsed. result: complete, borrowed; id: its job, NULL for none. */
void pdf_report_result(struct pdf_report *r, const char *name, const char *id, const json_t *result);
/* One that was not. next: what to do, NULL: pdf_advice's; state: its job's, NULL for none. */
void pdf_report_failure(struct pdf_report *r, const char *name, const char *id, const char *state, const struct err *why, const char *next);
/* Frees without a word: nothing was begun. */
void pdf_report_drop(struct pdf_report *r);
/* Writes the one calendar, lists failures, sums up. Frees; returns the exit code. */
int pdf_report_finish(struct pdf_report *r);
