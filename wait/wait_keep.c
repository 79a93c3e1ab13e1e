/*
 * wait_keep - rates and patience as JSON, over a restart.
 *
 * Sums over everybody only. It refuses what it cannot have written: other versions, missing or negative numbers.
 */
#include "buf.h"
#include "wait_model_impl.h"

#include <jansson.h>
#include <math.h>

int wait_model_export(const struct wait_model *m, int64_t now_ms, struct buf *out)
{
    int rc = buf_addf(out, "{\"v\":1,\"at_ms\":%lld,\"sides\":[", (long long)now_ms);
    for (int g = 0; g < GENDER_COUNT && rc == 0; g++) {
        const struct side *s = &m->sides[g];
        rc = buf_addf(
            out, "%s{\"gender\":\"%s\",\"slow\":%.9g,\"fast\":%.9g,\"at_s\":%.3f,\"since_s\":%.3f,\"leaves\":[",
            g ? "," : "", gender_name((unsigned)g), s->rate.slow, s->rate.fast, s->rate.at_s, s->rate.since_s);
        for (int i = 0; i < PATIENCE_BANDS && rc == 0; i++)
            rc = buf_addf(out, "%s%.9g", i ? "," : "", s->patience.leaves[i]);
        rc = rc < 0 ? rc : buf_adds(out, "],\"seconds\":[");
        for (int i = 0; i < PATIENCE_BANDS && rc == 0; i++)
            rc = buf_addf(out, "%s%.9g", i ? "," : "", s->patience.seconds[i]);
        rc = rc < 0 ? rc : buf_adds(out, "]}");
    }
    return rc < 0 ? rc : buf_adds(out, "]}");
}

static bool amount(const json_t *o, const char *name, double *ret)
{
    const json_t *v = json_object_get(o, name);
    double d = json_is_number(v) ? json_number_value(v) : -1;
    *ret = d;
    return d >= 0 && isfinite(d);
}

static bool bands(const json_t *o, const char *name, double ret[static PATIENCE_BANDS])
{
    const json_t *a = json_object_get(o, name);
    if (json_array_size(a) != PATIENCE_BANDS)
        return false;
    for (size_t i = 0; i < PATIENCE_BANDS; i++) {
        ret[i] = json_number_value(json_array_get(a, i));
        if (!(ret[i] >= 0) || !isfinite(ret[i]))
            return false;
    }
    return true;
}

static bool read_side(const json_t *o, struct rate *rate, struct patience *patience)
{
    *rate = (struct rate){0};
    if (!amount(o, "slow", &rate->slow) || !amount(o, "fast", &rate->fast) || !amount(o, "at_s", &rate->at_s) ||
        !amount(o, "since_s", &rate->since_s) || !bands(o, "leaves", patience->leaves) ||
        !bands(o, "seconds", patience->seconds))
        return false;
    rate->started = rate->at_s > 0;
    return true;
}

int wait_model_import(struct wait_model *m, int64_t now_ms, const char *json)
{
    struct rate rates[GENDER_COUNT];
    struct patience patiences[GENDER_COUNT];
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    const json_t *sides = json_object_get(root, "sides");
    bool ok = json_integer_value(json_object_get(root, "v")) == 1 && json_array_size(sides) == GENDER_COUNT;
    for (size_t g = 0; ok && g < GENDER_COUNT; g++)
        ok = read_side(json_array_get(sides, g), &rates[g], &patiences[g]) &&
             rates[g].at_s <= (double)now_ms / 1000 + 60;
    json_decref(root);
    if (!ok)
        return -EBADMSG;
    for (int g = 0; g < GENDER_COUNT; g++) {
        m->sides[g].rate = rates[g];
        m->sides[g].patience = patiences[g];
    }
    return 0;
}
