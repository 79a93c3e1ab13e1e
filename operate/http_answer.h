/*
 * http_answer - reads one HTTP/1.x answer as its bytes come: by Content-Length, chunked, or until the connection
 * closes.
 *
 * Runs in: ctl, console. Pure: foreign bytes in, status and body out. Owner: whoever asks, by value. Why not libcurl, which
 * fetches everything that is foreign: `stint` asks nobody but the metrics thread of its own host, at a numeric address,
 * and would load thirty more libraries at each start for it (a sixth more time).
 */
#pragma once

#include "buf.h"

enum { HTTP_LINE_MAX = 8192, HTTP_FIELDS_MAX = 100 };

/* What the next byte belongs to. */
enum http_at {
    HTTP_AT_STATUS,
    HTTP_AT_FIELD,
    HTTP_AT_LENGTH, /* body of a known length */
    HTTP_AT_CLOSE,  /* body until the connection closes */
    HTTP_AT_CHUNK_SIZE,
    HTTP_AT_CHUNK,
    HTTP_AT_CHUNK_END,
    HTTP_AT_TRAILER,
    HTTP_AT_WHOLE,
};

struct http_answer {
    enum http_at at;
    int status;      /* once its line was read */
    struct buf body; /* decoded; body.data is NULL while it is empty */
    uint64_t left;   /* bytes left of the body or of its chunk */
    bool has_length, chunked;
    unsigned fields;
    size_t line_len;
    char line[HTTP_LINE_MAX];
};

/* Nothing read yet. body_max: most bytes of a body. */
void http_answer_init(struct http_answer *a, size_t body_max);
/* Frees. */
void http_answer_fini(struct http_answer *a);
/* Ready for another answer with the same memory. */
void http_answer_again(struct http_answer *a);
/* The next n bytes. 1: the answer is whole; 0: more is needed; -EMSGSIZE: its body is above body_max; ERR_PROTOCOL:
 * this is no HTTP, it says two things about its length, or more came than it said. After an error: no further calls but
 * _again and _fini. */
int http_answer_add(struct http_answer *a, const char *bytes, size_t n);
/* The connection closed. 1: the answer is whole; ERR_PROTOCOL: it was cut short. */
int http_answer_end(struct http_answer *a);
/* The body as a string (it may hold NUL bytes: see body.len); "" when there is none. */
const char *http_answer_text(const struct http_answer *a);
