/*
 * pg_error - what an SQLSTATE means for a job.
 *
 * Runs in: worker, ctl. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"

/* ERR_STORE_UNAVAILABLE (the server or its schema cannot serve now: connection, shutdown, out of connections, disk
 * full, read-only, time limits, a migration not applied yet), ERR_STORE_CONFLICT (another transaction was in the way:
 * 40001, 40P01, 55P03), or ERR_STORE_REFUSED (the statement itself is wrong). NULL or "" (libpq itself failed):
 * ERR_STORE_UNAVAILABLE. Source: PostgreSQL 15 manual, appendix A. */
int pg_error_code(const char *sqlstate);
/* What to do about it, as "; do this", or "". Static storage. */
const char *pg_error_remedy(const char *sqlstate);
/* True when the session must not be used again: its prepared statements are gone or planned for another schema. */
bool pg_error_spoils_session(const char *sqlstate);
