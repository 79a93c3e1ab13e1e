/*
 * metrics_address - see metrics_address.h. Refuses names: a resolver may take longer than whoever asks has time.
 */
#include "metrics_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

enum { PORT_MOST = 65535 };

static int told_port(const char *path)
{
    char text[16] = "";
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    long port = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? strtol(text, NULL, 10) : 0;
    return port > 0 && port <= PORT_MOST ? (int)port : 0;
}

bool metrics_address_find(const struct conf *conf, struct metrics_address *ret)
{
    char path[CONF_STR_MAX + 16];
    const char *listen = conf->metrics.listen;
    *ret = (struct metrics_address){.port = 0};
    if (!conf->metrics.enabled)
        return false;
    (void)snprintf(ret->host, sizeof ret->host, "%s",
                   strcmp(listen, "0.0.0.0") == 0 ? "127.0.0.1"
                   : strcmp(listen, "::") == 0    ? "::1"
                                                  : listen);
    (void)snprintf(path, sizeof path, "%s/metrics.port", conf->supervisor.run_dir);
    ret->port = told_port(path);
    if (ret->port > 0) {
        (void)snprintf(ret->why, sizeof ret->why, "the supervisor's own word in %s", path);
        return true;
    }
    ret->port = (int)conf->metrics.port;
    if (getenv("STINT_METRICS_PORT") != NULL)
        (void)snprintf(ret->why, sizeof ret->why, "$STINT_METRICS_PORT");
    else if (conf->path[0] != '\0')
        (void)snprintf(ret->why, sizeof ret->why, "metrics.listen and metrics.port of %s", conf->path);
    else
        (void)snprintf(
            ret->why, sizeof ret->why,
            "the default: no configuration file was found; name one with --config, or a stack's folder with --dir");
    return ret->port > 0;
}

char *metrics_address_url(const struct metrics_address *a, char out[static CONF_STR_MAX])
{
    bool v6 = strchr(a->host, ':') != NULL;
    (void)snprintf(out, CONF_STR_MAX, v6 ? "http://[%.64s]:%d" : "http://%.64s:%d", a->host, a->port);
    return out;
}

int metrics_address_resolve(const struct metrics_address *a, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)a->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
    bool is_v6 = inet_pton(AF_INET6, a->host, &v6.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, a->host, &v4.sin_addr) != 1)
        return -EADDRNOTAVAIL;
    *ret_size = is_v6 ? sizeof v6 : sizeof v4;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, is_v6 ? (const void *)&v6 : (const void *)&v4, *ret_size);
    return 0;
}
