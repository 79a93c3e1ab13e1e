/*
 * screen - see screen.h. Refuses to leave a terminal behind that does not echo, however it ends: by a key, a signal, a
 * stop.
 */
#include "screen.h"

#include "buf.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

enum { FRAME_MAX = 1 << 20, ROWS_MOST = 1000 };

/* The other screen, no cursor, no wrapping at the right edge. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

bool screen_possible(void)
{
    const char *term = getenv("TERM");
    bool dumb = term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !dumb;
}

/* At once: a stream on a terminal would write line by line, which is seen. */
static void show(const char *text)
{
    size_t left = strlen(text);
    for (ssize_t n = 0; left > 0 && (n >= 0 || errno == EINTR); text += MAX_OF(n, 0), left -= (size_t)MAX_OF(n, 0))
        n = write(STDOUT_FILENO, text, left);
}

static void take(const struct screen *s)
{
    struct termios raw = s->before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    show(ENTER);
}

static void give_back(const struct screen *s)
{
    show(LEAVE);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

int screen_open(struct screen *s, struct err *e)
{
    static const int events[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    sigset_t set;
    *s = (struct screen){.signal_fd = -1};
    if (tcgetattr(STDIN_FILENO, &s->before) < 0)
        return err_set_errno(e, errno, "the terminal does not tell its settings");
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        (void)sigaddset(&set, events[i]);
    AUTO_CLOSE int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_set_errno(e, errno, "signals cannot be watched");
    s->signal_fd = fd;
    fd = -1;
    take(s);
    return 0;
}

void screen_close(struct screen *s)
{
    if (s->signal_fd < 0)
        return;
    give_back(s);
    (void)close(s->signal_fd);
    s->signal_fd = -1;
}

void screen_size(size_t *ret_columns, size_t *ret_rows)
{
    struct winsize size;
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *ret_columns = told ? size.ws_col : 80;
    *ret_rows = told ? MIN_OF((size_t)size.ws_row, (size_t)ROWS_MOST) : 24;
}

void screen_draw(const char *text)
{
    struct buf frame;
    size_t columns, rows, row = 0;
    screen_size(&columns, &rows);
    buf_init(&frame, FRAME_MAX);
    (void)buf_adds(&frame, "\033[H");
    for (const char *p = text; *p != '\0' && row < rows; row++) {
        size_t n = strcspn(p, "\n");
        (void)buf_addf(&frame, "%s\033[K", row > 0 ? "\r\n" : "");
        (void)buf_add(&frame, p, n);
        p += n + (p[n] == '\n' ? 1 : 0);
    }
    if (row < rows)
        (void)buf_adds(&frame, "\r\n\033[J");
    if (!frame.failed)
        show(frame.data);
    buf_fini(&frame);
}

/* Stops as the shell was asked to, with the terminal given back meanwhile. */
static int stop(const struct screen *s)
{
    give_back(s);
    (void)raise(SIGSTOP);
    take(s);
    return SCREEN_RESIZE;
}

static int signal_of(const struct screen *s)
{
    struct signalfd_siginfo info;
    if (read(s->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return SCREEN_END;
    if (info.ssi_signo == SIGTSTP)
        return stop(s);
    return info.ssi_signo == SIGWINCH ? SCREEN_RESIZE : SCREEN_END;
}

/* The arrow that bytes begin with, SCREEN_TIME for another key of several characters; *ret_n: how many it has. */
static int arrow_of(const char *bytes, size_t n, size_t *ret_n)
{
    size_t i = 2;
    while (i + 1 < n && (bytes[i] < '@' || bytes[i] > '~'))
        i++;
    *ret_n = MIN_OF(i + 1, n);
    char last = bytes[*ret_n - 1];
    return last == 'C' || last == 'B' ? SCREEN_NEXT : last == 'D' || last == 'A' ? SCREEN_BACK : SCREEN_TIME;
}

/* Takes the first key of what was typed. */
static int next_key(struct screen *s)
{
    size_t n = 1;
    int key = (unsigned char)s->typed[0];
    if (s->n_typed >= 3 && s->typed[0] == '\033' && (s->typed[1] == '[' || s->typed[1] == 'O'))
        key = arrow_of(s->typed, s->n_typed, &n);
    s->n_typed -= n;
    memmove(s->typed, s->typed + n, s->n_typed);
    return key == '\004' ? SCREEN_END : key;
}

int screen_wait(struct screen *s, int64_t timeout_ms)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = s->signal_fd, .events = POLLIN}};
    if (s->n_typed > 0)
        return next_key(s);
    if (poll(fds, ARRAY_LEN(fds), (int)MAX_OF(timeout_ms, (int64_t)0)) <= 0)
        return SCREEN_TIME;
    if (fds[1].revents != 0)
        return signal_of(s);
    ssize_t n = (fds[0].revents & POLLIN) != 0 ? read(STDIN_FILENO, s->typed, sizeof s->typed) : 0;
    if (n <= 0)
        return SCREEN_END;
    s->n_typed = (size_t)n;
    return next_key(s);
}
