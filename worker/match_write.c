/*
 * match_write - the writing half of a round's transaction.
 *
 * Each statement takes its rows as arrays, one a column; its command tag says how many it changed, and fewer than
 * expected is a conflict. It refuses to write a row whose version is not the one the round read, and a pair whose two
 * met too recently.
 */
#include "match_store.h"
#include "pg_array.h"

#include <stdio.h>

/* A ticket's columns, from $4 on: enum ticket_column. */
#define TICKETS                                                                                                        \
    "unnest($4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],"            \
    " $11::bigint[], $12::bigint[], $13::text[], $14::jsonb[], $15::text[], $16::text[])"                              \
    " AS x(id, prev, state, created, key, touched, presence, expires, fairness, reason, body, pair, side)"

#define INSERT_SQL                                                                                                     \
    "INSERT INTO stint.match_ticket AS t (pool, id, state, version, created_ms, key_ms, touched_ms, presence_ms, "     \
    "expires_ms, fairness, changed_ms, reason, body, pair_id, pair_side)"                                              \
    " SELECT $1, x.id, x.state, $2::bigint, x.created, x.key, x.touched, x.presence, x.expires, x.fairness, "          \
    "$3::bigint, NULL, x.body, x.pair, x.side::\"char\" FROM " TICKETS " ORDER BY x.id"                                \
    " ON CONFLICT (pool, id) DO UPDATE SET state = excluded.state, version = excluded.version, created_ms = "          \
    "excluded.created_ms, key_ms = excluded.key_ms, touched_ms = excluded.touched_ms, presence_ms = "                  \
    "excluded.presence_ms, expires_ms = excluded.expires_ms, fairness = excluded.fairness, changed_ms = "              \
    "excluded.changed_ms, reason = NULL, body = excluded.body, pair_id = excluded.pair_id, pair_side = "               \
    "excluded.pair_side WHERE t.state = 'gone'"

/* Rows are found one by one, by key, in id order, locked, and then changed where they lie: a plain join might be played
 * the other way round, the whole pool against the rows. */
#define UPDATE_SQL                                                                                                     \
    "WITH l AS (SELECT x.*, t.tid FROM (SELECT * FROM " TICKETS " ORDER BY x.id) x"                                    \
    " CROSS JOIN LATERAL (SELECT ctid AS tid FROM stint.match_ticket WHERE pool = $1 AND id = x.id"                    \
    " AND version = x.prev AND state <> 'gone' FOR UPDATE) t)"                                                         \
    " UPDATE stint.match_ticket t SET state = x.state, version = $2::bigint, created_ms = coalesce(x.created, "        \
    "t.created_ms), key_ms = coalesce(x.key, t.key_ms), touched_ms = coalesce(x.touched, t.touched_ms),"               \
    " presence_ms = coalesce(x.presence, t.presence_ms), expires_ms = coalesce(x.expires, t.expires_ms),"              \
    " fairness = coalesce(x.fairness, t.fairness), changed_ms = $3::bigint, reason = x.reason,"                        \
    " body = coalesce(x.body, t.body), pair_id = x.pair, pair_side = x.side::\"char\""                                 \
    " FROM l AS x WHERE t.ctid = x.tid"

#define PAIRS_SQL                                                                                                      \
    "INSERT INTO stint.match_pair(id, pool, a, b, state, live_a, live_b, matched_ms, confirm_by_ms, km, stage, "       \
    "wait_a_ms, wait_b_ms)"                                                                                            \
    " SELECT x.id, $1, x.a, x.b, 'pending', x.a, x.b, $2::bigint, x.due, x.km, x.stage, x.wa, x.wb"                    \
    " FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::double precision[], $8::bigint[],"             \
    " $9::bigint[], $10::bigint[]) AS x(id, a, b, due, km, stage, wa, wb)"

/* LIMIT keeps what must hold of the pair outside of the look-up: with it inside, the planner of a table that was small
 * takes the index of the pool's pending pairs, and reads them all. */
#define ENDS_SQL                                                                                                       \
    "WITH l AS (SELECT x.*, t.tid FROM unnest($3::text[], $4::text[], $5::text[], $6::boolean[])"                      \
    " AS x(id, state, why, mutual) CROSS JOIN LATERAL (SELECT ctid AS tid, pool, state FROM stint.match_pair"          \
    " WHERE id = x.id LIMIT 1 FOR UPDATE) t WHERE t.pool = $1 AND t.state = 'pending')"                                \
    " UPDATE stint.match_pair p SET state = x.state, ended_ms = $2::bigint, why = x.why, mutual = x.mutual, live_a = " \
    "NULL, live_b = NULL FROM l AS x WHERE p.ctid = x.tid"

#define MET " FROM unnest($3::text[], $4::text[], $5::bigint[]) AS x(a, b, until)"

/* A pair is refused where a row says "not again before" and that time has not come: history, asked in both directions
 * at once. */
#define MEET_SQL                                                                                                       \
    "INSERT INTO stint.match_history AS h (pool, a, b, until_ms, last_ms)"                                             \
    " SELECT $1, x.a, x.b, x.until, $2::bigint" MET                                                                    \
    " ON CONFLICT (pool, a, b) DO UPDATE SET until_ms = excluded.until_ms, last_ms = excluded.last_ms"                 \
    " WHERE h.until_ms <= $2::bigint"

#define PART_SQL                                                                                                       \
    "INSERT INTO stint.match_history AS h (pool, a, b, until_ms, last_ms)"                                             \
    " SELECT $1, x.a, x.b, x.until, $2::bigint" MET                                                                    \
    " ON CONFLICT (pool, a, b) DO UPDATE SET until_ms = greatest(h.until_ms, excluded.until_ms), last_ms = "           \
    "excluded.last_ms"

#define RESTS_SQL                                                                                                      \
    "INSERT INTO stint.match_rest AS r (pool, id, until_ms) SELECT $1, x.id, x.until"                                  \
    " FROM unnest($2::text[], $3::bigint[]) AS x(id, until)"                                                           \
    " ON CONFLICT (pool, id) DO UPDATE SET until_ms = greatest(r.until_ms, excluded.until_ms)"

#define EVENTS_SQL                                                                                                     \
    "INSERT INTO stint.match_event(queue, pool, at_ms, tell_ms, body)"                                                 \
    " SELECT $1, $2, $3::bigint, $3::bigint + $4::bigint, e.value"                                                     \
    " FROM unnest($5::jsonb[]) WITH ORDINALITY AS e(value, n) ORDER BY e.n RETURNING seq"

/* Returns the most rows it removed of one table: as many as allowed means that there are more. */
#define PURGE_SQL                                                                                                      \
    "WITH d AS (DELETE FROM stint.match_ticket WHERE ctid = ANY(ARRAY(SELECT ctid FROM stint.match_ticket"             \
    " WHERE pool = $1 AND state = 'gone' AND changed_ms < $2::bigint - 600000 ORDER BY changed_ms LIMIT $3::bigint))"  \
    " RETURNING version),"                                                                                             \
    " h AS (DELETE FROM stint.match_history WHERE ctid = ANY(ARRAY(SELECT ctid FROM stint.match_history"               \
    "  WHERE pool = $1 AND until_ms < $2::bigint ORDER BY until_ms LIMIT $3::bigint)) RETURNING 1),"                   \
    " r AS (DELETE FROM stint.match_rest WHERE pool = $1 AND until_ms < $2::bigint),"                                  \
    " p AS (DELETE FROM stint.match_pair WHERE ctid = ANY(ARRAY(SELECT ctid FROM stint.match_pair WHERE pool = $1"     \
    "  AND state <> 'pending' AND ended_ms < $2::bigint - 2592000000 ORDER BY ended_ms LIMIT $3::bigint))"             \
    "  RETURNING 1),"                                                                                                  \
    " f AS (UPDATE stint.match_pool SET floor = greatest(floor, (SELECT max(version) FROM d)) WHERE pool = $1"         \
    "  AND EXISTS (SELECT 1 FROM d))"                                                                                  \
    " SELECT greatest((SELECT count(*) FROM d), (SELECT count(*) FROM h), (SELECT count(*) FROM p))"

enum { EVENT_MAX = 2048, COLUMNS_MAX = 13, FIRST_PARAMS = 4 };

/* Rows of one statement, one array a column. */
struct list {
    struct pg_array col[COLUMNS_MAX];
    size_t n, n_cols;
};

/* One a statement. */
enum { INSERTS, UPDATES, PAIRS, ENDS, MEETS, PARTS, RESTS, EVENTS, LISTS };

enum ticket_column { ID, PREV, STATE, CREATED, KEY, TOUCHED, PRESENCE, EXPIRES, FAIRNESS, REASON, BODY, PAIR, SIDE };

/* t text, i bigint, f double precision, b boolean, j jsonb: the columns in the statements' order. */
static const char *const layouts[LISTS] = {
    [INSERTS] = "tit"
                "iiiiii"
                "tjtt",
    [UPDATES] = "tit"
                "iiiiii"
                "tjtt",
    [PAIRS] = "tttifiii",
    [ENDS] = "tttb",
    [MEETS] = "tti",
    [PARTS] = "tti",
    [RESTS] = "ti",
    [EVENTS] = "j",
};

static enum pg_array_type type_of(char letter)
{
    switch (letter) {
    case 'i':
        return PG_ARRAY_INT8;
    case 'f':
        return PG_ARRAY_FLOAT8;
    case 'b':
        return PG_ARRAY_BOOL;
    case 'j':
        return PG_ARRAY_JSONB;
    default:
        return PG_ARRAY_TEXT;
    }
}

static void rows_init(struct list rows[static LISTS])
{
    for (size_t i = 0; i < LISTS; i++) {
        rows[i] = (struct list){.n_cols = strlen(layouts[i])};
        for (size_t c = 0; c < rows[i].n_cols; c++)
            pg_array_init(&rows[i].col[c], type_of(layouts[i][c]));
    }
}

static void rows_fini(struct list rows[static LISTS])
{
    for (size_t i = 0; i < LISTS; i++)
        for (size_t c = 0; c < rows[i].n_cols; c++)
            pg_array_fini(&rows[i].col[c]);
}

/* -- rows ------------------------------------------------------------------------------------------------------------
 */

static void add_gone(struct list *l, const struct match_party *p)
{
    l->n++;
    pg_array_text(&l->col[ID], p->id);
    pg_array_int8(&l->col[PREV], p->row_version);
    pg_array_text(&l->col[STATE], "gone");
    for (size_t c = CREATED; c <= FAIRNESS; c++)
        pg_array_null(&l->col[c]);
    pg_array_text(&l->col[REASON], p->reason);
    pg_array_text(&l->col[BODY], "{}");
    pg_array_null(&l->col[PAIR]);
    pg_array_null(&l->col[SIDE]);
}

static void add_live(struct list *l, const struct match_round *r, const struct match_party *p)
{
    bool matched = p->state == MATCH_MATCHED;
    const struct match_waiter *w = matched ? &p->w : match_index_at(r->ix, match_index_find(r->ix, p->id));
    const struct match_pairing *pair = matched ? &r->pairings[p->pair] : NULL;
    l->n++;
    pg_array_text(&l->col[ID], p->id);
    pg_array_int8(&l->col[PREV], p->row_version);
    pg_array_text(&l->col[STATE], matched ? "matched" : "waiting");
    pg_array_int8(&l->col[CREATED], w->p.created_ms);
    pg_array_int8(&l->col[KEY], w->key_ms);
    pg_array_int8(&l->col[TOUCHED], w->touched_ms);
    pg_array_int8(&l->col[PRESENCE], w->presence_ms);
    pg_array_int8(&l->col[EXPIRES], w->expires_ms);
    pg_array_int8(&l->col[FAIRNESS], w->fairness);
    pg_array_null(&l->col[REASON]);
    pg_array_text(&l->col[BODY], p->whole ? p->body : NULL);
    pg_array_text(&l->col[PAIR], pair ? pair->id : NULL);
    pg_array_text(&l->col[SIDE], !pair ? NULL : &r->parties[pair->party[0]] == p ? "a" : "b");
}

static void add_party(struct list w[static LISTS], const struct match_round *r, const struct match_party *p)
{
    struct list *l = p->row_version ? &w[UPDATES] : &w[INSERTS];
    if (!p->dirty || (p->state == MATCH_GONE && p->row_version == 0))
        return;
    if (p->state == MATCH_GONE)
        add_gone(l, p);
    else
        add_live(l, r, p);
}

static void add_met(struct list *l, const char *a, const char *b, int64_t until_ms)
{
    l->n++;
    pg_array_text(&l->col[0], a);
    pg_array_text(&l->col[1], b);
    pg_array_int8(&l->col[2], until_ms);
}

static void add_end(struct list *l, const struct match_pairing *p)
{
    bool confirmed = p->end == MATCH_CONFIRMED;
    l->n++;
    pg_array_text(&l->col[0], p->id);
    pg_array_text(&l->col[1], confirmed ? "confirmed" : "released");
    pg_array_text(&l->col[2], confirmed ? NULL : p->why);
    pg_array_bool(&l->col[3], confirmed && p->mutual);
}

static void add_new_pair(struct list *l, const struct match_pairing *p, const char *a, const char *b)
{
    l->n++;
    pg_array_text(&l->col[0], p->id);
    pg_array_text(&l->col[1], a);
    pg_array_text(&l->col[2], b);
    pg_array_int8(&l->col[3], MIN_OF(p->confirm_by_ms, MATCH_NEVER_AGAIN));
    pg_array_float8(&l->col[4], p->km);
    pg_array_int8(&l->col[5], p->stage);
    pg_array_int8(&l->col[6], p->wait_ms[0]);
    pg_array_int8(&l->col[7], p->wait_ms[1]);
}

static void add_pair(struct list w[static LISTS], const struct match_round *r, const struct match_pairing *p)
{
    const char *a = r->parties[p->party[0]].id, *b = r->parties[p->party[1]].id;
    int64_t until = p->mutual ? MATCH_NEVER_AGAIN : r->now_ms + r->rules->rematch_ms;
    if (p->stored)
        add_end(&w[ENDS], p);
    else
        add_new_pair(&w[PAIRS], p, a, b);
    add_met(p->stored ? &w[PARTS] : &w[MEETS], a, b, until);
}

static void add_rest(struct list *l, const struct match_rest *rest)
{
    l->n++;
    pg_array_text(&l->col[0], rest->id);
    pg_array_int8(&l->col[1], rest->until_ms);
}

static int add_event(void *arg, const char *event)
{
    struct list *l = arg;
    l->n++;
    pg_array_text(&l->col[0], event);
    return 0;
}

static int gather(struct list w[static LISTS], const struct match_round *r)
{
    for (uint32_t i = 0; i < r->n_parties; i++)
        add_party(w, r, &r->parties[i]);
    for (uint32_t i = 0; i < r->n_pairings; i++) {
        const struct match_pairing *p = &r->pairings[i];
        if (!p->dropped && (!p->stored || p->end != MATCH_PENDING))
            add_pair(w, r, p);
    }
    for (size_t i = 0; i < r->n_new_rests; i++)
        add_rest(&w[RESTS], &r->new_rests[i]);
    return match_store_events(r, add_event, &w[EVENTS]);
}

/* -- events ----------------------------------------------------------------------------------------------------------
 */

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

static int pair_event(struct buf *b, const struct match_round *r, const struct match_pairing *p)
{
    const struct match_party *a = &r->parties[p->party[0]], *other = &r->parties[p->party[1]];
    if (!p->stored)
        return buf_addf(
            b,
            "{\"t\":\"matched\",\"pair\":\"%s\",\"a\":\"%s\",\"b\":\"%s\",\"km\":%.3f,\"stage\":%u,\"wait_a_ms\":%lld,"
            "\"wait_b_ms\":%lld,\"confirm_by_ms\":%lld}",
            p->id, a->id, other->id, p->km, p->stage, (long long)p->wait_ms[0], (long long)p->wait_ms[1],
            (long long)MIN_OF(p->confirm_by_ms, MATCH_NEVER_AGAIN));
    return buf_addf(
        b,
        "{\"t\":\"released\",\"pair\":\"%s\",\"a\":\"%s\",\"b\":\"%s\",\"why\":\"%s\",\"a_waits\":%s,\"b_waits\":%s}",
        p->id, a->id, other->id, p->why, truth(a->state == MATCH_WAITING), truth(other->state == MATCH_WAITING));
}

int match_store_events(const struct match_round *r, int (*fn)(void *arg, const char *event), void *arg)
{
    struct buf b;
    int rc = 0;
    buf_init(&b, EVENT_MAX);
    for (uint32_t i = 0; i < r->n_pairings && rc >= 0; i++) {
        const struct match_pairing *p = &r->pairings[i];
        if (p->dropped || (p->stored && p->end != MATCH_RELEASED))
            continue;
        b.len = 0;
        rc = pair_event(&b, r, p);
        rc = rc < 0 ? rc : fn(arg, b.data);
    }
    for (uint32_t i = 0; i < r->n_parties && rc >= 0; i++) {
        const struct match_party *p = &r->parties[i];
        if (p->state != MATCH_GONE || (strcmp(p->reason, "expired") != 0 && strcmp(p->reason, "offline") != 0))
            continue;
        b.len = 0;
        rc = buf_addf(&b, "{\"t\":\"expired\",\"id\":\"%s\",\"reason\":\"%s\"}", p->id, p->reason);
        rc = rc < 0 ? rc : fn(arg, b.data);
    }
    buf_fini(&b);
    return rc;
}

/* -- statements ------------------------------------------------------------------------------------------------------
 */

struct writing {
    struct pg_batch *b;
    struct match_writes *w;
    const char *queue, *pool, *version, *now;
};

/* Adds a statement of n parameters and the list's columns. */
static int add_statement(struct writing *g, const char *sql, const char *const first[], int n, struct list *rows)
{
    struct pg_param params[FIRST_PARAMS + COLUMNS_MAX];
    int rc = 0;
    for (int i = 0; i < n; i++)
        params[i] = (struct pg_param){.data = first[i], .len = PG_PARAM_TEXT};
    for (size_t c = 0; c < rows->n_cols && rc == 0; c++)
        rc = pg_array_param(&rows->col[c], &params[n++]);
    g->w->anything = true;
    return rc < 0 ? rc : pg_batch_add_params(g->b, sql, n, params);
}

/* Adds a statement over rows unless there are none; expects as many rows changed when `what` is given. */
static int write_rows(struct writing *g, const char *sql, bool versioned, bool timed, struct list *rows,
                      const char *what)
{
    if (rows->n == 0)
        return 0;
    const char *first[FIRST_PARAMS] = {g->pool};
    int n = 1;
    if (versioned)
        first[n++] = g->version;
    if (timed)
        first[n++] = g->now;
    if (what) {
        g->w->expect[g->w->n].statement = pg_batch_len(g->b);
        g->w->expect[g->w->n].rows = (int)rows->n;
        g->w->expect[g->w->n++].what = what;
    }
    return add_statement(g, sql, first, n, rows);
}

static int write_events(struct writing *g, struct list *events)
{
    char wait[24];
    if (events->n == 0)
        return 0;
    (void)snprintf(wait, sizeof wait, "%d", MATCH_TELL_MS);
    g->w->events = pg_batch_len(g->b);
    return add_statement(g, EVENTS_SQL, (const char *const[]){g->queue, g->pool, g->now, wait}, FIRST_PARAMS, events);
}

static int write_all(struct writing *g, struct list rows[static LISTS])
{
    int rc = write_rows(g, UPDATE_SQL, true, true, &rows[UPDATES], "a ticket was changed by somebody else");
    rc = rc < 0 ? rc
                : write_rows(g, INSERT_SQL, true, true, &rows[INSERTS],
                             "a ticket of the same id was entered by somebody else");
    /* Ends before pairs: who is released in this round may be paired anew in it, and is in one living pair at a time.
     */
    rc = rc < 0 ? rc : write_rows(g, ENDS_SQL, false, true, &rows[ENDS], "a pair was ended by somebody else");
    rc = rc < 0 ? rc : write_rows(g, MEET_SQL, false, true, &rows[MEETS], "two of a pair met in the meantime");
    rc = rc < 0 ? rc : write_rows(g, PAIRS_SQL, false, true, &rows[PAIRS], "a pair could not be entered");
    rc = rc < 0 ? rc : write_rows(g, PART_SQL, false, true, &rows[PARTS], NULL);
    rc = rc < 0 ? rc : write_rows(g, RESTS_SQL, false, false, &rows[RESTS], NULL);
    return rc < 0 ? rc : write_events(g, &rows[EVENTS]);
}

int match_store_write(struct pg_batch *b, const struct match_round *r, int64_t version, int64_t watch_from_ms,
                      size_t purge, const char *queue, struct match_writes *ret)
{
    struct list rows[LISTS];
    char purge_text[24];
    char version_text[24], now_text[24], watch_text[24];
    (void)snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    (void)snprintf(now_text, sizeof now_text, "%lld", (long long)r->now_ms);
    (void)snprintf(watch_text, sizeof watch_text, "%lld", (long long)watch_from_ms);
    (void)snprintf(purge_text, sizeof purge_text, "%zu", purge);
    *ret = (struct match_writes){.events = SIZE_MAX, .purge = SIZE_MAX, .purge_max = purge};
    struct writing g = {.b = b, .w = ret, .queue = queue, .pool = r->pool, .version = version_text, .now = now_text};
    rows_init(rows);
    int rc = gather(rows, r);
    rc = rc < 0 ? rc : write_all(&g, rows);
    rows_fini(rows);
    if (rc == 0 && purge > 0) {
        ret->purge = pg_batch_len(b);
        rc = pg_batch_add(b, PURGE_SQL, 3, (const char *const[]){r->pool, now_text, purge_text});
    }
    if (rc == 0)
        rc = pg_batch_add(
            b,
            "UPDATE stint.match_pool SET version = $2::bigint, last_round_ms = $3::bigint, watch_from_ms = $4::bigint"
            " WHERE pool = $1",
            4, (const char *const[]){r->pool, version_text, now_text, watch_text});
    return rc;
}

const char *match_store_conflict(const struct match_writes *w, PGresult *const results[])
{
    for (size_t i = 0; i < w->n; i++)
        if (atoi(PQcmdTuples(results[w->expect[i].statement])) != w->expect[i].rows)
            return w->expect[i].what;
    return NULL;
}

bool match_store_left(const struct match_writes *w, PGresult *const results[])
{
    if (w->purge == SIZE_MAX)
        return false;
    const PGresult *removed = results[w->purge];
    return PQntuples(removed) == 1 && strtoull(PQgetvalue(removed, 0, 0), NULL, 10) >= w->purge_max;
}
