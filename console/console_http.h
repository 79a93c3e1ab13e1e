/*
 * console_http - HTTP for the console: libmicrohttpd with a few threads, everything bounded.
 *
 * Runs in: console. Threads: CONSOLE_HTTP_THREADS of the library's, on which on_request is called.
 */
#pragma once

#include "console.h"

enum {
    CONSOLE_HTTP_THREADS = STORE_POOL_SIZE,
    CONSOLE_HTTP_CONNECTIONS = 1024,
    CONSOLE_HTTP_IDLE_S = 15,           /* a connection that says nothing for so long is closed */
    CONSOLE_HTTP_REQUEST_MS = 30000,    /* and one whose request is not whole by then, however slowly it goes on */
    CONSOLE_HTTP_BODY_MAX = 256 * 1024, /* of a request */
    CONSOLE_HTTP_SWALLOW_MAX = 8 << 20, /* a body said to be larger is refused, and cut off, before it is sent */
};

struct console_http; /* heap */

/* Binds listen:port; *ret_port: the port that was bound. ERR_BOOT_FAILURE with e. */
int console_http_listen(const char *listen, int port, int *ret_fd, int *ret_port, struct err *e);
/* Serves from now on; takes the descriptor, borrows the console. NULL with e. */
struct console_http *console_http_new(int listen_fd, struct console *c, struct err *e);
/* Closes connections whose request has taken too long; call it every second or so. now_ms: monotonic. */
void console_http_sweep(struct console_http *h, uint64_t now_ms);
/* Answers what is being answered, closes the rest. NULL-safe. */
void console_http_free(struct console_http *h);
