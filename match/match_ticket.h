/*
 * match_ticket - a ticket as JSON: strict reading, one named field at fault.
 *
 * Runs in: worker (loop thread), tools that replay traces. Pure: time is an argument.
 * Owner: the caller owns what match_ticket_parse filled, until match_ticket_fini or until the waiter was moved out.
 *
 * The same text is what PostgreSQL keeps (match_ticket.body), so a rebuilt index comes through the same checks.
 */
#pragma once

#include "base.h"
#include "match_index.h"
#include <jansson.h>

enum {
    MATCH_ID_MAX = 129,    /* ticket id and NUL: 1 to 128 of [A-Za-z0-9._:@-] */
    MATCH_POOL_MAX = 65,   /* pool and NUL: 1 to 64 of [A-Za-z0-9._-] */
    MATCH_FIELD_MAX = 48,  /* name of the field at fault */
    MATCH_NAMES_MAX = 256, /* entries of blocked, of recent */
    MATCH_REGION_MAX = 64, /* bytes of a region's name */
};

struct match_ticket {
    struct match_waiter w; /* key_ms is not set: match_supply does */
    bool has_created;      /* the caller gave created_ms */
    char *body;            /* owned: match_ticket_keep; else NULL */
};

/* Reads one ticket of a pool. Fields `v`, `op` and `pool` are passed over, so that a payload may hold the ticket
 * inline. 0, or -EINVAL with the field at fault in ret_field, or -ENOMEM. ret is untouched on failure. Names in lists
 * are hashed with the pool. */
int match_ticket_parse(const json_t *object, const struct match_rules *rules, const char *pool, int64_t now_ms,
                       struct match_ticket *ret, char ret_field[static MATCH_FIELD_MAX]);
/* Keeps what was read as text, compact, keys sorted: for one that is to be stored. A pool that is read back has no use
 * for it. 0 or -ENOMEM. */
int match_ticket_keep(struct match_ticket *t, const json_t *object);
void match_ticket_fini(struct match_ticket *t); /* twice-safe */
/* Adds one exclusion to a waiter's lists (grown as needed; beyond MATCH_EXCLUDED_MAX the oldest goes). 0 or -ENOMEM. */
int match_ticket_exclude(struct match_waiter *w, uint64_t hash, int64_t until_ms);
bool match_ticket_id_valid(const char *id);
bool match_ticket_pool_valid(const char *pool);
