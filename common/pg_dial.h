/*
 * pg_dial - a blocking PostgreSQL connection for programs that have nothing else to do meanwhile.
 *
 * Runs in: ctl, relay. Blocks with the configured timeouts; a peer that vanished is noticed within PG_DIAL_LOST_MS.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include <libpq-fe.h>

enum { PG_DIAL_LOST_MS = 10000 };
/* Whose database it is, as the package and systemd/stint.sysusers make it. */
#define PG_DIAL_SERVICE_USER "stint"

/* Over a Unix socket PostgreSQL asks the kernel who connects ("peer"): root, where it is refused as root, connects as the service's user.
 * Connects with statement_timeout set, on both ends noticing a lost peer soon. *ret_pg is the caller's (PQfinish).
 * ERR_STORE_UNAVAILABLE with the address, the reason and the remedy, never the password. */
int pg_dial(const struct conf_postgres *conf, const char *application, PGconn **ret_pg, struct err *e);
/* Says in e what went wrong with `rows` (may be NULL) on pg: ERR_STORE_UNAVAILABLE, ERR_STORE_LOST,
 * ERR_STORE_CONFLICT or ERR_STORE_REFUSED with the server's words and the remedy. Returns the code; 0 and e untouched when nothing did. */
int pg_dial_fault(PGconn *pg, const PGresult *rows, struct err *e);
