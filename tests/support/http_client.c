/*
 * http_client - see http_client.h. No library: what a test sends is exactly what it says.
 */
#include "http_client.h"

#include "clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static int http_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const struct timeval patience = {.tv_sec = HTTP_DEADLINE_MS / 1000};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    base_close_fd(&fd);
    return -1;
}

int http_ask(struct http_answer *a, int port, const char *request)
{
    char head[2048];
    const char *more = strchr(request, '\n');
    int line = more != NULL ? (int)(more - request) : (int)strlen(request);
    int n = snprintf(head, sizeof head, "%.*s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", line, request,
                     more != NULL ? more + 1 : "");
    size_t len = 0;
    ssize_t got;
    a->status = 0;
    AUTO_CLOSE int fd = http_connect(port);
    if (fd >= 0 && send(fd, head, (size_t)n, MSG_NOSIGNAL) == n)
        while (len < sizeof a->text - 1 && (got = recv(fd, a->text + len, sizeof a->text - 1 - len, 0)) > 0)
            len += (size_t)got;
    a->text[len] = '\0';
    a->body = strstr(a->text, "\r\n\r\n");
    a->body = a->body != NULL ? a->body + 4 : a->text + len;
    if (strncmp(a->text, "HTTP/1.1 ", 9) == 0)
        a->status = (int)strtol(a->text + 9, NULL, 10);
    return a->status;
}

bool http_await(struct http_answer *a, int port, const char *request, int status, const char *part)
{
    uint64_t until = clock_mono_ms() + HTTP_DEADLINE_MS;
    while (http_ask(a, port, request) != status || (part != NULL && strstr(a->text, part) == NULL)) {
        if (clock_mono_ms() > until)
            return false;
        (void)poll(NULL, 0, 10); /* poll interval */
    }
    return true;
}
