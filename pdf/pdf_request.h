/*
 * pdf_request - the payload of a pdf-parse job, checked member by member.
 *
 * Runs in: worker, ctl. Pure. Every refusal is ERR_BAD_PAYLOAD and names the member and what is allowed.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include <jansson.h>

enum { PDF_LAYOUT_MAX = 31, PDF_ZONE_MAX = 63, PDF_TERMS_MAX = 8, PDF_HOLIDAYS_MAX = 400, PDF_GROUPS_MAX = 200, PDF_NAME_MAX = 65, PDF_TERM_DAYS_MAX = 400, PDF_OWNER_MAX = 128, PDF_BUCKET_MAX = 64 };

enum pdf_source_type { PDF_SOURCE_PATH, PDF_SOURCE_URL, PDF_SOURCE_S3, PDF_SOURCE_REDIS, PDF_SOURCE_INLINE };

struct pdf_term {
    char name[PDF_NAME_MAX]; /* "S1" */
    char start[11], end[11]; /* ISO dates, both days of the term; at most PDF_TERM_DAYS_MAX apart */
    char week1[11];          /* a day of the week that weeks are counted from; "": start */
};

struct pdf_request {
    json_t *json; /* owned: everything below that is a pointer lives in it */
    enum pdf_source_type source_type;
    const char *source; /* path, URL, key or base64 text; S3: the object's key */
    size_t source_len;
    char s3_bucket[PDF_BUCKET_MAX];
    const char *s3_version; /* NULL: the newest */
    const char *sha256; /* announced; NULL: not */
    int64_t size;       /* announced; -1: not */
    const char *expect, *timezone, *password, *owner;
    const char *calendar_name; /* "": none */
    int64_t alarm_minutes;     /* -1: no alarm */
    bool events, ics;   /* what emit asks for */
    bool split_venues;
    int64_t exam_minutes;
    struct pdf_term terms[PDF_TERMS_MAX];
    size_t n_terms;
    const char *holidays[PDF_HOLIDAYS_MAX]; /* ISO dates */
    size_t n_holidays;
    const char *groups[PDF_GROUPS_MAX];
    size_t n_groups;
    int64_t max_bytes, max_pages, timeout_ms, cpu_ms, memory_bytes, max_unpacked; /* configuration, lowered by payload.limits */
};

/* Reads payload, which is borrowed until pdf_request_free: a long inline document stays in it. 0, or ERR_BAD_PAYLOAD with e. Free with pdf_request_free, also after a failure. */
int pdf_request_read(struct pdf_request *r, const char *payload, size_t len, const struct conf_pdf *conf, struct err *e);
void pdf_request_free(struct pdf_request *r);
/* The time zone that the parser's reply says its layout has, borrowed from it; NULL when it says none, or the payload names one. */
const char *pdf_request_layout_zone(const struct pdf_request *r, const json_t *reply);
/* Names everything that shapes a cell's reply to the same bytes: 64 hex digits over what it is told (no password, no limits) and which parser
 * with which layouts it is (parser_client_identity, parser_client_layouts). Time zone, terms, groups and the like are applied to the reply, so they are not in it. */
void pdf_request_options_hash(const struct pdf_request *r, const char *parser, const char *layouts, char out[static 65]);
/* True for what a layout may be called: a small letter, then small letters, figures, _ and -, at most PDF_LAYOUT_MAX. */
bool pdf_request_is_layout(const char *text);
/* True for a date of the calendar as YYYY-MM-DD, of the years 1900 to 2999. */
bool pdf_request_is_date(const char *text);
