/*
 * slot_cgroup - see slot_cgroup.h. Refuses to start a worker without the group it should have: a limit that is there
 * only sometimes is none.
 */
#include "slot_cgroup.h"

#include <stdio.h>

static void name_of(const struct cgroup_tree *t, const struct slot *slot, char ret_name[static CGROUP_NAME_MAX])
{
    (void)snprintf(ret_name, CGROUP_NAME_MAX, "worker-%s-%u.%u", t->tag, slot->number, slot->generation);
}

/* What tells two lives apart is the end of an instance's name. */
static void tag_of(const char *instance, char ret_tag[static CGROUP_TAG_MAX])
{
    const char *dash = strrchr(instance, '-');
    (void)snprintf(ret_tag, CGROUP_TAG_MAX, "%s", dash != NULL ? dash + 1 : instance);
}

int slot_cgroup_open(struct cgroup_tree *ret, const char *mode, const char *instance, bool alone, struct err *e)
{
    cgroup_none(ret, "cgroups are off ([supervisor] cgroup = off): rlimits only");
    if (strcmp(mode, "off") == 0)
        return 0;
    struct err why = {0};
    int rc = cgroup_open(ret, "/proc/self", &why);
    tag_of(instance, ret->tag);
    if (rc == 0 && alone)
        (void)cgroup_sweep(ret, "");
    if (rc == 0 || strcmp(mode, "required") != 0)
        return 0;
    return err_set(e, ERR_BOOT_FAILURE, "[supervisor] cgroup = required, but %s", why.message);
}

int slot_cgroup_make(const struct cgroup_tree *t, struct slot *slot, struct err *e)
{
    slot->usage = (struct cgroup_usage){-1, -1, -1, -1, -1, -1, -1};
    slot->job_entry[0] = '\0';
    if (t->fd < 0)
        return 0;
    const struct conf_pool *p = slot->pool->conf;
    const struct cgroup_limits limits = {
        .memory_max_bytes = p->cgroup_memory != 0 ? p->cgroup_memory : p->memory,
        .memory_high_bytes = p->cgroup_memory_high,
        .cpu_percent = p->cpu_quota,
        .tasks = p->tasks,
    };
    char name[CGROUP_NAME_MAX], own[CGROUP_NAME_MAX];
    name_of(t, slot, name);
    /* Of this slot's predecessors that were not yet empty when they were dropped. Another slot's leaf may be that of a worker
     * the kernel just ended: its memory.events is still to be read. */
    (void)snprintf(own, sizeof own, "worker-%s-%u.", t->tag, slot->number);
    (void)cgroup_sweep(t, own);
    return cgroup_leaf_make(t, name, &limits, &slot->cgroup_fd, e);
}

void slot_cgroup_read(struct slot *slot)
{
    if (slot->cgroup_fd > 0)
        cgroup_leaf_read(slot->cgroup_fd, &slot->usage);
}

json_t *slot_cgroup_json(const struct slot *slot)
{
    const struct cgroup_usage *u = &slot->usage;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"memory_bytes", u->memory_bytes},
        {"memory_peak_bytes", u->memory_peak_bytes},
        {"memory_max_bytes", u->memory_max_bytes},
        {"oom_kills", u->oom_kills},
        {"tasks_refused", u->tasks_refused},
        {"cpu_ms", u->cpu_us < 0 ? -1 : u->cpu_us / 1000},
        {"throttled_ms", u->throttled_us < 0 ? -1 : u->throttled_us / 1000},
    };
    if (slot->cgroup_fd <= 0)
        return NULL;
    json_t *o = json_object();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value >= 0)
            (void)json_object_set_new(o, rows[i].name, json_integer(rows[i].value));
    return o;
}

void slot_cgroup_job(struct slot *slot, const char *entry)
{
    if (slot->cgroup_fd <= 0 || entry[0] == '\0' || strcmp(slot->job_entry, entry) == 0)
        return;
    (void)snprintf(slot->job_entry, sizeof slot->job_entry, "%s", entry);
    slot->job_cpu_us = cgroup_leaf_cpu_us(slot->cgroup_fd);
}

int64_t slot_cgroup_job_cpu_ms(const struct slot *slot, const char *entry)
{
    if (slot->usage.cpu_us < 0)
        return -1;
    bool known = slot->job_cpu_us >= 0 && entry[0] != '\0' && strcmp(slot->job_entry, entry) == 0;
    return (slot->usage.cpu_us - (known ? slot->job_cpu_us : 0)) / 1000;
}

void slot_cgroup_drop(const struct cgroup_tree *t, struct slot *slot)
{
    if (slot->cgroup_fd <= 0)
        return;
    char name[CGROUP_NAME_MAX];
    name_of(t, slot, name);
    cgroup_leaf_drop(t, name, slot->cgroup_fd);
    base_close_fd(&slot->cgroup_fd);
}

void slot_cgroup_close(struct cgroup_tree *t)
{
    char ours[CGROUP_NAME_MAX];
    if (t->fd < 0)
        return;
    (void)snprintf(ours, sizeof ours, "worker-%s-", t->tag);
    (void)cgroup_sweep(t, ours);
    cgroup_close(t);
}
