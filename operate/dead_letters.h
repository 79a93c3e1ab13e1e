/*
 * dead_letters - finds dead letters by filter, over one queue or all.
 *
 * Runs in: ctl, console. Blocks. Reads only; a list it returns is a moment's: a letter may be replayed or purged by
 * somebody else.
 */
#pragma once

#include "queue_call.h"

enum { DEAD_LETTERS_MAX = 1000000, DEAD_LETTERS_PAGE = 200 };

/* What to keep. Empty or 0 members do not filter. Texts are borrowed. */
struct dead_filter {
    const char *queue, *kind, *cause, *code, *fingerprint;
    const char *match; /* substring of the id or the last error's message, in any case */
    const char *build; /* of the last error */
    const char *host;  /* of the last error: the instance, or what stands before its random part */
    const char **ids;  /* owned array of borrowed texts: only these */
    size_t n_ids;
    char *id_texts;             /* owned: what ids of --id point into */
    int64_t since_ms, until_ms; /* time of death, ms since 1970 (Redis' clock) */
    size_t limit;               /* most letters */
    bool newest_first;
    bool archived;    /* those in PostgreSQL instead of those in Redis */
    size_t pages_max; /* most pages of DEAD_LETTERS_PAGE letters looked at in Redis; 0: all there are */
    bool bare;        /* dead_letters_find: without last errors, so that a hundred thousand need no room */
};

struct dead_letter {
    char queue[QUEUE_MAX];
    char id[JOB_ID_MAX];
    char kind[KIND_MAX];
    char cause[64], code[64], fingerprint[72];
    int64_t died_ms, errors, replays, edits;
    json_t *last_error; /* owned; NULL when none is kept */
};

struct dead_letters {
    struct dead_letter *items; /* owned */
    size_t n, cap;
};

/* Frees what the filter owns; NULL-safe, twice-safe. */
void dead_filter_fini(struct dead_filter *f);
/* Whether the letter is wanted; its last error is looked at only with `whole`. Times, queue and ids are not looked at.
 * Pure. */
bool dead_filter_passes(const struct dead_filter *f, const struct dead_letter *letter, bool whole);
/* Collects. *ret_letters is the caller's (dead_letters_fini). For few: dead_scan.h walks any number. */
int dead_letters_find(struct stores *s, const struct dead_filter *f, struct dead_letters *ret_letters, struct err *e);
/* Frees; NULL-safe, twice-safe. */
void dead_letters_fini(struct dead_letters *l);
