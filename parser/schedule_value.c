/*
 * schedule_value - see schedule_value.h. Guesses nothing: what is not understood is reported as such.
 */
#include "schedule_value.h"

#include "layout_pattern.h"
#include <ctype.h>
#include <glib.h>
#include <stdio.h>

static const char *const DAYS[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const MONTHS[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};

static bool value_is_space(gunichar c)
{
    return c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000 || c == '\t' || c == '\n';
}

static bool value_is_dash(gunichar c)
{
    return (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xfe58 || c == 0xfe63 || c == 0xff0d;
}

static bool value_is_nothing(gunichar c)
{
    return c == 0xad || (c >= 0x200b && c <= 0x200f) || c == 0x2060 || c == 0xfeff;
}

void schedule_value_plain(const char *text, char out[static VALUE_PLAIN_MAX])
{
    size_t n = 0;
    for (const char *at = text; *at != '\0' && n + 8 < VALUE_PLAIN_MAX;) {
        gunichar c = (unsigned char)*at < 128 ? (gunichar)*at : g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            out[n++] = *at++;
            continue;
        }
        at += g_utf8_skip[(unsigned char)*at];
        if (value_is_space(c))
            out[n++] = ' ';
        else if (value_is_dash(c))
            out[n++] = '-';
        else if (!value_is_nothing(c))
            n += (size_t)g_unichar_to_utf8(c, out + n);
    }
    out[n] = '\0';
}

bool schedule_value_named(const char *list, const char *word, size_t len)
{
    if (list == NULL || len == 0)
        return false;
    char *mine = g_utf8_casefold(word, (gssize)len);
    bool found = false;
    for (const char *at = list; *at != '\0' && !found;) {
        size_t n = strcspn(at, "|");
        char *theirs = g_utf8_casefold(at, (gssize)n);
        found = strcmp(mine, theirs) == 0 || (g_utf8_strlen(mine, -1) >= 3 && g_str_has_prefix(theirs, mine));
        g_free(theirs);
        at += n + (at[n] == '|');
    }
    g_free(mine);
    return found;
}

/* 0 Monday … 6; -1. */
static int value_day(const char *word, size_t len, const struct layout_values *v)
{
    for (int i = 0; i < 7; i++)
        if (v != NULL && schedule_value_named(v->days[i], word, len))
            return i;
    for (int i = 0; i < 7; i++)
        if (len >= 2 && len <= strlen(DAYS[i]) && strncasecmp(word, DAYS[i], len) == 0)
            return i;
    return -1;
}

/* The one word of text, without spaces and a final stop or comma; 0 when it is more than one. */
static size_t value_one_word(const char *text, const char **ret_start)
{
    const char *start = text + strspn(text, " ");
    size_t len = strcspn(start, " .,:");
    *ret_start = start;
    return start[len + strspn(start + len, " .,:")] == '\0' ? len : 0;
}

const char *schedule_value_day_name(size_t day)
{
    return DAYS[day % 7];
}

const char *schedule_value_day(const char *text, const struct layout_values *v)
{
    char plain[VALUE_PLAIN_MAX];
    const char *word = NULL;
    schedule_value_plain(text, plain);
    size_t len = value_one_word(plain, &word);
    int day = len > 0 ? value_day(word, len, v) : -1;
    return day >= 0 ? DAYS[day] : NULL;
}

unsigned schedule_value_days(const char *text, const struct layout_values *v)
{
    char plain[VALUE_PLAIN_MAX];
    unsigned days = 0;
    int from = -1, last = -1;
    schedule_value_plain(text, plain);
    for (const char *at = plain; *at != '\0';) {
        size_t len = strcspn(at, " .,;/&+-:");
        if (len == 0) {
            from = *at == '-' ? last : from;
            at++;
            continue;
        }
        bool joins = (len == 3 && strncasecmp(at, "and", 3) == 0) || (len == 2 && strncasecmp(at, "to", 2) == 0);
        int day = joins ? -1 : value_day(at, len, v);
        if (joins)
            from = len == 2 ? last : from;
        else if (day < 0 || (from >= 0 && day <= from))
            return 0;
        for (int i = from >= 0 && !joins ? from : day; i <= day && !joins; i++)
            days |= 1u << i;
        last = joins ? last : day;
        from = joins ? from : -1;
        at += len;
    }
    return from >= 0 ? 0 : days;
}

static int value_month(const char *text, size_t len, const struct layout_values *v)
{
    for (int i = 0; v != NULL && i < 12; i++)
        if (schedule_value_named(v->months[i], text, len))
            return i + 1;
    for (size_t i = 0; len >= 3 && i < ARRAY_LEN(MONTHS); i++)
        if (len <= strlen(MONTHS[i]) && strncasecmp(text, MONTHS[i], len) == 0)
            return (int)i + 1;
    return len == 4 && strncasecmp(text, "sept", 4) == 0 ? 9 : 0;
}

static bool value_date_valid(long year, long month, long day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1900 && year <= 2999 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static size_t value_letters(const char *at)
{
    size_t len = 0;
    while (isalpha((unsigned char)at[len]) || (unsigned char)at[len] >= 128)
        len++;
    return len;
}

/* What a date is written with: up to three numbers and a month's name. */
struct value_date {
    long numbers[3];
    size_t lengths[3], n;
    int month;
};

/* A word of a date: a month, the day's name, an ordinal's ending, or a particle. False for any other. */
static bool value_date_word(struct value_date *d, const char *word, size_t len, const struct layout_values *v)
{
    static const char *const particles[] = {"st", "nd", "rd", "th", "er", "of", "de", "den", "der", "le", "the", "die"};
    int month = value_month(word, len, v);
    /* "Mar" of a French file is Tuesday and March: with a day's number before it, it is the month. */
    if (month > 0 && (d->month > 0 || (d->n == 0 && value_day(word, len, v) >= 0)))
        return d->month > 0 ? false : true;
    if (month > 0) {
        d->month = month;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(particles); i++)
        if (strlen(particles[i]) == len && strncasecmp(word, particles[i], len) == 0)
            return true;
    return value_day(word, len, v) >= 0;
}

static bool value_date_read(struct value_date *d, const char *text, const struct layout_values *v)
{
    for (const char *at = text; *at != '\0';) {
        size_t letters = value_letters(at);
        if (isdigit((unsigned char)*at)) {
            char *end;
            if (d->n == 3)
                return false;
            d->numbers[d->n] = strtol(at, &end, 10);
            d->lengths[d->n++] = (size_t)(end - at);
            at = end;
        } else if (letters > 0) {
            if (!value_date_word(d, at, letters, v))
                return false;
            at += letters;
        } else if (strchr(" ,./-'", *at) != NULL) {
            at++;
        } else {
            return false;
        }
    }
    return true;
}

/* A year of two figures is of this century. */
static long value_year(const struct value_date *d, size_t i)
{
    return d->lengths[i] == 2 ? 2000 + d->numbers[i] : d->numbers[i];
}

bool schedule_value_date(const char *text, const struct layout_values *v, char ret_iso[static 11])
{
    char plain[VALUE_PLAIN_MAX];
    struct value_date d = {.n = 0};
    long year = v != NULL ? v->year : 0, month, day;
    enum layout_date_order order = v != NULL ? v->date_order : LAYOUT_DMY;
    schedule_value_plain(text, plain);
    if (!value_date_read(&d, plain, v))
        return false;
    month = d.month;
    if (month > 0 && (d.n == 2 || (d.n == 1 && year > 0 && d.lengths[0] <= 2))) {
        size_t at = d.n == 2 && d.lengths[0] == 4 ? 1 : 0;
        day = d.numbers[at];
        year = d.n == 2 ? value_year(&d, 1 - at) : year;
    } else if (month == 0 && d.n == 3) {
        size_t first = d.lengths[0] == 4 || order == LAYOUT_YMD ? 0 : 2; /* the year's place */
        size_t mid = first == 2 && order == LAYOUT_MDY ? 0 : 1;
        year = value_year(&d, first);
        month = MIN_OF(d.numbers[mid], 99L);
        day = d.numbers[3 - first - mid];
    } else if (month == 0 && d.n == 2 && year > 0) {
        month = MIN_OF(d.numbers[order == LAYOUT_DMY], 99L);
        day = d.numbers[order != LAYOUT_DMY];
    } else if (month == 0 && d.n == 1 && d.lengths[0] == 8) {
        year = d.numbers[0] / 10000;
        month = d.numbers[0] / 100 % 100;
        day = d.numbers[0] % 100;
    } else {
        return false;
    }
    if (!value_date_valid(year, month, day))
        return false;
    (void)snprintf(ret_iso, 11, "%04u-%02u-%02u", (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100);
    return true;
}

static bool value_open_in(const char *list, const char *text)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, "|");
        if (tolower((unsigned char)*at) == tolower((unsigned char)*text) && strncasecmp(at, text, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return false;
}

bool schedule_value_open(const char *text, const struct layout_values *v)
{
    static const char words[] = "TBA|TBC|TBD|T.B.A|Unfinalised|Unfinalized|Not finalised|Not finalized|Not yet|Consult|To be|See department|Pending";
    char plain[VALUE_PLAIN_MAX];
    schedule_value_plain(text, plain);
    const char *start = plain + strspn(plain, " -?.*");
    return *start == '\0' || value_open_in(words, start) || (v != NULL && value_open_in(v->open, start));
}

/* Some year with a 29th of February, where a caption is to say which: whether a text is a date does not wait for it. */
static int value_caption_year(const struct layout *layout)
{
    for (size_t i = 0; i < layout->n_captions; i++)
        if (layout->captions[i].field == LAYOUT_YEAR)
            return 2000;
    return 0;
}

int schedule_value_says_when(const struct layout *layout, size_t column, const char *text)
{
    const struct layout_column *c = &layout->columns[column];
    struct layout_values v = layout->values;
    char iso[11], start[6], end[6];
    v.year = v.year == 0 ? value_caption_year(layout) : v.year;
    if (c->field != LAYOUT_DAY && c->field != LAYOUT_DATE && c->field != LAYOUT_TIME_RANGE)
        return -1;
    if (c->patterns.n > 0)
        return layout_pattern_any(&c->patterns, &v, text, NULL);
    if (c->field == LAYOUT_DAY)
        return schedule_value_days(text, &v) != 0;
    return c->field == LAYOUT_DATE ? schedule_value_date(text, &v, iso) : schedule_value_time(text, start, end) == VALUE_TIME;
}
