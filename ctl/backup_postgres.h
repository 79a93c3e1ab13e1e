/*
 * backup_postgres - the PostgreSQL part of a backup, at a moment after Redis' and without a gap between the two.
 *
 *   moment   stint.match_event held for milliseconds: the application's streams read, a snapshot exported, let go
 *   dump     pg_dump of schema stint at that snapshot, while everybody works on
 *
 * Runs in: ctl. Blocks. Changes nothing in PostgreSQL.
 */
#pragma once

#include "backup_folder.h"
#include "session.h"

enum { BACKUP_SNAPSHOT_MAX = 64 };

struct backup_postgres {
    struct session *s;            /* borrowed */
    struct backup_folder *folder; /* borrowed */
    PGconn *holder;               /* owned: the transaction whose snapshot pg_dump uses; NULL before the moment */
    char snapshot[BACKUP_SNAPSHOT_MAX];
    json_t *manifest; /* the caller's: member "postgres", filled here */
};

/* How many ms PostgreSQL's clock is ahead of Redis'. */
int backup_postgres_clock(struct session *s, int64_t *ret_ms, struct err *e);
/* The moment. first_ms: Redis' clock at its own, or before it: events told since are kept in a part of their own; < 0:
 * there is no part of Redis, and nothing is held. */
int backup_postgres_moment(struct backup_postgres *b, int64_t first_ms, struct err *e);
/* Writes the part, and what each table holds into the manifest. */
int backup_postgres_dump(struct backup_postgres *b, struct err *e);
void backup_postgres_end(struct backup_postgres *b); /* twice-safe */
