/*
 * schedule_clock - the times, lengths and weeks of schedule_value.h: what is written with a clock's or a count's figures.
 */
#include "schedule_value.h"

#include <ctype.h>
#include <stdio.h>

enum clock_mark { CLOCK_NONE, CLOCK_AM, CLOCK_PM };

/* One reading of a clock. */
struct clock_time {
    int hour, minute;
    enum clock_mark mark;
    bool sure; /* minutes or a mark make it a time; "8" alone is a number */
};

static bool clock_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    const char *p = *at + strspn(*at, " ");
    if (strncasecmp(p, word, n) != 0 || isalpha((unsigned char)p[n]))
        return false;
    *at = p + n;
    return true;
}

/* am, p.m., Uhr, h behind a time. */
static void clock_marks(const char **at, struct clock_time *t)
{
    static const struct {
        const char *word;
        enum clock_mark mark;
    } marks[] = {{"a.m.", CLOCK_AM}, {"p.m.", CLOCK_PM}, {"am", CLOCK_AM},   {"pm", CLOCK_PM},
                 {"noon", CLOCK_PM}, {"uhr", CLOCK_NONE}, {"h", CLOCK_NONE}, {"hrs", CLOCK_NONE}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (clock_word(at, marks[i].word)) {
            t->mark = marks[i].mark;
            t->sure = true;
            return;
        }
}

static int clock_digits(const char *p, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (p[i] - '0');
    return value;
}

/* One time at *at; moves *at behind it. */
static bool clock_read(const char **at, struct clock_time *t)
{
    const char *p = *at + strspn(*at, " ");
    size_t n = strspn(p, "0123456789");
    *t = (struct clock_time){.mark = CLOCK_NONE};
    if (n == 0 || n > 4)
        return false;
    t->hour = clock_digits(p, n > 2 ? n - 2 : n);
    t->minute = n > 2 ? clock_digits(p + n - 2, 2) : 0;
    t->sure = n > 2;
    p += n;
    bool parted = n <= 2 && *p != '\0' && strchr(":.hH", *p) != NULL && isdigit((unsigned char)p[1]);
    if (parted) {
        if (strspn(p + 1, "0123456789") != 2)
            return false;
        t->minute = clock_digits(p + 1, 2);
        t->sure = true;
        p += 3;
        if (p[0] == ':' && isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[2])) /* seconds */
            p += 3;
    }
    clock_marks(&p, t);
    *at = p;
    return t->hour < 24 && t->minute < 60 && (t->mark == CLOCK_NONE || (t->hour >= 1 && t->hour <= 12));
}

static int clock_minutes(const struct clock_time *t, enum clock_mark mark)
{
    int hour = mark == CLOCK_NONE ? t->hour : t->hour % 12 + (mark == CLOCK_PM ? 12 : 0);
    return hour * 60 + t->minute;
}

static bool clock_dash(const char **at)
{
    static const char *const words[] = {"to", "tot", "bis", "until", "\xc3\xa0"};
    const char *p = *at + strspn(*at, " ");
    if (*p == '-' || *p == '~') {
        *at = p + 1;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (clock_word(at, words[i]))
            return true;
    return false;
}

/* "2-3 pm": the first has the second's mark, unless it would be later: "11-1 pm". */
static int clock_start(const struct clock_time *start, const struct clock_time *end)
{
    if (start->mark != CLOCK_NONE || end->mark == CLOCK_NONE || start->hour > 12 || start->hour == 0)
        return clock_minutes(start, start->mark);
    int same = clock_minutes(start, end->mark);
    return same < clock_minutes(end, end->mark) ? same : clock_minutes(start, end->mark == CLOCK_PM ? CLOCK_AM : CLOCK_PM);
}

enum value_time schedule_value_time(const char *text, char ret_start[static 6], char ret_end[static 6])
{
    char plain[VALUE_PLAIN_MAX];
    struct clock_time start, end = {.mark = CLOCK_NONE};
    schedule_value_plain(text, plain);
    const char *at = plain;
    if (!clock_read(&at, &start))
        return VALUE_NO_TIME;
    bool two = at[strspn(at, " ")] != '\0';
    if (two && (!clock_dash(&at) || !clock_read(&at, &end) || at[strspn(at, " .")] != '\0'))
        return VALUE_NO_TIME;
    if (!start.sure && !end.sure)
        return VALUE_NO_TIME;
    int from = two ? clock_start(&start, &end) : clock_minutes(&start, start.mark), to = two ? clock_minutes(&end, end.mark) : -1;
    if (two && to <= from)
        return VALUE_BACKWARDS;
    (void)snprintf(ret_start, 6, "%02u:%02u", (unsigned)from / 60 % 24, (unsigned)from % 60);
    if (two)
        (void)snprintf(ret_end, 6, "%02u:%02u", (unsigned)to / 60 % 24, (unsigned)to % 60);
    else
        ret_end[0] = '\0';
    return VALUE_TIME;
}

int schedule_value_minutes(const char *text)
{
    char plain[VALUE_PLAIN_MAX], *end;
    schedule_value_plain(text, plain);
    const char *at = plain + strspn(plain, " ");
    if (!isdigit((unsigned char)*at))
        return -1;
    long first = strtol(at, &end, 10), second = 0;
    bool hours = *end == ':' || *end == '.';
    at = end + (hours ? 1 : 0);
    static const char *const words[] = {"hours", "hour", "hrs", "hr", "h"}, *const small[] = {"minutes", "minute", "mins", "min", "m"};
    bool half = end[0] == '.' && end[1] == '5' && !isdigit((unsigned char)end[2]);
    for (size_t i = 0; i < ARRAY_LEN(words) && !hours; i++) {
        const char *p = at + strspn(at, " ");
        size_t n = strlen(words[i]);
        if (strncasecmp(p, words[i], n) == 0 && !isalpha((unsigned char)p[n])) {
            hours = true;
            at = p + n;
        }
    }
    if (isdigit((unsigned char)at[strspn(at, " ")])) {
        second = strtol(at, &end, 10);
        at = end;
    }
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        (void)clock_word(&at, small[i]);
    for (size_t i = 0; i < ARRAY_LEN(words) && half; i++)
        (void)clock_word(&at, words[i]);
    if (at[strspn(at, " .")] != '\0' || first > 1440 || second > 59)
        return -1;
    long minutes = half ? first * 60 + 30 : hours ? first * 60 + second : first;
    return minutes >= 1 && minutes <= 1440 ? (int)minutes : -1;
}

/* How a list of weeks is read. */
struct clock_weeks {
    bool *weeks;
    int n, from, last; /* from: before a dash, -1; last: the number read last, -1 */
    bool odd, even, all;
};

static bool weeks_number(struct clock_weeks *w, int week)
{
    int first = w->from >= 0 ? w->from : week;
    if (week < 1 || week > VALUE_WEEKS_MAX || first > week || (w->from >= 0 && first == week))
        return false;
    for (int i = first; i <= week; i++) {
        w->n += !w->weeks[i];
        w->weeks[i] = true;
    }
    w->last = w->from >= 0 ? -1 : week;
    w->from = -1;
    return true;
}

static bool weeks_word(struct clock_weeks *w, const char *word, size_t len, const struct layout_values *v)
{
    static const char *const plain[] = {"week", "weeks", "wk", "wks", "w", "and", "teaching", "only"};
    if (v != NULL && schedule_value_named(v->week, word, len))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strlen(plain[i]) == len && strncasecmp(word, plain[i], len) == 0)
            return true;
    if (len == 2 && strncasecmp(word, "to", 2) == 0 && w->last >= 0) {
        w->from = w->last;
        return true;
    }
    bool odd = (len == 3 && strncasecmp(word, "odd", 3) == 0) || (v != NULL && schedule_value_named(v->odd, word, len));
    bool even = (len == 4 && strncasecmp(word, "even", 4) == 0) || (v != NULL && schedule_value_named(v->even, word, len));
    w->odd = w->odd || odd;
    w->even = w->even || even;
    bool all = (len == 3 && strncasecmp(word, "all", 3) == 0) || (len == 5 && strncasecmp(word, "every", 5) == 0) ||
               (len == 6 && strncasecmp(word, "weekly", 6) == 0) || (v != NULL && schedule_value_named(v->every, word, len));
    w->all = w->all || all;
    return odd || even || all;
}

static bool weeks_read(struct clock_weeks *w, const char *text, const struct layout_values *v)
{
    for (const char *at = text; *at != '\0';) {
        size_t digits = strspn(at, "0123456789"), letters = 0;
        while (isalpha((unsigned char)at[letters]) || (unsigned char)at[letters] >= 128)
            letters++;
        if (digits > 2)
            return false;
        if (digits > 0 && !weeks_number(w, clock_digits(at, digits)))
            return false;
        if (letters > 0 && !weeks_word(w, at, letters, v))
            return false;
        if (*at == '-') {
            if (w->last < 0)
                return false;
            w->from = w->last;
        } else if (digits == 0 && letters == 0 && strchr(" ,;&+/().:", *at) == NULL) {
            return false;
        }
        at += MAX_OF(digits + letters, (size_t)1);
    }
    return w->from < 0;
}

int schedule_value_weeks(const char *text, const struct layout_values *v, bool weeks[static VALUE_WEEKS_MAX + 1])
{
    char plain[VALUE_PLAIN_MAX];
    struct clock_weeks w = {.weeks = weeks, .from = -1, .last = -1};
    memset(weeks, 0, (VALUE_WEEKS_MAX + 1) * sizeof *weeks);
    schedule_value_plain(text, plain);
    if (strlen(text) >= VALUE_PLAIN_MAX - 8 || !weeks_read(&w, plain, v) || (w.odd && w.even) || (w.all && (w.odd || w.even)))
        return -1;
    if (w.n == 0 && (w.odd || w.even) && !weeks_number(&w, 1))
        return -1;
    if (w.n == 1 && w.last == 1 && (w.odd || w.even)) { /* no weeks are named: to the term's last */
        w.from = 1;
        (void)weeks_number(&w, v != NULL && v->last_week > 1 ? v->last_week : 26);
    }
    w.n = 0;
    for (int i = 1; i <= VALUE_WEEKS_MAX; i++) {
        weeks[i] = weeks[i] && !(w.odd && i % 2 == 0) && !(w.even && i % 2 == 1);
        w.n += weeks[i];
    }
    return w.n > 0 ? w.n : w.all ? 0 : -1;
}
