/*
 * pg_dial - see pg_dial.h. One connection, one statement at a time, for a command and for a relay. Refuses to show a
 * password in any message, and to trust TCP's own idea of when a peer is lost (two hours).
 */
#include "pg_dial.h"

#include "pg_error.h"

#include <stdio.h>

/* libpq's text up to its first newline. */
static int first_line(const char *text)
{
    return (int)MIN_OF(strcspn(text, "\n"), (size_t)300);
}

static PGconn *dial(const struct conf_postgres *conf, const char *application)
{
    char seconds[24], options[256], lost_ms[24];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)MAX_OF((conf->connect_timeout + 999) / 1000, 2));
    (void)snprintf(lost_ms, sizeof lost_ms, "%d", (int)PG_DIAL_LOST_MS);
    /* A host that vanished gives up its advisory locks only when the server notices. */
    (void)snprintf(options, sizeof options,
                   "-c statement_timeout=%lld -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
                   "-c tcp_keepalives_count=3 -c tcp_user_timeout=%d",
                   (long long)conf->statement_timeout, (int)PG_DIAL_LOST_MS);
    const char *const keys[] = {"dbname",     "connect_timeout",     "options",          "application_name", "keepalives_idle",
                                "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL};
    const char *const values[] = {conf->url, seconds, options, application, "5", "2", "3", lost_ms, NULL};
    return PQconnectdbParams(keys, values, 1);
}

int pg_dial(const struct conf_postgres *conf, const char *application, PGconn **ret_pg, struct err *e)
{
    PGconn *pg = dial(conf, application);
    if (pg == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a PostgreSQL connection");
    if (PQstatus(pg) != CONNECTION_OK) {
        /* libpq quotes a URL it cannot read, password and all. */
        const char *why =
            strstr(PQerrorMessage(pg), "://") != NULL ? "postgres.url is no valid URL" : PQerrorMessage(pg);
        (void)err_set(e, ERR_STORE_UNAVAILABLE,
                      "PostgreSQL cannot be reached: %.*s; start it (\"stint up\" brings its own) or set postgres.url, "
                      "STINT_POSTGRES_URL",
                      first_line(why), why);
        PQfinish(pg);
        return ERR_STORE_UNAVAILABLE;
    }
    *ret_pg = pg;
    return 0;
}

int pg_dial_fault(PGconn *pg, const PGresult *rows, struct err *e)
{
    ExecStatusType status = PQresultStatus(rows);
    if (rows != NULL && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
        return 0;
    const char *state = rows != NULL ? PQresultErrorField(rows, PG_DIAG_SQLSTATE) : NULL, *why = PQerrorMessage(pg);
    bool missing = state != NULL && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0);
    int rc = PQstatus(pg) == CONNECTION_OK ? pg_error_code(state) : ERR_STORE_UNAVAILABLE;
    const char *remedy = missing ? "; the schema is not there yet: run \"stint migrate\"" : pg_error_remedy(state);
    return err_set(e, rc, "PostgreSQL: %.*s%s", first_line(why), why, remedy);
}
