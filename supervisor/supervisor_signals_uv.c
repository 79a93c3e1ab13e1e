/*
 * supervisor_signals_uv - see supervisor_uv.h. Which signal asks for what: one table.
 */
#include "supervisor_uv.h"

#include "log.h"
#include <signal.h>
#include <stdio.h>

static void dump_state(const struct supervisor *s)
{
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        const struct pool *p = &s->slots->pools[i];
        log_info("pool", KV_S("pool", p->name), KV_S("state", pool_state_name(s->slots, p)),
                 KV_I("desired", p->desired), KV_I("ready", slots_in_state(s->slots, p, SLOT_READY)),
                 KV_I("restarts", p->restarts), KV_S("error", p->error));
    }
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++) {
        const struct slot *slot = &s->slots->table[i];
        struct score_now now;
        if (!slot_state_live(slot->state) || !score_read(slots_cell(s->slots, slot), &now))
            continue;
        log_info("worker", KV_S("pool", slot->pool->name), KV_I("slot", slot->number), KV_I("worker_pid", slot->pid),
                 KV_S("state", slot_state_name(slot->state)), KV_S("phase", phase_name((enum worker_phase)now.phase)),
                 KV_S("job", now.running == 1 ? now.job_id : ""), KV_I("rss_bytes", slot->rss_bytes));
    }
}

static void on_term(struct supervisor *s)
{
    supervisor_drain(s);
}

static void on_int(struct supervisor *s)
{
    if (s->mode >= SUPERVISOR_DRAINING)
        supervisor_stop(s);
    else
        supervisor_drain(s);
}

static void on_hup(struct supervisor *s)
{
    struct err e = {0};
    struct reload_report *report = malloc(sizeof *report);
    if (report != NULL && supervisor_reload(s, report, &e) < 0)
        log_error("not reloaded; the old configuration stays", KV_S("error", e.message));
    free(report);
}

static void on_usr1(struct supervisor *s)
{
    supervisor_reopen_log(s);
    dump_state(s);
}

static void on_usr2(struct supervisor *s)
{
    struct err e = {0};
    if (supervisor_upgrade(s, 0, &e) < 0)
        log_error("not handed over", KV_S("error", e.message));
}

static void scale_all(struct supervisor *s, int by)
{
    for (size_t i = 0; i < s->slots->n_pools; i++) {
        struct err e = {0};
        struct pool *pool = &s->slots->pools[i];
        if (supervisor_scale(s, pool, (int64_t)pool->desired + by, &e) < 0)
            log_warn("not scaled", KV_S("error", e.message));
        else
            log_info("scaled", KV_S("pool", pool->name), KV_I("desired", pool->desired));
    }
}

static void on_ttin(struct supervisor *s)
{
    scale_all(s, 1);
}

static void on_ttou(struct supervisor *s)
{
    scale_all(s, -1);
}

static void on_tstp(struct supervisor *s)
{
    supervisor_quiet(s, true);
}

static void on_cont(struct supervisor *s)
{
    if (s->mode == SUPERVISOR_QUIET)
        supervisor_quiet(s, false);
}

static const struct {
    int signum;
    void (*act)(struct supervisor *s);
} signal_table[] = {
    {SIGTERM, on_term}, {SIGINT, on_int},   {SIGHUP, on_hup},   {SIGUSR1, on_usr1},
    {SIGUSR2, on_usr2}, {SIGTTIN, on_ttin}, {SIGTTOU, on_ttou}, {SIGTSTP, on_tstp}, {SIGCONT, on_cont},
};
_Static_assert(ARRAY_LEN(signal_table) <= SUPERVISOR_SIGNAL_MAX, "a handle for each signal");

static void on_signal(uv_signal_t *handle, int signum)
{
    struct supervisor *s = handle->data;
    log_info("signal", KV_S("signal", exit_signal_name(signum)));
    for (size_t i = 0; i < ARRAY_LEN(signal_table); i++)
        if (signal_table[i].signum == signum)
            signal_table[i].act(s);
}

int supervisor_signals_open(struct supervisor *s, struct err *e)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(signal_table); i++) {
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        s->n_signals++;
        int rc = uv_signal_start(&s->signals[i], on_signal, signal_table[i].signum);
        if (rc < 0)
            return err_set_errno(e, -rc, "cannot listen for %s", exit_signal_name(signal_table[i].signum));
    }
    return 0;
}

void supervisor_signals_close(struct supervisor *s)
{
    for (size_t i = 0; i < s->n_signals; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    s->n_signals = 0;
}
