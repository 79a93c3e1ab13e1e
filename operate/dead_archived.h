/*
 * dead_archived - dead letters in PostgreSQL (stint.dead_letter), found by the same filters as those in Redis.
 *
 * Runs in: ctl, console. Blocks. Memory is one page.
 */
#pragma once

#include "dead_letters.h"

struct dead_archived; /* heap; a search */

/* The filter is borrowed until dead_archived_close. */
int dead_archived_open(struct stores *s, const struct dead_filter *f, struct dead_archived **ret, struct err *e);
/* As dead_scan_next, without its limit. */
int dead_archived_next(struct dead_archived *a, const struct dead_letter **ret_letter, struct err *e);
void dead_archived_close(struct dead_archived *a); /* NULL-safe */

/* How many match, counted up to `most`. */
int dead_archived_count(struct stores *s, const struct dead_filter *f, int64_t most, int64_t *ret_n, struct err *e);
/* The letter whole, as the record it was archived from (dead_record.h). ERR_NOT_FOUND when it is not there. New
 * reference. */
int dead_archived_record(struct stores *s, const struct dead_letter *letter, json_t **ret_record, struct err *e);
/* The latest archived death of a job as stint_job would tell it, with state "archived". queue may be NULL. New
 * reference. */
int dead_archived_job(struct stores *s, const char *queue, const char *id, json_t **ret_job, struct err *e);
/* Deletes the n letters (their queue, id and died_ms) in one statement. *ret_n: how many were there. */
int dead_archived_delete(struct stores *s, const struct dead_letter *letters, size_t n, int64_t *ret_n, struct err *e);
