/*
 * tool_run - see tool_run.h. One pipe for its output, one for its complaints; both are read until both ended.
 */
#include "tool_run.h"

#include "spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { CHUNK = 1 << 18, WORDS_MAX = 600, LOOK_MS = 200 };

struct running {
    const struct tool *tool;
    int out, complaints; /* read ends; -1: ended */
    char words[WORDS_MAX + 1];
    size_t n_words;
    char *chunk;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* The end of what it complains is what counts. */
static void keep_words(struct running *r, const char *bytes, size_t len)
{
    size_t take = MIN_OF(len, (size_t)WORDS_MAX),
           drop = r->n_words + take > WORDS_MAX ? r->n_words + take - WORDS_MAX : 0;
    memmove(r->words, r->words + drop, r->n_words - drop);
    r->n_words -= drop;
    memcpy(r->words + r->n_words, bytes + (len - take), take);
    r->n_words += take;
}

static int read_one(struct running *r, int *fd, bool output, struct err *e)
{
    ssize_t n = read(*fd, r->chunk, CHUNK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) {
        close_fd(fd);
        return 0;
    }
    if (!output)
        keep_words(r, r->chunk, (size_t)n);
    return output && r->tool->take != NULL ? r->tool->take(r->tool->arg, r->chunk, (size_t)n, e) : 0;
}

static int pump(struct running *r, struct err *e)
{
    int rc = 0;
    while (rc == 0 && (r->out >= 0 || r->complaints >= 0)) {
        struct pollfd fds[] = {{.fd = r->out, .events = POLLIN}, {.fd = r->complaints, .events = POLLIN}};
        (void)poll(fds, ARRAY_LEN(fds), LOOK_MS);
        if (r->tool->stopped != NULL && r->tool->stopped())
            return err_set(e, ERR_CANCELLED, "stopped by a signal");
        if (fds[0].revents != 0)
            rc = read_one(r, &r->out, true, e);
        if (rc == 0 && fds[1].revents != 0)
            rc = read_one(r, &r->complaints, false, e);
    }
    return rc;
}

static int start(struct running *r, pid_t *ret_pid, struct err *e)
{
    int out[2] = {-1, -1}, complaints[2] = {-1, -1};
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *envp[TOOL_ENV_MAX + 1] = {path, locale}, *argv[TOOL_ARG_MAX + 1] = {NULL};
    size_t n = 2;
    for (size_t i = 0; r->tool->env != NULL && r->tool->env[i] != NULL && n < TOOL_ENV_MAX; i++)
        envp[n++] = r->tool->env[i];
    for (n = 0; r->tool->argv[n] != NULL && n < TOOL_ARG_MAX; n++)
        memcpy(&argv[n], &r->tool->argv[n], sizeof argv[n]); /* spawn writes to none of them */
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(complaints, O_CLOEXEC) < 0) {
        close_fd(&out[0]);
        close_fd(&out[1]);
        return err_set_errno(e, errno, "cannot make a pipe for %s", r->tool->argv[0]);
    }
    const int fds[] = {r->tool->in > 0 ? r->tool->in : -1, out[1], complaints[1]};
    const struct limits limits = {.parent_death_signal = SIGKILL};
    const struct spawn spawn = {.path = r->tool->argv[0],
                                .argv = argv,
                                .envp = envp,
                                .fds = fds,
                                .n_fds = ARRAY_LEN(fds),
                                .limits = &limits,
                                .new_process_group = true,
                                .uid = r->tool->uid,
                                .gid = r->tool->gid};
    int rc = spawn_exec(&spawn, ret_pid, e);
    close_fd(&out[1]);
    close_fd(&complaints[1]);
    r->out = out[0];
    r->complaints = complaints[0];
    return rc;
}

static int judge(struct running *r, int status, struct err *e)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    r->words[r->n_words] = '\0';
    for (char *c = r->words; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    const char *name = strrchr(r->tool->argv[0], '/');
    return err_set(e, ERR_REFUSED, "%s failed (%s %d): %s", name != NULL ? name + 1 : r->tool->argv[0],
                   WIFSIGNALED(status) ? "signal" : "exit status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                   r->n_words > 0 ? r->words : "it said nothing");
}

int tool_run(const struct tool *t, struct err *e)
{
    struct running r = {.tool = t, .out = -1, .complaints = -1};
    AUTO_FREE char *chunk = malloc(CHUNK);
    pid_t pid = 0;
    int status = 0;
    if (chunk == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to read from %s", t->argv[0]);
    r.chunk = chunk;
    int rc = start(&r, &pid, e);
    if (rc == 0) {
        rc = pump(&r, e);
        if (rc < 0)
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close_fd(&r.out);
    close_fd(&r.complaints);
    return rc < 0 ? rc : judge(&r, status, e);
}
