/*
 * layout - what a timetable looks like, as data: its title, its columns by their header texts, and what each column means.
 *
 * Runs in: parser cell. Pure, constant. The descriptions are layouts/NAME.def; docs/pdf.md says how to add one.
 */
#pragma once

#include "base.h"

/* What a column's text becomes in an event. X(id, name of the event's member). */
#define LAYOUT_FIELDS(X)                                                                                               \
    X(MODULE, "module")                                                                                                \
    X(SEMESTER, "semester")                                                                                            \
    X(GROUP, "group")                                                                                                  \
    X(LANG, "lang")                                                                                                    \
    X(ACTIVITY, "activity")                                                                                            \
    X(TEST, "test")                                                                                                    \
    X(PAPER, "paper")                                                                                                  \
    X(DAY, "day")                                                                                                      \
    X(DATE, "date")                                                                                                    \
    X(TIME_RANGE, "start")                                                                                             \
    X(VENUES, "venues")                                                                                                \
    X(CAMPUS, "campus")                                                                                                \
    X(MODULE_CAMPUS, "module_campus")                                                                                  \
    X(STUDY_PROG, "study_prog")                                                                                        \
    X(STATUS, "status")                                                                                                \
    X(COMMENTS, "comments")

enum layout_field {
#define X(id, name) LAYOUT_##id,
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
};

struct layout_column {
    const char *headers;      /* header text; alternatives separated by | */
    enum layout_field field;
    unsigned flags;
    const char *hidden_tail;  /* letters that may follow the last word unseen and are no part of it */
};

enum { LAYOUT_COLUMNS_MAX = 16 };

struct layout {
    const char *name;   /* "lecture" */
    const char *titles; /* alternatives separated by | */
    enum layout_rows rows;
    struct layout_column columns[LAYOUT_COLUMNS_MAX]; /* ends with headers NULL */
};

/* By name, NULL when there is none. */
const struct layout *layout_by_name(const char *name);
/* The first layout, in the stated order, one of whose titles is part of text (case ignored); NULL: unknown. */
const struct layout *layout_by_title(const char *text);
/* "lecture, test, exam": for messages. Static storage. */
const char *layout_names(void);
/* How many columns; column of a field or -1; name of a field's event member. */
size_t layout_n_columns(const struct layout *layout);
int layout_column_of(const struct layout *layout, enum layout_field field);
const char *layout_field_name(enum layout_field field);
/* True when one of the alternatives in list ("A|B") equals text, ignoring case and spaces. */
bool layout_alternative(const char *list, const char *text);
