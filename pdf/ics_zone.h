/*
 * ics_zone - a time zone of the system's zone database (TZif, RFC 9636), exact to the second for every instant until the year 3000.
 *
 * Runs in: worker, ctl. Pure but for ics_zone_load, which reads one small file. Owner: the caller's storage; nothing is allocated.
 */
#pragma once

#include "err.h"

enum {
    ICS_ZONE_NAME_MAX = 63,
    ICS_ZONE_FILE_MAX = 65536, /* the largest of the database has 4 KB */
    ICS_ZONE_TYPES_MAX = 64,
    ICS_ZONE_CHANGES_MAX = 4096, /* two a year until the last year, and history */
    ICS_ZONE_LAST_YEAR = 3000,
    ICS_ZONE_ABBREVIATION_MAX = 15,
};

/* One of the zone's ways to count: "CEST", two hours ahead, summer time. */
struct ics_offset {
    int32_t seconds; /* east of UTC */
    bool dst;
    char name[ICS_ZONE_ABBREVIATION_MAX + 1];
};

/* From this instant on. The first of a zone is at INT64_MIN. */
struct ics_change {
    int64_t at_s;
    uint32_t type; /* index into types */
};

struct ics_zone {
    char name[ICS_ZONE_NAME_MAX + 1];
    struct ics_offset types[ICS_ZONE_TYPES_MAX];
    size_t n_types;
    struct ics_change changes[ICS_ZONE_CHANGES_MAX]; /* ascending; at least one */
    size_t n_changes;
};

/* Reads the zone of that name from the system's database (TZDIR or /usr/share/zoneinfo). Blocks for a local file. ERR_BAD_PAYLOAD when there is none: the
 * name is a payload's. */
int ics_zone_load(struct ics_zone *z, const char *name, struct err *e);
/* Pure: a zone from a file's bytes. 0, or -EINVAL: not of the form, or beyond the maxima. */
int ics_zone_read(struct ics_zone *z, const char *name, const void *data, size_t len);
/* Index of the change in force at an instant. */
size_t ics_zone_at(const struct ics_zone *z, int64_t at_s);
/* Seconds east of UTC at an instant. */
int32_t ics_zone_offset(const struct ics_zone *z, int64_t at_s);
/* The instant of a clock's reading there, given as seconds since 1970-01-01T00:00:00 on that clock. Of a reading that occurs twice the
 * first; one that is skipped counts by the offset before the gap (RFC 5545 §3.3.5), and *ret_skipped is set. */
int64_t ics_zone_instant(const struct ics_zone *z, int64_t local_s, bool *ret_skipped);
