/*
 * restore_postgres - see restore.h. pg_restore works in one transaction: the part is there whole or not at all.
 */
#include "restore.h"

#include "killpoint.h"
#include "migrate.h"
#include "pg_tools.h"
#include "stop_flag.h"

#include <stdio.h>

int restore_postgres_rows(struct session *s, int64_t *ret, struct err *e)
{
    /* Who has a pool's row alone has no people in it. */
    static const char names_sql[] =
        "SELECT quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'stint' AND c.relkind IN ('r', 'p') AND c.relname <> 'migrations' ORDER BY 1";
    PGresult *schema = NULL, *names = NULL;
    *ret = -1;
    int rc = session_sql(s, "SELECT 1 FROM pg_namespace WHERE nspname = 'stint'", 0, NULL, &schema, e);
    bool there = rc == 0 && PQntuples(schema) > 0;
    PQclear(schema);
    if (!there)
        return rc;
    *ret = 0;
    rc = session_sql(s, names_sql, 0, NULL, &names, e);
    for (int i = 0; rc == 0 && i < PQntuples(names); i++) {
        char sql[256];
        PGresult *count = NULL;
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM stint.%s", PQgetvalue(names, i, 0));
        rc = session_sql(s, sql, 0, NULL, &count, e);
        if (rc == 0)
            *ret += strtoll(PQgetvalue(count, 0, 0), NULL, 10);
        PQclear(count);
    }
    PQclear(names);
    return rc;
}

static int run_pg_restore(struct restore *r, struct err *e)
{
    char program[PATH_MAX], database[300];
    struct pg_env env;
    PGconn *pg;
    int rc = session_pg(r->to, &pg, e);
    if (rc == 0)
        rc = pg_tools_find("pg_restore", 0, program, e);
    if (rc == 0)
        rc = pg_env_make(&env, r->to->conf->postgres.url, e);
    if (rc < 0)
        return rc;
    (void)snprintf(database, sizeof database, "--dbname=%s", env.database[0] != '\0' ? env.database : PQdb(pg));
    AUTO_CLOSE int fd = backup_archive_part(r->archive, BACKUP_POSTGRES);
    const char *const argv[] = {program,
                                "--single-transaction",
                                "--exit-on-error",
                                "--no-owner",
                                "--no-password",
                                database,
                                r->private_roles ? "--no-privileges" : NULL,
                                NULL};
    struct err why;
    rc = pg_tools_run(&(struct tool){.argv = argv, .env = env.vars, .in = fd, .stopped = stop_flag_is_set}, &why);
    pg_env_fini(&env);
    if (rc == ERR_REFUSED)
        return err_set(e, rc,
                       "%.700s. Nothing of PostgreSQL's part was restored (a role that is missing: create it first; a "
                       "dump of a newer "
                       "PostgreSQL: install its client and server)",
                       why.message);
    return rc < 0 ? err_set(e, rc, "%.900s", why.message) : 0;
}

static int drop_schema(struct restore *r, struct err *e)
{
    PGresult *rows = NULL;
    if (r->rows_there < 0)
        return 0;
    int rc = session_sql(r->to, "SET client_min_messages = warning", 0, NULL, &rows, e); /* it would name every table */
    PQclear(rows);
    rows = NULL;
    if (rc == 0)
        rc = session_sql(r->to, "DROP SCHEMA stint CASCADE", 0, NULL, &rows, e);
    PQclear(rows);
    return rc;
}

int restore_postgres(struct restore *r, struct err *e)
{
    PGconn *pg;
    int rc = 0;
    if (!r->postgres_there) {
        rc = drop_schema(r, e); /* empty, or given up */
        KILL_POINT("restore_dropped");
        if (rc == 0)
            rc = run_pg_restore(r, e);
        KILL_POINT("restore_postgres");
    }
    if (rc == 0)
        rc = session_pg(r->to, &pg, e);
    if (rc == 0)
        rc = migrate_run(pg, false, NULL, NULL, e);
    r->postgres_there = rc == 0;
    return rc;
}

static int change(struct session *s, const char *sql, int n, const char *const params[], uint64_t *add, struct err *e)
{
    PGresult *rows = NULL;
    int rc = session_sql(s, sql, n, params, &rows, e);
    if (rc == 0 && add != NULL)
        *add += strtoull(PQcmdTuples(rows), NULL, 10);
    PQclear(rows);
    return rc;
}

int restore_postgres_settle(struct restore *r, const struct restore_queue *q, struct err *e)
{
    char after[24];
    const json_t *after_ms = json_object_get(q->row, "outbox_after_ms");
    (void)snprintf(after, sizeof after, "%lld", (long long)json_integer_value(after_ms));
    const char *const params[] = {q->name, after};
    /* Rows that became jobs after Redis' moment become jobs again; those Redis remembers get the answer they had. */
    int rc =
        change(r->to,
               "UPDATE stint.stint_outbox SET relayed_at = NULL, sent = NULL, sent_at = NULL, state = NULL, why = NULL"
               " WHERE queue = $1 AND relayed_at > to_timestamp($2::bigint / 1000.0)",
               2, params, &r->outbox_again, e);
    /* Who held a claim runs no more; its epoch may be higher than the job's is now. */
    return rc < 0 ? rc
                  : change(r->to, "DELETE FROM stint.job_outcome WHERE queue = $1 AND state = 'claimed'", 1, params,
                           NULL, e);
}
