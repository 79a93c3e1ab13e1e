/*
 * fuzz_schedule_value - any text as a day, a date, a time, weeks: what is understood has the form of an event's member.
 */
#include "schedule_value.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_clock(const char *t)
{
    if (strlen(t) != 5 || t[2] != ':' || strspn(t, "0123456789:") != 5 || atoi(t) > 23 || atoi(t + 3) > 59)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[1024], date[11] = "", start[6] = "", end[6] = "", plain[VALUE_PLAIN_MAX];
    bool weeks[VALUE_WEEKS_MAX + 1] = {false};
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    (void)schedule_value_day(text, NULL);
    if (schedule_value_days(text, NULL) > 127)
        abort();
    if (schedule_value_date(text, NULL, date) && (strlen(date) != 10 || atoi(date + 5) < 1 || atoi(date + 5) > 12 || atoi(date + 8) < 1 || atoi(date + 8) > 31))
        abort();
    if (schedule_value_time(text, start, end) == VALUE_TIME) {
        is_clock(start);
        if (end[0] != '\0')
            is_clock(end);
    }
    if (schedule_value_minutes(text) > 24 * 60 || schedule_value_weeks(text, NULL, weeks) > VALUE_WEEKS_MAX)
        abort();
    (void)schedule_value_open(text, NULL);
    schedule_value_plain(text, plain);
    return 0;
}
