/*
 * supervisor_link - why: the only voice a worker obeys. Refuses to live without it.
 */
#include "supervisor_link.h"

#include "clock.h"
#include "log.h"
#include "worker.h"

#include <stdio.h>

/* Two parts of a queue can hold the same entry id: a cancel for a part that was left since is for nobody here. */
static void cancel(struct worker *w, const char *which)
{
    const char *space = strchr(which, ' ');
    if (w->turn.part != (space != NULL ? strtoul(which, NULL, 10) : 0))
        return;
    (void)job_runner_cancel(w, space != NULL ? space + 1 : which);
    fetch_pump_soon(w);
}

static void obey(struct worker *w, const struct ipc_msg *msg, int fd)
{
    switch ((enum ipc_type)msg->type) {
    case IPC_WAKE:
        fetch_wake(w, msg->text);
        return;
    case IPC_QUIET:
        fetch_quiet(w, true);
        return;
    case IPC_RESUME:
        fetch_quiet(w, false);
        return;
    case IPC_STOP:
        fetch_stop(w);
        return;
    case IPC_CANCEL:
        cancel(w, msg->text);
        return;
    case IPC_CONFIG:
        worker_take_config(w, fd);
        return;
    case IPC_PING:
        atomic_store_explicit(&w->boot.cell->alive_ms, clock_mono_ms(), memory_order_relaxed);
        return;
    case IPC_READY:
    case IPC_IDLE:
    case IPC_BUSY:
    case IPC_BEAT:
    case IPC_BOOT_FAILED:
    case IPC_RECYCLE:
    case IPC_FENCED:
    case IPC_CELL_DIED:
        break;
    }
    log_warn("the supervisor sent a message of an unknown type; ignored", KV_I("type", msg->type));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct worker *w = poll->data;
    struct ipc_msg msg;
    (void)events;
    for (;;) {
        AUTO_CLOSE int fd = -1;
        int rc = status < 0 ? -ENODATA : ipc_recv_fd(WORKER_FD_CONTROL, &msg, &fd);
        if (rc == 0)
            return;
        if (rc == -EBADMSG)
            continue;
        if (rc < 0) {
            log_error0("the supervisor is gone; the worker ends, its jobs come back when the lease does");
            _exit(WORKER_EXIT_ORPHANED);
        }
        obey(w, &msg, fd);
    }
}

int supervisor_link_open(struct worker *w, struct err *e)
{
    struct supervisor_link *l = &w->link;
    int rc = uv_poll_init(&w->loop, &l->poll, WORKER_FD_CONTROL);
    if (rc < 0)
        return err_set(e, ERR_BOOT_FAILURE, "cannot watch the control socket: %s", uv_strerror(rc));
    l->open = true;
    l->poll.data = w;
    (void)uv_poll_start(&l->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    return 0;
}

void supervisor_link_close(struct worker *w)
{
    if (w->link.open)
        uv_close((uv_handle_t *)&w->link.poll, NULL);
    w->link.open = false;
}

void supervisor_link_say(struct worker *w, enum ipc_type type, const char *text)
{
    (void)w;
    int rc = ipc_send(WORKER_FD_CONTROL, type, text);
    if (rc < 0 && rc != -EPIPE) /* EPIPE: the loop is about to see EOF */
        log_warn("a message to the supervisor was dropped", KV_I("type", type), KV_S("why", err_text(rc)));
}

void supervisor_link_cell_died(const struct job *job, int page_fd)
{
    char text[JOB_ID_MAX + 24];
    snprintf(text, sizeof text, "%llu %s", (unsigned long long)job->epoch, job->id);
    int rc = ipc_send_fd(WORKER_FD_CONTROL, IPC_CELL_DIED, text, page_fd);
    if (rc < 0)
        log_info("a cell's backtrace will not be made", KV_S("why", err_text(rc)));
}
