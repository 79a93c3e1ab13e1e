/*
 * migrate - brings the schema of a database up to what this build needs.
 *
 * Runs in: ctl (`stint migrate`, `stint up`, `stint preflight`), tests. Blocks.
 * The files of migrations/ are inside the program. Each is applied once, in order, in a transaction of its own, under
 * an advisory lock, and remembered in stint.migrations with the SHA-256 of its text.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <libpq-fe.h>

struct migration {
    int version;
    const char *name;
    const char *sha256; /* hex, of the text */
    const char *sql;
};

enum migrate_step {
    MIGRATE_WAITING, /* somebody else migrates; the lock is waited for */
    MIGRATE_APPLIED, /* just now; with dry_run: would be */
    MIGRATE_THERE,   /* it was applied before */
};

/* What happened to one migration (NULL with MIGRATE_WAITING). */
typedef void (*migrate_report_fn)(void *arg, enum migrate_step step, const struct migration *m);

/* The migrations of this build in order. Static storage. */
const struct migration *migrate_all(size_t *ret_n);
/* Applies what is missing. dry_run: reports only, changes nothing. report may be NULL.
 * ERR_REFUSED when an applied migration's text is not the one of this build (somebody edited history: nothing is done),
 * ERR_STORE_UNAVAILABLE, or ERR_STORE_REFUSED with the file, the server's words and its line; that file then left no
 * trace. */
int migrate_run(PGconn *pg, bool dry_run, migrate_report_fn report, void *arg, struct err *e);
/* How many migrations of this build are applied, and the highest version the database has (it may be of a newer build).
 * Errors as migrate_run. */
int migrate_state(PGconn *pg, size_t *ret_applied, int *ret_highest, struct err *e);
