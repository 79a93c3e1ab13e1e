/*
 * pdf_request - the payload of a pdf-parse job, checked member by member.
 *
 * Runs in: worker. Pure. Every refusal is ERR_BAD_PAYLOAD and names the member and what is allowed.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include <jansson.h>

enum { PDF_TERMS_MAX = 8, PDF_HOLIDAYS_MAX = 400, PDF_GROUPS_MAX = 200, PDF_NAME_MAX = 65 };

enum pdf_source_type { PDF_SOURCE_PATH, PDF_SOURCE_URL, PDF_SOURCE_S3, PDF_SOURCE_REDIS, PDF_SOURCE_INLINE };

struct pdf_term {
    char name[PDF_NAME_MAX]; /* "S1" */
    char start[11], end[11]; /* ISO dates, both days of the term */
};

struct pdf_request {
    json_t *json; /* owned: everything below that is a pointer lives in it */
    enum pdf_source_type source_type;
    const char *source; /* path, URL, key or base64 text */
    const char *sha256; /* announced; NULL: not */
    int64_t size;       /* announced; -1: not */
    const char *expect, *timezone, *password, *owner;
    bool events, ics;   /* what emit asks for */
    bool split_venues;
    int64_t exam_minutes;
    struct pdf_term terms[PDF_TERMS_MAX];
    size_t n_terms;
    const char *holidays[PDF_HOLIDAYS_MAX]; /* ISO dates */
    size_t n_holidays;
    const char *groups[PDF_GROUPS_MAX];
    size_t n_groups;
    int64_t max_bytes, max_pages, timeout_ms, cpu_ms, memory_bytes; /* configuration, lowered by payload.limits */
};

/* Reads payload. 0, or ERR_BAD_PAYLOAD with e. Free with pdf_request_free, also after a failure. */
int pdf_request_read(struct pdf_request *r, const char *payload, size_t len, const struct conf_pdf *conf, struct err *e);
void pdf_request_free(struct pdf_request *r);
/* Names everything that shapes the result (no source, password, owner or limits), for the cache: 64 hex digits. */
void pdf_request_options_hash(const struct pdf_request *r, char out[static 65]);
/* True for a date of the calendar as YYYY-MM-DD. */
bool pdf_request_is_date(const char *text);
