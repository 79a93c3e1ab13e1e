/*
 * health_ask - see health_ask.h. A container's health check runs every few seconds beside the jobs: one short
 * connection, no library to load, and no answer is an answer too.
 */
#include "health_ask.h"

#include "clock.h"
#include "http_answer.h"
#include "metrics_address.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>

enum { ANSWER_MAX = 1 << 20, PATH_MAX_BYTES = 4096 };

/* Waits for events on fd until deadline_ms. 0, -ETIMEDOUT or -errno. */
static int await(int fd, short events, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now = clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = events};
        int n = now >= deadline_ms ? 0 : poll(&p, 1, (int)MIN_OF(deadline_ms - now, (uint64_t)INT_MAX));
        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static int dial(const struct metrics_address *at, uint64_t deadline_ms, int *ret_fd)
{
    struct sockaddr_storage address;
    socklen_t size, error_size = sizeof(int);
    int error = 0, rc = metrics_address_resolve(at, &address, &size);
    if (rc < 0)
        return rc;
    AUTO_CLOSE int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, size) < 0) {
        if (errno != EINPROGRESS)
            return -errno;
        rc = await(fd, POLLOUT, deadline_ms);
        if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
            error = errno;
        if (rc < 0 || error != 0)
            return rc < 0 ? rc : -error;
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* The question is far smaller than a socket's buffer: it goes at once or not at all. */
static int exchange(int fd, const char *path, uint64_t deadline_ms, struct http_answer *answer)
{
    char request[PATH_MAX_BYTES + 64], chunk[4096];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (len >= (int)sizeof request)
        return -ENAMETOOLONG;
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return -errno;
    for (int whole = 0; whole == 0;) {
        int rc = await(fd, POLLIN, deadline_ms);
        if (rc < 0)
            return rc;
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -errno;
        whole = n == 0 ? http_answer_end(answer) : http_answer_add(answer, chunk, (size_t)n);
        if (whole < 0)
            return whole;
    }
    return 0;
}

static int fail(const struct metrics_address *at, int rc, int timeout_ms, struct err *e)
{
    char url[CONF_STR_MAX];
    (void)metrics_address_url(at, url);
    if (rc == ERR_PROTOCOL || rc == -EMSGSIZE)
        return err_set(e, ERR_PROTOCOL,
                       "what answers at %s is no metrics thread of stint: set metrics.port (asked there by %.300s)",
                       url, at->why);
    if (rc == -ETIMEDOUT)
        return err_set(e, -ECONNREFUSED,
                       "the supervisor's metrics thread at %s does not answer within %d ms (asked there by %.300s)",
                       url, timeout_ms, at->why);
    return err_set(e, -ECONNREFUSED,
                   "the supervisor's metrics thread at %s does not answer (%s): is the supervisor running? (asked "
                   "there by %.300s)",
                   url, strerror(-rc), at->why);
}

int health_ask(const struct conf *conf, const char *path, int timeout_ms, int *ret_status, json_t **ret_body,
               struct err *e)
{
    uint64_t deadline_ms = clock_mono_ms() + (uint64_t)MAX_OF(timeout_ms, 0);
    struct metrics_address at;
    struct http_answer answer;
    AUTO_CLOSE int fd = -1;
    if (!conf->metrics.enabled)
        return err_set(e, ERR_BAD_CONFIG, "metrics.enabled is no: nobody knows how the supervisor is; set it to yes");
    if (!metrics_address_find(conf, &at))
        return err_set(e, -ECONNREFUSED,
                       "metrics.port is 0 and %s/metrics.port does not say which it became: is the supervisor running?",
                       conf->supervisor.run_dir);
    http_answer_init(&answer, ANSWER_MAX);
    int rc = dial(&at, deadline_ms, &fd);
    if (rc == 0)
        rc = exchange(fd, path, deadline_ms, &answer);
    json_t *body = rc == 0 ? json_loadb(http_answer_text(&answer), answer.body.len, 0, NULL) : NULL;
    if (rc == 0 && body == NULL)
        rc = ERR_PROTOCOL;
    if (rc == 0) {
        *ret_status = answer.status;
        *ret_body = body;
    }
    http_answer_fini(&answer);
    return rc < 0 ? fail(&at, rc, timeout_ms, e) : 0;
}
