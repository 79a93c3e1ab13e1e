/*
 * pg_error - what an SQLSTATE means: for the job in hand, for readiness, and for the person who reads the log.
 *
 * Runs in: worker, supervisor (texts only), ctl. Pure.
 *
 *   SQLSTATE, or libpq's own failure ──► condition ──► error code (err_table.h) ──► who pays (worker/retry_policy.c)
 *                                            └──► what is wrong and what to do, one sentence each
 */
#pragma once

#include "base.h"
#include "err.h"

/* X(id, code, what is wrong with PostgreSQL, what to do). A condition's number crosses the scoreboard. */
#define PG_CONDITIONS(X)                                                                                               \
    X(FINE, 0, "answers", "")                                                                                          \
    X(AWAY, ERR_STORE_UNAVAILABLE, "cannot be reached", "start it, or correct host and port in postgres.url")         \
    X(NAME, ERR_STORE_UNAVAILABLE, "has a host name that is not resolved",                                             \
      "correct the host in postgres.url, or mend this host's DNS")                                                    \
    X(STARTING, ERR_STORE_UNAVAILABLE, "is starting or stopping", "wait; its own log says how far it is")              \
    X(CREDENTIALS, ERR_STORE_UNAVAILABLE, "refuses the user or password",                                              \
      "correct user or password in postgres.url, or pg_hba.conf")                                                     \
    X(DATABASE, ERR_STORE_UNAVAILABLE, "has no such database", "create the database or correct postgres.url")          \
    X(CONNECTIONS, ERR_STORE_UNAVAILABLE, "has no connection left",                                                    \
      "raise max_connections, or lower postgres.pool_max or the number of workers")                                   \
    X(READ_ONLY, ERR_STORE_UNAVAILABLE, "is read-only or a standby", "postgres.url must name the primary")             \
    X(DISK, ERR_STORE_UNAVAILABLE, "has no space left or cannot use its disk", "free space on the database's disk")   \
    X(SCHEMA, ERR_STORE_UNAVAILABLE, "has not the schema this build needs",                                            \
      "run `stint migrate`, or upgrade this host if a newer stint migrated it")                                       \
    X(RIGHTS, ERR_STORE_UNAVAILABLE, "denies the user a right", "grant the user of postgres.url what it needs on "     \
                                                               "schema stint")                                         \
    X(RESOURCES, ERR_STORE_UNAVAILABLE, "is short of a resource", "its own log names it")                              \
    X(BUSY, ERR_STORE_UNAVAILABLE, "left no connection of this worker free in time", "raise postgres.pool_max")       \
    X(SLOW, ERR_STORE_LOST, "does not answer in time",                                                                 \
      "is it stopped or overloaded, or is a lock held? (pg_stat_activity, postgres.statement_timeout)")               \
    X(LOST, ERR_STORE_LOST, "ended the session in the middle", "its own log says why")                                 \
    X(MEMORY, ERR_STORE_LOST, "is out of memory", "give it memory, or lower work_mem")                                 \
    X(CONFLICT, ERR_STORE_CONFLICT, "met another transaction in the way", "")                                          \
    X(SESSION, ERR_STORE_CONFLICT, "forgot or replanned a prepared statement", "")                                     \
    X(REFUSED, ERR_STORE_REFUSED, "refused the statement", "")

enum pg_condition {
#define X(id, code, text, remedy) PG_##id,
    PG_CONDITIONS(X)
#undef X
        PG_CONDITION_COUNT
};

/* The condition of an SQLSTATE. NULL or "" (libpq itself failed): PG_LOST. One that is not known: PG_REFUSED, for
 * retrying a wrong statement for ever helps nobody. Source: PostgreSQL 15 manual, appendix A. */
enum pg_condition pg_error_condition(const char *sqlstate);
/* The error code of the SQLSTATE's condition. */
int pg_error_code(const char *sqlstate);
/* The condition's error code; 0 for PG_FINE. */
int pg_condition_code(enum pg_condition condition);
/* "cannot be reached": what follows "PostgreSQL". Static storage; a number of another build is "is away". */
const char *pg_condition_text(uint32_t condition);
/* What to do, "" when nothing need be done. Static storage. */
const char *pg_condition_remedy(uint32_t condition);
/* True when the session must not be used again: its prepared statements are gone or planned for another schema. */
bool pg_error_spoils_session(const char *sqlstate);

enum { PG_STATE_SIZE = 6 };
/* The SQLSTATE in libpq's text of a failed connection (PQERRORS_VERBOSE: "FATAL:  53300: sorry, …"), else "". */
void pg_error_state_in(const char *text, char ret_state[static PG_STATE_SIZE]);
/* The condition of a connection that was refused, by libpq's text: never one that says a job is wrong. */
enum pg_condition pg_error_refusal(const char *text);
/* Makes one line of libpq's text for people: no newlines, no source location, no SQLSTATE prefix. In place. */
void pg_error_one_line(char *text);
