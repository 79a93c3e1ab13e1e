/*
 * dead_select - which dead letters a command line means: the filter options of the dlq verbs, or IDs.
 *
 * Runs in: ctl. Blocks. Reads only.
 */
#pragma once

#include "dead_letters.h"
#include "session.h"

/* The filter options shared by every dlq verb, for its option table. */
#define DEAD_FILTER_OPTIONS                                                                                            \
    {"queue", ARG_TEXT, "QUEUE", "only this queue; default: every configured queue", NULL, 1, 64},                     \
        {"kind", ARG_TEXT, "KIND", "only this kind", NULL, 1, 32},                                                     \
        {"cause", ARG_TEXT, "CAUSE", "only this cause: handler_error, hard_timeout, signal:SIGSEGV, …", NULL, 1, 64},  \
        {"code", ARG_TEXT, "CODE", "only this error code: BAD_PAYLOAD, NOT_PDF, TIMEOUT, …", NULL, 1, 64},             \
        {"fingerprint", ARG_TEXT, "HEX", "only this fingerprint (stint dlq triage)", NULL, 1, 64},                     \
        {"since", ARG_TEXT, "1h|TIME", "died no earlier than this long ago, or this time", NULL, 1, 60},               \
        {"until", ARG_TEXT, "1h|TIME", "died no later than this long ago, or this time", NULL, 1, 60},                 \
        {"match", ARG_TEXT, "TEXT", "the id or the last error's message holds this", NULL, 1, 256},                    \
        {"id", ARG_LIST, "ID,…", "only these jobs", NULL, 0, 0},                                                       \
        {"build", ARG_TEXT, "BUILD", "last failed in this build", NULL, 1, 128},                                       \
    {                                                                                                                  \
        "host", ARG_TEXT, "HOST", "last failed on this host or instance", NULL, 1, 95                                  \
    }

/* Reads the filter options; limit, order and archived are the caller's. Asks Redis for its time when a time is
 * relative. dead_filter_fini in any case. */
int dead_filter_from_args(struct session *s, struct dead_filter *ret_filter, struct err *e);
/* The time an option names: "1h" is an hour ago by Redis' clock, else a time; 0 when it was not given.
 * ERR_BAD_ARGUMENT. */
int dead_filter_time(struct session *s, const char *name, int64_t *ret_ms, struct err *e);
/* True when any filter option was given. */
bool dead_filter_given(const struct args *a);
/* The options as they were given, "--kind pdf-parse --since 1h" or "--all", for the audit log. Cut to size. Returns
 * out. */
char *dead_filter_words(const struct args *a, char *out, size_t size);
/* ERR_BAD_ARGUMENT unless IDs, a filter or --all was given: never all by accident. The verb's table has "all". */
int dead_filter_must_name(const struct args *a, struct err *e);

/* The letters that IDs, a filter or --all name, at most `limit`, oldest first; of ids given twice, one.
 * ERR_BAD_ARGUMENT when none of them is given. The verb's table has an option "all". */
int dead_letters_select(struct session *s, size_t limit, bool bare, struct dead_letters *ret_letters, struct err *e);
/* The letters of these ids, in --queue or wherever they are; ERR_NOT_FOUND names the first that is no dead letter. */
int dead_letters_by_id(struct session *s, const struct args *a, struct dead_letters *ret_letters, struct err *e);
