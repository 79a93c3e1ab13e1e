/*
 * memory_share - see memory_share.h. Refuses to give a worker less than it needs to boot: a pool that cannot start is a
 * worse answer than a sentence at the start.
 */
#include "memory_share.h"

#include <stdio.h>

/* One pool's part. Bytes are of one worker. */
struct share_row {
    int64_t workers, asked, least, given;
    bool by_group; /* cgroup_memory is what holds */
};

static int64_t mib(int64_t bytes)
{
    return bytes >> 20;
}

static struct share_row row_of(const struct conf_pool *p, int64_t limit, bool groups, int64_t cpus)
{
    struct share_row r = {.workers = conf_pool_scaled(p) ? conf_pool_scaled_max(p, cpus) : p->workers,
                          .by_group = groups && p->cgroup_memory > 0};
    r.asked = r.by_group ? p->cgroup_memory : p->memory;
    if (r.asked == 0)
        r.asked = limit;
    r.least = MIN_OF(r.asked, MEMORY_SHARE_LEAST);
    r.given = r.asked;
    return r;
}

/* Rows that would get less than their least are set to it and taken out of the division; each turn sets at least one,
 * so there are at most n turns. */
static void divide(struct share_row *rows, size_t n, int64_t available)
{
    bool fixed[CONF_POOL_MAX] = {false}, again = true;
    while (again) {
        double asked = 0, left = (double)available;
        for (size_t i = 0; i < n; i++) {
            if (fixed[i])
                left -= (double)(rows[i].least * rows[i].workers);
            else
                asked += (double)rows[i].asked * (double)rows[i].workers;
        }
        double part = asked > left ? left / asked : 1;
        again = false;
        for (size_t i = 0; i < n; i++) {
            if (fixed[i])
                continue;
            rows[i].given = (int64_t)((double)rows[i].asked * part) >> 12 << 12; /* whole pages */
            if (rows[i].given < rows[i].least) {
                rows[i].given = rows[i].least;
                fixed[i] = again = true;
            }
        }
    }
}

static int refuse(int64_t limit, int64_t workers, int64_t needed, struct err *e)
{
    return err_set(e, ERR_BAD_CONFIG,
                   "the memory limit here is %lld MiB, of which the supervisor keeps %lld: too little for %lld "
                   "workers, which need %lld "
                   "MiB; raise the limit (docker run --memory, mem_limit, MemoryMax=), or lower workers or workers_max",
                   (long long)mib(limit), (long long)mib(MEMORY_SHARE_OWN), (long long)workers, (long long)mib(needed));
}

static void take_over(struct conf_pool *p, const struct share_row *r)
{
    int64_t *holds = r->by_group ? &p->cgroup_memory : &p->memory;
    *holds = r->given;
    if (p->cgroup_memory_high > r->given) /* it could never be reached */
        p->cgroup_memory_high = 0;
    if (!r->by_group && p->cgroup_memory > r->given)
        p->cgroup_memory = r->given;
}

int memory_share_apply(struct conf *conf, int64_t limit_bytes, bool groups, int64_t cpus, struct memory_share *ret,
                       struct err *e)
{
    struct share_row rows[CONF_POOL_MAX];
    int64_t available = MAX_OF(limit_bytes - MEMORY_SHARE_OWN, INT64_C(0)), least = 0, workers = 0;
    *ret = (struct memory_share){.limit_bytes = limit_bytes};
    if (limit_bytes <= 0)
        return 0;
    for (size_t i = 0; i < conf->n_pools; i++) {
        rows[i] = row_of(&conf->pools[i], limit_bytes, groups, cpus);
        workers += rows[i].workers;
        least += rows[i].workers * rows[i].least;
        ret->asked_bytes += rows[i].workers * rows[i].asked;
    }
    if (least > available)
        return refuse(limit_bytes, workers, least, e);
    ret->lowered = ret->asked_bytes > available;
    if (ret->lowered)
        divide(rows, conf->n_pools, available);
    for (size_t i = 0; i < conf->n_pools; i++) {
        ret->given_bytes += rows[i].workers * rows[i].given;
        if (ret->lowered)
            take_over(&conf->pools[i], &rows[i]);
    }
    (void)snprintf(
        ret->text, sizeof ret->text,
        ret->lowered
            ? "workers: %lld, which ask for %lld MiB where %lld are left to them: each gets %.0f %% of its memory"
            : "workers: %lld, which ask for %lld MiB of %lld",
        (long long)workers, (long long)mib(ret->asked_bytes), (long long)mib(available),
        ret->asked_bytes > 0 ? 100.0 * (double)ret->given_bytes / (double)ret->asked_bytes : 100.0);
    return 0;
}
