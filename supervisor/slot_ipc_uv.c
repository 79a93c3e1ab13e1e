/*
 * slot_ipc_uv - see slots_uv.h. What workers say over their control sockets. A worker is a peer: whatever it sends may
 * change its own slot, never another's, and never ends the supervisor. EOF says nothing; only waitpid does.
 */
#include "slots_uv.h"

#include "clock.h"
#include "log.h"
#include <stdio.h>
#include <sys/resource.h>

enum { IPC_BURST_MAX = 64 }; /* messages taken from one worker before the others get their turn */

struct slot_io {
    uv_poll_t poll;
    struct slots_uv *owner;
    struct slot *slot;
};

/* It boots with our own niceness, because a job may be waiting for it, and yields from READY on. Its group: what a kind
 * started while it opened, too. */
static void make_nice(const struct slot *slot)
{
    int nice = getpriority(PRIO_PROCESS, 0) + (int)slot->pool->conf->nice;
    if (setpriority(PRIO_PGRP, (id_t)slot->pid, MIN_OF(nice, 19)) < 0)
        log_warn("a worker keeps the supervisor's niceness", KV_S("pool", slot->pool->name), KV_I("slot", slot->number),
                 KV_S("error", strerror(errno)));
}

static void on_ready(struct slots_uv *u, struct slot *slot, const char *text)
{
    long theirs = text[0] != '\0' ? strtol(text, NULL, 10) : 1;
    if (slot->was_ready)
        return;
    if (theirs != IPC_VERSION) {
        (void)snprintf(slot->boot_error, sizeof slot->boot_error, IPC_VERSION_WORDS, theirs, (long)IPC_VERSION);
        slots_uv_kill(u, slot, EXIT_INTENT_BOOT_TIMEOUT);
        return;
    }
    slot->was_ready = true;
    slot->boot_us = clock_mono_ns() / 1000 - slot->started_us;
    make_nice(slot);
    slots_move(u->slots, slot, SLOT_EVENT_READY);
    if (slot->state == SLOT_STOPPING) /* it may have a job by now: that is finished */
        slot->stop_by_ms = clock_mono_ms() + (uint64_t)u->conf->supervisor.drain_timeout;
    struct pool *pool = slot->pool;
    pool->boot_failures = 0;
    pool->error[0] = '\0';
    log_info("worker ready", KV_S("pool", pool->name), KV_I("slot", slot->number), KV_I("worker_pid", slot->pid),
             KV_I("generation", slot->generation), KV_D("boot_ms", (double)slot->boot_us / 1000));
    if (slot->state == SLOT_READY && (u->quiet || pool->quiet))
        slots_uv_quiet(u, slot, true);
    uint32_t last = slots_last_part(u->slots, pool->queue); /* it knows those of its configuration, not what drains */
    if (last != pool->queue && !u->slots->listed[last])
        (void)slots_uv_wake_slot(u, slot, last);
    slots_uv_look_within(u, WATCH_BUSY_MS);
    u->hooks.on_change(u->hooks.arg);
}

/* A cell's page on its way to a backtrace: "<epoch> <job id>". */
static void on_cell_died(struct slots_uv *u, struct slot *slot, const char *text, int *fd)
{
    struct evidence_item item = {.page_fd = *fd, .queue = slots_part_now(u->slots, slot), .what = "parser cell"};
    unsigned long long epoch = 0;
    int at = 0;
    if (*fd < 0 || sscanf(text, "%20llu %n", &epoch, &at) != 1 || at == 0 || strlen(text + at) >= sizeof item.job_id)
        return;
    item.epoch = epoch;
    memcpy(item.job_id, text + at, strlen(text + at) + 1);
    *fd = -1;
    u->hooks.on_page(u->hooks.arg, &item);
}

/* What it is at, where that is one queue of several; else its pool's, and all parts of it. */
static uint32_t queue_of(const struct slots_uv *u, const struct slot *slot)
{
    return u->slots->listed[slot->pool->queue] ? slots_part_now(u->slots, slot) : slot->pool->queue;
}

/* Its queue gave nothing more; or there is more, and its turn is over. */
static void on_idle(struct slots_uv *u, struct slot *slot, bool more)
{
    uint32_t at = queue_of(u, slot);
    slot->sent = at;
    slot->idle = slot->state == SLOT_READY && !slot->quiet;
    if (u->slots->listed[at])
        (void)slots_uv_wake(u, at, false, more ? 1 : 0);
    if (slot->idle)
        u->hooks.on_idle(u->hooks.arg, slot->pool->queue);
}

static void on_message(struct slots_uv *u, struct slot *slot, const struct ipc_msg *m, int *fd)
{
    switch ((enum ipc_type)m->type) {
    case IPC_READY:
        on_ready(u, slot, m->text);
        return;
    case IPC_IDLE:
        on_idle(u, slot, strcmp(m->text, IPC_IDLE_MORE) == 0);
        return;
    case IPC_BUSY:
        slot->idle = false;
        slots_uv_look_within(u, WATCH_BUSY_MS);
        u->hooks.on_busy(u->hooks.arg, queue_of(u, slot));
        return;
    case IPC_BOOT_FAILED:
        (void)snprintf(slot->boot_error, sizeof slot->boot_error, "%s", m->text);
        return;
    case IPC_RECYCLE:
        slot->recycled = true;
        log_info("worker recycles", KV_S("pool", slot->pool->name), KV_I("slot", slot->number), KV_S("limit", m->text));
        return;
    case IPC_FENCED:
        u->hooks.on_fenced(u->hooks.arg, queue_of(u, slot));
        return;
    case IPC_CELL_DIED:
        on_cell_died(u, slot, m->text, fd);
        return;
    case IPC_BEAT:
    case IPC_WAKE:
    case IPC_QUIET:
    case IPC_RESUME:
    case IPC_STOP:
    case IPC_CANCEL:
    case IPC_CONFIG:
    case IPC_PING:
        break;
    }
    log_warn("a worker sent a message only its supervisor may send", KV_S("pool", slot->pool->name),
             KV_I("slot", slot->number), KV_I("type", m->type));
}

/* Up to IPC_BURST_MAX messages. False when there is nothing more to come. */
static bool receive(struct slots_uv *u, struct slot *slot)
{
    for (int i = 0; i < IPC_BURST_MAX; i++) {
        struct ipc_msg m;
        AUTO_CLOSE int fd = -1;
        int rc = ipc_recv_fd(slot->control_fd, &m, &fd);
        if (rc == 0)
            return true;
        if (rc == -EBADMSG) {
            log_warn("a worker sent what is no message", KV_S("pool", slot->pool->name), KV_I("slot", slot->number));
            continue;
        }
        if (rc < 0)
            return false;
        on_message(u, slot, &m, &fd);
    }
    return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct slot_io *io = poll->data;
    if (!receive(io->owner, io->slot))
        (void)uv_poll_stop(poll); /* EOF stays readable: going on listening would spin until waitpid speaks */
}

int slot_ipc_open(struct slots_uv *u, struct slot *slot)
{
    assert(u->io[slot->number] == NULL);
    struct slot_io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return -ENOMEM;
    int rc = uv_poll_init(u->loop, &io->poll, slot->control_fd);
    if (rc < 0) {
        free(io);
        return rc;
    }
    io->owner = u;
    io->slot = slot;
    io->poll.data = io;
    u->io[slot->number] = io;
    return uv_poll_start(&io->poll, UV_READABLE, on_poll);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void slot_ipc_close(struct slots_uv *u, struct slot *slot)
{
    struct slot_io *io = u->io[slot->number];
    if (io != NULL) {
        (void)receive(u, slot);
        uv_close((uv_handle_t *)&io->poll, on_closed);
        u->io[slot->number] = NULL;
    }
    base_close_fd(&slot->control_fd);
}
