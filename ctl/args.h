/*
 * args - typed options of a verb: "--opt value", "--opt=value" and flags, checked before the verb runs.
 *
 * Runs in: ctl. Pure: no I/O, no clock. Owner: the caller's struct args; texts are borrowed from argv.
 * Every complaint names the argument, what was read and what is allowed; it is ERR_BAD_ARGUMENT (exit code 2).
 */
#pragma once

#include "base.h"
#include "err.h"

enum { ARG_SPEC_MAX = 64, ARG_POSITIONAL_MAX = 100000 };

enum arg_type {
    ARG_FLAG,     /* no value */
    ARG_TEXT,     /* any text; min/max: length in bytes */
    ARG_INT,      /* whole number in min..max */
    ARG_NUMBER,   /* decimal number in min..max */
    ARG_DURATION, /* "250ms", "5s", "1m", "2h", "7d"; kept in milliseconds, min..max in milliseconds */
    ARG_SIZE,     /* "64K", "256M"; kept in bytes, min..max in bytes */
    ARG_ENUM,     /* one of values */
    ARG_LIST,     /* comma-separated, and may be given again; each one of values when values is given */
    ARG_OPTIONAL, /* TEXT that may be left out ("" then): the next word is its value unless it is an option or ends as values says */
};

/* One option. A table ends with a row whose name is NULL. */
struct arg_spec {
    const char *name; /* without the dashes */
    enum arg_type type;
    const char *value;  /* how help shows the value ("KIND", "5s"); NULL for flags */
    const char *help;   /* one line */
    const char *values; /* "a|b|c" for ENUM and LIST, how a word ends that is no value for OPTIONAL; else NULL */
    int64_t min, max;   /* both 0: no bound */
};

struct arg_value {
    const char *text; /* as typed; "" for a flag; NULL: not given */
    int64_t number;   /* INT, DURATION (ms), SIZE (bytes), FLAG (1), ENUM (index in values) */
    double decimal;   /* NUMBER */
};

struct args {
    const struct arg_spec *specs[2]; /* the verb's table and the global one; borrowed */
    struct arg_value values[2][ARG_SPEC_MAX];
    const char **positionals; /* owned array of borrowed texts */
    size_t n_positionals;
    char *joined[ARG_SPEC_MAX]; /* owned: texts of lists that were given more than once */
    size_t n_joined;
};

/* Reads argv[0..argc) (no program name, no verb words). Either table may be NULL.
 * 0, or ERR_BAD_ARGUMENT, ERR_OUT_OF_MEMORY with e. args_fini in both cases. */
int args_parse(struct args *a, const struct arg_spec *own, const struct arg_spec *global, int argc, char *const argv[],
               struct err *e);
/* Frees; NULL-safe, twice-safe. */
void args_fini(struct args *a);
/* Reads global options at the front of argv, before any verb. Returns how many elements of argv they took, or an error.
 */
int args_parse_leading(struct args *a, const struct arg_spec *global, int argc, char *const argv[], struct err *e);

/* Was it given? The name must be in a table: asking for another is our own bug and asserts. */
bool args_has(const struct args *a, const char *name);
/* Its text, or fallback (may be NULL) when not given. */
const char *args_text(const struct args *a, const char *name, const char *fallback);
/* Its number (see struct arg_value), or fallback. */
int64_t args_int(const struct args *a, const char *name, int64_t fallback);
double args_number(const struct args *a, const char *name, double fallback);
/* Positional i, or NULL beyond the last. */
const char *args_positional(const struct args *a, size_t i);

/* "a|b|c" that a value is chosen from; NULL where it is free. */
const char *args_choices(const struct arg_spec *spec);
/* The candidate most like `word` by edit distance, when close enough to be a slip (at most a third of its letters, at
 * least 1); else NULL. Candidates end with NULL. */
const char *args_nearest(const char *word, const char *const candidates[]);
