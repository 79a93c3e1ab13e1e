/*
 * schedule_value - days, dates and times as people print them, to the forms of an event.
 *
 * Runs in: parser cell. Pure.
 */
#pragma once

#include "base.h"

/* "Monday" for "monday", "MON", "Mon."; NULL when it is no day. Static storage. */
const char *schedule_value_day(const char *text);
/* "2025-08-23" for "23 Aug 2025", "12 NOV 2025", "23 August 2025", "2025-08-23", "23/08/2025", "Sat, 23 Aug 2025". False when it is no date
 * of the calendar. */
bool schedule_value_date(const char *text, char ret_iso[static 11]);
/* "08:30 - 09:20" to "08:30" and "09:20"; "07:30" leaves the end "". Dots, h and en dashes are understood. False when it is no time, or
 * ends before it starts. */
bool schedule_value_time(const char *text, char ret_start[static 6], char ret_end[static 6]);
/* Says in words that it is not known yet: blank, TBA, TBC, Unfinalised, Consult Department, … */
bool schedule_value_open(const char *text);
