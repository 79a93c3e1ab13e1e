/*
 * queueing - see queueing.h. Numbers in, numbers out; refuses to know where they come from.
 */
#include "queueing.h"

#include <math.h>

double queueing_erlang_c(uint32_t servers, double load)
{
    if (load >= servers)
        return 1;
    double b = 1; /* Erlang B of 0 servers; B(k) = a·B(k−1) / (k + a·B(k−1)) keeps every term between 0 and 1 */
    for (uint32_t k = 1; k <= servers; k++)
        b = load * b / (k + load * b);
    return b / (1 - load / servers * (1 - b));
}

double queueing_steady_wait_s(const struct queueing_load *q, uint32_t servers)
{
    double load = q->arrivals_per_s * q->service_s;
    if (load >= servers)
        return INFINITY;
    return queueing_erlang_c(servers, load) * q->service_s / (servers - load);
}

double queueing_wait_s(const struct queueing_load *q, uint32_t servers, double target_s)
{
    if (servers == 0)
        return INFINITY;
    double ends_per_s = servers / q->service_s;
    double free_now = fmax(0, servers - q->active), before = q->ready;
    double steady = queueing_steady_wait_s(q, servers);
    if (isinf(steady)) {
        before += (q->arrivals_per_s - ends_per_s) * target_s;
        steady = 0;
    }
    return fmax(steady, fmax(0, before + 1 - free_now) / ends_per_s);
}

uint32_t queueing_servers(const struct queueing_load *q, double target_s)
{
    double load = q->arrivals_per_s * q->service_s;
    double backlog = (q->active + q->ready + q->arrivals_per_s * target_s) / (1 + target_s / q->service_s);
    double least = fmax(load > 0 ? floor(load) + 1 : 0, ceil(backlog - 1e-9));
    if (least >= QUEUEING_SERVERS_MAX)
        return QUEUEING_SERVERS_MAX;
    uint32_t servers = (uint32_t)least;
    while (servers < QUEUEING_SERVERS_MAX && load > 0 && queueing_steady_wait_s(q, servers) > target_s)
        servers++;
    return servers;
}
