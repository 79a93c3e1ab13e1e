/*
 * layout - what a timetable looks like, as data: its title, its columns by their header texts, and what each column means.
 *
 * Runs in: parser (zygote and cell). Read from a text file at warm-up (layout_read), constant from then on; docs/layouts.md is the
 * language's reference. Owner: layout_free frees what layout_read made.
 */
#pragma once

#include "base.h"

/* What a text becomes in an event. X(id, name of the event's member, word in a layout file). */
#define LAYOUT_FIELDS(X)                                                                                               \
    X(MODULE, "module", "module")                                                                                      \
    X(MODULE_NAME, "module_name", "module_name")                                                                       \
    X(SEMESTER, "semester", "semester")                                                                                \
    X(GROUP, "group", "group")                                                                                         \
    X(LANG, "lang", "lang")                                                                                            \
    X(ACTIVITY, "activity", "activity")                                                                                \
    X(TEST, "test", "test")                                                                                            \
    X(PAPER, "paper", "paper")                                                                                         \
    X(DAY, "day", "day")                                                                                               \
    X(DATE, "date", "date")                                                                                            \
    X(TIME_RANGE, "start", "time")                                                                                     \
    X(END_TIME, "end", "end")                                                                                          \
    X(DURATION, "end", "duration")                                                                                     \
    X(WEEKS, "weeks", "weeks")                                                                                         \
    X(VENUES, "venues", "venue")                                                                                       \
    X(CAMPUS, "campus", "campus")                                                                                      \
    X(MODULE_CAMPUS, "module_campus", "module_campus")                                                                 \
    X(STUDY_PROG, "study_prog", "study_prog")                                                                          \
    X(LECTURER, "lecturer", "lecturer")                                                                                \
    X(STATUS, "status", "status")                                                                                      \
    X(COMMENTS, "comments", "comments")                                                                                \
    X(YEAR, "", "year")                                                                                                \
    X(WEEK1, "week1", "week1")                                                                                         \
    X(IGNORE, "", "ignore")

enum layout_field {
#define X(id, name, word) LAYOUT_##id,
    LAYOUT_FIELDS(X)
#undef X
        LAYOUT_FIELD_COUNT
};

enum {
    LAYOUT_REQUIRED = 1, /* without it the table is MISSING_COLUMNS */
    LAYOUT_ANCHOR = 2,   /* text here begins a row; a row without it continues the one before */
    LAYOUT_KEY = 4,      /* stands on the first line of a row (records) or on every session's line (sessions) */
    LAYOUT_CARRY = 8,    /* holds for the lines and rows below until another text stands there */
    LAYOUT_LIST = 16,    /* each line is one item, unless the line before was too full to take its first word */
    LAYOUT_SHARED = 32,  /* a session without it has the row's */
};

enum layout_rows {
    LAYOUT_RECORDS,  /* a row is one event */
    LAYOUT_SESSIONS, /* each line of a row that has a day is one event */
    LAYOUT_GRID,     /* days along one side, hours along the other; a cell is a class or several */
};

enum layout_date_order { LAYOUT_DMY, LAYOUT_MDY, LAYOUT_YMD };

enum {
    LAYOUT_COLUMNS_MAX = 16,
    LAYOUT_NAME_MAX = 31,      /* characters of a layout's name */
    LAYOUT_TEXT_MAX = 512,     /* bytes of one value of a layout file */
    LAYOUT_PATTERNS_MAX = 12,  /* patterns of one column, of the cells, of one caption */
    LAYOUT_CAPTIONS_MAX = 24,
    LAYOUT_HOURS_MAX = 32,     /* named hours */
    LAYOUT_EXAMPLES_MAX = 32,
    LAYOUT_LINES_MAX = 4096,   /* lines of one file */
};

/* How days, months, dates and weeks are written, beside English, which is always understood. */
struct layout_values {
    char *days[7];    /* owned; Monday first, alternatives separated by |; NULL: English only */
    char *months[12]; /* owned; the same from January */
    char *open;       /* owned; words that say that a thing is not known yet, separated by |; NULL: the English ones only */
    char *week, *odd, *even, *every; /* owned; words for these, separated by |; NULL: the English ones only */
    enum layout_date_order date_order; /* of dates in figures */
    int year;         /* of dates that name none; 0: such are not understood */
    int last_week;    /* where "odd weeks" without an end ends */
};

struct layout_pattern; /* layout_pattern.h */

/* Patterns that are tried in order. */
struct layout_patterns {
    struct layout_pattern *items[LAYOUT_PATTERNS_MAX]; /* owned */
    size_t n;
};

struct layout_column {
    const char *headers;      /* owned; header text; alternatives separated by |; NULL ends the columns */
    enum layout_field field;  /* with patterns: the one that says when, or the first */
    unsigned flags;
    const char *hidden_tail;  /* owned; letters that may follow the last word unseen and are no part of it */
    struct layout_patterns patterns; /* a column of several fields: how its text is taken apart */
};

/* A text outside the table, or the title, that says a field of all events: "First Semester" is S1. */
struct layout_caption {
    enum layout_field field;
    struct layout_pattern *pattern; /* owned */
    char *value;                    /* owned; what it means; NULL: what the pattern found for the field */
};

/* "Period 1" stands for 07:30 to 08:20. */
struct layout_hour {
    char *name;     /* owned */
    int start, end; /* minutes of the day */
};

struct layout_grid {
    bool hours_across; /* hours along the top, days down; else the other way */
    bool apart;        /* equal texts in adjoining cells are classes of their own, else one */
    int minutes;       /* length of an hour whose label names no end; 0: to the next label */
    struct layout_patterns patterns; /* of a class in a cell */
    char *separators;  /* owned; texts between the classes of one cell, separated by |; NULL: none */
    char *ignored;     /* owned; cell texts that are no class, separated by |; a final * stands for any rest; NULL: none */
    struct layout_hour hours[LAYOUT_HOURS_MAX];
    size_t n_hours;
};

struct layout_example; /* layout_example.h */

struct layout {
    char name[LAYOUT_NAME_MAX + 1]; /* "lecture" */
    char *file;     /* owned; where it was read from, for messages */
    char *text;     /* owned; the file, for `show` and the digest */
    char *about;    /* owned; one line; "" when not given */
    char *titles;   /* owned; alternatives separated by |; "": it has none and is known by its headers only */
    char *kind;     /* owned; "kind" of its events */
    char *timezone; /* owned; of its times when the payload names none; NULL: not said */
    int order;      /* titles are tested from the lowest */
    bool title_only; /* never recognised by headers alone */
    enum layout_rows rows;
    struct layout_column columns[LAYOUT_COLUMNS_MAX + 1]; /* ends with headers NULL */
    struct layout_values values;
    char *fixed[LAYOUT_FIELD_COUNT]; /* owned; what every event says unless its row does; NULL: nothing */
    struct layout_caption captions[LAYOUT_CAPTIONS_MAX];
    size_t n_captions;
    struct layout_grid grid;
    struct layout_example *examples; /* owned */
    size_t n_examples;
};

/* How many columns; column of a field (also one of several in a column) or -1. */
size_t layout_n_columns(const struct layout *layout);
int layout_column_of(const struct layout *layout, enum layout_field field);
/* Name of a field's event member; "" for a field that is none. */
const char *layout_field_name(enum layout_field field);
/* Its word in a layout file, and the field of a word, LAYOUT_FIELD_COUNT for none. */
const char *layout_field_word(enum layout_field field);
enum layout_field layout_field_of(const char *word, size_t len);
/* True when one of the alternatives in list ("A|B") equals text, ignoring case and spaces. */
bool layout_alternative(const char *list, const char *text);
/* True when one of the alternatives is part of text, ignoring case and spaces. */
bool layout_names(const char *list, const char *text);
/* Frees what the layout owns. */
void layout_free(struct layout *layout);
