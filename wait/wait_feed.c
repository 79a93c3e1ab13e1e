/*
 * wait_feed - one reader per field of a feed entry, in a table.
 *
 * The bytes come from a stream anybody with Redis access can write to. It refuses an entry as a whole when one field of
 * it is out of range: a model fed with nonsense is worse than one that misses an event.
 */
#include "wait_feed.h"

#include "place.h"
#include <math.h>

enum { TEXT_MAX = 130 };
_Static_assert((int)TEXT_MAX > (int)WAIT_TICKET_MAX, "a ticket's id is read whole");

struct reading {
    struct wait_event ev;
    double lat, lon, km;
    bool has_type, has_lat, has_lon, has_hash, has_age;
};

static bool whole(const char *s, int64_t low, int64_t high, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno || end == s || *end || v < low || v > high)
        return false;
    *ret = v;
    return true;
}

static bool real(const char *s, double low, double high, double *ret)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !(v >= low && v <= high))
        return false;
    *ret = v;
    return true;
}

static bool small(const char *s, int64_t low, int64_t high, uint8_t *ret)
{
    int64_t v;
    if (!whole(s, low, high, &v))
        return false;
    *ret = (uint8_t)v;
    return true;
}

static bool read_event(struct reading *r, const char *s)
{
    static const char *const names[] = {"join", "here", "leave", "match", "mark"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(s, names[i]) == 0) {
            r->ev.type = (enum wait_event_type)i;
            return r->has_type = true;
        }
    }
    return false;
}

static bool read_pool(struct reading *r, const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n >= sizeof r->ev.pool ||
        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n)
        return false;
    memcpy(r->ev.pool, s, n + 1);
    return true;
}

static bool read_id(struct reading *r, const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n >= sizeof r->ev.id ||
        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@-") != n)
        return false;
    memcpy(r->ev.id, s, n + 1);
    return true;
}

static bool read_hash(struct reading *r, const char *s)
{
    char *end;
    r->ev.who.hash = strtoull(s, &end, 16);
    return r->has_hash = end != s && !*end && r->ev.who.hash != 0;
}

static bool read_at(struct reading *r, const char *s)
{
    return whole(s, 1, INT64_C(1) << 50, &r->ev.at_ms);
}

static bool read_joined(struct reading *r, const char *s)
{
    return whole(s, 1, INT64_C(1) << 50, &r->ev.who.joined_ms);
}

static bool read_key(struct reading *r, const char *s)
{
    return whole(s, -(INT64_C(1) << 50), INT64_C(1) << 50, &r->ev.who.key_ms);
}

static bool read_wait(struct reading *r, const char *s)
{
    return whole(s, 0, INT64_C(1) << 50, &r->ev.wait_ms);
}

static bool read_gender(struct reading *r, const char *s)
{
    int g = gender_by_name(s);
    r->ev.who.gender = (uint8_t)MAX_OF(g, 0);
    return g >= 0;
}

static bool read_seeking(struct reading *r, const char *s)
{
    return small(s, 1, GENDER_ALL, &r->ev.who.seeking);
}

static bool read_age(struct reading *r, const char *s)
{
    return r->has_age = small(s, 18, 120, &r->ev.who.age);
}

static bool read_age_min(struct reading *r, const char *s)
{
    return small(s, 18, 120, &r->ev.who.age_min);
}

static bool read_age_max(struct reading *r, const char *s)
{
    return small(s, 18, 120, &r->ev.who.age_max);
}

static bool read_lat(struct reading *r, const char *s)
{
    return r->has_lat = real(s, -90, 90, &r->lat);
}

static bool read_lon(struct reading *r, const char *s)
{
    return r->has_lon = real(s, -180, 180, &r->lon);
}

static bool read_km(struct reading *r, const char *s)
{
    return real(s, 0, 20038, &r->km);
}

static bool read_regions(struct reading *r, const char *s)
{
    struct wait_person *w = &r->ev.who;
    for (w->n_regions = 0; w->n_regions < WAIT_REGIONS_MAX; s++) {
        char *end;
        w->regions[w->n_regions++] = (uint32_t)strtoul(s, &end, 16);
        if (end == s || (*end && *end != ','))
            return false;
        s = end;
        if (!*s)
            return true;
    }
    return false;
}

static bool read_u32(const char *s, uint32_t *ret)
{
    int64_t n;
    if (!whole(s, 0, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool read_count(struct reading *r, const char *s, int gender)
{
    return read_u32(s, &r->ev.waiting[gender]);
}

#define COUNT(g)                                                                                                       \
    static bool read_count##g(struct reading *r, const char *s)                                                        \
    {                                                                                                                  \
        return read_count(r, s, g);                                                                                    \
    }
COUNT(0)
COUNT(1)
COUNT(2) COUNT(3) COUNT(4)
#undef COUNT
    _Static_assert(GENDER_COUNT == 5, "a marker has one count a gender");

static bool read_keep(struct reading *r, const char *s)
{
    return whole(s, 0, INT64_C(1) << 40, &r->ev.keep_ms);
}

static bool read_price(struct reading *r, const char *s)
{
    return whole(s, 0, INT64_C(1) << 40, &r->ev.price_ms_per_km);
}

static bool read_conflicts(struct reading *r, const char *s)
{
    return read_u32(s, &r->ev.conflicts);
}

static bool read_stale(struct reading *r, const char *s)
{
    return read_u32(s, &r->ev.stale);
}

static const struct field {
    const char *name;
    bool (*read)(struct reading *r, const char *s);
} fields_known[] = {
    {"e", read_event},     {"p", read_pool},    {"t", read_at},      {"h", read_hash},    {"j", read_joined},
    {"k", read_key},       {"w", read_wait},    {"g", read_gender},  {"s", read_seeking}, {"a", read_age},
    {"n", read_age_min},   {"x", read_age_max}, {"y", read_lat},     {"z", read_lon},     {"r", read_km},
    {"c", read_regions},   {"c0", read_count0}, {"c1", read_count1}, {"c2", read_count2}, {"c3", read_count3},
    {"c4", read_count4},   {"keep", read_keep}, {"d", read_price},   {"i", read_id},      {"conflicts", read_conflicts},
    {"stale", read_stale},
};

/* A field of a later build is passed over; a known one must be right. */
static bool read_field(struct reading *r, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(fields_known); i++)
        if (strcmp(name, fields_known[i].name) == 0)
            return fields_known[i].read(r, value);
    return true;
}

static bool copy_text(char out[static TEXT_MAX], const char *s, size_t n)
{
    if (n >= TEXT_MAX || memchr(s, '\0', n))
        return false;
    memcpy(out, s, n);
    out[n] = '\0';
    return true;
}

static bool complete(struct reading *r)
{
    struct wait_person *w = &r->ev.who;
    if (!r->has_type || !r->ev.pool[0] || r->ev.at_ms == 0 || r->has_lat != r->has_lon)
        return false;
    if (r->ev.type == WAIT_MARK)
        return true;
    if (!r->has_hash)
        return false;
    if (r->ev.type == WAIT_LEAVE || r->ev.type == WAIT_MATCH)
        return true;
    if (w->joined_ms == 0 || !w->seeking || !r->has_age || w->age_min > w->age_max ||
        w->joined_ms > r->ev.at_ms + 60000)
        return false;
    w->placed = r->has_lat;
    if (w->placed)
        place_of(r->lat, r->lon, w->pos);
    w->max_chord = r->km > 0 ? (float)place_chord_km(r->km) : 0;
    return true;
}

int wait_feed_parse(size_t n_fields, const char *const fields[], const size_t lens[], struct wait_event *ret_event)
{
    char name[TEXT_MAX], value[TEXT_MAX];
    struct reading r = {.ev = {.price_ms_per_km = -1, .who = {.age_min = 18, .age_max = 120}}};
    if (n_fields % 2 != 0)
        return -EBADMSG;
    for (size_t i = 0; i < n_fields; i += 2)
        if (!copy_text(name, fields[i], lens[i]) || !copy_text(value, fields[i + 1], lens[i + 1]) ||
            !read_field(&r, name, value))
            return -EBADMSG;
    if (!complete(&r))
        return -EBADMSG;
    *ret_event = r.ev;
    return 0;
}
