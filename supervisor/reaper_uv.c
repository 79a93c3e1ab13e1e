/*
 * reaper_uv - see slots_uv.h. The end of processes: ours, and in a container whatever else was left to us. Refuses to
 * call a worker dead for any reason but waitpid's word.
 */
#include "slots_uv.h"

#include "build_info.h"
#include "clock.h"
#include "crash_page.h"
#include "job.h"
#include "killpoint.h"
#include "keys.h"
#include "log.h"
#include "sandbox.h"
#include "slot_cgroup.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum {
    CRASHES_DEFAULT = 2, /* for a job of a kind the configuration does not know */
    REFILL_NOW_MS = 1,   /* before a replacement starts when nobody else can take the job: the report leaves first */
    REFILL_CALM_MS = 10, /* when an idle worker can: its start shall not have to share the CPU with another's */
};

/* One ended process. */
struct ended {
    struct exit_facts facts;
    struct exit_verdict verdict;
    struct rusage usage;
    struct crash_head page;  /* what it left of itself */
    bool has_page;           /* … a snapshot; else page holds its last words at most */
    char refused_call[40];   /* system call its sandbox refused; "": none */
    const struct slot *slot; /* its usage read after the end; the group is removed only then */
    uint64_t now_ms;
    char consumer[CONSUMER_MAX];
};

static struct slot *slot_of(struct slots_uv *u, pid_t pid)
{
    for (size_t i = 0; i < SCORE_SLOT_MAX; i++)
        if (slot_state_live(u->slots->table[i].state) && u->slots->table[i].pid == pid)
            return &u->slots->table[i];
    return NULL;
}

static int64_t cpu_ms(const struct rusage *r)
{
    return (int64_t)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000 +
           (r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1000;
}

static bool has_job(const struct ended *d)
{
    return d->facts.score_known && d->facts.now.running > 0 && d->facts.now.kind[0] != '\0';
}

/* Of the job, its parser included where the worker had a group and was seen running it; without a job of the whole life. */
static int64_t used_cpu_ms(const struct ended *d)
{
    int64_t ms = slot_cgroup_job_cpu_ms(d->slot, has_job(d) && d->facts.now.running == 1 ? d->facts.now.entry : "");
    if (ms >= 0 || !has_job(d))
        return MAX_OF(ms, has_job(d) ? 0 : cpu_ms(&d->usage));
    return MAX_OF(cpu_ms(&d->usage) - (int64_t)(d->facts.now.cpu_start_us / 1000), INT64_C(0));
}

/* Where it was, and what its group counted. NULL when neither is known, or without memory. */
static char *detail_json(const struct slot *slot, const struct ended *d)
{
    json_t *o = json_object();
    if (d->facts.score_known)
        (void)json_object_update_new(
            o, json_pack("{s:s,s:s,s:i}", "pool", slot->pool->name, "phase",
                         phase_name((enum worker_phase)d->facts.now.phase), "running", (int)d->facts.now.running));
    if (d->has_page && d->page.fault != 0) {
        char fault[24];
        (void)snprintf(fault, sizeof fault, "0x%llx", (unsigned long long)d->page.fault);
        (void)json_object_set_new(o, "fault_address", json_string(fault));
    }
    if (d->refused_call[0] != '\0')
        (void)json_object_set_new(o, "refused_call", json_string(d->refused_call));
    json_t *words = d->page.words[0] != '\0' ? json_string(d->page.words) : NULL;
    if (words != NULL)
        (void)json_object_set_new(o, "last_words", words);
    json_t *usage = slot_cgroup_json(slot);
    if (usage != NULL)
        (void)json_object_set_new(o, "cgroup", usage);
    char *text = json_object_size(o) > 0 ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

/* The error record, and what of it a dead letter shows first. NULL without memory. */
static char *error_json(const struct slots_uv *u, const struct slot *slot, const struct ended *d)
{
    if (d->verdict.cause[0] == '\0')
        return strdup("{}");
    AUTO_FREE char *detail = detail_json(slot, d);
    const struct job_evidence evidence = {
        .code = d->verdict.code,
        .cause = d->verdict.cause,
        .message = d->verdict.message,
        .instance = u->instance,
        .consumer = d->consumer,
        .wall_ms = has_job(d) ? (int64_t)(d->now_ms - d->facts.now.since_ms) : -1,
        .cpu_ms = used_cpu_ms(d),
        .rss_bytes = (int64_t)d->usage.ru_maxrss * 1024,
        .exit_status = d->verdict.exit_status,
        .signal = d->verdict.signal,
        .detail = detail,
    };
    return job_error_json(&evidence);
}

/* NULL when nobody can say what ran. */
static const struct conf_kind *kind_of(const struct slots_uv *u, const struct ended *d)
{
    return has_job(d) ? conf_kind_of(u->conf, d->facts.now.kind) : NULL;
}

/* Even after a faultless end: the consumer's name in the group goes with the process. */
static void report(struct slots_uv *u, const struct slot *slot, const struct ended *d)
{
    const struct conf_kind *kind = kind_of(u, d);
    struct crash_report r = {.crash_limit = kind != NULL ? (uint32_t)kind->crashes : CRASHES_DEFAULT};
    (void)cause_policy_of(kind, d->verdict.cause, &r.policy);
    (void)snprintf(r.consumer, sizeof r.consumer, "%s", d->consumer);
    switch (d->verdict.blame) {
    case EXIT_BLAME_NOBODY:
        break;
    case EXIT_BLAME_ENTRY:
        if (d->facts.now.band < BAND_COUNT) /* the page is the dead worker's: its number may be anything */
            (void)snprintf(r.blame, sizeof r.blame, "%s:%s", band_name((enum band)d->facts.now.band), d->facts.now.entry);
        break;
    case EXIT_BLAME_ROUND:
        (void)snprintf(r.blame, sizeof r.blame, "*");
        break;
    }
    r.error_json = error_json(u, slot, d);
    if (r.error_json == NULL)
        r.error_json = strdup("{}");
    job_fingerprint(r.fingerprint, has_job(d) ? d->facts.now.kind : "", d->verdict.cause, d->verdict.code,
                    d->verdict.message);
    u->hooks.on_death(u->hooks.arg, slot, slots_part_now(u->slots, slot), &r);
}

static void log_end(const struct slot *slot, const struct ended *d)
{
    const struct log_kv kv[] = {
        KV_S("pool", slot->pool->name),
        KV_I("slot", slot->number),
        KV_I("worker_pid", slot->pid),
        KV_I("generation", slot->generation),
        KV_S("cause", d->verdict.cause),
        KV_S("end", d->verdict.message),
        KV_S("phase", phase_name((enum worker_phase)d->facts.now.phase)),
        KV_S("kind", has_job(d) ? d->facts.now.kind : ""),
        KV_S("job", has_job(d) ? d->facts.now.job_id : ""),
        KV_I("age_ms", d->now_ms - slot->started_ms),
        KV_I("cpu_ms", used_cpu_ms(d)),
        KV_I("cgroup_memory_peak_bytes", slot->usage.memory_peak_bytes),
        KV_I("cgroup_oom_kills", slot->usage.oom_kills),
        KV_I("peak_rss_bytes", d->usage.ru_maxrss * 1024),
    };
    log_write(d->verdict.failure ? LOG_WARN : LOG_INFO, d->verdict.failure ? "worker failed" : "worker ended", kv,
              ARRAY_LEN(kv));
}

static struct ended ended_of(const struct slots_uv *u, const struct slot *slot, int status, const struct rusage *usage)
{
    struct ended d = {.usage = *usage, .now_ms = clock_mono_ms(), .slot = slot};
    d.facts = (struct exit_facts){
        .wait_status = status, .was_ready = slot->was_ready, .recycled = slot->recycled, .intent = slot->intent,
        .oom_killed = slot->usage.oom_kills > 0};
    d.facts.score_known = score_read(slots_cell(u->slots, slot), &d.facts.now);
    if (slot->intent == EXIT_INTENT_HARD_TIMEOUT && d.facts.score_known &&
        d.facts.now.hard_deadline_ms != slot->overrun_ms)
        d.facts.intent = EXIT_INTENT_LATE_KILL;
    d.has_page = crash_page_read(slot->crash_fd, &d.page);
    if (d.has_page && d.page.syscall >= 0) {
        (void)sandbox_syscall_name(d.page.syscall, d.refused_call, sizeof d.refused_call);
        d.facts.refused_call = d.refused_call;
    }
    exit_cause_of(&d.facts, &d.verdict);
    (void)snprintf(d.consumer, sizeof d.consumer, "%s:%u:%u", u->instance, slot->number, slot->generation);
    return d;
}

/* The page goes where backtraces are made, unless the end was asked for and the signal is that. */
static void hand_page(struct slots_uv *u, struct slot *slot, const struct ended *d)
{
    struct evidence_item item = {.page_fd = slot->crash_fd, .queue = slots_part_now(u->slots, slot)};
    if (!d->has_page || d->verdict.cause[0] == '\0')
        return;
    if (has_job(d) && d->facts.now.running == 1) {
        item.epoch = d->facts.now.epoch;
        memcpy(item.job_id, d->facts.now.job_id, sizeof item.job_id);
    }
    (void)snprintf(item.what, sizeof item.what, "worker of %.30s", slot->pool->name);
    slot->crash_fd = -1;
    u->hooks.on_page(u->hooks.arg, &item);
}

static void note_last_exit(struct slot *slot, const struct ended *d)
{
    if (d->verdict.cause[0] != '\0')
        (void)snprintf(slot->last_exit, sizeof slot->last_exit, "%s", d->verdict.cause);
    else if (d->verdict.signal != NULL)
        (void)snprintf(slot->last_exit, sizeof slot->last_exit, "%s", d->verdict.signal);
    else
        (void)snprintf(slot->last_exit, sizeof slot->last_exit, "exit %d", d->verdict.exit_status);
}

/* Counted by why the one before is gone: its cause, or that it was asked to go. */
static void count_restart(struct slots_uv *u, const struct slot *slot, const struct ended *d)
{
    struct score_pool *row = score_pool(u->slots->board, slot->pool->name);
    if (row == NULL || u->draining || slot->retire)
        return;
    const char *asked = d->facts.recycled || slot->intent == EXIT_INTENT_STOP ? "recycled" : "exit";
    score_restart(row, d->verdict.cause[0] != '\0' ? d->verdict.cause : asked);
}

/* What it was sent to and did not come to, or had more, is another's; two wake-ups too many cost two empty fetches. */
static void hand_on(struct slots_uv *u, struct slot *slot)
{
    if (!u->slots->listed[slot->pool->queue])
        return;
    (void)slots_uv_wake(u, slots_part_now(u->slots, slot), false, 1);
    if (slots_serves(u->slots, slot, slot->sent))
        (void)slots_uv_wake(u, slot->sent, false, 1);
    memset(slot->been, 0, sizeof slot->been);
}

static void slot_ended(struct slots_uv *u, struct slot *slot, int status, const struct rusage *usage)
{
    KILL_POINT("supervisor_reaped");
    slot_ipc_close(u, slot);
    slot_cgroup_read(slot);
    struct ended d = ended_of(u, slot, status, usage);
    log_end(slot, &d);
    note_last_exit(slot, &d);
    count_restart(u, slot, &d);
    if (slot->was_ready)
        report(u, slot, &d);
    hand_page(u, slot, &d);
    base_close_fd(&slot->crash_fd);
    slot_cgroup_drop(u->cgroups, slot);

    struct score_cell *cell = slots_cell(u->slots, slot);
    const struct score_now gone = {.phase = PHASE_STOP, .since_ms = d.now_ms};
    score_publish(cell, &gone); /* nobody else writes it now; what it said last is in d */
    atomic_store_explicit(&cell->pid, 0, memory_order_relaxed);
    atomic_store_explicit(&cell->rss_bytes, 0, memory_order_relaxed);
    slot->pid = 0;
    slot->rss_bytes = 0;
    slots_move(u->slots, slot, SLOT_EVENT_EXITED);
    hand_on(u, slot);
    if (d.verdict.failure)
        slots_uv_failed(u, slot, d.verdict.boot_failure,
                        slot->boot_error[0] != '\0' ? slot->boot_error : d.verdict.message);
}

/* The dead leader's pid is still taken while it is a zombie, so its group's number cannot mean anyone else: now is the
 * moment to end what it left behind. */
static bool reap_one(struct slots_uv *u, uint64_t *refill_ms)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return false;
    struct slot *slot = slot_of(u, info.si_pid);
    if (slot != NULL)
        (void)kill(-info.si_pid, SIGKILL);
    int status = 0;
    struct rusage usage = {0};
    if (wait4(info.si_pid, &status, WNOHANG, &usage) <= 0)
        return false;
    if (slot != NULL) {
        slot_ended(u, slot, status, &usage);
        if (slots_idle(u->slots, slot->pool->queue, pool_serves_lane(slot->pool)) == 0)
            *refill_ms = REFILL_NOW_MS;
    } else if (!u->hooks.on_other(u->hooks.arg, info.si_pid, status)) {
        log_debug("reaped an inherited process", KV_I("worker_pid", info.si_pid), KV_I("status", status));
    }
    return true;
}

void reaper_run(struct slots_uv *u)
{
    bool any = false;
    uint64_t refill_ms = REFILL_CALM_MS;
    while (reap_one(u, &refill_ms))
        any = true;
    if (!any)
        return;
    slots_uv_apply_within(u, refill_ms);
    u->hooks.on_change(u->hooks.arg);
    slots_uv_look_within(u, 1);
}
