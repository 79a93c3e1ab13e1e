/*
 * preflight_postgres - can effects be written, and is the schema this build's?
 */
#include "preflight.h"

#include "migrate.h"
#include "pg_dial.h"

#include <stdio.h>

enum { POSTGRES_VERSION_MIN = 150000, RESERVED_CONNECTIONS = 10 };

/* First column of the first row of a statement as text; "" when it failed. */
static const char *ask(PGconn *pg, const char *sql, char *out, size_t size)
{
    PGresult *rows = PQexec(pg, sql);
    bool good = PQresultStatus(rows) == PGRES_TUPLES_OK && PQntuples(rows) > 0;
    (void)snprintf(out, size, "%s", good ? PQgetvalue(rows, 0, 0) : "");
    PQclear(rows);
    return out;
}

static void check_migrations(struct preflight *p, PGconn *pg)
{
    struct err e = {.code = 0};
    size_t applied = 0, known;
    int highest = 0;
    (void)migrate_all(&known);
    if (migrate_state(pg, &applied, &highest, &e) < 0)
        preflight_add(p, "PostgreSQL schema", FINDING_FAIL, "see the finding", "%s", e.message);
    else if (applied < known)
        preflight_add(p, "PostgreSQL schema", FINDING_FAIL, "run \"stint migrate\"",
                      "%zu of %zu migrations are applied", applied, known);
    else
        preflight_add(p, "PostgreSQL schema", highest > (int)known ? FINDING_WARN : FINDING_OK,
                      "a newer stint migrated it: upgrade this host soon", "version %d, this build has %zu", highest,
                      known);
}

static void check_connections(struct preflight *p, PGconn *pg)
{
    char text[64];
    int64_t workers = 0, most = atoi(ask(pg, "SHOW max_connections", text, sizeof text));
    for (size_t i = 0; i < p->conf->n_pools; i++)
        workers += p->conf->pools[i].workers;
    int64_t needed = workers * p->conf->postgres.pool_max + RESERVED_CONNECTIONS;
    preflight_add(p, "PostgreSQL connections", needed > most ? FINDING_WARN : FINDING_OK,
                  "raise max_connections, or lower the number of workers or postgres.pool_max",
                  "max_connections %lld; this host may use %lld", (long long)most, (long long)needed);
}

static void check_settings(struct preflight *p, PGconn *pg)
{
    char text[64];
    int version = PQserverVersion(pg);
    preflight_add(p, "PostgreSQL version", version >= POSTGRES_VERSION_MIN ? FINDING_OK : FINDING_FAIL,
                  "stint needs PostgreSQL 15 or newer", "%d.%d", version / 10000, version % 10000);
    bool standby = ask(pg, "SELECT pg_is_in_recovery()", text, sizeof text)[0] == 't';
    bool read_only = strcmp(ask(pg, "SHOW default_transaction_read_only", text, sizeof text), "on") == 0;
    preflight_add(p, "PostgreSQL role", standby || read_only ? FINDING_FAIL : FINDING_OK,
                  "effects cannot be written there: let postgres.url name the primary", "%s",
                  standby     ? "standby"
                  : read_only ? "read-only"
                              : "primary");
    bool unsafe = strcmp(ask(pg, "SHOW fsync", text, sizeof text), "off") == 0;
    preflight_add(p, "PostgreSQL fsync", unsafe ? FINDING_WARN : FINDING_OK,
                  "a power loss may destroy the database: set fsync on", "%s", text);
}

void preflight_postgres(struct preflight *p)
{
    struct err e = {.code = 0};
    PGconn *pg = NULL;
    if (pg_dial(&p->conf->postgres, "stint-preflight", &pg, &e) < 0) {
        preflight_add_away(p, "PostgreSQL",
                           "start it (\"stint up\" brings its own), or set postgres.url or STINT_POSTGRES_URL", e.message);
        return;
    }
    check_settings(p, pg);
    check_migrations(p, pg);
    check_connections(p, pg);
    PQfinish(pg);
}
