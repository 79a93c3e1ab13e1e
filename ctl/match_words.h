/*
 * match_words - what a wait model says, in words for people: ranges, rounded, never a second too exact.
 *
 * Runs in: ctl. Pure. docs/estimates-for-people.md gives the reasons.
 */
#pragma once

#include "out.h"

enum { MATCH_WORDS_MAX = 400, MATCH_WAIT_MAX_S = 1200 };

/* "a few seconds", "40 s", "2 min 30 s", "7 min", "over 20 min": rounded up as far as such an estimate is exact.
 * Negative:
 * "-". Returns out. */
char *match_words_wait(char out[static 32], double seconds);
/* "about 3 min, most likely under 8 min"; says so when it is more than can be told. Returns out. */
char *match_words_range(char out[static MATCH_WORDS_MAX], double p50_s, double p90_s);
/* "men", "women", "nonbinary people", …: groups of that gender. Static storage. */
const char *match_words_people(const char *gender);
/* "men", "women who seek men or nonbinary people": the people of a published group. Returns out. */
char *match_words_group(char out[static MATCH_WORDS_MAX], const json_t *cell);
/* "1 min", "2 min 30 s": a time that is meant exactly. Returns out. */
char *match_words_exact(char out[static 32], int64_t ms);
/* "12.3", "0.04": a rate with as many digits as it deserves. Returns out. */
char *match_words_rate(char out[static 32], double per_minute);
/* What helps by the model's name of it ("distance" …), as what somebody could do; NULL for none. Static storage. */
const char *match_words_help(const char *reason);
/* Whether so few of those told were matched that their coverage says nothing yet; -1 (an older supervisor does not
 * tell): no. */
bool match_words_early(double resolved);
/* Is calibration good: what fewer or more than half and nine in ten coming true means. -1: unknown. Static storage. */
const char *match_words_verdict(double cover50, double cover90, double resolved);

/* Whether it holds for those verdicts that are not "holds" or unknown. */
bool match_words_drifts(double cover50, double cover90);

/* Appends a sentence. */
void match_words_say(json_t *sentences, const char *format, ...) PRINTF_LIKE(2, 3);
/* What is told under headings: an array of [heading, sentences], which match_words_told extends. Takes sentences. */
void match_words_told(json_t *told, const char *heading, json_t *sentences);
/* Prints headings and sentences, wrapped to the terminal. */
void match_words_print(const json_t *told, struct out *o);
/* The same as an object for --json. New reference. */
json_t *match_words_object(const json_t *told);
/* Told of an answer of /v1/wait: estimate, why, what would help, how sure. stats: the pool's published record, or NULL.
 */
void match_words_person(const json_t *wait, const json_t *stats, json_t *told);
