/*
 * host_limits - see host_limits.h. Refuses to start workers where the kernel would end them for each other's memory.
 */
#include "host_limits.h"

#include "log.h"

int host_limits_apply(struct host_limits *h, struct conf *conf, bool groups, struct err *e)
{
    struct memory_share share;
    char text[CONTAINER_TEXT_MAX];
    container_limits_read(&h->container, "");
    int rc = memory_share_apply(conf, h->container.memory_bytes, groups, container_limits_cpus(&h->container), &share, e);
    if (rc < 0)
        return rc;
    h->share = share;
    log_info("limits of the container or unit", KV_S("limits", container_limits_text(&h->container, text)));
    if (!share.lowered)
        return 0;
    log_warn("memory is divided among workers", KV_S("why", share.text), KV_S("from", h->container.memory_from));
    for (size_t i = 0; i < conf->n_pools; i++)
        log_info("a worker's memory", KV_S("pool", conf->pools[i].name), KV_I("memory_bytes", conf->pools[i].memory),
                 KV_I("cgroup_memory_bytes", conf->pools[i].cgroup_memory));
    return 0;
}

json_t *host_limits_json(const struct host_limits *h)
{
    const struct container_limits *l = &h->container;
    char text[CONTAINER_TEXT_MAX];
    return json_pack("{s:I,s:I,s:s,s:I,s:s,s:I,s:s,s:s}", "memory_bytes", (json_int_t)l->memory_bytes,
                     "memory_free_bytes", (json_int_t)l->memory_free_bytes, "memory_from", l->memory_from,
                     "cpu_percent", (json_int_t)l->cpu_percent, "cpu_from", l->cpu_from, "cpus", (json_int_t)l->cpus,
                     "text", container_limits_text(l, text), "share", h->share.text);
}
