/*
 * ics_day - see ics_day.h. Counts by itself: the C library's calendar functions look at the process' own time zone.
 */
#include "ics_day.h"

#include <stdio.h>

enum { DAYS_IN_ERA = 146097, ERA_YEARS = 400, EPOCH_DAY = 719468 }; /* a year here begins on 1 March, so that a leap day ends it */

int32_t ics_day_of(int year, int month, int day)
{
    int shifted = year * 12 + month - 3; /* months since March of year 0 */
    int y = shifted / 12 - (shifted % 12 < 0), m = shifted - 12 * y;
    int era = y / ERA_YEARS - (y % ERA_YEARS < 0), of_era = y - era * ERA_YEARS;
    int days = of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1;
    return (int32_t)(era * DAYS_IN_ERA + days - EPOCH_DAY);
}

int32_t ics_day_read(const char *iso)
{
    return ics_day_of(atoi(iso), atoi(iso + 5), atoi(iso + 8));
}

int ics_day_weekday(int32_t day)
{
    int weekday = (day + 3) % 7; /* 1970-01-01 was a Thursday */
    return weekday < 0 ? weekday + 7 : weekday;
}

int ics_day_weekday_read(const char *name)
{
    static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        if (strcasecmp(name, days[i]) == 0)
            return (int)i;
    return -1;
}

static void day_split(int32_t day, int *year, int *month, int *of_month)
{
    int z = day + EPOCH_DAY, era = z / DAYS_IN_ERA - (z % DAYS_IN_ERA < 0), of_era = z - era * DAYS_IN_ERA;
    int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_IN_ERA - 1)) / 365;
    int of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *of_month = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * ERA_YEARS + (*month <= 2);
}

int ics_day_year(int32_t day)
{
    int year, month, of_month;
    day_split(day, &year, &month, &of_month);
    return year;
}

void ics_day_write(int64_t seconds, char out[static 16])
{
    int year, month, of_month;
    int64_t day = seconds / ICS_DAY_SECONDS - (seconds % ICS_DAY_SECONDS < 0);
    unsigned rest = (unsigned)(seconds - day * ICS_DAY_SECONDS);
    day_split((int32_t)day, &year, &month, &of_month);
    (void)snprintf(out, 16, "%04u%02u%02uT%02u%02u%02u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)of_month % 100,
                   rest / 3600 % 100, rest / 60 % 60, rest % 60);
}
