/*
 * schedule_value - days, dates, times and weeks as people print them, to the forms of an event.
 *
 * Runs in: parser cell. Pure. v says how they are written beside English; NULL: English, day before month, no date without a year.
 * Odd spaces (no-break, thin) count as spaces and every dash as a dash.
 */
#pragma once

#include "layout.h"

enum { VALUE_WEEKS_MAX = 53, VALUE_PLAIN_MAX = 256 };

enum value_time {
    VALUE_NO_TIME,
    VALUE_TIME,
    VALUE_BACKWARDS, /* two times, the second not after the first */
};

/* "Monday" for "monday", "MON", "Mon."; NULL when it is no day. Static storage. */
const char *schedule_value_day(const char *text, const struct layout_values *v);
/* Several days: "Mon, Wed", "Tue/Thu", "Mon-Fri"; one too. Bit 0 is Monday; 0 when it is none. */
unsigned schedule_value_days(const char *text, const struct layout_values *v);
/* The day's name; 0 is Monday. Static storage. */
const char *schedule_value_day_name(size_t day);
/* "2025-08-23" for "23 Aug 2025", "12 NOV 2025", "2025-08-23", "23/08/2025", "23.8.25", "Sat, 23 Aug 2025". False when it is no date of
 * the calendar. */
bool schedule_value_date(const char *text, const struct layout_values *v, char ret_iso[static 11]);
/* "08:30 - 09:20" to "08:30" and "09:20"; "07:30" leaves the end "". Also 8h30, 0830, 8.30, 2 PM, 2-3 pm, 14h, 14 Uhr. The outputs are
 * untouched unless it is VALUE_TIME. */
enum value_time schedule_value_time(const char *text, char ret_start[static 6], char ret_end[static 6]);
/* Minutes of "50", "50 min", "3h", "2 hours", "1h30", "2:30"; -1 when it is no length of 1 minute to 24 hours. */
int schedule_value_minutes(const char *text);
/* "Wk 1-6, 8-13", "weeks 2,4,6", "1-13 odd", "even weeks": sets weeks[n] for each week n. How many, 0 for "all weeks", -1 when it is
 * nothing of the kind. */
int schedule_value_weeks(const char *text, const struct layout_values *v, bool weeks[static VALUE_WEEKS_MAX + 1]);
/* Says in words that it is not known yet: blank, TBA, TBC, Unfinalised, Consult Department, … */
bool schedule_value_open(const char *text, const struct layout_values *v);
/* Whether the text of a column that says when (a day, a date, a time, or a pattern with one) is understood: 1 yes, 0 no, -1 the column
 * says no such thing. */
int schedule_value_says_when(const struct layout *layout, size_t column, const char *text);
/* text with odd spaces as spaces and dashes as "-"; what does not fit is cut. */
void schedule_value_plain(const char *text, char out[static VALUE_PLAIN_MAX]);
/* True when word (len bytes) is one of the alternatives of list, ignoring case, or begins one with at least 3 characters. */
bool schedule_value_named(const char *list, const char *word, size_t len);
