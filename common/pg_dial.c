/*
 * pg_dial - see pg_dial.h. One connection, one statement at a time, for a command and for a relay. Refuses to show a
 * password in any message, and to trust TCP's own idea of when a peer is lost (two hours).
 */
#include "pg_dial.h"

#include "clock.h"
#include "pg_error.h"

#include <poll.h>
#include <pwd.h>
#include <stdio.h>

/* libpq's text up to its first newline. */
static int first_line(const char *text)
{
    return (int)MIN_OF(strcspn(text, "\n"), (size_t)300);
}

/* Runs libpq's connecting to its end. False when the time was up; libpq's own timeout counts whole seconds, and a server
 * that is refused cannot be asked for its SQLSTATE once PQconnectdb has returned. Looking a host name up is libpq's, and
 * takes as long as this host's resolver allows. */
static bool connect_within(PGconn *pg, int64_t timeout_ms)
{
    uint64_t now_ms, until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED && PQsocket(pg) >= 0) {
        struct pollfd wait = {.fd = PQsocket(pg), .events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if ((now_ms = clock_mono_ms()) >= until_ms)
            return false;
        int n = poll(&wait, 1, (int)(until_ms - now_ms));
        if (n > 0)
            step = PQconnectPoll(pg);
        else if (n < 0 && errno != EINTR)
            return false;
    }
    return true;
}

static PGconn *dial(const struct conf_postgres *conf, const char *application)
{
    char options[256], lost_ms[24];
    (void)snprintf(lost_ms, sizeof lost_ms, "%d", (int)PG_DIAL_LOST_MS);
    /* A host that vanished gives up its advisory locks only when the server notices. */
    (void)snprintf(options, sizeof options,
                   "-c statement_timeout=%lld -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
                   "-c tcp_keepalives_count=3 -c tcp_user_timeout=%d",
                   (long long)conf->statement_timeout, (int)PG_DIAL_LOST_MS);
    const char *const keys[] = {"dbname",           "options",          "application_name", "keepalives_idle", "keepalives_interval",
                                "keepalives_count", "tcp_user_timeout", NULL};
    const char *const values[] = {conf->url, options, application, "5", "2", "3", lost_ms, NULL};
    return PQconnectStartParams(keys, values, 1);
}

/* Why pg is not connected. in_time: libpq itself said so. */
static int refused(PGconn *pg, bool in_time, enum pg_condition *ret_condition, struct err *e)
{
    char text[ERR_MESSAGE_MAX];
    const char *why = PQerrorMessage(pg), *host = PQhost(pg), *port = PQport(pg);
    if (strstr(why, "://") != NULL) /* libpq quotes a URL it cannot read, password and all */
        return err_set(e, ERR_BAD_CONFIG, "postgres.url is no valid URL; set postgres.url or STINT_POSTGRES_URL");
    enum pg_condition condition = in_time ? pg_error_refusal(why) : PG_AWAY;
    *ret_condition = condition;
    if (in_time)
        (void)snprintf(text, sizeof text, "%s", why);
    else
        (void)snprintf(text, sizeof text, "connection to %.200s, port %.20s: no answer within postgres.connect_timeout",
                       host != NULL ? host : "", port != NULL ? port : "");
    pg_error_one_line(text);
    return err_set(e, ERR_STORE_UNAVAILABLE, "PostgreSQL %s: %.500s; %s%s", pg_condition_text(condition), text,
                   pg_condition_remedy(condition),
                   condition == PG_AWAY ? " (STINT_POSTGRES_URL; \"stint up\" brings its own)" : "");
}

static int attempt(const struct conf_postgres *conf, const char *application, PGconn **ret_pg, enum pg_condition *ret_condition, bool *ret_socket,
                   struct err *e)
{
    PGconn *pg = dial(conf, application);
    if (pg == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a PostgreSQL connection");
    (void)PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
    bool in_time = connect_within(pg, conf->connect_timeout);
    if (PQstatus(pg) != CONNECTION_OK) {
        const char *host = PQhost(pg);
        *ret_socket = host != NULL && host[0] == '/';
        int rc = refused(pg, in_time, ret_condition, e);
        PQfinish(pg);
        return rc;
    }
    (void)PQsetErrorVerbosity(pg, PQERRORS_DEFAULT);
    *ret_pg = pg;
    return 0;
}

int pg_dial(const struct conf_postgres *conf, const char *application, PGconn **ret_pg, struct err *e)
{
    enum pg_condition condition = PG_FINE;
    bool socket = false, as_service = false;
    struct err why = {.code = 0};
    int rc = attempt(conf, application, ret_pg, &condition, &socket, &why);
    const struct passwd *service = rc < 0 && condition == PG_CREDENTIALS && socket && geteuid() == 0 ? getpwnam(PG_DIAL_SERVICE_USER) : NULL;
    if (service != NULL && seteuid(service->pw_uid) == 0) {
        as_service = attempt(conf, application, ret_pg, &condition, &socket, NULL) == 0;
        if (seteuid(0) < 0)
            abort(); /* cannot happen: the real user is root; to go on as somebody else would be worse */
    }
    if (rc == 0 || as_service)
        return 0;
    return err_set(e, rc, "%s", why.message);
}

int pg_dial_fault(PGconn *pg, const PGresult *rows, struct err *e)
{
    ExecStatusType status = PQresultStatus(rows);
    if (rows != NULL && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
        return 0;
    const char *state = rows != NULL ? PQresultErrorField(rows, PG_DIAG_SQLSTATE) : NULL, *why = PQerrorMessage(pg);
    if (PQstatus(pg) != CONNECTION_OK && state == NULL)
        return err_set(e, ERR_STORE_UNAVAILABLE, "PostgreSQL %s: %.*s; %s", pg_condition_text(PG_LOST), first_line(why), why,
                       pg_condition_remedy(PG_LOST));
    enum pg_condition condition = pg_error_condition(state);
    const char *remedy = pg_condition_remedy(condition);
    return err_set(e, pg_condition_code(condition), "PostgreSQL: %.*s%s%s", first_line(why), why, remedy[0] ? "; " : "",
                   remedy);
}
