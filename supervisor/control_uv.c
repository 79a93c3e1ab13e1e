/*
 * control_uv - see control_uv.h. Carries requests and answers; refuses to know what a verb means, to serve more than it
 * said, and to take over the socket of a living supervisor.
 */
#include "control_uv.h"

#include "log.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { WATCH_MS = 1000, SHORT_MS = 200 };

struct control_client {
    uv_pipe_t pipe;
    struct control *owner; /* NULL: closing */
    struct control_peer peer;
    size_t len; /* bytes in `in` */
    char in[CONTROL_REQUEST_MAX + 1];
    uv_write_t write;
    char *out; /* owned: the answer under way; NULL: none */
    bool last; /* close after this answer */
};

struct control {
    uv_loop_t *loop;
    int fd;           /* the listening socket; -1: none */
    uv_poll_t *poll;  /* heap: outlives its socket until its close callback; NULL: none */
    uv_timer_t watch; /* is the socket's file still there, and are there descriptors again? */
    int spare_fd;     /* given up to answer somebody when descriptors have run out; -1: it was */
    bool short_told;  /* the shortage was logged */
    bool beside;      /* a successor's: under a name of its own until control_take */
    bool yielded;     /* the name is another supervisor's; clients who came before are served */
    bool gone_told;   /* that the socket cannot be made again was logged */
    dev_t device;     /* of the socket's file */
    ino_t inode;
    char run_dir[sizeof((struct sockaddr_un *)0)->sun_path - sizeof "control.sock"]; /* a name fits behind it */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    control_request_fn on_request;
    void *arg;
    bool listening;
    struct control_client *clients[CONTROL_CLIENT_MAX];
};

static void serve(struct control_client *c);
static void on_watch(uv_timer_t *timer);

json_t *control_error(int code, const char *message)
{
    return json_pack("{s:b,s:s,s:s}", "ok", 0, "code", err_name(code), "message", message);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_client *c = handle->data;
    free(c->out);
    free(c);
}

static void client_close(struct control_client *c)
{
    if (c->owner == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENT_MAX; i++)
        if (c->owner->clients[i] == c)
            c->owner->clients[i] = NULL;
    c->owner = NULL;
    uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct control_client *c = write->data;
    free(c->out);
    c->out = NULL;
    if (c->owner == NULL)
        return;
    if (status < 0 || c->last)
        client_close(c);
    else
        serve(c);
}

/* Sends the answer; takes it. */
static void answer(struct control_client *c, json_t *reply)
{
    char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;
    json_decref(reply);
    size_t len = text != NULL ? strlen(text) : 0;
    char *line = text != NULL ? realloc(text, len + 2) : NULL;
    if (line == NULL) {
        free(text);
        client_close(c);
        return;
    }
    line[len] = '\n';
    line[len + 1] = '\0';
    c->out = line;
    c->write.data = c;
    uv_buf_t buf = uv_buf_init(line, (unsigned)(len + 1));
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
        c->out = NULL;
        free(line);
        client_close(c);
    }
}

static void handle_line(struct control_client *c, const char *line, size_t len)
{
    json_error_t error;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(request)) {
        answer(c, c->owner->on_request(c->owner->arg, request, &c->peer));
    } else {
        char message[256];
        (void)snprintf(message, sizeof message, "a request is one JSON object on one line: %s",
                       request == NULL ? error.text : "this is JSON, but no object");
        answer(c, control_error(ERR_BAD_ARGUMENT, message));
    }
    json_decref(request);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct control_client *c = handle->data;
    *ret = uv_buf_init(c->in + c->len, (unsigned)(CONTROL_REQUEST_MAX - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct control_client *c = stream->data;
    if (n == UV_ENOBUFS) { /* no room was left for a line's end */
        (void)uv_read_stop(stream);
        c->last = true;
        answer(c, control_error(ERR_TOO_LARGE, "a request is at most 65536 bytes"));
        return;
    }
    if (n < 0) {
        client_close(c);
        return;
    }
    c->len += (size_t)n;
    serve(c);
}

/* Answers the first whole line, if there is one and no answer is under way; else reads on. */
static void serve(struct control_client *c)
{
    char *end = memchr(c->in, '\n', c->len);
    if (end == NULL) {
        (void)uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
        return;
    }
    (void)uv_read_stop((uv_stream_t *)&c->pipe);
    size_t len = (size_t)(end - c->in);
    char *line = malloc(len + 1);
    if (line == NULL) {
        client_close(c);
        return;
    }
    memcpy(line, c->in, len);
    line[len] = '\0';
    c->len -= len + 1;
    memmove(c->in, end + 1, c->len);
    handle_line(c, line, len);
    free(line);
}

static void peer_of(struct control_client *c)
{
    uv_os_fd_t fd = -1;
    struct ucred cred = {.pid = -1, .uid = (uid_t)-1};
    socklen_t size = sizeof cred;
    if (uv_fileno((uv_handle_t *)&c->pipe, &fd) == 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size);
    c->peer = (struct control_peer){cred.pid, cred.uid};
}

static void take_client(struct control *control, int fd)
{
    struct control_client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd);
        return;
    }
    (void)uv_pipe_init(control->loop, &c->pipe, 0);
    c->pipe.data = c;
    c->owner = control;
    if (uv_pipe_open(&c->pipe, fd) < 0) {
        (void)close(fd);
        client_close(c);
        return;
    }
    peer_of(c);
    for (size_t i = 0; i < CONTROL_CLIENT_MAX; i++) {
        if (control->clients[i] == NULL) {
            control->clients[i] = c;
            serve(c);
            return;
        }
    }
    c->last = true;
    answer(c, control_error(ERR_REFUSED, "32 clients are connected already; close one"));
}

/* A client that waits keeps the socket readable: without a pause the loop would do nothing else. The spare descriptor
 * is given up for as long as it takes to say why. */
static void refuse_for_want(struct control *c, int code)
{
    static const char words[] = "{\"ok\":false,\"code\":\"NO_DESCRIPTORS\",\"message\":\"the supervisor has no file "
                                "descriptor left; raise LimitNOFILE of its service (ulimit -n)\"}\n";
    if (!c->short_told)
        log_warn("the control socket answers nobody for now: raise LimitNOFILE of the supervisor's service (ulimit -n)",
                 KV_S("error", err_text(-code)));
    c->short_told = true;
    base_close_fd(&c->spare_fd);
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        (void)send(fd, words, sizeof words - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)close(fd);
    }
    c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)uv_poll_stop(c->poll);
    (void)uv_timer_start(&c->watch, on_watch, SHORT_MS, WATCH_MS);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct control *c = poll->data;
    (void)status;
    (void)events;
    for (size_t i = 0; i < CONTROL_CLIENT_MAX; i++) {
        int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
            refuse_for_want(c, errno);
        if (fd < 0)
            return;
        c->short_told = false;
        take_client(c, fd);
    }
}

/* -- the socket's file -----------------------------------------------------------------------------------------------
 */

/* A socket file left by a dead supervisor is removed; a living one is left alone. */
static int clear_path(const char *path, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(e, errno, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN)
        return err_set(e, ERR_REFUSED,
                       "another supervisor already answers on %s; stop it (`stint down`) or set another "
                       "[supervisor] run_dir",
                       path);
    if (errno == ECONNREFUSED && unlink(path) < 0)
        return err_set_errno(e, errno, "cannot remove the old control socket %s", path);
    return 0;
}

static int bind_to(struct control *c, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat file = {0};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", c->path);
    int rc = clear_path(c->path, e);
    if (rc < 0)
        return rc;
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177); /* the file must not be open to others even for a moment */
    rc = fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    (void)umask(before);
    if (rc == 0 && (listen(fd, CONTROL_CLIENT_MAX) < 0 || stat(c->path, &file) < 0))
        rc = -errno;
    if (rc < 0)
        return err_set_errno(e, -rc,
                             "cannot listen on the control socket %s; is [supervisor] run_dir writable, with room "
                             "on its disk?",
                             c->path);
    c->device = file.st_dev;
    c->inode = file.st_ino;
    c->fd = fd;
    fd = -1;
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_listening(struct control *c)
{
    if (c->poll != NULL)
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
    c->poll = NULL;
    base_close_fd(&c->fd);
}

static int listen_on(struct control *c, struct err *e)
{
    if (mkdir(c->run_dir, 0755) < 0 && errno != EEXIST)
        return err_set_errno(e, errno,
                             "cannot make the folder %s for the control socket; make it or set [supervisor] run_dir",
                             c->run_dir);
    int rc = bind_to(c, e);
    if (rc < 0)
        return rc;
    c->poll = calloc(1, sizeof *c->poll);
    rc = c->poll == NULL ? -ENOMEM : uv_poll_init(c->loop, c->poll, c->fd);
    if (rc < 0) {
        free(TAKE(c->poll));
        base_close_fd(&c->fd);
        return err_set_errno(e, -rc, "cannot watch the control socket %s", c->path);
    }
    c->poll->data = c;
    (void)uv_poll_start(c->poll, UV_READABLE, on_connection);
    return 0;
}

static bool file_is_ours(const struct control *c)
{
    struct stat file;
    return c->fd >= 0 && stat(c->path, &file) == 0 && file.st_dev == c->device && file.st_ino == c->inode;
}

/* A tidy-up of /run, or of /tmp, takes the file and leaves a supervisor that nobody can talk to. */
static void make_again(struct control *c)
{
    struct err e = {0};
    stop_listening(c);
    if (listen_on(c, &e) == 0) {
        log_warn("the control socket's file was gone: it is made again; keep whatever removes old files away from it",
                 KV_S("path", c->path));
        c->gone_told = false;
        return;
    }
    if (!c->gone_told)
        log_error("the control socket's file is gone and cannot be made again; stint cannot be told anything meanwhile",
                  KV_S("error", e.message));
    c->gone_told = true;
}

static void on_watch(uv_timer_t *timer)
{
    struct control *c = timer->data;
    if (c->spare_fd < 0)
        c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!c->yielded && !file_is_ours(c))
        make_again(c);
    else if (!uv_is_active((uv_handle_t *)c->poll))
        (void)uv_poll_start(c->poll, UV_READABLE, on_connection);
}

/* name: not longer than "control.sock". */
static void path_of(struct control *c, const char *name)
{
    (void)snprintf(c->path, sizeof c->path, "%s/%.12s", c->run_dir, name);
}

int control_new(uv_loop_t *loop, const char *run_dir, bool beside, control_request_fn on_request, void *arg,
                struct control **ret, struct err *e)
{
    struct control *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the control socket");
    c->loop = loop;
    c->on_request = on_request;
    c->arg = arg;
    c->fd = -1;
    c->beside = beside;
    if (snprintf(c->run_dir, sizeof c->run_dir, "%s", run_dir) >= (int)sizeof c->run_dir) {
        free(c);
        return err_set(e, ERR_BAD_CONFIG, "[supervisor] run_dir is too long for a socket's path (108 bytes): %s",
                       run_dir);
    }
    path_of(c, beside ? "control.new" : "control.sock");
    c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)uv_timer_init(loop, &c->watch);
    c->watch.data = c;
    *ret = c; /* from here on control_close and control_free undo it */
    int rc = listen_on(c, e);
    if (rc == 0 && !beside)
        (void)uv_timer_start(&c->watch, on_watch, WATCH_MS, WATCH_MS);
    return rc;
}

int control_take(struct control *c, struct err *e)
{
    char beside[sizeof c->path];
    memcpy(beside, c->path, sizeof beside);
    if (!c->beside)
        return 0;
    path_of(c, "control.sock");
    if (rename(beside, c->path) < 0) {
        int code = errno;
        memcpy(c->path, beside, sizeof beside);
        return err_set_errno(e, code, "cannot give the control socket its name in %s", c->run_dir);
    }
    c->beside = false;
    (void)uv_timer_start(&c->watch, on_watch, WATCH_MS, WATCH_MS);
    return 0;
}

void control_yield(struct control *c)
{
    c->yielded = true;
    (void)uv_timer_stop(&c->watch);
}

void control_close(struct control *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENT_MAX; i++)
        if (c->clients[i] != NULL)
            client_close(c->clients[i]);
    if (!c->yielded && file_is_ours(c))
        (void)unlink(c->path);
    stop_listening(c);
    base_close_fd(&c->spare_fd);
    uv_close((uv_handle_t *)&c->watch, NULL);
}

void control_free(struct control *c)
{
    free(c);
}
