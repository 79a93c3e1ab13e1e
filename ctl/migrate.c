/*
 * migrate - see migrate.h. It refuses to touch a database whose history differs from the build's: a schema of unknown
 * shape is the operator's to sort out, not ours to guess at.
 */
#include "migrate.h"

#include <stdio.h>

#include "migration_files.h"

/* Any number nobody else uses: 'stint' in ASCII. */
#define LOCK_KEY "495789335156"

static const char lock_try[] = "SELECT pg_try_advisory_lock(" LOCK_KEY ")";
static const char lock_wait[] = "SELECT pg_advisory_lock(" LOCK_KEY ")";
static const char lock_release[] = "SELECT pg_advisory_unlock(" LOCK_KEY ")";
static const char make_table[] = "CREATE SCHEMA IF NOT EXISTS stint;"
                                 "CREATE TABLE IF NOT EXISTS stint.migrations (version integer PRIMARY KEY, name text "
                                 "NOT NULL, sha256 text NOT NULL,"
                                 " applied_at timestamptz NOT NULL DEFAULT now())";

const struct migration *migrate_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(migrations);
    return migrations;
}

/* libpq's text without its newlines. */
static int store_error(PGconn *pg, const char *doing, struct err *e)
{
    char text[ERR_MESSAGE_MAX];
    (void)snprintf(text, sizeof text, "%s", PQerrorMessage(pg));
    for (char *p = text; *p; p++) {
        if (*p == '\n')
            *p = p[1] ? ' ' : '\0';
    }
    bool alive = PQstatus(pg) == CONNECTION_OK;
    return err_set(e, alive ? ERR_STORE_REFUSED : ERR_STORE_UNAVAILABLE, "%s: %s", doing, text);
}

/* Runs text of one or more statements; rows of the last go to ret_rows (may be NULL). */
static int run(PGconn *pg, const char *sql, const char *doing, PGresult **ret_rows, struct err *e)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    int rc = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        rc = store_error(pg, doing, e);
    if (rc < 0 || !ret_rows)
        PQclear(result);
    else
        *ret_rows = result;
    return rc;
}

/* Reads stint.migrations; *ret_rows NULL when the table is not there yet. */
static int read_applied(PGconn *pg, PGresult **ret_rows, struct err *e)
{
    PGresult *rows = NULL;
    int rc = run(pg, "SELECT to_regclass('stint.migrations') IS NOT NULL", "looking for stint.migrations", &rows, e);
    if (rc < 0)
        return rc;
    bool there = PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    *ret_rows = NULL;
    if (!there)
        return 0;
    return run(pg, "SELECT version, sha256 FROM stint.migrations ORDER BY version", "reading stint.migrations",
               ret_rows, e);
}

/* 1: applied; 0: not; ERR_REFUSED: another text was applied under its number. */
static int is_applied(const PGresult *rows, const struct migration *m, struct err *e)
{
    for (int i = 0; rows && i < PQntuples(rows); i++) {
        if (atoi(PQgetvalue(rows, i, 0)) != m->version)
            continue;
        if (strcmp(PQgetvalue(rows, i, 1), m->sha256) == 0)
            return 1;
        return err_set(
            e, ERR_REFUSED,
            "migration %04d_%s was applied with another text (sha256 %.12s, this build has %.12s): the database was "
            "migrated by a build that differs from this one. Nothing was changed. Use that build, or restore the "
            "database it does not fit",
            m->version, m->name, PQgetvalue(rows, i, 1), m->sha256);
    }
    return 0;
}

static int apply(PGconn *pg, const struct migration *m, struct err *e)
{
    char version[16], doing[128];
    (void)snprintf(version, sizeof version, "%d", m->version);
    (void)snprintf(doing, sizeof doing, "migration %04d_%s", m->version, m->name);
    const char *const params[] = {version, m->name, m->sha256};
    int rc = run(pg, "BEGIN", doing, NULL, e);
    if (rc == 0)
        rc = run(pg, m->sql, doing, NULL, e);
    if (rc == 0) {
        PGresult *result =
            PQexecParams(pg, "INSERT INTO stint.migrations(version, name, sha256) VALUES($1::int, $2, $3)", 3, NULL,
                         params, NULL, NULL, 0);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            rc = store_error(pg, doing, e);
        PQclear(result);
    }
    if (rc == 0)
        rc = run(pg, "COMMIT", doing, NULL, e);
    if (rc < 0)
        PQclear(PQexec(pg, "ROLLBACK"));
    return rc;
}

static void say(migrate_report_fn report, void *arg, enum migrate_step step, const struct migration *m)
{
    if (report)
        report(arg, step, m);
}

/* All of the history is checked before anything is changed. */
static int apply_missing(PGconn *pg, bool dry_run, migrate_report_fn report, void *arg, struct err *e)
{
    PGresult *rows = NULL;
    int rc = read_applied(pg, &rows, e);
    for (size_t i = 0; i < ARRAY_LEN(migrations) && rc >= 0; i++)
        rc = is_applied(rows, &migrations[i], e);
    for (size_t i = 0; i < ARRAY_LEN(migrations) && rc >= 0; i++) {
        bool there = is_applied(rows, &migrations[i], e) == 1;
        rc = there || dry_run ? 0 : apply(pg, &migrations[i], e);
        if (rc == 0)
            say(report, arg, there ? MIGRATE_THERE : MIGRATE_APPLIED, &migrations[i]);
    }
    PQclear(rows);
    return MIN_OF(rc, 0);
}

static int take_lock(PGconn *pg, migrate_report_fn report, void *arg, struct err *e)
{
    PGresult *rows = NULL;
    int rc =
        run(pg, "SET statement_timeout = 0; SET client_min_messages = warning", "settings of the session", NULL, e);
    if (rc == 0)
        rc = run(pg, lock_try, "the migration lock", &rows, e);
    if (rc < 0)
        return rc;
    bool got = PQgetvalue(rows, 0, 0)[0] == 't';
    PQclear(rows);
    if (got)
        return 0;
    say(report, arg, MIGRATE_WAITING, NULL);
    return run(pg, lock_wait, "the migration lock", NULL, e);
}

int migrate_run(PGconn *pg, bool dry_run, migrate_report_fn report, void *arg, struct err *e)
{
    if (dry_run)
        return apply_missing(pg, true, report, arg, e);
    int rc = take_lock(pg, report, arg, e);
    if (rc < 0)
        return rc;
    rc = run(pg, make_table, "making stint.migrations", NULL, e);
    if (rc == 0)
        rc = apply_missing(pg, false, report, arg, e);
    PQclear(PQexec(pg, lock_release)); /* a lost session has lost the lock as well */
    return rc;
}

int migrate_state(PGconn *pg, size_t *ret_applied, int *ret_highest, struct err *e)
{
    PGresult *rows = NULL;
    int rc = read_applied(pg, &rows, e);
    size_t applied = 0;
    int highest = rows && PQntuples(rows) > 0 ? atoi(PQgetvalue(rows, PQntuples(rows) - 1, 0)) : 0;
    for (size_t i = 0; i < ARRAY_LEN(migrations) && rc >= 0; i++) {
        rc = is_applied(rows, &migrations[i], e);
        applied += rc == 1;
    }
    PQclear(rows);
    if (rc < 0)
        return rc;
    *ret_applied = applied;
    *ret_highest = highest;
    return 0;
}
