/*
 * control_uv - the control socket: JSON lines in, JSON lines out.
 *
 * Runs in: supervisor. Thread: the loop's only. Never blocks.
 * Bounds: a request CONTROL_REQUEST_MAX bytes, CONTROL_CLIENT_MAX clients, one request of a client at a time: it is not
 * read further until it took its answer.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>
#include <sys/types.h>
#include <uv.h>

enum { CONTROL_REQUEST_MAX = 65536, CONTROL_CLIENT_MAX = 32 };

/* Who asks, by SO_PEERCRED. */
struct control_peer {
    pid_t pid;
    uid_t uid;
};

/* Answers one request (an object, borrowed). The answer is the socket's to free; never NULL but without memory. */
typedef json_t *(*control_request_fn)(void *arg, const json_t *request, const struct control_peer *peer);

struct control;

/* Makes the folder when it is missing, and <run_dir>/control.sock with mode 0600. ERR_REFUSED when another supervisor
 * answers there; a dead one's socket is replaced. Every error names the path. beside: while another supervisor answers
 * there, under the name <run_dir>/control.new, until control_take. */
int control_new(uv_loop_t *loop, const char *run_dir, bool beside, control_request_fn on_request, void *arg,
                struct control **ret, struct err *e);
/* The socket gets its name, in the place of whatever has it: nobody who connects finds none. Nothing unless it is
 * beside. */
int control_take(struct control *c, struct err *e);
/* Another supervisor has the name now: those who connected before are served still, the file is left alone. */
void control_yield(struct control *c);
/* Closes clients, removes the socket; run the loop once more, then control_free. NULL-safe. */
void control_close(struct control *c);
void control_free(struct control *c); /* NULL-safe */

/* {"ok":false,"code":…,"message":…}; the caller's. */
json_t *control_error(int code, const char *message);
