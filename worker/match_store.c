/*
 * match_store - the reading half of a round's transaction.
 *
 * It refuses to trust a cache: the changes since its mark come in the same snapshot order as the lock.
 */
#include "match_store.h"

#include <stdio.h>

/* The planner guesses from statistics that are minutes old, and these tables fill and empty in seconds: once it has
 * read a table that was small, it reads it whole for every row. All there is to do here are look-ups by key, so it is
 * told so; the checks of the foreign keys, at COMMIT too, are planned under the same orders. */
#define PLAN_SQL                                                                                                       \
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),"                  \
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"                        \
    " set_config('plan_cache_mode', 'force_generic_plan', true)"

/* Whom the ticket met before, as [["id",until],…]: returned to the pool, they must not meet again too early. */
#define PAST_SQL(t)                                                                                                    \
    "(SELECT json_agg(json_build_array(m.id, m.until_ms))::text FROM"                                                  \
    " (SELECT h.b AS id, h.until_ms FROM stint.match_history h WHERE h.pool = $1 AND h.a = " t ".id UNION ALL"         \
    " SELECT h.a, h.until_ms FROM stint.match_history h WHERE h.pool = $1 AND h.b = " t ".id) m"                       \
    " WHERE m.until_ms > stint.now_ms())"

#define CHANGES_SQL                                                                                                    \
    "SELECT t.id, t.state, t.version, t.created_ms, t.key_ms, t.touched_ms, t.presence_ms, t.expires_ms, t.fairness,"  \
    " CASE WHEN t.state = 'waiting' THEN t.body::text END, CASE WHEN t.state = 'waiting' THEN " PAST_SQL(              \
        "t") " END"                                                                                                    \
             " FROM stint.match_ticket t WHERE t.pool = $1 AND (t.version, t.id) > ($2::bigint, $3)"                   \
             " ORDER BY t.version, t.id LIMIT 5000"

#define MET_SQL                                                                                                        \
    "SELECT h.a, h.b, h.until_ms FROM unnest($2::text[]) AS u(id), LATERAL"                                            \
    " (SELECT a, b, until_ms FROM stint.match_history WHERE pool = $1 AND a = u.id UNION ALL"                          \
    " SELECT a, b, until_ms FROM stint.match_history WHERE pool = $1 AND b = u.id) h WHERE h.until_ms > "              \
    "stint.now_ms()"

#define RESTS_SQL                                                                                                      \
    "SELECT r.id, r.until_ms FROM unnest($2::text[]) AS u(id), LATERAL"                                                \
    " (SELECT id, until_ms FROM stint.match_rest WHERE pool = $1 AND id = u.id LIMIT 1) r"                             \
    " WHERE r.until_ms > stint.now_ms()"

/* By the pair it carries: by (pool, id) the planner of a table that was small takes the index of changes, and reads all
 * of the pool in it. */
#define TICKET_SQL(column)                                                                                             \
    " JOIN LATERAL (SELECT * FROM stint.match_ticket WHERE pair_id = p.id AND id = p." column " LIMIT 1)"
#define TICKET_COLUMNS(t)                                                                                              \
    t ".version, " t ".created_ms, " t ".key_ms, " t ".touched_ms, " t ".presence_ms, " t ".expires_ms, " t            \
      ".fairness, " t ".body::text, " PAST_SQL(t)

#define PAIRS_SQL                                                                                                      \
    "WITH chosen AS (SELECT p.id FROM unnest($2::text[]) AS u(id), LATERAL"                                            \
    " (SELECT id, pool, state FROM stint.match_pair WHERE id = u.id LIMIT 1) p"                                        \
    " WHERE p.pool = $1 AND p.state = 'pending'"                                                                       \
    " UNION SELECT p.id FROM unnest($3::text[]) AS u(id), LATERAL"                                                     \
    " (SELECT id FROM stint.match_pair WHERE pool = $1 AND live_a = u.id LIMIT 1) p"                                   \
    " UNION SELECT p.id FROM unnest($3::text[]) AS u(id), LATERAL"                                                     \
    " (SELECT id FROM stint.match_pair WHERE pool = $1 AND live_b = u.id LIMIT 1) p"                                   \
    " UNION (SELECT id FROM stint.match_pair WHERE pool = $1 AND state = 'pending' AND $4::boolean"                    \
    "        AND confirm_by_ms <= (SELECT stint.now_ms()) ORDER BY confirm_by_ms LIMIT 500))"                          \
    " SELECT p.id, p.matched_ms, p.confirm_by_ms, p.km, p.stage, p.wait_a_ms, p.wait_b_ms, " TICKET_COLUMNS(           \
        "x") ", " TICKET_COLUMNS("y") " FROM chosen c JOIN LATERAL (SELECT * FROM stint.match_pair WHERE id = c.id "   \
                                      "LIMIT 1) p"                                                                     \
                                      " ON true" TICKET_SQL("live_a") " x ON true" TICKET_SQL(                         \
                                          "live_b") " y ON true ORDER BY p.matched_ms, p.id"

#define POOL_SQL                                                                                                       \
    "INSERT INTO stint.match_pool AS p (pool, queue) VALUES($1, $2) ON CONFLICT (pool) DO"                             \
    " UPDATE SET queue = excluded.queue WHERE p.queue = ''"

#define LOCK_SQL                                                                                                       \
    "SELECT version, floor, last_round_ms, watch_from_ms, (SELECT max(confirm_by_ms) FROM stint.match_pair"            \
    " WHERE pool = $1 AND state = 'pending' AND confirm_by_ms < 9000000000000000), queue"                              \
    " FROM stint.match_pool WHERE pool = $1 FOR UPDATE"

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

int match_store_page(struct pg_batch *b, const char *pool, const struct match_mark *mark)
{
    int rc = pg_batch_add(b, "BEGIN", 0, NULL);
    rc = rc < 0 ? rc : pg_batch_add(b, PLAN_SQL, 0, NULL);
    rc = rc < 0 ? rc : match_store_changes(b, pool, mark);
    return rc < 0 ? rc : pg_batch_add(b, "COMMIT", 0, NULL);
}

int match_store_read(struct pg_batch *b, const char *queue, const char *pool, const struct match_mark *mark,
                     struct match_names *names, bool cycle)
{
    const char *ids = literal(&names->ids), *pairs = literal(&names->pairs);
    int rc = pg_batch_add(b, "BEGIN", 0, NULL);
    rc = rc < 0 ? rc : pg_batch_add(b, PLAN_SQL, 0, NULL);
    rc = rc < 0 ? rc : pg_batch_add(b, POOL_SQL, 2, (const char *const[]){pool, queue});
    rc = rc < 0 ? rc : pg_batch_add(b, LOCK_SQL, 1, (const char *const[]){pool});
    rc = rc < 0 ? rc : pg_batch_add(b, "SELECT stint.now_ms()", 0, NULL);
    rc = rc < 0 ? rc : match_store_changes(b, pool, mark);
    rc = rc < 0 ? rc : pg_batch_add(b, MET_SQL, 2, (const char *const[]){pool, ids});
    rc = rc < 0 ? rc : pg_batch_add(b, RESTS_SQL, 2, (const char *const[]){pool, ids});
    return rc < 0 ? rc : pg_batch_add(b, PAIRS_SQL, 4, (const char *const[]){pool, pairs, ids, cycle ? "t" : "f"});
}
