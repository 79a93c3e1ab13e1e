/*
 * handover_birth - see handover_birth.h. Refuses to be a second supervisor without a first one that knows of it.
 */
#include "handover_birth.h"

#include "handover_note.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

enum { ADOPTED_MS = 5000 /* longest wait for the kernel to give us another parent */ };

/* The child goes on; the process that was started ends. */
static int leave_parent(struct err *e)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        return err_set_errno(e, errno, "cannot fork");
    if (child > 0)
        _exit(EXIT_SUCCESS);
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int ms = 0; getppid() == parent && ms < ADOPTED_MS; ms++)
        (void)nanosleep(&moment, NULL);
    return 0;
}

/* What the kernel does to the predecessor when its parent dies, it shall do to us. */
static void share_fate(const json_t *hello)
{
    int64_t signum = handover_note_number(hello, "death_signal", 0);
    if (signum > 0 && signum < NSIG)
        (void)prctl(PR_SET_PDEATHSIG, (unsigned long)signum);
}

int handover_birth_open(struct handover_birth *ret_birth, int fd, struct err *e)
{
    *ret_birth = (struct handover_birth){.fd = -1, .listen_fd = -1};
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        handover_note_receive(fd, &ret_birth->hello, &ret_birth->listen_fd) != 1 ||
        strcmp(handover_note_text(ret_birth->hello, "say"), "hello") != 0)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--successor-of is for a supervisor that hands over, not for people: use `stint upgrade`");
    ret_birth->fd = fd;
    int rc = leave_parent(e);
    if (rc < 0) {
        handover_birth_failed(ret_birth, e);
        return rc;
    }
    share_fate(ret_birth->hello);
    (void)handover_note_send(fd, "forked", json_pack("{s:i}", "pid", (int)getpid()), -1);
    return 0;
}

void handover_birth_failed(const struct handover_birth *b, const struct err *e)
{
    if (b->fd >= 0)
        (void)handover_note_send(b->fd, "failed", json_pack("{s:o}", "why", handover_note_words(e->message)), -1);
}

void handover_birth_close(struct handover_birth *b)
{
    json_decref(b->hello);
    b->hello = NULL;
    base_close_fd(&b->fd);
    base_close_fd(&b->listen_fd);
}
