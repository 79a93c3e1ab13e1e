/*
 * wait_json - the model's answers as text.
 *
 * Field names are those the seed's pages read. It refuses to print a group below WAIT_GROUP_MIN: the model hands out no
 * estimate of one, and people waiting are merged until none follows (wait_groups.c).
 */
#include "wait_json.h"

#include "place.h"
#include "ticket_hash.h"
#include "wait_groups.h"
#include <math.h>

#define TARGET_WAIT_S 60.0

/* What all /v1 numbers go through: JSON knows neither infinity nor NaN. */
static double printable(double v)
{
    return isfinite(v) ? v : -1;
}

static int add_seeking(struct buf *out, unsigned seeking)
{
    int rc = buf_adds(out, "[");
    for (unsigned g = 0, n = 0; g < GENDER_COUNT && rc == 0; g++)
        if (seeking >> g & 1)
            rc = buf_addf(out, "%s\"%s\"", n++ ? "," : "", gender_name(g));
    return rc < 0 ? rc : buf_adds(out, "]");
}

static int add_summary(struct buf *out, const struct wait_curve_summary *s)
{
    int rc = buf_addf(out, "\"p50_s\":%.1f,\"p90_s\":%.1f,\"mean_s\":%.1f,\"within\":{", s->p50_s, s->p90_s, s->mean_s);
    for (int i = 0; i < WAIT_WITHIN && rc == 0; i++)
        rc = buf_addf(out, "%s\"%d\":%.3f", i ? "," : "", wait_within_s[i], s->within[i]);
    return rc < 0 ? rc
                  : buf_addf(out, "},\"matched\":%.3f,\"confidence\":\"%s\"", s->matched,
                             wait_confidence_name(s->confidence));
}

/* Which cells' number of people waiting may be told: within a gender that is told apart, those who seek one set and
 * those who seek another are a sum whose parts must be large enough. Of the others, what small_groups_from says; nothing of
 * parts of a gender that is not told apart itself. */
static void waiting_told(const struct wait_cell cells[], size_t n, const struct wait_shown *shown, bool ret[], int ret_from[])
{
    for (unsigned g = 0; g < GENDER_COUNT; g++) {
        uint64_t counts[WAIT_CELL_MAX + 1], rest = shown->waiting[g];
        bool told[WAIT_CELL_MAX + 1];
        size_t at[WAIT_CELL_MAX], k = 0;
        for (size_t i = 0; i < n; i++) {
            if (cells[i].gender != g)
                continue;
            ret[i] = shown->apart[g];
            ret_from[i] = shown->from[g];
            if (cells[i].seeking == 0)
                continue;
            at[k] = i;
            counts[k++] = cells[i].waiting;
            rest -= MIN_OF(rest, (uint64_t)cells[i].waiting);
        }
        counts[k] = rest;
        small_groups_told(counts, k + 1, told);
        for (size_t i = 0; i < k; i++) {
            ret[at[i]] = shown->apart[g] && told[i];
            ret_from[at[i]] = shown->apart[g] && !told[i] ? small_groups_from(counts, told, k + 1, i) : -1;
        }
    }
}

static int add_waiting(struct buf *out, const struct wait_cell *cell, bool told, int from,
                       const struct wait_shown *shown)
{
    if (!told)
        return from < 0 ? buf_adds(out, ",\"waiting\":null")
                        : buf_addf(out, ",\"waiting\":null,\"waitingFrom\":%d", from);
    return buf_addf(out, ",\"waiting\":%llu",
                    (unsigned long long)(cell->seeking ? cell->waiting : shown->waiting[cell->gender]));
}

static int add_cells(struct buf *out, const struct wait_model *m, const struct wait_shown *shown)
{
    struct wait_cell cells[WAIT_CELL_MAX];
    bool told[WAIT_CELL_MAX] = {false};
    int from[WAIT_CELL_MAX];
    size_t n = m ? wait_model_cells(m, cells, WAIT_CELL_MAX) : 0;
    waiting_told(cells, n, shown, told, from);
    int rc = buf_adds(out, ",\"estimates\":[");
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = buf_addf(out, "%s{\"gender\":\"%s\",\"seeking\":", i ? "," : "", gender_name(cells[i].gender));
        rc = rc < 0 ? rc : cells[i].seeking ? add_seeking(out, cells[i].seeking) : buf_adds(out, "null");
        rc = rc < 0 ? rc : add_waiting(out, &cells[i], told[i], from[i], shown);
        rc = rc < 0 ? rc : buf_addf(out, ",\"share\":%.3f,", cells[i].share);
        rc = rc < 0 ? rc : add_summary(out, &cells[i].wait);
        rc = rc < 0 ? rc : buf_adds(out, "}");
    }
    return rc < 0 ? rc : buf_adds(out, "]");
}

static int add_by_gender(struct buf *out, const char *name, const double values[static GENDER_COUNT], int digits)
{
    int rc = buf_addf(out, "\"%s\":{", name);
    for (unsigned g = 0; g < GENDER_COUNT && rc == 0; g++)
        rc = buf_addf(out, "%s\"%s\":%.*f", g ? "," : "", gender_name(g), digits, printable(values[g]));
    return rc < 0 ? rc : buf_adds(out, "}");
}

/* A number of people, null when it must not be told. */
static int add_people(struct buf *out, const char *name, double people, int digits, bool told)
{
    return told ? buf_addf(out, "\"%s\":%.*f", name, digits, people) : buf_addf(out, "\"%s\":null", name);
}

static int add_gender(struct buf *out, const char *name, int gender)
{
    return gender >= 0 ? buf_addf(out, ",\"%s\":\"%s\"", name, gender_name((unsigned)gender))
                       : buf_addf(out, ",\"%s\":null", name);
}

static int add_class(struct buf *out, unsigned gender, const struct wait_class *c)
{
    int rc = buf_addf(out,
                      "{\"gender\":\"%s\",\"arrivalsPerMinute\":%.2f,\"matchedShare\":%.3f,\"matchedAtOnce\":%.3f,"
                      "\"medianWaitSeconds\":%.0f,\"fluidWaitSeconds\":%.0f,\"seekersPerMinute\":%.2f",
                      gender_name(gender), printable(c->rate_per_s * 60), printable(c->share), printable(c->at_once),
                      printable(c->median_s), printable(c->fluid_wait_s), printable(c->seekers_per_s * 60));
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_people(out, "seekersWaiting", c->seekers_waiting, 0, c->seekers_waiting >= WAIT_GROUP_MIN);
    rc = rc < 0 ? rc : add_gender(out, "scarce", c->scarce);
    rc = rc < 0 ? rc : add_gender(out, "helps", c->helps);
    return rc < 0
               ? rc
               : buf_addf(out, ",\"extraPerMinute\":%.2f}", c->extra_per_s < 0 ? -1 : printable(c->extra_per_s * 60));
}

static int add_classes(struct buf *out, const struct wait_model *m, double target_wait_s)
{
    struct wait_class classes[GENDER_COUNT] = {0};
    int rc = buf_adds(out, ",\"classes\":["), n = 0;
    if (m)
        wait_model_classes(m, target_wait_s, classes);
    for (unsigned g = 0; g < GENDER_COUNT && rc == 0; g++) {
        if (!classes[g].told)
            continue;
        rc = n++ > 0 ? buf_adds(out, ",") : 0;
        rc = rc < 0 ? rc : add_class(out, g, &classes[g]);
    }
    return rc < 0 ? rc : buf_adds(out, "]");
}

/* The members of a balance, without the braces. */
static int add_balance(struct buf *out, const struct wait_model *m, int64_t now_ms, double target_wait_s)
{
    struct wait_balance b = {
        .female_per_male = -1, .scarce = -1, .target_wait_s = target_wait_s, .recommended_per_s = -1};
    for (int g = 0; g < GENDER_COUNT; g++)
        b.share[g] = b.fluid_wait_s[g] = -1;
    if (m)
        wait_model_balance(m, now_ms, target_wait_s, &b);
    for (int g = 0; g < GENDER_COUNT; g++)
        b.rate_per_s[g] = b.rate_per_s[g] < 0 ? -1 : b.rate_per_s[g] * 60;
    int rc = add_by_gender(out, "arrivalsPerMinute", b.rate_per_s, 2);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "matchedShare", b.share, 3);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "fluidWaitSeconds", b.fluid_wait_s, 0);
    rc = rc < 0 ? rc : buf_addf(out, ",\"femalePerMale\":%.3f,\"scarce\":", printable(b.female_per_male));
    rc = rc < 0 ? rc : b.scarce >= 0 ? buf_addf(out, "\"%s\"", gender_name((unsigned)b.scarce)) : buf_adds(out, "null");
    rc = rc < 0 ? rc
                : buf_addf(out, ",\"targetWaitSeconds\":%.0f,\"recommendedScarcePerMinute\":%.2f", b.target_wait_s,
                           b.recommended_per_s < 0 ? -1 : printable(b.recommended_per_s * 60));
    return rc < 0 ? rc : add_classes(out, m, target_wait_s);
}

static int add_health(struct buf *out, const struct wait_model *m, const struct wait_stats *s, int64_t now_ms)
{
    const char *status = "ok", *message = "estimates are current";
    if (!m || s->refreshes == 0) {
        status = "unknown";
        message = "nobody has joined this pool yet";
    } else if (now_ms - s->refreshed_ms > 30000) {
        status = "stale";
        message = "the estimates were not renewed for 30 s";
    } else if (s->minutes_male < 0 && s->minutes_female < 0) {
        status = "learning";
        message = "fewer than 20 people of a gender have come; estimates follow";
    }
    return buf_addf(out, ",\"health\":{\"status\":\"%s\",\"message\":\"%s\"}", status, message);
}

static int add_seed_fields(struct buf *out, const struct wait_stats *s, const struct wait_shown *shown)
{
    uint64_t male = shown->waiting[GENDER_MALE], female = shown->waiting[GENDER_FEMALE];
    int rc = buf_addf(
        out,
        "\"queue\":{\"total\":%llu,\"averageWaitSeconds\":%.0f,\"maxWaitSeconds\":%.0f,\"usersWaitingOver60s\":%llu}",
        (unsigned long long)s->waiting_total, s->average_wait_s, s->max_wait_s, (unsigned long long)s->over_60s);
    rc = rc < 0
             ? rc
             : buf_addf(
                   out,
                   ",\"genderDistribution\":{\"male\":%llu,\"female\":%llu,\"other\":%llu,\"unknown\":%llu,\"ratio\":",
                   (unsigned long long)male, (unsigned long long)female,
                   (unsigned long long)(shown->waiting[GENDER_NONBINARY] + shown->waiting[GENDER_OTHER]),
                   (unsigned long long)shown->waiting[GENDER_UNKNOWN]);
    rc = rc < 0 ? rc : male && female ? buf_addf(out, "%.2f}", (double)male / (double)female) : buf_adds(out, "null}");
    rc = rc < 0
             ? rc
             : buf_addf(out, ",\"estimatedWaitTimes\":{\"male\":%d,\"female\":%d}", s->minutes_male, s->minutes_female);
    return rc < 0 ? rc
                  : buf_addf(out, ",\"matchRate\":{\"matchesLastHour\":%llu,\"matchesPerMinute\":%.2f}",
                             (unsigned long long)s->matches_last_hour, s->matches_per_minute);
}

int wait_json_queue_stats(const char *pool, const struct wait_model *model, int64_t now_ms, struct buf *out)
{
    struct wait_stats s = {.minutes_male = -1, .minutes_female = -1};
    for (int g = 0; g < GENDER_COUNT; g++)
        s.cover50[g] = s.cover90[g] = s.pinball[g] = s.pinball_km[g] = -1;
    if (model)
        wait_model_stats(model, now_ms, &s);
    double resolved[GENDER_COUNT];
    for (int g = 0; g < GENDER_COUNT; g++)
        resolved[g] = s.cover50[g] < 0 ? -1 : (double)wait_groups_counter(s.resolved[g]);
    struct wait_shown shown;
    wait_groups_waiting(s.waiting, &shown);
    /* Names of pools are [A-Za-z0-9._-]: nothing to escape. */
    int rc = buf_addf(out, "{\"pool\":\"%s\",", pool ? pool : "");
    rc = rc < 0 ? rc : add_seed_fields(out, &s, &shown);
    rc = rc < 0 ? rc : add_health(out, model, &s, now_ms);
    rc = rc < 0 ? rc : add_cells(out, model, &shown);
    rc = rc < 0 ? rc : buf_adds(out, ",\"balance\":{");
    rc = rc < 0 ? rc : add_balance(out, model, now_ms, TARGET_WAIT_S);
    rc = rc < 0 ? rc : buf_adds(out, "},\"calibration\":{");
    rc = rc < 0 ? rc : add_by_gender(out, "coverage50", s.cover50, 3);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "coverage90", s.cover90, 3);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "resolved", resolved, 0);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "pinballSeconds", s.pinball, 2);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_by_gender(out, "pinballKaplanMeierSeconds", s.pinball_km, 2);
    return rc < 0 ? rc : buf_addf(out, "},\"updatedMs\":%lld}", (long long)s.refreshed_ms);
}

int wait_json_balance(const char *pool, const struct wait_model *model, int64_t now_ms, double target_wait_s,
                      struct buf *out)
{
    int rc = buf_addf(out, "{\"pool\":\"%s\",", pool);
    rc = rc < 0 ? rc : add_balance(out, model, now_ms, target_wait_s);
    return rc < 0 ? rc : buf_adds(out, "}");
}

static int add_reason(struct buf *out, const struct wait_estimate *est, bool told)
{
    int rc = buf_addf(out, "\"reason\":{\"name\":\"%s\",\"saves_s\":%.0f,\"arrivals_per_minute\":%.2f,",
                      wait_reason_name(est->reason), est->saves_s, est->supply_per_min);
    rc = rc < 0 ? rc : add_people(out, "competing", est->competing, 1, told || est->competing >= WAIT_GROUP_MIN);
    return rc < 0 ? rc : buf_adds(out, "}");
}

/* Everything that would help, the best first. */
static int add_alternatives(struct buf *out, const struct wait_estimate *est)
{
    double below = INFINITY;
    int rc = buf_adds(out, "\"alternatives\":["), last = -1;
    for (size_t n = 0; rc == 0; n++) {
        int best = -1;
        for (int i = 0; i < WAIT_REASON_COUNT; i++) {
            bool left = est->saves_by_s[i] < below || (est->saves_by_s[i] == below && i > last);
            if (left && est->saves_by_s[i] > 0 && (best < 0 || est->saves_by_s[i] > est->saves_by_s[best]))
                best = i;
        }
        if (best < 0)
            return buf_adds(out, "]");
        below = est->saves_by_s[best];
        last = best;
        rc = buf_addf(out, "%s{\"name\":\"%s\",\"saves_s\":%.0f}", n > 0 ? "," : "",
                      wait_reason_name((enum wait_reason)best), below);
    }
    return rc;
}

static int add_estimate(struct buf *out, const struct wait_estimate *est, bool told)
{
    int rc = buf_adds(out, "\"estimate\":{");
    rc = rc < 0 ? rc : add_summary(out, &est->wait);
    rc = rc < 0 ? rc : buf_adds(out, "},");
    rc = rc < 0 ? rc : add_reason(out, est, told);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    rc = rc < 0 ? rc : add_alternatives(out, est);
    return rc < 0 ? rc : buf_addf(out, ",\"confidence\":\"%s\"}", wait_confidence_name(est->wait.confidence));
}

int wait_json_estimate(const struct wait_estimate *est, int64_t position, bool waits, struct buf *out)
{
    int rc = buf_adds(out, "{");
    rc = rc < 0 ? rc : add_people(out, "position", (double)position, 0, waits || position > WAIT_GROUP_MIN);
    rc = rc < 0 ? rc : buf_adds(out, ",");
    return rc < 0 ? rc : add_estimate(out, est, waits);
}

int wait_json_news(const char *pool, const struct wait_news *news, struct buf *out)
{
    static const char *const names[] = {"moved", "soon", "reason"};
    int rc = buf_addf(out, "{\"v\":1,\"pool\":\"%s\",\"ticket\":\"%s\",\"at_ms\":%lld,\"changes\":[", pool, news->id,
                      (long long)news->at_ms);
    for (size_t i = 0, n = 0; i < ARRAY_LEN(names) && rc == 0; i++)
        if (news->changes >> i & 1)
            rc = buf_addf(out, "%s\"%s\"", n++ ? "," : "", names[i]);
    rc = rc < 0 ? rc : buf_addf(out, "],\"was\":{\"p50_s\":%.1f,\"p90_s\":%.1f},", news->was_p50_s, news->was_p90_s);
    return rc < 0 ? rc : add_estimate(out, &news->now, true);
}

/* -- a person from attributes
 * ------------------------------------------------------------------------------------------ */

struct query {
    const char *(*get)(void *arg, const char *name);
    void *arg;
    const char *wrong; /* first wrong field */
};

static double number(struct query *q, const char *name, double low, double high, double otherwise)
{
    const char *s = q->get(q->arg, name);
    char *end;
    if (!s)
        return otherwise;
    double v = strtod(s, &end);
    if ((end == s || *end || !(v >= low && v <= high)) && !q->wrong)
        q->wrong = name;
    return v >= low && v <= high ? v : low;
}

static uint8_t gender_set(struct query *q, const char *name)
{
    const char *s = q->get(q->arg, name);
    char part[32];
    unsigned set = 0;
    while (s && *s) {
        size_t n = strcspn(s, ",");
        bool fits = n < sizeof part;
        memcpy(part, s, fits ? n : 0);
        part[fits ? n : 0] = '\0';
        int g = gender_by_name(part);
        if (strcmp(part, "any") == 0)
            set |= GENDER_ALL;
        else if (g >= 0)
            set |= 1U << g;
        else
            q->wrong = q->wrong ? q->wrong : name;
        s += n + (s[n] == ',');
    }
    if (!set && !q->wrong)
        q->wrong = name;
    return (uint8_t)set;
}

/* As a feed entry tells them. */
static void region_set(struct query *q, const char *name, struct wait_person *w)
{
    const char *s = q->get(q->arg, name);
    while (s && *s && !q->wrong) {
        char part[65];
        size_t n = strcspn(s, ",");
        if (n == 0 || n >= sizeof part || w->n_regions == WAIT_REGIONS_MAX) {
            q->wrong = name;
            return;
        }
        memcpy(part, s, n);
        part[n] = '\0';
        w->regions[w->n_regions++] = (uint32_t)ticket_hash_text(part) & 0xffffff;
        s += n + (s[n] == ',');
    }
}

int wait_json_person(const char *(*get)(void *arg, const char *name), void *arg, int64_t now_ms,
                     struct wait_person *ret, const char **ret_field)
{
    struct query q = {.get = get, .arg = arg};
    const char *gender = get(arg, "gender"), *lat = get(arg, "lat"), *lon = get(arg, "lon");
    int g = gender ? gender_by_name(gender) : -1;
    if (g < 0)
        q.wrong = "gender";
    struct wait_person w = {.joined_ms = now_ms, .key_ms = now_ms, .gender = (uint8_t)MAX_OF(g, 0)};
    w.seeking = gender_set(&q, "seeking");
    w.age = (uint8_t)number(&q, "age", 18, 120, 30);
    w.age_min = (uint8_t)number(&q, "age_min", 18, 120, 18);
    w.age_max = (uint8_t)number(&q, "age_max", w.age_min, 120, 120);
    w.placed = lat && lon;
    double y = number(&q, "lat", -90, 90, 0), z = number(&q, "lon", -180, 180, 0),
           km = number(&q, "max_km", 0, 20038, 0);
    if (w.placed)
        place_of(y, z, w.pos);
    region_set(&q, "regions", &w);
    w.max_chord = km > 0 ? (float)place_chord_km(km) : 0;
    if (!!lat != !!lon && !q.wrong)
        q.wrong = lat ? "lon" : "lat";
    if (q.wrong) {
        *ret_field = q.wrong;
        return -EINVAL;
    }
    *ret = w;
    return 0;
}
