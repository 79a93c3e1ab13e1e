/*
 * stack_conf - see stack_conf.h. It refuses to change a file that is there: it is the operator's from then on.
 */
#include "stack_conf.h"

#include "buf.h"
#include "stack_services.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

enum { METRICS_PORT = 9464, CONF_TEXT_MAX = 8192 };

/* Another stack of this machine may have the usual port: then any free one is taken, told by run/metrics.port. */
static bool port_free(int port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

static int make_text(const struct stack_dir *d, struct buf *text)
{
    char redis[CONF_STR_MAX], postgres[CONF_STR_MAX];
    const char *redis_given = getenv("STINT_REDIS_URL"), *postgres_given = getenv("STINT_POSTGRES_URL");
    return buf_addf(
        text,
        "# Written by \"stint up\" on its first use and never changed by it again: it is yours to edit.\n"
        "# Every key: \"stint config reference\". After a change: \"stint reload --dir %s\", or down and up.\n\n"
        "[redis]\nurl = %s\n\n[postgres]\nurl = %s\n\n"
        "[supervisor]\nrun_dir = %s/run\nstate_dir = %s\n\n"
        "[metrics]\n# 0: any free port, told in run/metrics.port\nport = %d\n",
        d->root, redis_given && *redis_given ? redis_given : stack_redis_url(d, redis),
        postgres_given && *postgres_given ? postgres_given : stack_postgres_url(d, postgres), d->root, d->root,
        port_free(METRICS_PORT) ? METRICS_PORT : 0);
}

int stack_conf_write(const struct stack_dir *d, bool *ret_written, struct err *e)
{
    char path[STACK_PATH_MAX];
    struct buf text;
    (void)stack_dir_path(d, "stint.conf", path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        *ret_written = false;
        return 0;
    }
    if (fd < 0)
        return err_set_errno(e, errno, "cannot write %s; is the folder yours?", path);
    buf_init(&text, CONF_TEXT_MAX);
    int rc = make_text(d, &text);
    if (rc < 0 || write(fd, text.data, text.len) != (ssize_t)text.len || stack_dir_own(d, path) < 0) {
        rc = err_set(e, rc < 0 ? rc : -EIO, "cannot write %s; is the disk full?", path);
        (void)unlink(path);
    } else {
        *ret_written = true;
    }
    buf_fini(&text);
    return rc;
}
