/*
 * ics_rule - the sentence that says how a zone goes on after its last listed change ("EST5EDT,M3.2.0,M11.1.0": POSIX TZ as RFC 9636 extends it).
 *
 * Runs in: worker, ctl. Pure.
 */
#pragma once

#include "ics_zone.h"

enum { ICS_RULE_TEXT_MAX = 127, ICS_RULE_TYPES = 2, ICS_RULE_OFFSET_MAX = 90000 /* 25 hours, in seconds */ };

/* When in a year. */
struct ics_rule_date {
    char form;             /* 'M': week and weekday of a month; 'J': day 1 to 365 without leap day; 'N': day 0 to 365 */
    int month, week, day;  /* week 5: the last; day: 0 Sunday for 'M', else the day's number */
    int32_t time_s;        /* after that day's midnight on the clock before the change; may be negative */
};

struct ics_rule {
    struct ics_offset types[ICS_RULE_TYPES]; /* what the year's changes lead to: standard, and the other */
    struct ics_rule_date starts[ICS_RULE_TYPES]; /* when that type begins */
    bool changes; /* false: types[0] for ever */
};

/* False when text is not of the form. */
bool ics_rule_read(struct ics_rule *rule, const char *text);
/* The instants at which types[0] and types[1] begin in a year. rule->changes must be set. */
void ics_rule_year_changes(const struct ics_rule *rule, int year, int64_t ret_at_s[static ICS_RULE_TYPES]);
/* The year of an instant in UTC. */
int ics_rule_year(int64_t at_s);
