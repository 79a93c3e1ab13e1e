/*
 * http_client - one request to a server on this host, for tests.
 *
 * Runs in: tests. Blocks, with a deadline.
 */
#pragma once

#include "base.h"

enum { HTTP_ANSWER_MAX = 1 << 20, HTTP_DEADLINE_MS = 60000 };

struct http_answer {
    int status;                 /* 0: no answer */
    char text[HTTP_ANSWER_MAX]; /* head and body, NUL-terminated */
    const char *body;           /* inside text */
};

/* Sends "GET /path" (or another method) to 127.0.0.1:port, with more header lines after a newline ("GET /x\nAccept:
 * y\r\n"), and reads until the server closes. Returns the status, 0 when there was no answer. */
int http_ask(struct http_answer *a, int port, const char *request);
/* Asks again until the answer has the status and holds `part` (NULL: anything). False after HTTP_DEADLINE_MS. */
bool http_await(struct http_answer *a, int port, const char *request, int status, const char *part);
