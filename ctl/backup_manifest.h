/*
 * backup_manifest - what a backup says of itself: manifest.json, one JSON object (docs/operations/backup.md lists its
 * members).
 *
 * Runs in: ctl. Pure. A manifest that was read is checked whole: who uses it afterwards finds every member it needs.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

enum { BACKUP_VERSION = 1, BACKUP_PART_MAX = 4, BACKUP_MANIFEST_MAX_BYTES = 4 << 20 };

#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_RDB      "redis.rdb"     /* Redis' own snapshot */
#define BACKUP_KEYS     "redis.keys"    /* keys as DUMP gave them (dump_records.h) */
#define BACKUP_POSTGRES "postgres.dump" /* pg_dump, custom format */
#define BACKUP_TOLD     "told.ndjson"   /* events that reached the application's streams between the two snapshots */

/* Parses and checks a manifest. *ret is the caller's (json_decref). ERR_BAD_PAYLOAD names the member; ERR_REFUSED for
 * one of a newer version. */
int backup_manifest_read(const char *text, size_t len, json_t **ret, struct err *e);
/* Adds the SHA-256 of everything else in it, which a reader compares. 0 or ERR_OUT_OF_MEMORY. */
int backup_manifest_seal(json_t *manifest, struct err *e);
/* The part of that name in a checked manifest; NULL when it has none. Borrowed. */
const json_t *backup_manifest_part(const json_t *manifest, const char *name);
/* The queues Redis' part holds; NULL when it has none. Borrowed array of objects (queue, at_ms, before, after). */
const json_t *backup_manifest_queues(const json_t *manifest);
/* Compares a queue's counters after a restore with what the manifest bounds them by: those that only grow lie between
 * `before` and `after`. 0, or ERR_BAD_PAYLOAD with the counter and the three numbers. stats: of stint_stats, borrowed.
 */
int backup_manifest_compare(const json_t *queue, const json_t *stats, struct err *e);
/* Of stint_stats' answer what a manifest keeps. New reference. */
json_t *backup_manifest_counts(const json_t *stats);
