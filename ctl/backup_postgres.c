/*
 * backup_postgres - see backup_postgres.h, and docs/operations/backup.md for why nothing falls between the two moments.
 */
#include "backup_postgres.h"

#include "keys.h"
#include "pg_dial.h"
#include "pg_tools.h"
#include "stop_flag.h"

#include <stdio.h>

enum {
    CLOCK_LOOKS = 5,
    TOLD_MARGIN_MS = 5000, /* what is told twice is recognised by its entry id */
    TOLD_MAX = 20000,      /* above the cap of a pool's stream */
};

static int run(PGconn *pg, const char *sql, PGresult **ret_rows, struct err *e)
{
    PGresult *rows = PQexec(pg, sql);
    int rc = pg_dial_fault(pg, rows, e);
    if (rc == 0 && ret_rows != NULL)
        *ret_rows = rows;
    else
        PQclear(rows);
    return rc;
}

/* -- clocks
 * ------------------------------------------------------------------------------------------------------------- */

int backup_postgres_clock(struct session *s, int64_t *ret_ms, struct err *e)
{
    int64_t best = INT64_MAX;
    int rc = 0;
    for (int i = 0; rc == 0 && i < CLOCK_LOOKS; i++) {
        int64_t before = 0, after = 0;
        PGresult *rows = NULL;
        rc = stores_redis_now(&s->stores, &before, e);
        if (rc == 0)
            rc = session_sql(s, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", 0, NULL, &rows, e);
        if (rc == 0)
            rc = stores_redis_now(&s->stores, &after, e);
        if (rc == 0 && after - before < best) {
            best = after - before;
            *ret_ms = strtoll(PQgetvalue(rows, 0, 0), NULL, 10) - (before + after) / 2;
        }
        PQclear(rows);
    }
    return rc;
}

/* -- the moment
 * --------------------------------------------------------------------------------------------------------- */

static int write_entry(struct backup_part *part, const char *key, const redisReply *entry, struct err *e)
{
    json_t *fields = json_array();
    bool whole = entry->elements == 2;
    for (size_t i = 0; whole && i < entry->element[1]->elements; i++)
        whole = json_array_append_new(
                    fields, json_stringn(entry->element[1]->element[i]->str, entry->element[1]->element[i]->len)) == 0;
    if (!whole) {
        json_decref(fields);
        return err_set(e, ERR_PROTOCOL, "%s holds an entry that is no event of text: remove it (XDEL)", key);
    }
    json_t *row = json_pack("{s:s, s:s, s:o}", "key", key, "id", entry->element[0]->str, "fields", fields);
    AUTO_FREE char *text = row != NULL ? json_dumps(row, JSON_COMPACT) : NULL;
    json_decref(row);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for an event of %s", key);
    int rc = backup_part_write(part, text, strlen(text), e);
    return rc < 0 ? rc : backup_part_write(part, "\n", 1, e);
}

static int keep_stream(struct backup_postgres *b, struct backup_part *part, const char *queue, const char *pool,
                       int64_t from_ms, struct err *e)
{
    char key[KEY_MAX], suffix[KEY_MAX], from[24], most[16];
    struct redis_sync *redis;
    redisReply *entries = NULL;
    (void)snprintf(suffix, sizeof suffix, "match:%.100s", pool);
    (void)snprintf(from, sizeof from, "%lld", (long long)from_ms);
    (void)snprintf(most, sizeof most, "%d", TOLD_MAX);
    const char *const argv[] = {"XRANGE", keys_of(key, queue, suffix), from, "+", "COUNT", most};
    int rc = session_redis(b->s, &redis, e);
    if (rc == 0)
        rc = redis_sync_argv(redis, &entries, e, (int)ARRAY_LEN(argv), argv, NULL);
    for (size_t i = 0; rc == 0 && i < entries->elements; i++)
        rc = write_entry(part, key, entries->element[i], e);
    if (entries != NULL)
        freeReplyObject(entries);
    return rc;
}

/* Events that are in the application's streams by now. */
static int keep_told(struct backup_postgres *b, const PGresult *pools, int64_t from_ms, struct err *e)
{
    struct backup_part part;
    int rc = backup_part_open(b->folder, &part, BACKUP_TOLD, e);
    for (int i = 0; rc == 0 && i < PQntuples(pools); i++)
        rc = keep_stream(b, &part, PQgetvalue(pools, i, 0), PQgetvalue(pools, i, 1), from_ms, e);
    if (rc == 0)
        rc = backup_part_close(b->folder, &part, e);
    backup_part_abandon(&part);
    return rc;
}

static int take_snapshot(struct backup_postgres *b, struct err *e)
{
    PGresult *rows = NULL;
    int rc = pg_dial(&b->s->conf->postgres, "stint-backup", &b->holder, e);
    if (rc == 0)
        rc = run(b->holder, "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0", NULL, e);
    if (rc == 0)
        rc = run(b->holder, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, e);
    if (rc == 0)
        rc = run(b->holder,
                 "SELECT pg_export_snapshot(), (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE "
                 "pg_current_wal_lsn() END)::text,"
                 " (extract(epoch FROM clock_timestamp()) * 1000)::bigint, current_setting('server_version_num')::int",
                 &rows, e);
    if (rc == 0) {
        (void)snprintf(b->snapshot, sizeof b->snapshot, "%s", PQgetvalue(rows, 0, 0));
        (void)json_object_set_new(b->manifest, "lsn", json_string(PQgetvalue(rows, 0, 1)));
        (void)json_object_set_new(b->manifest, "at_ms", json_integer(strtoll(PQgetvalue(rows, 0, 2), NULL, 10)));
        (void)json_object_set_new(b->manifest, "server", json_integer(strtoll(PQgetvalue(rows, 0, 3), NULL, 10)));
    }
    PQclear(rows);
    return rc;
}

int backup_postgres_moment(struct backup_postgres *b, int64_t first_ms, struct err *e)
{
    PGconn *pg;
    PGresult *pools = NULL;
    if (first_ms < 0)
        return take_snapshot(b, e);
    int rc = session_pg(b->s, &pg, e);
    if (rc == 0)
        rc = run(pg, "SELECT queue, pool FROM stint.match_pool WHERE queue <> '' ORDER BY 1, 2", &pools, e);
    /* An event's row goes once the event is in its stream. While this is held none goes and none comes: what is in the
     * streams now and what is in the snapshot are all there is. */
    if (rc == 0)
        rc = run(pg, "BEGIN; LOCK TABLE stint.match_event IN SHARE MODE", NULL, e);
    if (rc == 0)
        rc = keep_told(b, pools, first_ms - TOLD_MARGIN_MS, e);
    if (rc == 0)
        rc = take_snapshot(b, e);
    PQclear(pools);
    struct err ended;
    int end_rc =
        rc == 0 || PQstatus(b->s->stores.pg) == CONNECTION_OK ? run(b->s->stores.pg, "ROLLBACK", NULL, &ended) : 0;
    return rc < 0 || end_rc == 0 ? rc : err_set(e, end_rc, "%.900s", ended.message);
}

/* -- the dump
 * ----------------------------------------------------------------------------------------------------------- */

static int count_tables(struct backup_postgres *b, struct err *e)
{
    PGresult *names = NULL, *highest = NULL;
    json_t *tables = json_object();
    int rc = run(b->holder,
                 "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                 " WHERE n.nspname = 'stint' AND c.relkind IN ('r', 'p') ORDER BY 1",
                 &names, e);
    for (int i = 0; rc == 0 && i < PQntuples(names); i++) {
        char sql[256];
        PGresult *count = NULL;
        rc = stop_flag_check(e);
        char *quoted = PQescapeIdentifier(b->holder, PQgetvalue(names, i, 0), strlen(PQgetvalue(names, i, 0)));
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM stint.%s", quoted != NULL ? quoted : "");
        PQfreemem(quoted);
        if (rc == 0)
            rc = run(b->holder, sql, &count, e);
        if (rc == 0)
            (void)json_object_set_new(tables, PQgetvalue(names, i, 0),
                                      json_integer(strtoll(PQgetvalue(count, 0, 0), NULL, 10)));
        PQclear(count);
    }
    if (rc == 0)
        rc = run(b->holder, "SELECT coalesce(max(version), 0) FROM stint.migrations", &highest, e);
    if (rc == 0)
        (void)json_object_set_new(b->manifest, "migration", json_integer(strtoll(PQgetvalue(highest, 0, 0), NULL, 10)));
    PQclear(names);
    PQclear(highest);
    (void)json_object_set_new(b->manifest, "tables", tables);
    return rc;
}

struct pumping {
    struct backup_part part;
    struct progress bar;
};

static int take_dump(void *arg, const char *bytes, size_t len, struct err *e)
{
    struct pumping *p = arg;
    int rc = backup_part_write(&p->part, bytes, len, e);
    progress_update(&p->bar, (size_t)p->part.bytes, (size_t)p->part.bytes);
    return rc;
}

int backup_postgres_dump(struct backup_postgres *b, struct err *e)
{
    char program[PATH_MAX], snapshot[BACKUP_SNAPSHOT_MAX + 16];
    struct pg_env env;
    struct pumping p = {.part = {.fd = -1}};
    int rc = pg_tools_find("pg_dump", PQserverVersion(b->holder) / 10000, program, e);
    if (rc == 0)
        rc = pg_env_make(&env, b->s->conf->postgres.url, e);
    if (rc < 0)
        return rc;
    (void)snprintf(snapshot, sizeof snapshot, "--snapshot=%s", b->snapshot);
    const char *const argv[] = {
        program, "--format=custom", "--schema=stint", snapshot, "--lock-wait-timeout=60000", "--no-password", NULL};
    progress_init(&p.bar, &b->s->out, "PostgreSQL");
    rc = backup_part_open(b->folder, &p.part, BACKUP_POSTGRES, e);
    if (rc == 0)
        rc = pg_tools_run(
            &(struct tool){.argv = argv, .env = env.vars, .take = take_dump, .arg = &p, .stopped = stop_flag_is_set},
            e);
    progress_end(&p.bar);
    if (rc == 0)
        rc = backup_part_close(b->folder, &p.part, e);
    backup_part_abandon(&p.part);
    pg_env_fini(&env);
    return rc < 0 ? rc : count_tables(b, e);
}

void backup_postgres_end(struct backup_postgres *b)
{
    PQfinish(b->holder);
    b->holder = NULL;
}
