/*
 * verb_restore - `stint restore`: a backup into the stores of the configuration. Refuses while anybody works there, and
 * over jobs that are there; an interrupted one is finished by the same command.
 */
#include "audit_note.h"
#include "clock.h"
#include "restore.h"
#include "stop_flag.h"
#include "verb.h"

#include <stdio.h>
#include <sys/stat.h>

const struct arg_spec verb_restore_options[] = {
    {"dry-run", ARG_FLAG, NULL, "check the backup and the stores, say what would be done, change nothing", NULL, 0, 0},
    {"redis-only", ARG_FLAG, NULL, "only Redis; PostgreSQL's outbox is brought in line with it", NULL, 0, 0},
    {"postgres-only", ARG_FLAG, NULL, "only PostgreSQL; refused under a Redis that holds jobs", NULL, 0, 0},
    {"force-redis", ARG_FLAG, NULL, "remove the backup's queues from the target first", NULL, 0, 0},
    {"force-postgres", ARG_FLAG, NULL, "drop schema stint of the target first", NULL, 0, 0},
    {.name = NULL},
};

static int choose(struct session *s, struct restore *r, struct err *e)
{
    const struct args *a = &s->args;
    const json_t *manifest = r->archive->manifest;
    const struct conf *conf;
    bool has_redis = backup_manifest_queues(manifest) != NULL,
         has_postgres = backup_manifest_part(manifest, BACKUP_POSTGRES) != NULL;
    if (args_has(a, "redis-only") && args_has(a, "postgres-only"))
        return err_set(e, ERR_BAD_ARGUMENT, "--redis-only and --postgres-only exclude one another; give one of them");
    r->with_redis = has_redis && !args_has(a, "postgres-only");
    r->with_postgres = has_postgres && !args_has(a, "redis-only");
    r->settle_postgres = true;
    r->force_redis = args_has(a, "force-redis");
    r->force_postgres = args_has(a, "force-postgres");
    if (!r->with_redis && !r->with_postgres)
        return err_set(e, ERR_BAD_ARGUMENT, "the backup holds nothing of %s", has_redis ? "PostgreSQL" : "Redis");
    int rc = session_conf(s, &conf, e);
    if (rc == 0 && conf->redis.cluster && r->with_redis)
        return err_set(e, ERR_REFUSED, "stint restores into one Redis server, not into a cluster; --postgres-only restores PostgreSQL");
    return rc;
}

static void print_plan(struct session *s, const struct restore *r)
{
    const json_t *m = r->archive->manifest;
    out_line(&s->out, "backup of %s by %s, stint %s", json_text(m, "made_at"), json_text(m, "actor"),
             json_text(m, "version"));
    if (r->with_postgres)
        out_line(&s->out, "PostgreSQL: schema stint would be %s",
                 r->postgres_there   ? "left as an earlier run restored it"
                 : r->rows_there > 0 ? "dropped and restored"
                                     : "restored");
    for (size_t i = 0; i < r->n_queues; i++) {
        const struct restore_queue *q = &r->queues[i];
        if (q->of_host)
            continue;
        out_line(&s->out, "queue %s: %lld ever enqueued; %s", q->name,
                 (long long)json_number(json_object_get(q->row, "after"), "enqueued", 0),
                 q->stage == RESTORE_DONE   ? "finished by an earlier run"
                 : q->stage != RESTORE_NONE ? "an earlier run would be finished"
                 : q->enqueued > 0          ? "what the target holds would be removed first"
                                            : "would be restored");
    }
}

static void report(struct session *s, const struct restore *r, uint64_t took_ms, bool dry_run)
{
    char took[32];
    if (s->out.json) {
        json_t *record =
            json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "path", r->archive->path, "id",
                      json_text(r->archive->manifest, "id"), "dry_run", dry_run, "keys", (json_int_t)r->keys,
                      "claims_moved", (json_int_t)r->claims_moved, "outbox_again", (json_int_t)r->outbox_again,
                      "events_again", (json_int_t)r->events_again, "ms", (json_int_t)took_ms);
        out_json(&s->out, record);
        json_decref(record);
        return;
    }
    if (dry_run) {
        out_line(&s->out, "nothing was changed");
        return;
    }
    out_tinted(&s->out, TINT_GREEN, "restored in %s: %llu keys", out_ms(took, (int64_t)took_ms),
               (unsigned long long)r->keys);
    out_line(&s->out,
             "%llu jobs that ran when the backup was made are ready again; %llu rows of the outbox are sent again; "
             "%llu events told again",
             (unsigned long long)r->claims_moved, (unsigned long long)r->outbox_again,
             (unsigned long long)r->events_again);
    out_line(&s->out, "\"stint fsck --all --postgres\" proves it; then start the supervisors");
}

static void note(struct session *s, const struct restore *r)
{
    json_t *details = json_pack("{s:s, s:s, s:I}", "backup", json_text(r->archive->manifest, "id"), "from",
                                r->archive->path, "keys", (json_int_t)r->keys);
    if (r->with_redis)
        audit_note(s, NULL, "restore", "", details);
    json_decref(details);
}

static uint64_t bytes_of(const json_t *manifest)
{
    uint64_t bytes = 0;
    const json_t *parts = json_object_get(manifest, "parts"), *row;
    size_t i;
    json_array_foreach(parts, i, row) bytes += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
    return bytes;
}

int verb_restore(struct session *s)
{
    struct err e = {.code = 0};
    struct backup_archive archive = {.fd = -1};
    struct private_stores stores = {.dir = {.root = ""}};
    AUTO_FREE struct restore *r = calloc(1, sizeof *r);
    bool dry_run = args_has(&s->args, "dry-run");
    uint64_t began = clock_mono_ms();
    if (r == NULL)
        return EXIT_FAILED;
    (void)umask(022); /* the private server runs as another user; what it needs is closed one by one */
    stop_flag_watch();
    *r = (struct restore){.to = s, .archive = &archive, .stores = &stores};
    int rc = backup_archive_open(&archive, s, args_positional(&s->args, 0), &e);
    if (rc == 0)
        rc = choose(s, r, &e);
    if (rc == 0 && r->with_redis)
        rc = private_stores_possible(false, &e);
    if (rc == 0 && r->with_redis && !dry_run)
        rc = private_stores_begin(&stores, bytes_of(archive.manifest), &e);
    if (rc == 0)
        rc = restore_run(r, dry_run, &e);
    if (rc == 0 && !dry_run)
        note(s, r);
    if (rc == 0 && dry_run && !s->out.json)
        print_plan(s, r);
    if (rc == 0)
        report(s, r, clock_mono_ms() - began, dry_run);
    private_stores_end(&stores);
    backup_archive_end(&archive);
    return rc < 0 ? session_fail(s, &e) : EXIT_DONE;
}
