/*
 * ics_day - days of the Gregorian calendar as numbers: 0 is 1970-01-01, as in every time stamp.
 *
 * Runs in: worker, ctl. Pure.
 */
#pragma once

#include "base.h"

enum { ICS_DAY_SECONDS = 86400, ICS_DAY_NONE = INT32_MIN };

/* The number of a date; month and day may lie outside their range by any small amount and carry over. */
int32_t ics_day_of(int year, int month, int day);
/* The number of a date as YYYY-MM-DD that pdf_request_is_date accepts. */
int32_t ics_day_read(const char *iso);
/* 0 Monday … 6 Sunday. */
int ics_day_weekday(int32_t day);
/* A weekday by its English name, 0 Monday … 6 Sunday; -1: none. */
int ics_day_weekday_read(const char *name);
int ics_day_year(int32_t day);
/* "20260209T083000" of seconds since 1970-01-01T00:00:00, whatever zone they are in. Years 1 to 9999. */
void ics_day_write(int64_t seconds, char out[static 16]);
