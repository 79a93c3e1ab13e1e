/*
 * match_load - rows of PostgreSQL as waiters and facts.
 *
 * It refuses to fail a round for one row: a ticket whose stored body no longer passes the rules is left out of the
 * index and stays in the table for an operator to see.
 */
#include "match_store.h"
#include "ticket_hash.h"

#include <stdio.h>

static int64_t number(const PGresult *res, int row, int col)
{
    return strtoll(PQgetvalue(res, row, col), NULL, 10);
}

static void text(const PGresult *res, int row, int col, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", PQgetvalue(res, row, col));
}

int match_load_head(PGresult *const results[], struct match_head *ret, struct err *e)
{
    const PGresult *pool = results[MATCH_READ_LOCK], *now = results[MATCH_READ_NOW];
    if (PQntuples(pool) != 1 || PQntuples(now) != 1)
        return err_set(e, ERR_PROTOCOL, "match: stint.match_pool has no row for the pool although it was just made");
    *ret = (struct match_head){.version = number(pool, 0, 0),
                               .floor = number(pool, 0, 1),
                               .last_round_ms = number(pool, 0, 2),
                               .watch_from_ms = number(pool, 0, 3),
                               .due_ms = number(pool, 0, 4),
                               .now_ms = number(now, 0, 0)};
    text(pool, 0, 5, ret->queue, sizeof ret->queue);
    return 0;
}

/* History that PostgreSQL keeps about the person: [["id",until],…]. */
static int exclude_json(struct match_waiter *w, const char *pool, const char *json)
{
    size_t i;
    json_t *item, *root = json_loads(json, 0, NULL);
    int rc = 0;
    json_array_foreach(root, i, item)
    {
        const char *id = json_string_value(json_array_get(item, 0));
        if (id && rc == 0)
            rc = match_ticket_exclude(w, ticket_hash(pool, id), json_integer_value(json_array_get(item, 1)));
    }
    json_decref(root);
    return rc;
}

/* Columns from `col`: version, created, key, touched, presence, expires, fairness, body, met. 0, -EINVAL, -ENOMEM. */
static int load_waiter(const PGresult *res, int row, int col, const struct match_rules *rules, const char *pool,
                       int64_t now_ms, struct match_waiter *ret)
{
    char field[MATCH_FIELD_MAX];
    struct match_ticket t;
    json_t *body = json_loads(PQgetvalue(res, row, col + 7), 0, NULL);
    int rc = match_ticket_parse(body, rules, pool, now_ms, &t, field);
    json_decref(body);
    if (rc < 0)
        return rc;
    t.w.version = number(res, row, col);
    t.w.p.created_ms = number(res, row, col + 1);
    t.w.key_ms = number(res, row, col + 2);
    t.w.touched_ms = number(res, row, col + 3);
    t.w.presence_ms = number(res, row, col + 4);
    t.w.expires_ms = number(res, row, col + 5);
    t.w.fairness = (unsigned)number(res, row, col + 6);
    match_waiter_gone(&t.w);
    if (!PQgetisnull(res, row, col + 8))
        rc = exclude_json(&t.w, pool, PQgetvalue(res, row, col + 8));
    if (rc < 0) {
        match_ticket_fini(&t);
        return rc;
    }
    *ret = t.w;
    return 0;
}

static int load_change(const PGresult *res, int row, const struct match_rules *rules, const char *pool, int64_t now_ms,
                       struct match_index *ix)
{
    uint32_t slot = match_index_find(ix, PQgetvalue(res, row, 0));
    struct match_waiter w = {0};
    if (slot != MATCH_NO_SLOT) {
        match_index_take(ix, slot, &w);
        match_waiter_fini(&w);
    }
    if (strcmp(PQgetvalue(res, row, 1), "waiting") != 0)
        return 0;
    int rc = load_waiter(res, row, 2, rules, pool, now_ms, &w);
    if (rc == 0)
        rc = match_index_add(ix, &w, &slot);
    match_waiter_fini(&w);
    return rc == -EINVAL ? 0 : rc;
}

void match_load_mark(const PGresult *res, struct match_mark *mark)
{
    int last = PQntuples(res) - 1;
    if (last < 0)
        return;
    mark->version = number(res, last, 2);
    text(res, last, 0, mark->id, sizeof mark->id);
}

int match_load_changes(const PGresult *res, const struct match_rules *rules, const char *pool, int64_t now_ms,
                       struct match_index *ix, struct match_mark *mark)
{
    int rows = PQntuples(res);
    for (int row = 0; row < rows; row++) {
        int rc = load_change(res, row, rules, pool, now_ms, ix);
        if (rc < 0)
            return rc;
    }
    match_load_mark(res, mark);
    return rows;
}

int match_load_met(const PGresult *res, struct match_met **ret, size_t *ret_n)
{
    int rows = PQntuples(res);
    struct match_met *met = calloc((size_t)rows + 1, sizeof *met);
    if (!met)
        return -ENOMEM;
    for (int row = 0; row < rows; row++) {
        text(res, row, 0, met[row].a, sizeof met[row].a);
        text(res, row, 1, met[row].b, sizeof met[row].b);
        met[row].until_ms = number(res, row, 2);
    }
    *ret = met;
    *ret_n = (size_t)rows;
    return 0;
}

int match_load_rests(const PGresult *res, struct match_rest **ret, size_t *ret_n)
{
    int rows = PQntuples(res);
    struct match_rest *rests = calloc((size_t)rows + 1, sizeof *rests);
    if (!rests)
        return -ENOMEM;
    for (int row = 0; row < rows; row++) {
        text(res, row, 0, rests[row].id, sizeof rests[row].id);
        rests[row].until_ms = number(res, row, 1);
    }
    *ret = rests;
    *ret_n = (size_t)rows;
    return 0;
}

static int load_pair(const PGresult *res, int row, struct match_round *r)
{
    struct match_waiter w[2] = {0};
    struct match_pairing pair = {.matched_ms = number(res, row, 1),
                                 .confirm_by_ms = number(res, row, 2),
                                 .km = strtod(PQgetvalue(res, row, 3), NULL),
                                 .stage = (unsigned)number(res, row, 4),
                                 .wait_ms = {number(res, row, 5), number(res, row, 6)},
                                 .op = MATCH_NO_OP};
    text(res, row, 0, pair.id, sizeof pair.id);
    int rc = load_waiter(res, row, 7, r->rules, r->pool, r->now_ms, &w[0]);
    rc = rc < 0 ? rc : load_waiter(res, row, 16, r->rules, r->pool, r->now_ms, &w[1]);
    rc = rc < 0 ? rc : match_round_stored(r, &pair, w);
    match_waiter_fini(&w[0]);
    match_waiter_fini(&w[1]);
    return rc == -EINVAL ? 0 : rc;
}

int match_load_pairs(const PGresult *res, struct match_round *r)
{
    int rows = PQntuples(res);
    for (int row = 0; row < rows; row++) {
        int rc = load_pair(res, row, r);
        if (rc < 0)
            return rc;
    }
    return 0;
}
