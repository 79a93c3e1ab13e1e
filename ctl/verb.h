/*
 * verb - finds the verb a command line names, reads its options, runs it, and writes help from the same table.
 *
 * Runs in: ctl. Adding a verb: a row in verb_table.h, and verb_<id>() with verb_<id>_options[] in the file of its
 * group.
 */
#pragma once

#include "args.h"
#include "base.h"
#include "session.h"
#include "verb_table.h"

/* Does the work and returns the exit code; it has said what went wrong (session_fail). */
typedef int (*verb_fn)(struct session *s);

struct verb {
    const char *words;       /* "queue pause" */
    const char *group;       /* heading in the overview */
    int least, most;         /* positionals; most VERB_MANY: any number */
    const char *positionals; /* as help shows them; "" for none */
    const char *help;        /* one line */
    const char *example;     /* one command line, or several separated by newlines */
    verb_fn run;
    const struct arg_spec *options; /* ends with a row whose name is NULL */
};

#define X(id, ...)                                                                                                     \
    int verb_##id(struct session *s);                                                                                  \
    extern const struct arg_spec verb_##id##_options[];
VERB_TABLE(X)
#undef X

/* The table; *ret_n rows. Static storage. */
const struct verb *verb_all(size_t *ret_n);
/* The verb whose words open argv (n words at most); *ret_words: how many it took. NULL when none does. */
const struct verb *verb_find(int argc, char *const argv[], int *ret_words);
/* The options every verb takes. */
const struct arg_spec *verb_global_options(void);
/* The whole program: returns the exit code. */
int verb_main(int argc, char *const argv[]);
