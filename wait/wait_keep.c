/*
 * wait_keep - what a model knows of the past, as JSON, over a restart: rates, patience, levels, hours of the week.
 *
 * Sums over everybody only: no id, no hash, no place. It refuses what it cannot have written: other versions, missing,
 * negative or infinite numbers, times to come.
 */
#include "buf.h"
#include "wait_model_impl.h"

#include <jansson.h>
#include <math.h>

enum { KEEP_VERSION = 1, LAST_DIGITS_MAX = 20, CLOCKS_DIFFER_S = 86400 };

/* Levels the recalibration can have set (wait_calibrate.c). */
#define LEVEL_LEAST 0.1
#define LEVEL_MOST  0.985
#define ROUNDED     1.00001 /* numbers are written with six digits */

static int add_bands(struct buf *out, const char *name, const double values[static PATIENCE_BANDS])
{
    int rc = buf_addf(out, ",\"%s\":[", name);
    for (int i = 0; i < PATIENCE_BANDS && rc == 0; i++)
        rc = buf_addf(out, "%s%.9g", i ? "," : "", values[i]);
    return rc < 0 ? rc : buf_adds(out, "]");
}

static int add_side(struct buf *out, const struct side *s, unsigned gender)
{
    const struct kept *k = &s->kept;
    int rc = buf_addf(out, "{\"gender\":\"%s\",\"slow\":%.9g,\"fast\":%.9g,\"at_s\":%.3f,\"since_s\":%.3f",
                      gender_name(gender), s->rate.slow, s->rate.fast, s->rate.at_s, s->rate.since_s);
    rc = rc < 0 ? rc : add_bands(out, "leaves", s->patience.leaves);
    rc = rc < 0 ? rc : add_bands(out, "seconds", s->patience.seconds);
    return rc < 0 ? rc
                  : buf_addf(out,
                             ",\"level50\":%.6f,\"level90\":%.6f,\"arrivals\":%llu,\"gone\":%.9g,\"matched\":%.9g,"
                             "\"told\":%.9g,\"foretold\":%.9g}",
                             s->level50, s->level90, (unsigned long long)(s->arrivals + s->arrivals_kept), k->n,
                             k->matched, k->told, k->foretold);
}

static int add_hours(struct buf *out, const double values[static WEEK_HOURS])
{
    int rc = buf_adds(out, "[");
    for (int i = 0; i < WEEK_HOURS && rc == 0; i++)
        rc = buf_addf(out, "%s%.6g", i ? "," : "", values[i]);
    return rc < 0 ? rc : buf_adds(out, "]");
}

/* Hours in which one of a gender came say something of a person where the gender hardly ever comes. */
static bool too_few(const struct side *s)
{
    return s->arrivals + s->arrivals_kept < WAIT_GROUP_MIN;
}

static int add_week(struct buf *out, const struct wait_model *m)
{
    static const double none[WEEK_HOURS];
    const struct week *w = &m->week;
    int rc = buf_addf(out, ",\"week\":{\"at_s\":%.3f,\"hour_s\":%.6g,\"looked\":", w->at_s, w->hour_seconds);
    rc = rc < 0 ? rc : add_hours(out, w->seconds);
    rc = rc < 0 ? rc : buf_adds(out, ",\"arrivals\":[");
    for (int g = 0; g < GENDER_COUNT && rc == 0; g++) {
        bool few = too_few(&m->sides[g]);
        rc = buf_addf(out, "%s{\"hour\":%.6g,\"week\":", g ? "," : "", few ? 0 : w->hour_arrivals[g]);
        rc = rc < 0 ? rc : add_hours(out, few ? none : w->arrivals[g]);
        rc = rc < 0 ? rc : buf_adds(out, "}");
    }
    return rc < 0 ? rc : buf_adds(out, "]}");
}

int wait_model_export(const struct wait_model *m, const char *last, int64_t now_ms, struct buf *out)
{
    int rc =
        buf_addf(out, "{\"v\":%d,\"at_ms\":%lld,\"last\":\"%s\",\"sides\":[", KEEP_VERSION, (long long)now_ms, last);
    for (unsigned g = 0; g < GENDER_COUNT && rc == 0; g++) {
        rc = g > 0 ? buf_adds(out, ",") : 0;
        rc = rc < 0 ? rc : add_side(out, &m->sides[g], g);
    }
    rc = rc < 0 ? rc : buf_adds(out, "]");
    rc = rc < 0 ? rc : add_week(out, m);
    return rc < 0 ? rc : buf_adds(out, "}");
}

/* What is read, until all of it is good. */
struct kept_side {
    struct rate rate;
    struct patience patience;
    struct kept kept;
    double level50, level90, arrivals;
};

static bool amount(const json_t *o, const char *name, double *ret)
{
    const json_t *v = json_object_get(o, name);
    double d = json_is_number(v) ? json_number_value(v) : -1;
    *ret = d;
    return d >= 0 && d < 1e15;
}

static bool level(const json_t *o, const char *name, double *ret)
{
    return amount(o, name, ret) && *ret >= LEVEL_LEAST && *ret <= LEVEL_MOST;
}

static bool amounts(const json_t *o, const char *name, size_t n, double ret[])
{
    const json_t *a = json_object_get(o, name);
    if (json_array_size(a) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);
        ret[i] = json_is_number(v) ? json_number_value(v) : -1;
        if (!(ret[i] >= 0 && ret[i] < 1e15))
            return false;
    }
    return true;
}

static bool read_side(const json_t *o, double now_s, struct kept_side *ret)
{
    struct rate *r = &ret->rate;
    struct kept *k = &ret->kept;
    bool ok = amount(o, "slow", &r->slow) && amount(o, "fast", &r->fast) && amount(o, "at_s", &r->at_s) &&
              amount(o, "since_s", &r->since_s) && amounts(o, "leaves", PATIENCE_BANDS, ret->patience.leaves) &&
              amounts(o, "seconds", PATIENCE_BANDS, ret->patience.seconds) && level(o, "level50", &ret->level50) &&
              level(o, "level90", &ret->level90) && amount(o, "arrivals", &ret->arrivals) && amount(o, "gone", &k->n) &&
              amount(o, "matched", &k->matched) && amount(o, "told", &k->told) && amount(o, "foretold", &k->foretold);
    r->started = r->at_s > 0;
    return ok && r->since_s <= r->at_s && r->at_s <= now_s + CLOCKS_DIFFER_S && ret->level50 <= ret->level90;
}

static bool read_week(const json_t *o, double now_s, struct week *ret)
{
    const json_t *arrivals = json_object_get(o, "arrivals");
    bool ok = amount(o, "at_s", &ret->at_s) && amount(o, "hour_s", &ret->hour_seconds) &&
              amounts(o, "looked", WEEK_HOURS, ret->seconds) && json_array_size(arrivals) == GENDER_COUNT;
    for (size_t g = 0; g < GENDER_COUNT && ok; g++) {
        const json_t *a = json_array_get(arrivals, g);
        ok = amount(a, "hour", &ret->hour_arrivals[g]) && amounts(a, "week", WEEK_HOURS, ret->arrivals[g]);
    }
    for (int h = 0; h < WEEK_HOURS && ok; h++)
        ok = ret->seconds[h] <= WEEK_HOUR_MAX_S * ROUNDED;
    ret->started = ret->at_s > 0;
    return ok && ret->hour_seconds <= WEEK_HOUR_S * ROUNDED && ret->at_s <= now_s + CLOCKS_DIFFER_S;
}

static bool entry_id(const char *s)
{
    size_t ms = s != NULL ? strspn(s, "0123456789") : 0, n = 0;
    if (ms == 0 || ms > LAST_DIGITS_MAX || s[ms] != '-')
        return false;
    n = strspn(s + ms + 1, "0123456789");
    return n > 0 && n <= LAST_DIGITS_MAX && s[ms + 1 + n] == '\0';
}

/* An older build keeps no week: what it wrote is taken in without one, and it takes in what this one writes. */
static int read_all(const json_t *root, double now_s, struct kept_side ret[static GENDER_COUNT], struct week *ret_week)
{
    const json_t *sides = json_object_get(root, "sides"), *v = json_object_get(root, "v"),
                 *week = json_object_get(root, "week");
    if (json_is_integer(v) && json_integer_value(v) > KEEP_VERSION)
        return -EPROTONOSUPPORT;
    if (json_integer_value(v) != KEEP_VERSION || json_array_size(sides) != GENDER_COUNT ||
        !entry_id(json_string_value(json_object_get(root, "last"))))
        return -EBADMSG;
    for (size_t g = 0; g < GENDER_COUNT; g++)
        if (!read_side(json_array_get(sides, g), now_s, &ret[g]))
            return -EBADMSG;
    return week == NULL || read_week(week, now_s, ret_week) ? 0 : -EBADMSG;
}

int wait_model_import(struct wait_model *m, int64_t now_ms, const char *json, char ret_last[static ENTRY_ID_MAX])
{
    struct kept_side sides[GENDER_COUNT] = {0};
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    struct week week = {.started = false};
    int rc = read_all(root, (double)now_ms / 1000, sides, &week);
    for (int g = 0; g < GENDER_COUNT && rc == 0; g++) {
        struct side *s = &m->sides[g];
        s->rate = sides[g].rate;
        s->patience = sides[g].patience;
        s->kept = sides[g].kept;
        s->level50 = s->base50 = sides[g].level50;
        s->level90 = s->base90 = sides[g].level90;
        s->arrivals_kept = (uint64_t)sides[g].arrivals;
    }
    if (rc == 0) {
        m->week = week;
        (void)memccpy(ret_last, json_string_value(json_object_get(root, "last")), '\0', ENTRY_ID_MAX);
    }
    json_decref(root);
    return rc;
}
