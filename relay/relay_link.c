/*
 * relay_link - see relay_link.h. The only file of the relay that knows signals. Refuses to outlive its supervisor, and to
 * keep it waiting: what a blocked call holds up is cut off, which is safe at every instruction.
 */
#include "relay_link.h"

#include "ipc.h"
#include "log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stop_asked, orphaned; /* signal handlers have nowhere else to write */

static void on_cut(int signum)
{
    (void)signum;
    _exit(WORKER_EXIT_OK);
}

static void on_stop(int signum)
{
    (void)signum;
    stop_asked = 1;
    (void)alarm(RELAY_STOP_MS / 1000);
}

int relay_link_init(void)
{
    struct sigaction stop = {.sa_handler = on_stop}, cut = {.sa_handler = on_cut};
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&cut.sa_mask);
    if (sigaction(SIGTERM, &stop, NULL) < 0 || sigaction(SIGINT, &stop, NULL) < 0 || sigaction(SIGALRM, &cut, NULL) < 0)
        return -errno;
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

bool relay_link_orphaned(void)
{
    return orphaned != 0;
}

bool relay_link_listen(struct relay *r)
{
    for (;;) {
        struct ipc_msg m;
        int rc = ipc_recv(WORKER_FD_CONTROL, &m);
        if (rc == 0)
            break;
        if (rc == -EBADMSG)
            continue;
        if (rc < 0) {
            orphaned = 1;
            r->stopping = true;
            break;
        }
        if (m.type == IPC_STOP)
            r->stopping = true;
    }
    r->stopping = r->stopping || stop_asked;
    return !r->stopping;
}

void relay_link_say(struct relay *r, const char *state, const char *words)
{
    char text[IPC_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s %.*s", state, IPC_TEXT_MAX - 32, words);
    if (!r->said_ready)
        r->said_ready = ipc_send(WORKER_FD_CONTROL, IPC_READY, "") == 0;
    (void)ipc_send(WORKER_FD_CONTROL, IPC_BEAT, text); /* a full buffer: the next one tells */
}

void relay_link_wait(struct relay *r, int64_t ms)
{
    sigset_t all, before;
    struct pollfd fds[] = {{.fd = WORKER_FD_CONTROL, .events = POLLIN},
                           {.fd = r->pg != NULL ? PQsocket(r->pg) : -1, .events = POLLIN}};
    const struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before); /* a signal between the look and the wait must end the wait */
    if (!stop_asked)
        (void)ppoll(fds, ARRAY_LEN(fds), &timeout, &before);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (fds[1].revents == 0)
        return;
    (void)PQconsumeInput(r->pg); /* else what it said would stay readable and the loop would spin */
    for (PGnotify *heard; (heard = PQnotifies(r->pg)) != NULL;)
        PQfreemem(heard);
}
