/*
 * verb_match_status - `stint match status|wait`: a pool as PostgreSQL knows it, and the waits the metrics thread
 * publishes. Refuses to tell the number of a small group: those are people.
 */
#include "gender.h"
#include "match_groups.h"
#include "match_pools.h"
#include "queue_call.h"
#include "verb.h"

#include <stdio.h>

const struct arg_spec verb_match_status_options[] = {
    {"id", ARG_TEXT, "ID", "one ticket of the pool", NULL, 1, 128},
    {.name = NULL},
};

static const char POOLS_SQL[] =
    "SELECT p.pool, count(*) FILTER (WHERE t.state = 'waiting') AS waiting, "
    "count(*) FILTER (WHERE t.state = 'matched') AS matched, "
    "coalesce(max(stint.now_ms() - t.created_ms) FILTER (WHERE t.state = 'waiting'), -1)::bigint AS longest_ms, "
    "(SELECT count(*) FROM stint.match_pair m WHERE m.pool = p.pool AND m.state = 'pending') AS pending, "
    "(SELECT count(*) FROM stint.match_pair m WHERE m.pool = p.pool AND m.matched_ms > stint.now_ms() - 3600000) AS "
    "pairs_hour, "
    "p.last_round_ms "
    "FROM stint.match_pool p LEFT JOIN stint.match_ticket t ON t.pool = p.pool "
    "WHERE $1::text IS NULL OR p.pool = $1 GROUP BY p.pool, p.last_round_ms ORDER BY p.pool";

static const char GENDERS_SQL[] =
    "SELECT body->>'gender' AS gender, count(*) AS waiting, "
    "(percentile_disc(0.5) WITHIN GROUP (ORDER BY stint.now_ms() - created_ms))::bigint AS median_ms "
    "FROM stint.match_ticket WHERE pool = $1 AND state = 'waiting' GROUP BY 1 ORDER BY 2 DESC";

static const char TICKET_SQL[] =
    "SELECT t.state, t.created_ms, coalesce(t.reason, '') AS reason, coalesce(t.pair_id, '') AS pair, "
    "coalesce(m.state, '') AS pair_state, coalesce(CASE WHEN m.a = t.id THEN m.b ELSE m.a END, '') AS partner, "
    "(stint.now_ms() - t.created_ms)::bigint AS age_ms "
    "FROM stint.match_ticket t LEFT JOIN stint.match_pair m ON m.id = t.pair_id WHERE t.pool = $1 AND t.id = $2";

/* A row as an object; columns whose names end in _ms and counts become numbers. */
static json_t *row_record(const PGresult *rows, int row)
{
    json_t *record = json_object();
    for (int c = 0; c < PQnfields(rows); c++) {
        const char *text = PQgetvalue(rows, row, c);
        char *end;
        long long n = strtoll(text, &end, 10);
        bool number = PQftype(rows, c) == 20 && *text != '\0' && *end == '\0';
        (void)json_object_set_new(record, PQfname(rows, c), number ? json_integer(n) : json_string(text));
    }
    return record;
}

static int print_pools(struct session *s, const char *pool, json_t *ret_pools, struct err *e)
{
    static const char *const titles[] = {"POOL",     ">WAITING",      ">MATCHED",   ">PENDING PAIRS",
                                         ">PAIRS/H", ">LONGEST WAIT", "LAST ROUND", NULL};
    PGresult *rows = NULL;
    struct table t;
    char text[32];
    int rc = session_sql(s, POOLS_SQL, 1, &pool, &rows, e);
    if (rc < 0)
        return rc;
    table_init(&t, titles);
    for (int i = 0; i < PQntuples(rows); i++) {
        json_t *record = row_record(rows, i);
        (void)json_array_append_new(ret_pools, record);
        if (table_row(&t) < 0)
            break;
        table_set(&t, 0, "%s", json_text(record, "pool"));
        table_set(&t, 1, "%lld", (long long)json_number(record, "waiting", 0));
        table_set(&t, 2, "%lld", (long long)json_number(record, "matched", 0));
        table_set(&t, 3, "%lld", (long long)json_number(record, "pending", 0));
        table_set(&t, 4, "%lld", (long long)json_number(record, "pairs_hour", 0));
        table_set(&t, 5, "%s", out_ms(text, json_number(record, "longest_ms", -1)));
        table_set(&t, 6, "%s", out_time(text, json_number(record, "last_round_ms", 0)));
    }
    PQclear(rows);
    table_print(&t, &s->out);
    table_fini(&t);
    return 0;
}

/* Takes row. Of a number that would tell of a smaller group, so much is said as may be. */
static void gender_row(struct table *t, json_t *row, bool shown, int64_t from, json_t *genders)
{
    char text[32], waiting[32];
    if (!shown)
        (void)json_object_set_new(row, "waitingFrom", json_integer(from));
    if (!shown)
        (void)json_object_set_new(row, "waiting", json_null());
    if (table_row(t) == 0) {
        table_set(t, 0, "%s", json_text(row, "gender"));
        table_set(t, 1, "%s", match_pools_waiting(row, waiting));
        table_set(t, 2, "%s", out_ms(text, json_number(row, "median_ms", -1)));
    }
    (void)json_object_set_new(genders, json_text(row, "gender"), row);
}

static int print_genders(struct session *s, const char *pool, json_t *record, struct err *e)
{
    static const char *const titles[] = {"GENDER", ">WAITING", ">MEDIAN WAIT", NULL};
    PGresult *rows = NULL;
    struct table t;
    json_t *genders = json_object();
    int rc = session_sql(s, GENDERS_SQL, 1, &pool, &rows, e);
    if (rc < 0) {
        json_decref(genders);
        return rc;
    }
    table_init(&t, titles);
    int64_t counts[GENDER_COUNT];
    bool shown[GENDER_COUNT];
    size_t n = MIN_OF((size_t)PQntuples(rows), (size_t)GENDER_COUNT);
    for (size_t i = 0; i < n; i++)
        counts[i] = atoll(PQgetvalue(rows, (int)i, 1));
    match_groups_shown(counts, n, shown);
    for (size_t i = 0; i < n; i++) { /* a row alone would say that there are twenty */
        int64_t from = match_groups_from(counts, n, i);
        if (shown[i] || from > 0)
            gender_row(&t, row_record(rows, (int)i), shown[i], from, genders);
    }
    PQclear(rows);
    if (t.n_rows > 0)
        out_line(&s->out, "%s", "");
    table_print(&t, &s->out);
    out_remark(&s->out, "genders of fewer than %d waiting are not told apart", MATCH_GROUP_MIN);
    table_fini(&t);
    (void)json_object_set_new(record, "genders", genders);
    return 0;
}

static int print_ticket(struct session *s, const char *pool, const char *id, struct err *e)
{
    const char *const params[] = {pool, id};
    PGresult *rows = NULL;
    char age[32];
    int rc = session_sql(s, TICKET_SQL, 2, params, &rows, e);
    if (rc < 0)
        return rc;
    if (PQntuples(rows) == 0) {
        PQclear(rows);
        return err_set(e, ERR_NOT_FOUND, "no ticket \"%.128s\" in pool %.64s", id, pool);
    }
    json_t *record = row_record(rows, 0);
    PQclear(rows);
    (void)json_object_set_new(record, "id", json_string(id));
    (void)json_object_set_new(record, "pool", json_string(pool));
    const char *pair = json_text(record, "pair"), *reason = json_text(record, "reason");
    if (s->out.json)
        out_json(&s->out, record);
    out_line(&s->out, "%s is %s, %s after it came%s%s", id, json_text(record, "state"),
             out_ms(age, json_number(record, "age_ms", -1)), *reason != '\0' ? ": " : "", reason);
    if (*pair != '\0')
        out_line(&s->out, "pair %s (%s) with %s", pair, json_text(record, "pair_state"), json_text(record, "partner"));
    json_decref(record);
    return 0;
}

int verb_match_status(struct session *s)
{
    struct err e = {.code = 0};
    const char *pool = args_positional(&s->args, 0), *id = args_text(&s->args, "id", NULL);
    json_t *pools = json_array();
    int rc;
    if (id != NULL && pool == NULL)
        rc = err_set(&e, ERR_BAD_ARGUMENT, "--id needs the POOL too: stint match status POOL --id %.128s", id);
    else if (id != NULL)
        rc = print_ticket(s, pool, id, &e);
    else
        rc = print_pools(s, pool, pools, &e);
    if (rc == 0 && id == NULL && json_array_size(pools) == 0 && pool != NULL)
        rc = err_set(&e, ERR_NOT_FOUND, "no pool \"%.64s\": nobody was ever submitted to it", pool);
    else if (rc == 0 && id == NULL && json_array_size(pools) == 0)
        out_line(&s->out, "no pool yet; \"stint match submit\" makes one");
    if (rc == 0 && id == NULL && pool != NULL)
        rc = print_genders(s, pool, json_array_get(pools, 0), &e);
    for (size_t i = 0; rc == 0 && s->out.json && i < json_array_size(pools); i++)
        out_json(&s->out, json_array_get(pools, i));
    json_decref(pools);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
