/*
 * verb_outbox - `stint outbox`: what waits in stint_outbox and what became of the rest, a queue a line. A queue that no pool of this
 * configuration serves is shown too: its rows wait for a relay that knows it.
 */
#include "queue_call.h"
#include "verb.h"

const struct arg_spec verb_outbox_options[] = {
    {.name = NULL},
};

enum column { QUEUE, WAITING, OLDEST_MS, IN_FLIGHT, RELAYED, REFUSED, COLUMNS };

static const char outbox_sql[] =
    "SELECT queue, count(*) FILTER (WHERE relayed_at IS NULL AND sent IS NULL),"
    " coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE relayed_at IS NULL AND sent IS NULL)) * 1000, 0)::bigint,"
    " count(*) FILTER (WHERE relayed_at IS NULL AND sent IS NOT NULL), count(*) FILTER (WHERE relayed_at IS NOT NULL),"
    " count(*) FILTER (WHERE state = 'refused') FROM stint.stint_outbox GROUP BY queue ORDER BY queue";

static int64_t number_at(const PGresult *rows, int row, enum column column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

static void show_json(struct session *s, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        json_t *record = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "queue", PQgetvalue(rows, i, QUEUE), "waiting",
                                   (json_int_t)number_at(rows, i, WAITING), "oldest_ms",
                                   (json_int_t)number_at(rows, i, OLDEST_MS), "in_flight",
                                   (json_int_t)number_at(rows, i, IN_FLIGHT), "relayed",
                                   (json_int_t)number_at(rows, i, RELAYED), "refused",
                                   (json_int_t)number_at(rows, i, REFUSED));
        out_json(&s->out, record);
        json_decref(record);
    }
}

static void show_table(struct session *s, const PGresult *rows, const struct queue_list *served)
{
    static const char *const titles[] = {"QUEUE", ">WAITING", ">OLDEST", ">IN FLIGHT", ">RELAYED", ">REFUSED", "~?NOTE", NULL};
    struct table t;
    char oldest[32];
    table_init(&t, titles);
    for (int i = 0; i < PQntuples(rows) && table_row(&t) == 0; i++) {
        bool known = false;
        for (size_t q = 0; q < served->n; q++)
            known = known || strcmp(served->names[q], PQgetvalue(rows, i, QUEUE)) == 0;
        table_set(&t, 0, "%s", PQgetvalue(rows, i, QUEUE));
        table_set(&t, 1, "%lld", (long long)number_at(rows, i, WAITING));
        table_set(&t, 2, "%s", out_ms(oldest, number_at(rows, i, WAITING) > 0 ? number_at(rows, i, OLDEST_MS) : -1));
        table_set(&t, 3, "%lld", (long long)number_at(rows, i, IN_FLIGHT));
        table_set(&t, 4, "%lld", (long long)number_at(rows, i, RELAYED));
        table_set(&t, 5, "%lld", (long long)number_at(rows, i, REFUSED));
        table_set(&t, 6, "%s", known ? "" : "no pool of this configuration has it");
        table_tint(&t, 5, number_at(rows, i, REFUSED) > 0 ? TINT_YELLOW : TINT_NONE);
        table_tint(&t, 6, TINT_YELLOW);
    }
    table_print(&t, &s->out);
    table_fini(&t);
    if (PQntuples(rows) == 0)
        out_line(&s->out, "the outbox is empty");
}

int verb_outbox(struct session *s)
{
    struct err e = {.code = 0};
    struct queue_list served;
    PGresult *rows = NULL;
    int rc = queue_list_resolve(&s->stores, NULL, &served, &e);
    if (rc == 0)
        rc = session_sql(s, outbox_sql, 0, NULL, &rows, &e);
    if (rc < 0)
        return session_fail(s, &e);
    if (s->out.json)
        show_json(s, rows);
    else
        show_table(s, rows, &served);
    PQclear(rows);
    return EXIT_DONE;
}
