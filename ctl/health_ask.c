/*
 * health_ask - see health_ask.h. A container's health check runs every few seconds beside the jobs: one short connection, no library
 * to load, and no answer is an answer too.
 */
#include "health_ask.h"

#include "buf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { ANSWER_MAX = 64 * 1024, PATH_MAX_BYTES = 4096 };

/* Where it listens, as text; anything local answers for "any address". What the supervisor wrote down when it began to listen
 * is truer than a configuration that may have changed since. */
static void health_host(const struct conf *conf, const char **ret_host, char port[static 8])
{
    char path[CONF_STR_MAX + 16], text[8] = "";
    const char *listen = conf->metrics.listen;
    *ret_host = strcmp(listen, "0.0.0.0") == 0 ? "127.0.0.1" : strcmp(listen, "::") == 0 ? "::1" : listen;
    (void)snprintf(port, 8, "%d", (int)conf->metrics.port);
    (void)snprintf(path, sizeof path, "%s/metrics.port", conf->supervisor.run_dir);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
        (void)snprintf(port, 8, "%d", atoi(text));
}

static int health_dial(const char *host, const char *port, int timeout_ms, int *ret_fd)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
    bool is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return -EADDRNOTAVAIL;
    AUTO_CLOSE int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return -errno;
    const struct sockaddr *to = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    if (connect(fd, to, is_v6 ? sizeof v6 : sizeof v4) < 0)
        return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int health_exchange(int fd, const char *path, struct buf *answer)
{
    char request[PATH_MAX_BYTES + 64], chunk[4096];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    if (len >= (int)sizeof request)
        return -ENAMETOOLONG;
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return -errno;
    for (;;) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n > 0 && buf_add(answer, chunk, (size_t)n) < 0)
            return -EMSGSIZE;
    }
}

int health_ask(const struct conf *conf, const char *path, int timeout_ms, int *ret_status, json_t **ret_body, struct err *e)
{
    const char *host;
    char port[8];
    AUTO_CLOSE int fd = -1;
    struct buf answer;
    if (!conf->metrics.enabled)
        return err_set(e, ERR_BAD_CONFIG, "metrics.enabled is no: nobody knows how the supervisor is; set it to yes");
    health_host(conf, &host, port);
    buf_init(&answer, ANSWER_MAX);
    int rc = health_dial(host, port, timeout_ms, &fd), status = 0;
    if (rc == 0)
        rc = health_exchange(fd, path, &answer);
    if (rc < 0) {
        (void)err_set(e, -ECONNREFUSED, "the supervisor's metrics thread at %s:%s does not answer (%s): is the supervisor running?", host, port,
                      strerror(-rc));
        rc = -ECONNREFUSED;
    } else {
        const char *body = answer.len > 0 ? strstr(answer.data, "\r\n\r\n") : NULL;
        json_t *json = body != NULL && sscanf(answer.data, "HTTP/1.%*d %3d", &status) == 1 ? json_loads(body, 0, NULL) : NULL;
        if (json == NULL)
            rc = err_set(e, ERR_PROTOCOL, "what answers at %s:%s is no metrics thread of stint: set metrics.port", host, port);
        *ret_status = status;
        *ret_body = json;
    }
    buf_fini(&answer);
    return rc;
}
