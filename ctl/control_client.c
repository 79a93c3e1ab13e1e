/*
 * control_client - see control_client.h. Refuses replies that are not one JSON object on one line of at most REPLY_MAX
 * bytes.
 */
#include "control_client.h"

#include "buf.h"
#include "clock.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { REPLY_MAX = 8 * 1024 * 1024 };

static int unreachable(const char *path, const char *what, int number, struct err *e)
{
    (void)err_set(e, -ECONNREFUSED,
                  "the supervisor's control socket %s %s (%s): start the stack with \"stint up\", or name its "
                  "configuration with --config FILE or --dir DIR",
                  path, what, strerror(number));
    return -ECONNREFUSED;
}

static int dial(const char *path, int *ret_fd, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(e, ERR_BAD_CONFIG, "supervisor.run_dir is too long for a socket: %.200s; use at most %zu bytes",
                       path, sizeof address.sun_path - sizeof "/control.sock");
    memcpy(address.sun_path, path, strlen(path) + 1);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(e, errno, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return unreachable(path, "cannot be reached", errno, e);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int send_all(int fd, const char *path, const char *text, size_t len, struct err *e)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return unreachable(path, "closed on the request", errno, e);
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int read_line(int fd, const char *path, int64_t timeout_ms, struct buf *line, struct err *e)
{
    uint64_t deadline = clock_mono_ms() + (uint64_t)timeout_ms;
    for (;;) {
        uint64_t now = clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = now >= deadline ? 0 : poll(&p, 1, (int)MIN_OF(deadline - now, (uint64_t)60000));
        if (ready < 0 && errno != EINTR)
            return unreachable(path, "failed", errno, e);
        if (ready == 0 && clock_mono_ms() >= deadline)
            return unreachable(path, "gave no answer in time", ETIMEDOUT, e);
        if (ready <= 0)
            continue;
        char chunk[16384];
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return unreachable(path, "closed without an answer", n == 0 ? ECONNRESET : errno, e);
        if (n < 0)
            continue;
        if (buf_add(line, chunk, (size_t)n) < 0)
            return err_set(e, ERR_PROTOCOL, "the supervisor's answer is longer than %d bytes", REPLY_MAX);
        if (memchr(chunk, '\n', (size_t)n) != NULL)
            return 0;
    }
}

static int refusal(const json_t *reply, struct err *e)
{
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *message = json_string_value(json_object_get(reply, "message"));
    int number = code == NULL ? 0 : err_code_by_name(code);
    return err_set(e, number != 0 ? number : ERR_REFUSED, "the supervisor refused: %s",
                   message != NULL ? message : "it gave no reason");
}

static int exchange(const char *path, const char *text, int64_t timeout_ms, struct buf *line, struct err *e)
{
    AUTO_CLOSE int fd = -1;
    int rc = dial(path, &fd, e);
    if (rc == 0)
        rc = send_all(fd, path, text, strlen(text), e);
    return rc == 0 ? read_line(fd, path, timeout_ms, line, e) : rc;
}

int control_client_ask(const char *run_dir, const char *verb, json_t *fields, int64_t timeout_ms, json_t **ret_reply,
                       struct err *e)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/control.sock", run_dir);
    struct buf line;
    buf_init(&line, REPLY_MAX);
    AUTO_FREE char *text = NULL, *wire = NULL;
    json_t *request = fields != NULL ? json_copy(fields) : json_object(), *reply = NULL;
    int rc = ERR_OUT_OF_MEMORY;
    if (request == NULL || json_object_set_new(request, "verb", json_string(verb)) < 0)
        goto out;
    text = json_dumps(request, JSON_COMPACT);
    if (text == NULL || asprintf(&wire, "%s\n", text) < 0)
        goto out;
    rc = exchange(path, wire, timeout_ms, &line, e);
    if (rc < 0)
        goto out;
    reply = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
    if (!json_is_object(reply)) {
        rc = err_set(e, ERR_PROTOCOL, "the supervisor answered what is not a JSON object");
        goto out;
    }
    if (!json_is_true(json_object_get(reply, "ok"))) {
        rc = refusal(reply, e);
        goto out;
    }
    *ret_reply = TAKE(reply);
out:
    if (rc == ERR_OUT_OF_MEMORY)
        (void)err_set(e, rc, "no memory to ask the supervisor");
    json_decref(request);
    json_decref(reply);
    buf_fini(&line);
    return rc;
}
