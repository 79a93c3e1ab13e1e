/*
 * verb_status - `stint status`, and the same live as `stint top`. top refuses to run without a terminal, and gives the
 * terminal back as it was however it ends.
 */
#include "status_view.h"
#include "verb.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>

const struct arg_spec verb_status_options[] = {{.name = NULL}};

int verb_status(struct session *s)
{
    struct err e = {.code = 0};
    struct status_view view;
    if (status_view_gather(s, &view, &e) < 0)
        return session_fail(s, &e);
    status_view_print(s, &view);
    int code = status_view_exit_code(&view);
    status_view_fini(&view);
    return code;
}

const struct arg_spec verb_top_options[] = {
    {"interval", ARG_DURATION, "1s", "between two looks; default 1s", NULL, 100, 60000},
    {.name = NULL},
};

/* Gathers first, then draws at once, so that the screen never stands half empty. */
static int draw(struct session *s, struct err *e)
{
    struct status_view view;
    int rc = status_view_gather(s, &view, e);
    if (rc < 0)
        return rc;
    out_init(&s->out, stdout, stderr, false, args_has(&s->args, "quiet"), args_has(&s->args, "no-color"));
    (void)fputs("\033[H\033[2J", stdout);
    status_view_print(s, &view);
    out_tinted(&s->out, TINT_DIM, "\nq quits");
    (void)fflush(stdout);
    status_view_fini(&view);
    return 0;
}

/* Waits for the next look. False when a key or a signal says to end. */
static bool stay(int signal_fd, int64_t interval_ms)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    char key = 0;
    if (poll(fds, ARRAY_LEN(fds), (int)interval_ms) <= 0)
        return true;
    if (fds[1].revents != 0 || (fds[0].revents & (POLLHUP | POLLERR)) != 0)
        return false;
    return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q' && key != 3;
}

static int watch(struct session *s, int signal_fd, struct err *e)
{
    int64_t interval_ms = args_int(&s->args, "interval", 1000);
    int rc = 0;
    do {
        rc = draw(s, e);
    } while (rc == 0 && stay(signal_fd, interval_ms));
    return rc;
}

int verb_top(struct session *s)
{
    struct err e = {.code = 0};
    struct termios before, raw;
    sigset_t ends;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) < 0 ||
        s->out.json) {
        (void)err_set(&e, ERR_BAD_ARGUMENT, "it needs a terminal; \"stint status\" and \"stint status --json\" do not");
        return session_fail(s, &e);
    }
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGHUP);
    AUTO_CLOSE int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC);
    if (signal_fd < 0 || sigprocmask(SIG_BLOCK, &ends, NULL) < 0) {
        (void)err_set_errno(&e, errno, "signals cannot be watched");
        return session_fail(s, &e);
    }
    raw = before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    (void)fputs("\033[?1049h\033[?25l", stdout);
    int rc = watch(s, signal_fd, &e);
    (void)fputs("\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
