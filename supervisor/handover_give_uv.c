/*
 * handover_give_uv - see handover_uv.h. The side that hands over. Refuses to stop working before the successor has
 * taken over: until then a failure of it, whatever it is, costs nothing but a line of log.
 */
#include "handover_impl.h"

#include "build_info.h"
#include "clock.h"
#include "handover_note.h"
#include "killpoint.h"
#include "log.h"
#include "spawn.h"
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
    CHANNEL_FD = 3, /* of the successor, see supervisor_options.h */
    HOLD_FD = 4,
    GIVING_MS = 15000, /* longest time for taking over the sockets */
    LEAVING_MS = 5000, /* longest time until a successor that is to leave says that it does */
    OWN_ARGS = 5,      /* that a hand-over adds, with the end's NULL */
    BOOTS = 2,         /* times boot_timeout it has: one start of a worker may fail */
};

/* -- starting --------------------------------------------------------------------------------------------------------
 */

/* Our own parent may be the small init of a container: it ends with its first child, and the container with it. */
static bool parent_ends_with_us(void)
{
    static const char *const inits[] = {"tini", "tini-static", "docker-init", "dumb-init", "catatonit"};
    char name[32] = "";
    if (getppid() != 1)
        return false;
    FILE *f = fopen("/proc/1/comm", "re");
    bool known = f != NULL && fgets(name, sizeof name, f) != NULL;
    if (f != NULL)
        (void)fclose(f);
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; known && i < ARRAY_LEN(inits); i++)
        if (strcmp(name, inits[i]) == 0)
            return true;
    return false;
}

static int may_begin(const struct handover *h, struct err *e)
{
    if (h->state == HANDOVER_TAKEN)
        return err_set(e, ERR_REFUSED,
                       "not handed over: the predecessor (pid %d) still drains; try again when it has left",
                       (int)h->peer.pid);
    if (h->state != HANDOVER_NONE)
        return err_set(e, ERR_REFUSED, "not handed over: a hand-over is under way (%s); `stint status` shows how far",
                       handover_state_name(h->state));
    if (getpid() == 1 || parent_ends_with_us())
        return err_set(e, ERR_REFUSED,
                       "not handed over: this supervisor is a container's first process, and the container "
                       "would end with it; replace the container by one of the new image");
    if (h->argc + OWN_ARGS > HANDOVER_ARGS_MAX)
        return err_set(e, ERR_REFUSED, "not handed over: this supervisor has %d arguments, at most %d can be passed on",
                       h->argc - 1, HANDOVER_ARGS_MAX - OWN_ARGS - 1);
    return 0;
}

static json_t *hello_of(const struct handover *h)
{
    int death_signal = 0;
    (void)prctl(PR_GET_PDEATHSIG, &death_signal);
    json_t *hello = json_pack("{s:s,s:i,s:s,s:s,s:i}", "instance", h->instance, "pid", (int)getpid(), "version",
                              STINT_VERSION, "build", STINT_BUILD, "death_signal", death_signal);
    json_t *more = h->hooks.hello(h->hooks.arg);
    (void)json_object_update(hello, more);
    json_decref(more);
    return hello;
}

/* Our own arguments, but for those of an earlier hand-over, and its own. */
static size_t arguments(const struct handover *h, char *ret_argv[static HANDOVER_ARGS_MAX])
{
    static char of[] = "--successor-of", of_fd[] = "3", hold[] = "--hold-fd", hold_fd[] = "4";
    size_t n = 0;
    for (int i = 0; i < h->argc; i++) { /* they fit: may_begin */
        if (strcmp(h->argv[i], of) == 0 || strcmp(h->argv[i], hold) == 0)
            i++;
        else
            ret_argv[n++] = h->argv[i];
    }
    ret_argv[n++] = of;
    ret_argv[n++] = of_fd;
    if (h->hold_fd >= 0) {
        ret_argv[n++] = hold;
        ret_argv[n++] = hold_fd;
    }
    ret_argv[n] = NULL;
    return n;
}

/* The child of the process that is started becomes our parent's: not ours, though we are a subreaper for our workers'.
 */
static int execute(struct handover *h, int channel_fd, struct err *e)
{
    char path[4096];
    char *argv[HANDOVER_ARGS_MAX];
    const int fds[] = {
        [0] = -1, [1] = STDOUT_FILENO, [2] = STDERR_FILENO, [CHANNEL_FD] = channel_fd, [HOLD_FD] = h->hold_fd};
    int rc = spawn_find_program("stint-supervisor", path, sizeof path, e);
    if (rc < 0)
        return rc;
    (void)arguments(h, argv);
    argv[0] = path;
    const struct spawn s = {
        .path = path, .argv = argv, .fds = fds, .n_fds = h->hold_fd >= 0 ? ARRAY_LEN(fds) : (size_t)HOLD_FD};
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    rc = spawn_exec(&s, &h->started, e);
    h->subreaper_off = rc == 0;
    if (rc < 0)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    return rc;
}

static int start(struct handover *h, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return err_set_errno(e, errno, "cannot make a socket for the hand-over");
    h->fd = pair[0];
    int rc = handover_note_send(h->fd, "hello", hello_of(h), h->hooks.listen_fd(h->hooks.arg));
    if (rc == 0)
        rc = handover_listen(h);
    if (rc < 0)
        (void)err_set_errno(e, -rc, "cannot tell a successor what it is to carry on");
    else
        rc = execute(h, pair[1], e);
    (void)close(pair[1]);
    if (rc < 0)
        handover_part(h);
    return rc;
}

int handover_begin(struct handover *h, uint64_t timeout_ms, struct err *e)
{
    int rc = may_begin(h, e);
    if (rc < 0)
        return rc;
    h->error[0] = h->says[0] = '\0';
    h->peer = (struct handover_peer){.workers = -1, .jobs = -1};
    h->leaving_told = false;
    h->forked = 0;
    h->attempts++;
    rc = start(h, e);
    if (rc < 0) {
        h->failures++;
        (void)snprintf(h->error, sizeof h->error, "%.*s", HANDOVER_WORDS_MAX - 1, e->message);
        return rc;
    }
    (void)handover_move(h, HANDOVER_EVENT_BEGIN);
    handover_deadline(h, timeout_ms > 0 ? timeout_ms : BOOTS * (uint64_t)h->conf->supervisor.boot_timeout);
    log_info("handing over: the installed stint-supervisor is started beside this one",
             KV_I("started_pid", h->started));
    KILL_POINT("handover_started");
    return 0;
}

/* -- failing ---------------------------------------------------------------------------------------------------------
 */

static void remember(struct handover *h, const char *why)
{
    if (h->error[0] == '\0')
        (void)snprintf(h->error, sizeof h->error, "%s", why);
}

static void fail(struct handover *h, const char *why)
{
    bool first = h->state != HANDOVER_ENDING;
    if (!handover_move(h, HANDOVER_EVENT_FAIL) || !first)
        return;
    h->failures++;
    remember(h, why);
    log_error("not handed over: this supervisor goes on; the successor is ended", KV_S("why", h->error),
              KV_I("successor_pid", h->peer.pid));
    handover_say(h, "end", json_pack("{s:o}", "why", handover_note_words(h->error)));
    handover_deadline(h, LEAVING_MS);
}

void handover_cancel(struct handover *h, const char *why)
{
    if (h->state == HANDOVER_STARTING || h->state == HANDOVER_GIVING)
        fail(h, why);
}

/* It is there as long as its end of the socket is open, so the number is still its own. */
static void kill_successor(struct handover *h)
{
    pid_t pid = h->peer.pid > 1 ? h->peer.pid : h->forked > 1 ? h->forked : h->started;
    log_error("the successor does not leave: it is killed", KV_I("successor_pid", pid));
    if (pid > 1)
        (void)kill(pid, SIGKILL);
}

void handover_give_late(struct handover *h)
{
    char why[HANDOVER_WORDS_MAX];
    if (h->state == HANDOVER_ENDING && !h->leaving_told)
        kill_successor(h);
    if (h->state != HANDOVER_STARTING && h->state != HANDOVER_GIVING)
        return;
    (void)snprintf(why, sizeof why, "the successor was not ready within %llu ms%s%.500s",
                   (unsigned long long)(clock_mono_ms() - h->state_ms), h->says[0] != '\0' ? ": " : "", h->says);
    fail(h, why);
}

/* -- hearing ---------------------------------------------------------------------------------------------------------
 */

static void on_gone(struct handover *h)
{
    enum handover_state was = h->state;
    handover_deadline(h, 0);
    if (!handover_move(h, HANDOVER_EVENT_GONE))
        return;
    if (was == HANDOVER_GIVEN) {
        log_warn("the successor is gone; this supervisor drains all the same", KV_I("successor_pid", h->peer.pid));
        return;
    }
    if (was != HANDOVER_ENDING) {
        h->failures++;
        remember(h, h->peer.pid != 0 ? "the successor ended before it was ready; its own words are in the log"
                                     : "the successor ended before it said anything: an older version that knows no "
                                       "hand-over, or one that cannot run here; its own words are in the log");
        log_error("not handed over: this supervisor goes on", KV_S("why", h->error));
    }
}

static void on_born(struct handover *h, const json_t *note)
{
    handover_meet(h, note);
    log_info("a successor starts its workers", KV_I("successor_pid", h->peer.pid), KV_S("successor", h->peer.instance),
             KV_S("version", h->peer.version), KV_S("build", h->peer.build));
}

static void on_ready(struct handover *h)
{
    if (h->state != HANDOVER_STARTING || !handover_move(h, HANDOVER_EVENT_READY))
        return;
    h->says[0] = '\0';
    KILL_POINT("handover_giving");
    handover_say(h, "take", NULL);
    handover_deadline(h, GIVING_MS);
}

static void on_taken(struct handover *h)
{
    if (h->state != HANDOVER_GIVING || !handover_move(h, HANDOVER_EVENT_TAKEN))
        return;
    handover_deadline(h, 0);
    h->given++;
    log_info("handed over: the successor works, this supervisor finishes what it holds",
             KV_I("successor_pid", h->peer.pid), KV_S("successor", h->peer.instance));
    KILL_POINT("handover_given");
    h->hooks.on_given(h->hooks.arg);
    handover_say(h, "yours", NULL);
}

void handover_give_hear(struct handover *h, const json_t *note)
{
    if (note == NULL) {
        on_gone(h);
        return;
    }
    const char *say = handover_note_text(note, "say");
    if (strcmp(say, "forked") == 0) {
        h->forked = (pid_t)handover_note_number(note, "pid", 0);
    } else if (strcmp(say, "born") == 0) {
        on_born(h, note);
    } else if (strcmp(say, "waits") == 0) {
        (void)snprintf(h->says, sizeof h->says, "%s", handover_note_text(note, "for"));
    } else if (strcmp(say, "ready") == 0) {
        on_ready(h);
    } else if (strcmp(say, "taken") == 0) {
        on_taken(h);
    } else if (strcmp(say, "failed") == 0) {
        h->leaving_told = true;
        fail(h, handover_note_text(note, "why"));
    } else if (strcmp(say, "stop") == 0 && h->state == HANDOVER_GIVEN) {
        h->hooks.on_killed(h->hooks.arg);
    }
}

bool handover_reaped(struct handover *h, pid_t pid, int wait_status)
{
    if (h->started == 0 || pid != h->started)
        return false;
    h->started = 0;
    if (h->subreaper_off)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    h->subreaper_off = false;
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        log_warn("the started stint-supervisor ended at once", KV_I("started_pid", pid),
                 KV_I("exit", WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status)));
    return true;
}
