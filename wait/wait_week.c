/*
 * wait_week - see wait_week.h. It refuses to forecast from hours it has not seen: the evidence is that of the poorest
 * hour a forecast stands on.
 */
#include "wait_week.h"

#include <math.h>

#define PRIOR_ARRIVALS 20.0 /* of an hour of the day against the whole week */
#define PRIOR_DAYS     1.0  /* one whole hour, as days differ: of an hour of the day, and of the weekday against that */
enum { FROM_MONDAY = 72 };  /* 1970 began on a Thursday */

static double hour_begin(double t_s)
{
    return floor(t_s / WEEK_HOUR_S);
}

static unsigned hour_of_week(double hour)
{
    double h = fmod(hour + FROM_MONDAY, WEEK_HOURS);
    return (unsigned)(h < 0 ? h + WEEK_HOURS : h);
}

/* The hour is over: what it held is kept, on top of what is left of the weeks before. */
static void close_hour(struct week *w, unsigned hour)
{
    w->seconds[hour] = w->seconds[hour] * WEEK_KEEPS + w->hour_seconds;
    w->hour_seconds = 0;
    for (int g = 0; g < GENDER_COUNT; g++) {
        w->arrivals[g][hour] = w->arrivals[g][hour] * WEEK_KEEPS + w->hour_arrivals[g];
        w->hour_arrivals[g] = 0;
    }
}

void week_look(struct week *w, double t_s)
{
    if (!w->started || t_s < w->at_s - WEEK_GAP_S) { /* a clock that was ahead is not waited for */
        w->at_s = t_s;
        w->started = true;
        return;
    }
    bool looked = t_s - w->at_s <= WEEK_GAP_S;
    double from = hour_begin(w->at_s), to = hour_begin(t_s);
    if (to - from > WEEK_HOURS * 20.0) { /* nothing is left after 20 weeks */
        *w = (struct week){.at_s = t_s, .started = true};
        return;
    }
    for (double h = from; h < to; h++) {
        w->hour_seconds += looked ? (h + 1) * WEEK_HOUR_S - w->at_s : 0;
        close_hour(w, hour_of_week(h));
        w->at_s = (h + 1) * WEEK_HOUR_S;
    }
    w->hour_seconds += looked ? fmax(0, t_s - w->at_s) : 0;
    w->at_s = fmax(w->at_s, t_s);
}

void week_add(struct week *w, unsigned gender)
{
    w->hour_arrivals[gender]++;
}

/* What is known of one gender, to look at several hours. */
struct shape {
    const struct week *w;
    const double *arrivals; /* by hour of the week */
    double rate;            /* of all hours that were seen, 1/s */
};

/* How busy an hour is in units of the whole week: drawn to the same hour of other days, and that to 1. */
static double busy(const struct shape *s, unsigned hour, double *ret_seconds)
{
    double seconds = 0, arrivals = 0;
    for (unsigned h = hour % WEEK_DAY_HOURS; h < WEEK_HOURS; h += WEEK_DAY_HOURS) {
        seconds += s->w->seconds[h];
        arrivals += s->arrivals[h];
    }
    *ret_seconds = seconds;
    double prior = PRIOR_ARRIVALS, day = (arrivals + prior) / (s->rate * seconds + prior);
    prior = PRIOR_ARRIVALS + PRIOR_DAYS * WEEK_HOUR_S * s->rate;
    return (s->arrivals[hour] + prior * day) / (s->rate * s->w->seconds[hour] + prior);
}

/* The same at a moment, straight from the middle of one hour to that of the next. */
static double busy_at(const struct shape *s, double t_s, double *ret_seconds)
{
    double x = t_s / WEEK_HOUR_S - 0.5, before = floor(x), part = x - before, seconds[2];
    double a = busy(s, hour_of_week(before), &seconds[0]), b = busy(s, hour_of_week(before + 1), &seconds[1]);
    *ret_seconds = fmin(seconds[0], seconds[1]);
    return a + part * (b - a);
}

static double rate_of_week(const struct week *w, const double arrivals[static WEEK_HOURS])
{
    double n = 0, seconds = 0;
    for (int h = 0; h < WEEK_HOURS; h++) {
        n += arrivals[h];
        seconds += w->seconds[h];
    }
    return seconds > 0 ? n / seconds : 0;
}

bool week_forecast(const struct week *w, unsigned gender, double t_s, const double ahead_s[], size_t n,
                   double ret_ratio[])
{
    struct shape s = {.w = w, .arrivals = w->arrivals[gender], .rate = rate_of_week(w, w->arrivals[gender])};
    double seen, seen_then, now = busy_at(&s, t_s, &seen);
    bool known = false;
    for (size_t i = 0; i < n; i++) {
        double then = busy_at(&s, t_s + ahead_s[i], &seen_then), hours = fmin(seen, seen_then) / WEEK_HOUR_S;
        double weight = s.rate > 0 && ahead_s[i] > 0 ? hours / (hours + PRIOR_DAYS) : 0;
        double ratio = fmin(WEEK_RATIO_MAX, fmax(1 / WEEK_RATIO_MAX, then / now));
        ret_ratio[i] = weight > 0 ? weight * ratio + 1 - weight : 1;
        known = known || weight > 0;
    }
    return known;
}
