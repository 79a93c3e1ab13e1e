/*
 * ics_rule - see ics_rule.h. Refuses what it does not understand: a zone read half is a wrong calendar.
 */
#include "ics_rule.h"

#include "ics_day.h"

static bool rule_number(const char **at, int max, int *ret)
{
    int value = 0;
    const char *p = *at;
    while (*p >= '0' && *p <= '9' && value <= max)
        value = value * 10 + (*p++ - '0');
    if (p == *at || value > max)
        return false;
    *at = p;
    *ret = value;
    return true;
}

/* [+-]h[h][h][:mm[:ss]]; up to 167 hours for times of change. */
static bool rule_time(const char **at, int32_t *ret_s)
{
    int hours, minutes = 0, seconds = 0, sign = **at == '-' ? -1 : 1;
    *at += **at == '-' || **at == '+';
    if (!rule_number(at, 167, &hours))
        return false;
    if (**at == ':' && (++*at, !rule_number(at, 59, &minutes)))
        return false;
    if (**at == ':' && (++*at, !rule_number(at, 59, &seconds)))
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool rule_name(const char **at, char out[static ICS_ZONE_ABBREVIATION_MAX + 1])
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    bool quoted = **at == '<';
    const char *from = *at + quoted;
    size_t len = quoted ? strcspn(from, ">") : strspn(from, plain);
    if (len < 3 || len > ICS_ZONE_ABBREVIATION_MAX || (quoted && from[len] != '>'))
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    *at = from + len + quoted;
    return true;
}

static bool rule_date(const char **at, struct ics_rule_date *d)
{
    *d = (struct ics_rule_date){.form = 'N', .time_s = 2 * 3600};
    if (**at != ',')
        return false;
    ++*at;
    if (**at == 'M' || **at == 'J')
        d->form = *(*at)++;
    if (d->form == 'M') {
        if (!rule_number(at, 12, &d->month) || d->month == 0 || *(*at)++ != '.' || !rule_number(at, 5, &d->week) || d->week == 0 ||
            *(*at)++ != '.' || !rule_number(at, 6, &d->day))
            return false;
    } else if (!rule_number(at, 365, &d->day)) {
        return false;
    }
    return **at != '/' || (++*at, rule_time(at, &d->time_s));
}

static int32_t rule_day(const struct ics_rule_date *d, int year)
{
    int32_t first = ics_day_of(year, 1, 1);
    if (d->form == 'N')
        return first + d->day;
    if (d->form == 'J') /* 29 February is never counted */
        return first + d->day - 1 + (d->day >= 60 && ics_day_of(year, 3, 1) - first == 60);
    int32_t month = ics_day_of(year, d->month, 1), next = ics_day_of(year, d->month + 1, 1);
    int to_weekday = (d->day + 6 - ics_day_weekday(month)) % 7; /* Sunday is 0 there and 6 here */
    int32_t day = month + to_weekday + 7 * (d->week - 1);
    return day < next ? day : day - 7;
}

void ics_rule_year_changes(const struct ics_rule *rule, int year, int64_t ret_at_s[static ICS_RULE_TYPES])
{
    for (size_t i = 0; i < ICS_RULE_TYPES; i++) /* the clock that shows the time of a change is the one before it */
        ret_at_s[i] = rule_day(&rule->starts[i], year) * (int64_t)ICS_DAY_SECONDS + rule->starts[i].time_s - rule->types[1 - i].seconds;
}

bool ics_rule_read(struct ics_rule *rule, const char *text)
{
    int32_t west;
    *rule = (struct ics_rule){0};
    if (!rule_name(&text, rule->types[0].name) || !rule_time(&text, &west) || west >= ICS_RULE_OFFSET_MAX || west <= -ICS_RULE_OFFSET_MAX)
        return false;
    rule->types[0].seconds = -west; /* POSIX counts westward */
    rule->types[1] = rule->types[0];
    if (*text == '\0')
        return true;
    rule->changes = true;
    if (!rule_name(&text, rule->types[1].name))
        return false;
    rule->types[1].dst = true;
    rule->types[1].seconds = rule->types[0].seconds + 3600;
    if (*text != ',') {
        if (!rule_time(&text, &west) || west >= ICS_RULE_OFFSET_MAX || west <= -ICS_RULE_OFFSET_MAX)
            return false;
        rule->types[1].seconds = -west;
    }
    if (!rule_date(&text, &rule->starts[1]) || !rule_date(&text, &rule->starts[0]) || *text != '\0')
        return false;
    int64_t this_year[ICS_RULE_TYPES], next_year[ICS_RULE_TYPES];
    ics_rule_year_changes(rule, 2001, this_year);
    ics_rule_year_changes(rule, 2002, next_year);
    if (this_year[0] >= next_year[1]) { /* the standard form of "summer time all year" */
        rule->types[0] = rule->types[1];
        rule->changes = false;
    }
    return true;
}

int ics_rule_year(int64_t at_s)
{
    return ics_day_year((int32_t)(at_s / ICS_DAY_SECONDS - (at_s % ICS_DAY_SECONDS < 0)));
}
