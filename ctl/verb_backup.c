/*
 * verb_backup - `stint backup`: Redis first, PostgreSQL a moment later, both while jobs run. Refuses to leave anything
 * half under its final name, and to write over anything.
 */
#include "backup_dump.h"
#include "backup_postgres.h"
#include "build_info.h"
#include "clock.h"
#include "killpoint.h"
#include "pg_tools.h"
#include "queue_find.h"
#include "stop_flag.h"
#include "verb.h"

#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

const struct arg_spec verb_backup_options[] = {
    {"out", ARG_TEXT, "PATH", "where: a folder of backups (a name is made), else the folder or NAME.tar to make", NULL,
     1, 3000},
    {"redis-only", ARG_FLAG, NULL, "only Redis", NULL, 0, 0},
    {"postgres-only", ARG_FLAG, NULL, "only PostgreSQL", NULL, 0, 0},
    {"queue", ARG_TEXT, "QUEUE", "only this queue's keys in Redis, read by one script; nothing of PostgreSQL", NULL, 1,
     64},
    {"keep", ARG_INT, "N", "in a folder of backups: afterwards remove all but the newest N", NULL, 1, 10000},
    {.name = NULL},
};

struct making {
    struct session *s;
    struct backup_folder folder;
    struct queue_list queues;
    struct backup_redis redis;
    struct backup_postgres postgres;
    bool with_redis, with_postgres;
    json_t *manifest; /* owned */
    int64_t clock_ms; /* PostgreSQL's clock minus Redis' */
};

/* -- what is asked for
 * ---------------------------------------------------------------------------------------------------- */

static int choose(struct making *m, struct err *e)
{
    const struct args *a = &m->s->args;
    const char *queue = args_text(a, "queue", NULL);
    const struct conf *conf;
    if (!args_has(a, "out"))
        return err_set(e, ERR_BAD_ARGUMENT, "--out is needed: a folder of backups, or the folder or NAME.tar to make");
    if (args_has(a, "postgres-only") && (args_has(a, "redis-only") || queue != NULL))
        return err_set(e, ERR_BAD_ARGUMENT, "--postgres-only excludes --redis-only and --queue; give one of them");
    m->with_redis = !args_has(a, "postgres-only");
    m->with_postgres = !args_has(a, "redis-only") && queue == NULL;
    int rc = session_conf(m->s, &conf, e);
    if (rc == 0 && m->with_redis && conf->redis.cluster)
        return err_set(e, ERR_REFUSED, "a Redis Cluster is not backed up by stint: copy each master's append-only file; "
                                       "--postgres-only backs PostgreSQL up");
    if (rc == 0 && m->with_redis)
        rc = queue != NULL ? queue_list_parts(&m->s->stores, queue, &m->queues, e)
                           : queue_find_all(m->s, &m->queues, e);
    if (rc == 0 && queue != NULL)
        rc = queue_list_check_known(&m->s->stores, queue, e);
    return rc;
}

/* Before anything is written: what would fail at the end fails now. */
static int check_tools(struct making *m, struct err *e)
{
    char program[PATH_MAX];
    PGconn *pg;
    if (!m->with_postgres)
        return 0;
    int rc = session_pg(m->s, &pg, e);
    return rc < 0 ? rc : pg_tools_find("pg_dump", PQserverVersion(pg) / 10000, program, e);
}

static int begin_manifest(struct making *m, struct err *e)
{
    unsigned char random[16];
    char id[2 * sizeof random + 1], made[32], host[128] = "";
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set_errno(e, errno, "the kernel gives no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", random[i]);
    (void)strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    (void)gethostname(host, sizeof host - 1);
    m->manifest = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "format", "stint-backup", "v", BACKUP_VERSION, "id",
                            id, "made_at", made, "version", STINT_VERSION, "host", host, "actor", m->s->stores.actor);
    return m->manifest != NULL ? 0 : err_set(e, ERR_OUT_OF_MEMORY, "no memory for the manifest");
}

/* -- Redis, and in its midst PostgreSQL's moment
 * --------------------------------------------------------------------------- */

/* A row of the outbox that was marked after this did not reach Redis' part, or Redis' part remembers its answer:
 * docs/operations/backup.md. */
static void note_outbox(struct making *m)
{
    json_t *queues = json_object_get(m->redis.manifest, "queues"), *row;
    size_t i;
    json_array_foreach(queues, i, row)
    {
        json_int_t at_ms = json_integer_value(json_object_get(row, "at_ms"));
        (void)json_object_set_new(row, "outbox_after_ms", json_integer(at_ms + m->clock_ms));
    }
}

/* Rows of the outbox are pruned some time after they were relayed: none may be between the two moments. */
static int check_window(struct making *m, int64_t first_ms, struct err *e)
{
    int64_t window = json_integer_value(json_object_get(m->postgres.manifest, "at_ms")) - (first_ms + m->clock_ms);
    (void)json_object_set_new(m->manifest, "window_ms", json_integer(window));
    if (window < m->s->conf->relay.outbox_keep)
        return 0;
    return err_set(e, ERR_REFUSED,
                   "PostgreSQL's moment came %lld ms after Redis', and [relay] outbox_keep is %lld ms: rows of the "
                   "outbox may be gone that "
                   "Redis' part does not hold. Raise outbox_keep, or set \"repl-diskless-sync yes\" in Redis",
                   (long long)window, (long long)m->s->conf->relay.outbox_keep);
}

static int on_moment(void *arg, int64_t first_ms, struct err *e)
{
    struct making *m = arg;
    if (!m->with_postgres)
        return 0;
    uint64_t began = clock_mono_ms();
    int rc = backup_postgres_moment(&m->postgres, first_ms, e);
    (void)json_object_set_new(m->manifest, "held_ms", json_integer((json_int_t)(clock_mono_ms() - began)));
    return rc < 0 ? rc : check_window(m, first_ms, e);
}

/* One that was born since the queues were listed is in Redis' part, but nobody would bring it back. */
static int check_born(struct making *m, struct err *e)
{
    AUTO_FREE struct queue_list *now = malloc(sizeof *now);
    if (now == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of queues");
    int rc = queue_find_all(m->s, now, e);
    for (size_t i = 0; rc == 0 && i < now->n; i++) {
        bool known = false;
        for (size_t k = 0; !known && k < m->queues.n; k++)
            known = strcmp(now->names[i], m->queues.names[k]) == 0;
        if (!known)
            rc = err_set(e, ERR_REFUSED,
                         "queue %s was born while the backup was made, which does not hold it: make it again",
                         now->names[i]);
    }
    return rc;
}

static int make_redis(struct making *m, struct err *e)
{
    int rc = backup_postgres_clock(m->s, &m->clock_ms, e);
    if (rc < 0)
        return rc;
    m->redis = (struct backup_redis){.s = m->s,
                                     .folder = &m->folder,
                                     .queues = &m->queues,
                                     .dump = args_has(&m->s->args, "queue"),
                                     .on_moment = on_moment,
                                     .arg = m,
                                     .manifest = json_object()};
    (void)json_object_set_new(m->manifest, "redis", m->redis.manifest);
    rc = backup_redis_run(&m->redis, e);
    KILL_POINT("backup_redis");
    if (rc == 0 && !args_has(&m->s->args, "queue"))
        rc = check_born(m, e);
    if (rc == 0)
        note_outbox(m);
    return rc;
}

static int make_postgres(struct making *m, struct err *e)
{
    int rc = m->with_redis ? 0 : backup_postgres_moment(&m->postgres, -1, e);
    return rc < 0 ? rc : backup_postgres_dump(&m->postgres, e);
}

static int make(struct making *m, struct err *e)
{
    int rc = backup_folder_begin(&m->folder, args_text(&m->s->args, "out", ""), clock_wall_ms(), e);
    if (rc == 0)
        rc = begin_manifest(m, e);
    if (rc == 0 && m->with_postgres) {
        m->postgres = (struct backup_postgres){.s = m->s, .folder = &m->folder, .manifest = json_object()};
        (void)json_object_set_new(m->manifest, "postgres", m->postgres.manifest);
    }
    if (rc == 0 && m->with_redis)
        rc = make_redis(m, e);
    if (rc == 0 && m->with_postgres)
        rc = make_postgres(m, e);
    return rc == 0 ? stop_flag_check(e) : rc;
}

/* -- the end
 * -------------------------------------------------------------------------------------------------------------- */

static void report(struct making *m, const char *path, uint64_t took_ms, size_t pruned)
{
    struct out *o = &m->s->out;
    char size[32], took[32];
    int64_t bytes = 0;
    json_t *part;
    size_t i;
    json_array_foreach(m->folder.parts, i, part) bytes += json_integer_value(json_object_get(part, "bytes"));
    if (o->json) {
        json_t *record = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "path", path, "id", json_text(m->manifest, "id"),
                                   "bytes", (json_int_t)bytes, "ms", (json_int_t)took_ms, "queues",
                                   (json_int_t)m->queues.n, "removed", (json_int_t)pruned);
        out_json(o, record);
        json_decref(record);
        return;
    }
    out_tinted(o, TINT_GREEN, "%s: %s in %s", path, out_bytes(size, bytes), out_ms(took, (int64_t)took_ms));
    if (pruned > 0)
        out_line(o, "%zu older backup%s removed (--keep)", pruned, pruned == 1 ? "" : "s");
    out_line(o, "\"stint verify %s\" restores it into private servers and proves it", path);
}

int verb_backup(struct session *s)
{
    struct err e = {.code = 0};
    char path[BACKUP_PATH_MAX] = "";
    AUTO_FREE struct making *m = calloc(1, sizeof *m);
    uint64_t began = clock_mono_ms();
    size_t pruned = 0;
    if (m == NULL)
        return EXIT_FAILED;
    m->s = s;
    m->folder.fd = -1;
    (void)umask(077);
    stop_flag_watch();
    int rc = choose(m, &e);
    if (rc == 0)
        rc = check_tools(m, &e);
    if (rc == 0)
        rc = make(m, &e);
    if (rc == 0)
        rc = backup_folder_commit(&m->folder, m->manifest, path, &e);
    if (rc == 0 && args_has(&s->args, "keep"))
        pruned = backup_folder_prune(&m->folder, (size_t)args_int(&s->args, "keep", 1));
    if (rc == 0)
        report(m, path, clock_mono_ms() - began, pruned);
    backup_postgres_end(&m->postgres);
    backup_folder_end(&m->folder);
    json_decref(m->manifest);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
