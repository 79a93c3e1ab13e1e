/*
 * autoscale_peers - see autoscale_peers.h. Refuses numbers that no supervisor could have meant.
 */
#include "autoscale_peers.h"

#include "scoreboard.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

static const double seconds_max = 1e12;

void autoscale_peers_print(struct buf *out, const char *pool, const struct autoscale_peer *p)
{
    (void)buf_addf(
        out, "\"%s\":{\"lane\":%s,\"workers\":%u,\"min\":%u,\"max\":%u,\"busy_s\":%.3f,\"jobs\":%.3f,\"running\":%u}",
        pool, p->lane ? "true" : "false", p->member.workers, p->member.min, p->member.max, p->sum.busy_s, p->sum.jobs,
        p->sum.running);
}

static bool take_count(const json_t *o, const char *key, uint32_t *ret)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > SCORE_SLOT_MAX)
        return false;
    *ret = (uint32_t)json_integer_value(v);
    return true;
}

static bool take_sum(const json_t *o, const char *key, double *ret)
{
    const json_t *v = json_object_get(o, key);
    *ret = json_number_value(v);
    return json_is_number(v) && isfinite(*ret) && *ret >= 0 && *ret < seconds_max;
}

static bool take_pool(const json_t *o, struct autoscale_peer *p)
{
    struct autoscale_member *m = &p->member;
    p->lane = json_is_true(json_object_get(o, "lane"));
    return take_count(o, "workers", &m->workers) && take_count(o, "min", &m->min) && take_count(o, "max", &m->max) &&
           m->min <= m->max && take_sum(o, "busy_s", &p->sum.busy_s) && take_sum(o, "jobs", &p->sum.jobs) &&
           take_count(o, "running", &p->sum.running);
}

size_t autoscale_peers_read(const char *instance, const char *json, size_t len, struct autoscale_peer *ret, size_t max)
{
    json_t *root = json_loadb(json, len, 0, NULL);
    const char *state = json_string_value(json_object_get(root, "state")), *name;
    size_t n = 0;
    json_t *pool;
    if (state != NULL && strcmp(state, "running") == 0) {
        json_object_foreach(json_object_get(root, "pools"), name, pool)
        {
            struct autoscale_peer p = {.lane = false};
            int written = snprintf(p.member.id, sizeof p.member.id, "%s/%s", instance, name);
            if (n < max && written > 0 && (size_t)written < sizeof p.member.id && take_pool(pool, &p))
                ret[n++] = p;
        }
    }
    json_decref(root);
    return n;
}
