/*
 * companion_uv - see companion_uv.h. Refuses to judge how the program ended: that is its owner's.
 */
#include "companion_uv.h"

#include "alloc.h"
#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { COMPANION_OPTIONS_MAX = 8 };

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

int companion_end(struct companion *c)
{
    int status = 0;
    if (c->poll != NULL) {
        (void)uv_poll_stop(c->poll);
        uv_close((uv_handle_t *)c->poll, on_poll_closed);
        c->poll = NULL;
    }
    base_close_fd(&c->fd);
    if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == 0) { /* its own end first, if it has come */
        (void)kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    c->pid = 0;
    return status;
}

static int companion_spawn(struct companion *c, const struct companion_program *program, int socket, struct err *e)
{
    char path[4096];
    char *argv[COMPANION_OPTIONS_MAX + 2] = {path};
    char *const envp[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C.UTF-8"}, NULL};
    const int fds[] = {-1, -1, STDERR_FILENO, socket};
    struct err why = {0};
    for (size_t i = 0; program->options != NULL && program->options[i] != NULL && i < COMPANION_OPTIONS_MAX; i++)
        argv[i + 1] = program->options[i];
    if (spawn_find_program(program->name, path, sizeof path, &why) < 0)
        return err_set(e, program->code, "%s", why.message);
    struct spawn spawn = {
        .path = path, .argv = argv, .envp = envp, .fds = fds, .n_fds = ARRAY_LEN(fds), .limits = program->limits};
    int rc = spawn_exec(&spawn, &c->pid, &why);
    if (rc < 0 && err_is_descriptors(-why.code))
        return err_set_descriptors(e, -why.code, "no pipe to start a program");
    return rc < 0 ? err_set(e, program->code, "%s", why.message) : 0;
}

static int companion_watch(struct companion *c, uv_loop_t *loop, uv_poll_cb on_readable, void *arg)
{
    (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->poll = alloc_zero(1, sizeof *c->poll);
    int rc = uv_poll_init(loop, c->poll, c->fd);
    if (rc < 0) { /* no handle yet that could be closed */
        free(c->poll);
        c->poll = NULL;
        return rc;
    }
    c->poll->data = arg;
    return uv_poll_start(c->poll, UV_READABLE, on_readable);
}

int companion_start(struct companion *c, uv_loop_t *loop, const struct companion_program *program,
                    uv_poll_cb on_readable, void *arg, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_is_descriptors(errno) ? err_set_descriptors(e, errno, "no socket to a new program")
                                         : err_set(e, program->code, "the socket to %s could not be made: %s",
                                                   program->name, err_text(-errno));
    *c = (struct companion){.fd = pair[0]};
    int rc = companion_spawn(c, program, pair[1], e);
    (void)close(pair[1]);
    if (rc == 0) {
        rc = companion_watch(c, loop, on_readable, arg);
        if (rc < 0)
            rc = err_set(e, program->code, "the socket to %s cannot be watched: %s", program->name, uv_strerror(rc));
    }
    if (rc < 0)
        (void)companion_end(c);
    return rc;
}
