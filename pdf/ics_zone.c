/*
 * ics_zone - see ics_zone.h. Why not a calendar library's zones: they write a zone's whole history in approximating rules, under a name
 * of their own. Here a zone is the list of its changes, as the database states them; ics_rule reads the sentence for the years after.
 */
#include "ics_zone.h"

#include "ics_day.h"
#include "ics_rule.h"
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>

enum { HEAD_BYTES = 44, COUNTS_AT = 20, TYPE_BYTES = 6, ZONE_FIRST_YEAR = 1900 };
static const int64_t ZONE_TIME_MAX = INT64_C(1) << 40; /* tens of thousands of years: sums cannot overflow */

/* Order of the counts in a header. */
enum { COUNT_ISUT, COUNT_ISSTD, COUNT_LEAP, COUNT_TIME, COUNT_TYPE, COUNT_CHAR, COUNTS };

static uint32_t zone_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static int64_t zone_i64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return (int64_t)be64toh(value);
}

/* Reads a header's counts; the bytes of the data after it, with times of time_bytes each, or SIZE_MAX when it is none. */
static size_t zone_head(const uint8_t *at, size_t left, size_t time_bytes, uint32_t counts[static COUNTS])
{
    if (left < HEAD_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return SIZE_MAX;
    for (size_t i = 0; i < COUNTS; i++) {
        counts[i] = zone_u32(at + COUNTS_AT + 4 * i);
        if (counts[i] > ICS_ZONE_FILE_MAX)
            return SIZE_MAX;
    }
    return counts[COUNT_TIME] * (time_bytes + 1) + counts[COUNT_TYPE] * (size_t)TYPE_BYTES + counts[COUNT_CHAR] +
           counts[COUNT_LEAP] * (time_bytes + 4) + counts[COUNT_ISSTD] + counts[COUNT_ISUT];
}

static bool zone_types(struct ics_zone *z, const uint8_t *at, const uint32_t counts[static COUNTS])
{
    const uint8_t *names = at + counts[COUNT_TYPE] * (size_t)TYPE_BYTES;
    if (counts[COUNT_TYPE] == 0 || counts[COUNT_TYPE] > ICS_ZONE_TYPES_MAX - ICS_RULE_TYPES)
        return false;
    for (size_t i = 0; i < counts[COUNT_TYPE]; i++, at += TYPE_BYTES) {
        struct ics_offset *t = &z->types[i];
        size_t len = at[5] < counts[COUNT_CHAR] ? strnlen((const char *)names + at[5], counts[COUNT_CHAR] - at[5]) : SIZE_MAX;
        *t = (struct ics_offset){.seconds = (int32_t)zone_u32(at), .dst = at[4] != 0};
        if (t->seconds <= -ICS_RULE_OFFSET_MAX || t->seconds >= ICS_RULE_OFFSET_MAX || len > ICS_ZONE_ABBREVIATION_MAX)
            return false;
        memcpy(t->name, names + at[5], len);
    }
    z->n_types = counts[COUNT_TYPE];
    return true;
}

/* A change that changes nothing (the database keeps such) would be an observance of its own in a calendar. */
static bool zone_same(const struct ics_zone *z, size_t a, size_t b)
{
    return z->types[a].seconds == z->types[b].seconds && z->types[a].dst == z->types[b].dst &&
           strcmp(z->types[a].name, z->types[b].name) == 0;
}

static bool zone_add(struct ics_zone *z, int64_t at_s, size_t type)
{
    const struct ics_change *last = &z->changes[z->n_changes - 1];
    if (type >= z->n_types || at_s <= last->at_s)
        return false;
    if (zone_same(z, last->type, type))
        return true;
    if (z->n_changes == ICS_ZONE_CHANGES_MAX)
        return false;
    z->changes[z->n_changes++] = (struct ics_change){.at_s = at_s, .type = (uint32_t)type};
    return true;
}

/* The sentence after the data says how it goes on. */
static bool zone_rule(struct ics_zone *z, const uint8_t *at, size_t left, int64_t last_s)
{
    char text[ICS_RULE_TEXT_MAX + 1];
    struct ics_rule rule;
    const uint8_t *end = left > 1 && at[0] == '\n' ? memchr(at + 1, '\n', left - 1) : NULL;
    if (end == NULL || (size_t)(end - at - 1) > ICS_RULE_TEXT_MAX)
        return false;
    memcpy(text, at + 1, (size_t)(end - at - 1));
    text[end - at - 1] = '\0';
    if (text[0] == '\0')
        return true; /* nothing is known of later */
    if (!ics_rule_read(&rule, text))
        return false;
    size_t first = z->n_types;
    memcpy(&z->types[first], rule.types, sizeof rule.types);
    z->n_types += ICS_RULE_TYPES;
    if (!rule.changes)
        return true; /* what the last change led to stays */
    int year = last_s == INT64_MIN ? ZONE_FIRST_YEAR : ics_rule_year(last_s);
    for (; year <= ICS_ZONE_LAST_YEAR; year++) {
        int64_t at_s[ICS_RULE_TYPES];
        ics_rule_year_changes(&rule, year, at_s);
        size_t sooner = at_s[0] < at_s[1] ? 0 : 1;
        for (size_t i = 0; i < ICS_RULE_TYPES; i++) {
            size_t which = i == 0 ? sooner : 1 - sooner;
            if (at_s[which] > last_s && !zone_add(z, at_s[which], first + which))
                return false;
        }
    }
    return true;
}

int ics_zone_read(struct ics_zone *z, const char *name, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t counts[COUNTS];
    z->n_types = z->n_changes = 0;
    (void)snprintf(z->name, sizeof z->name, "%s", name);
    /* What comes first is for programs that know 32 bits only. */
    size_t old = zone_head(at, len, 4, counts);
    if (old == SIZE_MAX || len - HEAD_BYTES < old)
        return -EINVAL;
    at += HEAD_BYTES + old;
    len -= HEAD_BYTES + old;
    size_t body = zone_head(at, len, 8, counts);
    if (body == SIZE_MAX || len - HEAD_BYTES < body || counts[COUNT_LEAP] != 0)
        return -EINVAL;
    const uint8_t *times = at + HEAD_BYTES, *types = times + 8 * (size_t)counts[COUNT_TIME];
    if (!zone_types(z, types + counts[COUNT_TIME], counts))
        return -EINVAL;
    int64_t last_s = INT64_MIN;
    z->changes[z->n_changes++] = (struct ics_change){.at_s = last_s, .type = 0};
    for (size_t i = 0; i < counts[COUNT_TIME]; i++) {
        int64_t at_s = zone_i64(times + 8 * i);
        if (at_s < -ZONE_TIME_MAX && types[i] < z->n_types)
            z->changes[0].type = types[i]; /* some files say so when the world began */
        else if (at_s > ZONE_TIME_MAX || !zone_add(z, at_s, types[i]))
            return -EINVAL;
        else
            last_s = at_s;
    }
    return zone_rule(z, at + HEAD_BYTES + body, len - HEAD_BYTES - body, last_s) ? 0 : -EINVAL;
}

/* Names of the database only: no dots, so no way out of its folder. */
static bool zone_name_valid(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t len = strlen(name);
    return len > 0 && len <= ICS_ZONE_NAME_MAX && strspn(name, letters) == len && name[0] != '/' && name[len - 1] != '/' &&
           strstr(name, "//") == NULL && strcmp(name, "localtime") != 0;
}

int ics_zone_load(struct ics_zone *z, const char *name, struct err *e)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    uint8_t data[ICS_ZONE_FILE_MAX];
    ssize_t got = -1;
    if (zone_name_valid(name)) {
        (void)snprintf(path, sizeof path, "%.400s/%s", folder != NULL && folder[0] == '/' ? folder : "/usr/share/zoneinfo", name);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        got = fd >= 0 ? read(fd, data, sizeof data) : -1;
    }
    if (got <= 0 || ics_zone_read(z, name, data, (size_t)got) < 0)
        return err_set(e, ERR_BAD_PAYLOAD, "timezone %.63s is not known here; allowed are names such as Africa/Johannesburg (tzdata)", name);
    return 0;
}

size_t ics_zone_at(const struct ics_zone *z, int64_t at_s)
{
    size_t low = 0, high = z->n_changes; /* changes[low] is in force at at_s or before it; changes[high] is after */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at_s <= at_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int32_t ics_zone_offset(const struct ics_zone *z, int64_t at_s)
{
    return z->types[z->changes[ics_zone_at(z, at_s)].type].seconds;
}

int64_t ics_zone_instant(const struct ics_zone *z, int64_t local_s, bool *ret_skipped)
{
    /* The instant lies within 25 hours of the reading taken as UTC: look from the change before that on. */
    size_t i = ics_zone_at(z, local_s - ICS_RULE_OFFSET_MAX);
    for (; i + 1 < z->n_changes; i++) {
        int32_t before = z->types[z->changes[i].type].seconds, after = z->types[z->changes[i + 1].type].seconds;
        int64_t at_s = z->changes[i + 1].at_s;
        if (local_s < at_s + before) /* not yet changed on the clock before */
            break;
        if (local_s < at_s + after) { /* between the clock's last reading before and its first after */
            *ret_skipped = true;
            return local_s - before;
        }
    }
    *ret_skipped = false;
    return local_s - z->types[z->changes[i].type].seconds;
}
