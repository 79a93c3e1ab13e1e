/*
 * simulate_view - see simulate_view.h. It refuses to call a run good or bad by its accuracy: only what was lost is red.
 */
#include "simulate_view.h"

#include "queue_call.h"

#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>

enum { LINE_BYTES = 400, BAR = 16, EVIDENCE_SHOWN = 10 };

static size_t columns(const struct out *o)
{
    struct winsize size;
    int fd = fileno(o->remarks);
    return fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Adds a part when the line has room for it. */
static void add(char line[static LINE_BYTES], size_t room, const char *part)
{
    size_t used = strlen(line);
    if (out_width(line) + out_width(part) + 3 < room && used + strlen(part) + 3 < LINE_BYTES)
        (void)snprintf(line + used, LINE_BYTES - used, "  %s", part);
}

static void clock_text(char out[static 24], double seconds)
{
    long all = lround(seconds);
    (void)snprintf(out, 24, "%02ld:%02ld", all / 60, all % 60);
}

static void add_bar(char line[static LINE_BYTES], const struct simulate_run *r)
{
    char now[24], end[24];
    double share = r->horizon_ms > 0 ? fmin(1, (double)r->now_ms / (double)r->horizon_ms) : 1;
    size_t filled = (size_t)(share * BAR);
    clock_text(now, (double)MIN_OF(r->now_ms, r->horizon_ms) * r->setup.speed / 1000);
    clock_text(end, (double)r->horizon_ms * r->setup.speed / 1000);
    for (size_t i = 0; i < BAR; i++)
        (void)strcat(line, i < filled ? "█" : "░");
    size_t used = strlen(line);
    (void)snprintf(line + used, LINE_BYTES - used, " %s/%s", now, end);
}

static void add_counts(char line[static LINE_BYTES], size_t room, const struct simulate_run *r)
{
    char part[96];
    static const char letters[GENDER_COUNT] = "MFNOU";
    (void)snprintf(part, sizeof part, "%u joined", r->joined);
    add(line, room, part);
    (void)snprintf(part, sizeof part, "%u pairs", r->books.n_pairs);
    add(line, room, part);
    int used = snprintf(part, sizeof part, "waiting");
    for (unsigned g = 0; g < GENDER_COUNT; g++)
        if (g <= GENDER_FEMALE || r->waiting[g] > 0)
            used += snprintf(part + used, sizeof part - (size_t)used, " %c %u", letters[g], r->waiting[g]);
    add(line, room, part);
    (void)snprintf(part, sizeof part, "%zu unanswered", r->unanswered);
    add(line, room, part);
    (void)snprintf(part, sizeof part, "%zu faults", simulate_books_faults(&r->books));
    add(line, room, part);
}

void simulate_view_progress(void *arg, const struct simulate_run *r)
{
    struct simulate_view *v = arg;
    const struct out *o = &v->s->out;
    char line[LINE_BYTES] = "";
    size_t room = columns(o);
    if (!o->live || o->quiet)
        return;
    if (r->phase == SIMULATE_CLOSING)
        (void)snprintf(line, sizeof line, "everybody leaves: %u still here", r->here);
    else
        add_bar(line, r);
    add_counts(line, room, r);
    (void)fprintf(o->remarks, "\r\033[K%s", line);
    (void)fflush(o->remarks);
    v->drawn = true;
}

void simulate_view_end(struct simulate_view *v)
{
    if (v->drawn)
        (void)fputs("\r\033[K", v->s->out.remarks);
    v->drawn = false;
}

/* -- the report ------------------------------------------------------------------------------------------------------
 */

static double real(const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void set_seconds(struct table *t, size_t column, double seconds)
{
    if (isfinite(seconds))
        table_set(t, column, seconds < 99.95 ? "%.1f" : "%.0f", seconds);
    else
        table_set(t, column, "-");
}

static void set_count(struct table *t, size_t column, const json_t *o, const char *name)
{
    table_set(t, column, "%lld", (long long)json_number(o, name, 0));
}

static void person_row(struct table *t, const char *who, const json_t *o)
{
    if (table_row(t) < 0)
        return;
    table_set(t, 0, "%s", who);
    set_count(t, 1, o, "joined");
    set_count(t, 2, o, "matched");
    table_set(t, 3, "%.1f %%", real(o, "share") * 100);
    set_count(t, 4, o, "atOnce");
    set_count(t, 5, o, "left");
    set_count(t, 6, o, "expired");
    set_count(t, 7, o, "offline");
    set_count(t, 8, o, "waiting");
    set_seconds(t, 9, real(o, "waitP50S"));
    set_seconds(t, 10, real(o, "waitP90S"));
}

static void print_people(struct session *s, const json_t *people)
{
    static const char *const titles[] = {"GENDER",        ">JOINED",       ">MATCHED",    ">SHARE",
                                         ">-AT ONCE",     ">LEFT",         ">?EXPIRED",   ">?OFFLINE",
                                         ">?STILL THERE", ">HALF WAIT, S", ">9 IN 10, S", NULL};
    struct table t;
    const char *gender;
    json_t *o;
    table_init(&t, titles);
    json_object_foreach(json_object_get(people, "gender"), gender, o)
    {
        person_row(&t, gender, o);
    }
    person_row(&t, "all", people);
    table_print(&t, &s->out);
    table_fini(&t);
}

static void set_coverage(struct table *t, size_t column, const json_t *c)
{
    if (json_is_object(c))
        table_set(t, column, "%.3f (%.2f to %.2f)", real(c, "share"), real(c, "low"), real(c, "high"));
    else
        table_set(t, column, "-");
}

static void score_row(struct table *t, const char *who, const json_t *o)
{
    if (json_number(o, "n", 0) == 0 || table_row(t) < 0)
        return;
    table_set(t, 0, "%s", who);
    set_count(t, 1, o, "n");
    set_seconds(t, 2, real(o, "pinballP50S") + real(o, "pinballP90S"));
    set_coverage(t, 3, json_object_get(o, "coverageP50"));
    set_coverage(t, 4, json_object_get(o, "coverageP90"));
    table_set(t, 5, "%s", json_text(o, "what"));
}

static void print_scores(struct session *s, const json_t *report)
{
    static const char *const titles[] = {"FORETOLD BY", ">PEOPLE", ">PINBALL, S", ">WITHIN P50",
                                         ">WITHIN P90", "~?-WHAT", NULL};
    const json_t *published = json_object_get(report, "published");
    double ratio = real(published, "ofBestBaseline");
    struct table t;
    json_t *o;
    size_t i;
    const char *gender;
    table_init(&t, titles);
    json_array_foreach(json_object_get(published, "sources"), i, o)
    {
        score_row(&t, json_text(o, "who"), o);
        if (i == SIMULATE_SOURCE_PERSON) {
            json_t *g;
            json_object_foreach(json_object_get(published, "gender"), gender, g)
            {
                char name[64];
                (void)snprintf(name, sizeof name, "  %s", gender);
                score_row(&t, name, g);
            }
        }
    }
    score_row(&t, "notices", json_object_get(report, "notices"));
    json_array_foreach(json_object_get(published, "baselines"), i, o)
    {
        score_row(&t, json_text(o, "who"), o);
    }
    if (t.n_rows == 0)
        out_line(
            &s->out,
            "nothing was foretold to anybody who is judged (joined between 15 %% and 82 %% of the time, and waited)");
    table_print(&t, &s->out);
    table_fini(&t);
    if (isfinite(ratio))
        out_line(&s->out, "the model's pinball loss is %.2f of the best baseline's", ratio);
}

static void print_latency(struct session *s, const char *label, const json_t *o)
{
    if (json_number(o, "n", 0) > 0)
        out_line(&s->out, "%-16s half within %.0f ms, 95 in 100 within %.0f ms, 99 within %.0f ms, all within %.0f ms",
                 label, real(o, "p50"), real(o, "p95"), real(o, "p99"), real(o, "max"));
}

static void print_faults(struct session *s, const json_t *faults)
{
    const json_t *evidence = json_object_get(faults, "evidence");
    if (json_number(faults, "total", 0) == 0) {
        out_tinted(&s->out, TINT_GREEN,
                   "nothing lost, nobody twice, nobody in a pair that does not fit, both sides told");
        return;
    }
    for (int i = 0; i < SIMULATE_FAULT_COUNT; i++) {
        long long n = (long long)json_number(faults, simulate_fault_name((enum simulate_fault)i), 0);
        if (n > 0)
            out_tinted(&s->out, TINT_RED, "%lld %s", n, simulate_fault_text((enum simulate_fault)i));
    }
    for (size_t i = 0; i < json_array_size(evidence) && i < EVIDENCE_SHOWN; i++)
        out_line(&s->out, "  %s", json_string_value(json_array_get(evidence, i)));
}

void simulate_view_report(struct session *s, const json_t *report)
{
    const json_t *traffic = json_object_get(report, "traffic"), *latency = json_object_get(report, "latencyMs");
    if (s->out.json) {
        out_json(&s->out, report);
        return;
    }
    out_tinted(&s->out, TINT_BOLD, "%s%s in pool %s: %.0f s of its time in %.0f s%s",
               json_is_true(json_object_get(report, "interrupted")) ? "interrupted: " : "",
               *json_text(report, "scenario") != '\0' ? json_text(report, "scenario") : "trace",
               json_text(report, "pool"), real(report, "horizonS"), real(report, "tookS"),
               json_is_true(json_object_get(report, "gaveUp")) ? "; given up: no more news came" : "");
    print_people(s, json_object_get(report, "people"));
    print_scores(s, report);
    print_latency(s, "join to answer", json_object_get(latency, "joinToAnswer"));
    print_latency(s, "match to event", json_object_get(latency, "matchToEvent"));
    print_latency(s, "own lateness", json_object_get(latency, "ownLateness"));
    out_line(&s->out,
             "%lld jobs (%.0f a second; %lld touches, %lld leaves, %lld confirms, %lld releases), %lld events, %lld "
             "told twice",
             (long long)json_number(traffic, "jobs", 0), real(traffic, "jobsPerS"),
             (long long)json_number(traffic, "touches", 0), (long long)json_number(traffic, "leaves", 0),
             (long long)json_number(traffic, "confirms", 0), (long long)json_number(traffic, "releases", 0),
             (long long)json_number(traffic, "events", 0), (long long)json_number(traffic, "repeated", 0));
    print_faults(s, json_object_get(report, "faults"));
}
