/*
 * dead_letters - finds dead letters by filter, over one queue or all.
 *
 * Runs in: ctl. Blocks. Reads only; a list it returns is a moment's: a letter may be replayed or purged by somebody
 * else.
 */
#pragma once

#include "queue_call.h"

enum { DEAD_LETTERS_MAX = 1000000, DEAD_LETTERS_PAGE = 200 };

/* What to keep. Empty or 0 members do not filter. Texts are borrowed. */
struct dead_filter {
    const char *queue, *kind, *cause, *code, *fingerprint;
    const char *match;          /* substring of the id or the last error's message, in any case */
    int64_t since_ms, until_ms; /* time of death, ms since 1970 (Redis' clock) */
    size_t limit;               /* most letters */
    bool newest_first;
    bool bare; /* what is kept comes without its last error: a hundred thousand of them need no room */
};

struct dead_letter {
    char queue[QUEUE_MAX];
    char id[JOB_ID_MAX];
    char kind[KIND_MAX];
    char cause[64], code[64], fingerprint[24];
    int64_t died_ms, errors, replays;
    json_t *last_error; /* owned; NULL when none is kept */
};

struct dead_letters {
    struct dead_letter *items; /* owned */
    size_t n, cap;
};

/* The filter options shared by every dlq verb, for its option table. */
#define DEAD_FILTER_OPTIONS                                                                                            \
    {"queue", ARG_TEXT, "QUEUE", "only this queue; default: every configured queue", NULL, 1, 64},                     \
        {"kind", ARG_TEXT, "KIND", "only this kind", NULL, 1, 32},                                                     \
        {"cause", ARG_TEXT, "CAUSE", "only this cause: handler_error, hard_timeout, signal:SIGSEGV, …", NULL, 1, 64},  \
        {"code", ARG_TEXT, "CODE", "only this error code: BAD_PAYLOAD, NOT_PDF, TIMEOUT, …", NULL, 1, 64},             \
        {"fingerprint", ARG_TEXT, "HEX", "only this fingerprint (stint dlq triage)", NULL, 1, 23},                     \
        {"since", ARG_TEXT, "1h|TIME", "died no earlier than this long ago, or this time", NULL, 1, 60},               \
        {"until", ARG_TEXT, "1h|TIME", "died no later than this long ago, or this time", NULL, 1, 60},                 \
    {                                                                                                                  \
        "match", ARG_TEXT, "TEXT", "the id or the last error's message holds this", NULL, 1, 256                       \
    }

/* Reads the filter options; limit and order are the caller's. Asks Redis for its time when a time is relative. */
int dead_filter_from_args(struct session *s, struct dead_filter *ret_filter, struct err *e);
/* The time an option names: "1h" is an hour ago by Redis' clock, else a time; 0 when it was not given. ERR_BAD_ARGUMENT. */
int dead_filter_time(struct session *s, const char *name, int64_t *ret_ms, struct err *e);
/* True when any filter option was given. */
bool dead_filter_given(const struct args *a);
/* The letters that IDs, a filter or --all name, at most `limit`, oldest first; of ids given twice, one. ERR_BAD_ARGUMENT when
 * none of them is given: never all by accident. The verb's table has an option "all". */
int dead_letters_select(struct session *s, size_t limit, bool bare, struct dead_letters *ret_letters, struct err *e);
/* Collects. *ret_letters is the caller's (dead_letters_fini). */
int dead_letters_find(struct session *s, const struct dead_filter *f, struct dead_letters *ret_letters, struct err *e);
/* The letters of these ids, in --queue or wherever they are; ERR_NOT_FOUND names the first that is no dead letter. */
int dead_letters_by_id(struct session *s, const struct args *a, struct dead_letters *ret_letters, struct err *e);
/* The whole hash of a letter, every field verbatim: {"queue","id","fields":{…},"fields_b64":{…}} (the latter: fields
 * that are not UTF-8). ERR_NOT_FOUND when it is gone. */
int dead_letters_export(struct session *s, const struct dead_letter *letter, json_t **ret_record, struct err *e);
/* Frees; NULL-safe, twice-safe. */
void dead_letters_fini(struct dead_letters *l);
