/*
 * wait_week - when in the week people come: a prior of how arrival rates go on from now.
 *
 * Runs in: supervisor's metrics thread, tools that replay traces. Pure. Owner: the model; one per pool. Times are
 * seconds since 1970, UTC; an hour of the week counts from Monday 00:00.
 *
 * Of every hour of the week it keeps arrivals by gender and the seconds the pool was looked at; what is a week older
 * counts WEEK_KEEPS of it. The hour that goes on now is apart until it is over: of it the rates (wait_rates.h) know
 * more. Only the shape is used: a forecast says how many times as many will come at t + s as come at t.
 */
#pragma once

#include "base.h"
#include "gender.h"

enum { WEEK_HOURS = 168, WEEK_DAY_HOURS = 24 };
#define WEEK_HOUR_S     3600.0
#define WEEK_KEEPS      0.8                              /* of an hour's evidence, when its hour comes again */
#define WEEK_HOUR_MAX_S (WEEK_HOUR_S / (1 - WEEK_KEEPS)) /* seconds one hour can hold, at most */
#define WEEK_GAP_S      600.0                            /* nothing heard for so long: the pool was not looked at */
#define WEEK_RATIO_MAX  4.0                              /* a forecast is within 1/4 to 4 times the present rate */

/* Zero-initialised: nothing known. */
struct week {
    double seconds[WEEK_HOURS];                /* looked at, hours that are over */
    double arrivals[GENDER_COUNT][WEEK_HOURS]; /* in them */
    double hour_seconds;                       /* the hour of at_s, so far */
    double hour_arrivals[GENDER_COUNT];
    double at_s; /* looked at until */
    bool started;
};

/* The pool is looked at until t: call at every event and refresh. Time that runs back a little adds nothing. */
void week_look(struct week *w, double t_s);
/* Somebody of a gender came; after week_look. */
void week_add(struct week *w, unsigned gender);
/* The arrival rate at each of t + ahead_s[0 … n-1] in units of the rate at t; exactly 1 where ahead_s is 0. False, and
 * ret all 1: nothing is known of these hours, neither of this weekday nor of another. Shape and weight:
 * docs/wait-model.md §2, "Hour of the week". */
bool week_forecast(const struct week *w, unsigned gender, double t_s, const double ahead_s[], size_t n,
                   double ret_ratio[]);
