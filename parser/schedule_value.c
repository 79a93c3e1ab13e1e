/*
 * schedule_value - see schedule_value.h. Guesses nothing: what is not understood is reported as such.
 */
#include "schedule_value.h"

#include <ctype.h>
#include <stdio.h>

static const char *const DAYS[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const MONTHS[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};

const char *schedule_value_day(const char *text)
{
    size_t start = strspn(text, " "), len = strcspn(text + start, " .,");
    if (len < 3 || text[start + len + strspn(text + start + len, " .,")] != '\0')
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(DAYS); i++)
        if (len <= strlen(DAYS[i]) && strncasecmp(text + start, DAYS[i], len) == 0)
            return DAYS[i];
    return NULL;
}

static int value_month(const char *text, size_t len)
{
    for (size_t i = 0; len >= 3 && i < ARRAY_LEN(MONTHS); i++)
        if (len <= strlen(MONTHS[i]) && strncasecmp(text, MONTHS[i], len) == 0)
            return (int)i + 1;
    return 0;
}

static bool value_date_valid(long year, long month, long day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1900 && year <= 2999 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

bool schedule_value_date(const char *text, char ret_iso[static 11])
{
    long numbers[3] = {0};
    size_t n_numbers = 0, lengths[3] = {0};
    int month = 0;
    for (const char *at = text; *at != '\0';) {
        if (isdigit((unsigned char)*at)) {
            char *end;
            if (n_numbers == 3)
                return false;
            numbers[n_numbers] = strtol(at, &end, 10);
            lengths[n_numbers++] = (size_t)(end - at);
            at = end;
        } else if (isalpha((unsigned char)*at)) {
            size_t len = 0;
            while (isalpha((unsigned char)at[len]))
                len++;
            int m = value_month(at, len);
            char word[16];
            (void)snprintf(word, sizeof word, "%.*s", (int)MIN_OF(len, sizeof word - 1), at);
            bool ordinal = len == 2 && n_numbers == 1 && strcasestr("st nd rd th", word) != NULL;
            if ((m > 0 && month > 0) || (m == 0 && !ordinal && schedule_value_day(word) == NULL))
                return false;
            month = m > 0 ? m : month;
            at += len;
        } else if (strchr(" ,./-", *at) != NULL) {
            at++;
        } else {
            return false;
        }
    }
    long year, day;
    if (month > 0 && n_numbers == 2) {
        day = lengths[0] == 4 ? numbers[1] : numbers[0];
        year = lengths[0] == 4 ? numbers[0] : numbers[1];
    } else if (month == 0 && n_numbers == 3) {
        day = lengths[0] == 4 ? numbers[2] : numbers[0];
        year = lengths[0] == 4 ? numbers[0] : numbers[2];
        month = (int)MIN_OF(numbers[1], 99L);
    } else {
        return false;
    }
    if (!value_date_valid(year, month, day))
        return false;
    (void)snprintf(ret_iso, 11, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100);
    return true;
}

/* One clock time at *at; moves *at behind it. Minutes of the day, or -1. */
static int value_clock(const char **at)
{
    const char *p = *at + strspn(*at, " ");
    if (!isdigit((unsigned char)p[0]))
        return -1;
    int hour = p[0] - '0', minute = 0;
    p++;
    if (isdigit((unsigned char)*p))
        hour = hour * 10 + (*p++ - '0');
    if (*p != '\0' && strchr(":.hH", *p) != NULL)
        p++;
    if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
        return -1;
    minute = (p[0] - '0') * 10 + (p[1] - '0');
    p += 2;
    if (isdigit((unsigned char)*p))
        return -1;
    if (p[0] == ':' && isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[2])) /* seconds */
        p += 3;
    const char *mark = p + strspn(p, " ");
    if (strncasecmp(mark, "am", 2) == 0 || strncasecmp(mark, "pm", 2) == 0) {
        hour = hour % 12 + (tolower((unsigned char)*mark) == 'p' ? 12 : 0);
        p = mark + 2;
    }
    *at = p;
    return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

bool schedule_value_time(const char *text, char ret_start[static 6], char ret_end[static 6])
{
    const char *at = text;
    int start = value_clock(&at), end = -1;
    if (start < 0)
        return false;
    at += strspn(at, " ");
    if (*at != '\0') {
        static const char *const dashes[] = {"-", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x88\x92", "to", "tot"};
        size_t dash = 0;
        for (size_t i = 0; i < ARRAY_LEN(dashes); i++)
            if (strncasecmp(at, dashes[i], strlen(dashes[i])) == 0)
                dash = strlen(dashes[i]);
        at += dash;
        end = dash > 0 ? value_clock(&at) : -1;
        if (end <= start || at[strspn(at, " ")] != '\0')
            return false;
    }
    (void)snprintf(ret_start, 6, "%02u:%02u", (unsigned)start / 60 % 24, (unsigned)start % 60);
    if (end < 0)
        ret_end[0] = '\0';
    else
        (void)snprintf(ret_end, 6, "%02u:%02u", (unsigned)end / 60 % 24, (unsigned)end % 60);
    return true;
}

bool schedule_value_open(const char *text)
{
    static const char *const words[] = {"TBA", "TBC", "TBD", "Unfinalised", "Unfinalized", "Not finalised", "Consult", "To be"};
    if (text[strspn(text, " -")] == '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strncasecmp(text + strspn(text, " "), words[i], strlen(words[i])) == 0)
            return true;
    return false;
}
