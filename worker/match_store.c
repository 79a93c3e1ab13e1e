/*
 * match_store - the reading half of a round's transaction.
 *
 * It refuses to trust a cache: the changes since its mark come in the same snapshot order as the lock.
 */
#include "match_store.h"

#include <stdio.h>

#define CHANGES_SQL                                                                                                    \
    "SELECT t.id, t.state, t.version, t.created_ms, t.key_ms, t.touched_ms, t.presence_ms, t.expires_ms, t.fairness,"  \
    " CASE WHEN t.state = 'waiting' THEN t.body::text END,"                                                            \
    " CASE WHEN t.state = 'waiting' THEN"                                                                              \
    "  (SELECT json_agg(json_build_array(CASE WHEN h.a = t.id THEN h.b ELSE h.a END, h.until_ms))::text"               \
    "   FROM stint.match_history h WHERE h.pool = t.pool AND (h.a = t.id OR h.b = t.id) AND h.until_ms > "             \
    "stint.now_ms()) END"                                                                                              \
    " FROM stint.match_ticket t WHERE t.pool = $1 AND (t.version, t.id) > ($2::bigint, $3)"                            \
    " ORDER BY t.version, t.id LIMIT 5000"

/* Whom a person of a pair met before: returned to the pool, they must not meet again too early. */
#define PAST_SQL(t)                                                                                                    \
    "(SELECT json_agg(json_build_array(CASE WHEN h.a = " t ".id THEN h.b ELSE h.a END, h.until_ms))::text"             \
    " FROM stint.match_history h WHERE h.pool = " t ".pool AND (h.a = " t ".id OR h.b = " t ".id)"                     \
    " AND h.until_ms > stint.now_ms())"

#define PAIRS_SQL                                                                                                      \
    "WITH chosen AS (SELECT id FROM stint.match_pair WHERE pool = $1 AND state = 'pending' AND id = ANY($2::text[])"   \
    " UNION SELECT id FROM stint.match_pair WHERE pool = $1 AND live_a = ANY($3::text[])"                              \
    " UNION SELECT id FROM stint.match_pair WHERE pool = $1 AND live_b = ANY($3::text[])"                              \
    " UNION (SELECT id FROM stint.match_pair WHERE pool = $1 AND state = 'pending' AND $4::boolean"                    \
    "        AND confirm_by_ms <= stint.now_ms() ORDER BY confirm_by_ms, id LIMIT 500))"                               \
    " SELECT p.id, p.matched_ms, p.confirm_by_ms, p.km, p.stage, p.wait_a_ms, p.wait_b_ms,"                            \
    " x.version, x.created_ms, x.key_ms, x.touched_ms, x.presence_ms, x.expires_ms, x.fairness, "                      \
    "x.body::text, " PAST_SQL(                                                                                         \
        "x") ","                                                                                                       \
             " y.version, y.created_ms, y.key_ms, y.touched_ms, y.presence_ms, y.expires_ms, y.fairness, "             \
             "y.body::text, " PAST_SQL(                                                                                \
                 "y") " FROM chosen c JOIN stint.match_pair p ON p.id = c.id"                                          \
                      " JOIN stint.match_ticket x ON x.pool = p.pool AND x.id = p.live_a"                              \
                      " JOIN stint.match_ticket y ON y.pool = p.pool AND y.id = p.live_b ORDER BY p.matched_ms, p.id"

_Static_assert(MATCH_PAGE == 5000 && MATCH_OVERDUE_MAX == 500, "the limits are written out in the statements above");

void match_names_init(struct match_names *n)
{
    buf_init(&n->ids, (size_t)1 << 20);
    buf_init(&n->pairs, (size_t)1 << 20);
}

void match_names_fini(struct match_names *n)
{
    buf_fini(&n->ids);
    buf_fini(&n->pairs);
}

static int add_name(struct buf *b, const char *name)
{
    return buf_addf(b, "%s\"%s\"", b->len ? "," : "{", name);
}

int match_names_add(struct match_names *n, const struct match_op *op)
{
    const char *id = op->type == MATCH_SUBMIT ? json_string_value(json_object_get(op->ticket, "id")) : op->id;
    if (id && match_ticket_id_valid(id) && add_name(&n->ids, id) < 0)
        return -ENOMEM;
    return op->pair[0] ? add_name(&n->pairs, op->pair) : 0;
}

static const char *literal(struct buf *b)
{
    if (b->len == 0)
        return "{}";
    if (b->data[b->len - 1] != '}')
        (void)buf_adds(b, "}");
    return b->data;
}

int match_store_changes(struct pg_batch *b, const char *pool, const struct match_mark *mark)
{
    char version[24];
    (void)snprintf(version, sizeof version, "%lld", (long long)mark->version);
    return pg_batch_add(b, CHANGES_SQL, 3, (const char *const[]){pool, version, mark->id});
}

int match_store_read(struct pg_batch *b, const char *pool, const struct match_mark *mark, struct match_names *names,
                     bool cycle)
{
    const char *ids = literal(&names->ids), *pairs = literal(&names->pairs);
    int rc = pg_batch_add(b, "BEGIN", 0, NULL);
    rc = rc < 0 ? rc
                : pg_batch_add(b, "INSERT INTO stint.match_pool(pool) VALUES($1) ON CONFLICT DO NOTHING", 1,
                               (const char *const[]){pool});
    rc = rc < 0
             ? rc
             : pg_batch_add(
                   b,
                   "SELECT version, floor, last_round_ms, watch_from_ms, (SELECT max(confirm_by_ms)"
                   " FROM stint.match_pair WHERE pool = $1 AND state = 'pending' AND confirm_by_ms < 9000000000000000)"
                   " FROM stint.match_pool WHERE pool = $1 FOR UPDATE",
                   1, (const char *const[]){pool});
    rc = rc < 0 ? rc : pg_batch_add(b, "SELECT stint.now_ms()", 0, NULL);
    rc = rc < 0 ? rc : match_store_changes(b, pool, mark);
    rc = rc < 0 ? rc
                : pg_batch_add(
                      b,
                      "SELECT a, b, until_ms FROM stint.match_history WHERE pool = $1 AND until_ms > stint.now_ms()"
                      " AND (a = ANY($2::text[]) OR b = ANY($2::text[]))",
                      2, (const char *const[]){pool, ids});
    rc = rc < 0 ? rc
                : pg_batch_add(b,
                               "SELECT id, until_ms FROM stint.match_rest WHERE pool = $1 AND id = ANY($2::text[])"
                               " AND until_ms > stint.now_ms()",
                               2, (const char *const[]){pool, ids});
    rc = rc < 0 ? rc : pg_batch_add(b, PAIRS_SQL, 4, (const char *const[]){pool, pairs, ids, cycle ? "t" : "f"});
    return rc;
}
