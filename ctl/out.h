/*
 * out - what a command prints: tables for people, NDJSON for programs, colour and progress bars on a terminal only.
 *
 * Runs in: ctl. Owner: the caller's struct out. Results go to standard output, remarks and progress to standard error.
 * Text that came from a job (ids, messages) is made harmless: control characters never reach the terminal.
 */
#pragma once

#include "base.h"
#include <jansson.h>
#include <stdio.h>

struct out {
    FILE *to;      /* results; not owned */
    FILE *remarks; /* remarks, errors, progress; not owned */
    bool json;     /* NDJSON instead of tables */
    bool quiet;    /* no remarks, no progress */
    bool colour;   /* `to` is a terminal, NO_COLOR is unset, --no-color was not given */
    bool live;     /* `remarks` is a terminal: progress may be redrawn */
    int columns;   /* width of the terminal; 0 when `to` is none: never cut */
};

/* Looks at the streams and at NO_COLOR, TERM, COLUMNS. */
void out_init(struct out *o, FILE *to, FILE *remarks, bool json, bool quiet, bool no_colour);

enum tint { TINT_NONE, TINT_BOLD, TINT_DIM, TINT_GREEN, TINT_YELLOW, TINT_RED };

/* The escape sequence that begins it; "" for none. Static storage. */
const char *out_tint_code(enum tint tint);

/* One line of text for people; nothing under --json. */
void out_line(struct out *o, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same in colour, when there is colour. */
void out_tinted(struct out *o, enum tint tint, const char *format, ...) PRINTF_LIKE(3, 4);
/* A remark on standard error; nothing under --quiet. */
void out_remark(struct out *o, const char *format, ...) PRINTF_LIKE(2, 3);
/* One record as a line of JSON, whatever o->json says. Borrows the value. */
void out_json(struct out *o, const json_t *record);

enum { TABLE_COLUMN_MAX = 16, TABLE_ROW_MAX = 100000 };

struct table_cell {
    char *text; /* owned, harmless UTF-8 */
    enum tint tint;
};

struct table {
    size_t n_columns;
    const char
        *titles[TABLE_COLUMN_MAX]; /* borrowed; marks before the text: '>' aligns the column right, '~' lets it be cut to
                                    * fit, '?' leaves it out when no row says anything in it (empty, "-", "0"), '-' leaves
                                    * it out when the terminal is too narrow, the rightmost first, '|' lets it go on
                                    * in further lines to fit */
    struct table_cell *cells;      /* owned, n_rows × n_columns */
    size_t n_rows, cap_rows;
};

/* Titles are literals, ended by NULL. */
void table_init(struct table *t, const char *const titles[]);
/* Starts a row; its cells are empty until set. 0, or ERR_OUT_OF_MEMORY (beyond TABLE_ROW_MAX too). */
int table_row(struct table *t);
/* Sets a cell of the last row. */
void table_set(struct table *t, size_t column, const char *format, ...) PRINTF_LIKE(3, 4);
void table_tint(struct table *t, size_t column, enum tint tint);
/* Prints; columns give way by their marks when the terminal is narrow. An empty table prints nothing. */
void table_print(const struct table *t, struct out *o);
/* The same without the line of titles. */
void table_print_body(const struct table *t, struct out *o);
void table_fini(struct table *t);

/* Columns a UTF-8 text takes on a terminal (wide and combining characters counted as they show). */
size_t out_width(const char *text);
/* Bytes of a UTF-8 text that fit in `columns`; *ret_width: the columns they take. */
size_t out_fit(const char *text, size_t columns, size_t *ret_width);
/* Whether a text is UTF-8 throughout. */
bool out_is_utf8(const char *text);
/* A copy of text (len bytes) with control characters and broken UTF-8 replaced by '?'. Caller frees; NULL without
 * memory. */
char *out_harmless(const char *text, size_t len);
/* "5 s", "3 min 20 s", "2 h 05 min", "4 d 3 h" into out; "-" for negative. Returns out. */
char *out_ms(char out[static 32], int64_t ms);
/* "1.5 MiB" into out. Returns out. */
char *out_bytes(char out[static 32], int64_t bytes);
/* "2026-11-22 02:32:00" (local time) into out; "-" for 0. Returns out. */
char *out_time(char out[static 32], int64_t wall_ms);

struct progress {
    struct out *out;
    const char *label;
    uint64_t shown_ms; /* monotonic; last redraw */
    bool drawn;
};

/* A bar on the terminal: label, done of total, percent. Draws at most ten times a second; nothing elsewhere. */
void progress_init(struct progress *p, struct out *o, const char *label);
void progress_update(struct progress *p, size_t done, size_t total);
/* Wipes the bar. */
void progress_end(struct progress *p);
