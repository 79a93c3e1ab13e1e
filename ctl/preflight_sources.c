/*
 * preflight_sources - can the documents that [pdf] allows be reached from this host? Asks with a connection and nothing more: whether credentials are
 * right is known to the first job.
 */
#include "preflight.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { CONNECT_WAIT_MS = 2000 };

static void check_roots(struct preflight *p)
{
    char root[CONF_STR_MAX];
    size_t n = 0;
    for (const char *cursor = p->conf->pdf.roots; conf_list_next(&cursor, root, sizeof root); n++) {
        struct stat st;
        bool folder = stat(root, &st) == 0 && S_ISDIR(st.st_mode);
        if (folder && access(root, X_OK) == 0)
            continue;
        preflight_add(p, "PDF roots", FINDING_WARN, "make it, for the user who runs the supervisor, or take it out of pdf.roots", "%s %s", root,
                      folder ? "cannot be entered" : "is no folder");
        return;
    }
    if (n > 0)
        preflight_add(p, "PDF roots", FINDING_OK, "", "%zu folders are there", n);
}

static void check_authorities(struct preflight *p)
{
    const char *file = p->conf->pdf.url_ca_file;
    struct stat st;
    if (file[0] == '\0')
        return;
    bool readable = stat(file, &st) == 0 && access(file, R_OK) == 0;
    bool everybody = readable && (geteuid() != 0 || (st.st_mode & S_IROTH) != 0); /* as root, stint-fetch becomes nobody */
    preflight_add(p, "PDF certificates", everybody ? FINDING_OK : FINDING_WARN, "let the user of stint-fetch read it (chmod a+r); no document comes over TLS else",
                  "%s %s", file, everybody ? "can be read" : "cannot be read");
}

static bool connects(const struct addrinfo *a)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    AUTO_CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (fd < 0)
        return false;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    return errno == EINPROGRESS && poll(&wait, 1, CONNECT_WAIT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 && reason == 0;
}

static void check_storage(struct preflight *p)
{
    const char *endpoint = p->conf->pdf.s3_endpoint;
    char host[CONF_STR_MAX];
    if (endpoint[0] == '\0')
        return;
    bool tls = strncmp(endpoint, "https://", 8) == 0;
    (void)snprintf(host, sizeof host, "%s", strstr(endpoint, "://") + 3);
    char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
    const char *port = tls ? "443" : "80";
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        *colon = '\0';
        port = colon + 1;
    }
    char *name = host[0] == '[' ? host + 1 : host;
    name[strcspn(name, "]")] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int rc = getaddrinfo(name, port, &hints, &list);
    bool up = false;
    for (const struct addrinfo *a = list; rc == 0 && a != NULL && !up; a = a->ai_next)
        up = connects(a);
    if (list != NULL)
        freeaddrinfo(list);
    preflight_add(p, "S3 storage", up ? FINDING_OK : FINDING_WARN, "start it or set pdf.s3_endpoint; jobs with source.s3 are tried again until it answers", "%s %s",
                  endpoint, up ? "takes connections" : rc != 0 ? gai_strerror(rc) : "takes no connection");
    if (p->conf->pdf.s3_buckets[0] == '\0')
        preflight_add(p, "S3 buckets", FINDING_WARN, "name them in pdf.s3_buckets", "none is allowed: every source.s3 is refused");
}

void preflight_sources(struct preflight *p)
{
    check_roots(p);
    check_authorities(p);
    check_storage(p);
}
