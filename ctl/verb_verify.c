/*
 * verb_verify - `stint verify`: a backup is worth what a restore of it is. Restores into private servers, proves the
 * ledger there, and compares with what the backup says it holds. Refuses to call a backup good of which only the
 * checksums were looked at, unless asked for that.
 */
#include "clock.h"
#include "fsck_walk.h"
#include "restore.h"
#include "stop_flag.h"
#include "verb.h"

#include <stdio.h>
#include <sys/stat.h>

enum { SETTLE_MS = 1000, SHOWN_MAX = 50 };

const struct arg_spec verb_verify_options[] = {
    {"checksums", ARG_FLAG, NULL, "only the manifest and the checksums; nothing is restored", NULL, 0, 0},
    {.name = NULL},
};

struct proof {
    struct session *s;
    struct session there; /* the private stores */
    struct backup_archive archive;
    struct private_stores stores;
    struct restore restore;
    size_t findings;
    uint64_t looked;
};

static int check_queue(struct proof *p, const struct restore_queue *q, struct err *e)
{
    struct queue_call c;
    json_t *stats = NULL;
    struct fsck_findings found = {.n = 0};
    struct progress bar;
    progress_init(&bar, &p->there.out, q->name);
    struct fsck_walk w = {.s = &p->there, .queue = q->name, .postgres = p->restore.with_postgres, .bar = &bar};
    int rc = fsck_walk_queue(&w, SETTLE_MS, &found, e);
    progress_end(&bar);
    if (rc == 0 && found.n > 0)
        fsck_findings_print(&p->there, &found, SHOWN_MAX, false);
    p->findings += found.n + found.beyond;
    p->looked += w.looked;
    fsck_findings_fini(&found);
    queue_call_init(&c, "stint_stats", q->name);
    if (rc == 0)
        rc = queue_call_json(&p->there.stores, &c, &stats, e);
    if (rc == 0)
        rc = backup_manifest_compare(q->row, stats, e);
    json_decref(stats);
    return rc;
}

/* Every table holds what it held at the backup's moment; claims alone may be fewer. */
static int check_table(struct proof *p, const char *name, int64_t wanted, struct err *e)
{
    char sql[256];
    PGresult *count = NULL;
    PGconn *pg;
    int rc = session_pg(&p->there, &pg, e);
    if (rc < 0)
        return rc;
    char *quoted = PQescapeIdentifier(pg, name, strlen(name));
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM stint.%.128s", quoted != NULL ? quoted : "");
    PQfreemem(quoted);
    rc = session_sql(&p->there, sql, 0, NULL, &count, e);
    int64_t is = rc == 0 ? strtoll(PQgetvalue(count, 0, 0), NULL, 10) : 0;
    PQclear(count);
    bool fewer_fine = strcmp(name, "job_outcome") == 0, more_fine = strcmp(name, "migrations") == 0;
    if (rc == 0 && ((is < wanted && !fewer_fine) || (is > wanted && !more_fine)))
        rc = err_set(e, ERR_BAD_PAYLOAD, "table stint.%.100s has %lld rows after the restore; the backup says %lld",
                     name, (long long)is, (long long)wanted);
    return rc;
}

static int check_all(struct proof *p, struct err *e)
{
    json_t *tables = json_object_get(json_object_get(p->archive.manifest, "postgres"), "tables"), *count;
    const char *name;
    int rc = 0;
    json_object_foreach(tables, name, count) if (rc == 0) rc = check_table(p, name, json_integer_value(count), e);
    for (size_t i = 0; rc == 0 && i < p->restore.n_queues; i++)
        if (!p->restore.queues[i].of_host)
            rc = check_queue(p, &p->restore.queues[i], e);
    return rc;
}

static int prove(struct proof *p, struct err *e)
{
    uint64_t bytes = 0;
    const json_t *parts = json_object_get(p->archive.manifest, "parts"), *row;
    size_t i;
    json_array_foreach(parts, i, row) bytes += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
    p->there.conf = calloc(1, sizeof *p->there.conf);
    if (p->there.conf == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a configuration");
    (void)snprintf(p->there.stores.actor, sizeof p->there.stores.actor, "%s", p->s->stores.actor);
    p->there.stores.conf = p->there.conf;
    p->there.out = p->s->out;
    p->there.verb = "verify";
    int rc = conf_load(p->there.conf, "", e);
    if (rc == 0)
        rc = private_stores_begin(&p->stores, 4 * bytes + (UINT64_C(128) << 20), e);
    p->restore = (struct restore){.to = &p->there,
                                  .archive = &p->archive,
                                  .stores = &p->stores,
                                  .with_redis = backup_manifest_queues(p->archive.manifest) != NULL,
                                  .with_postgres = backup_manifest_part(p->archive.manifest, BACKUP_POSTGRES) != NULL,
                                  .private_roles = true};
    p->restore.settle_postgres = p->restore.with_postgres;
    if (rc == 0)
        rc = private_target_start(&p->stores, p->there.conf, p->restore.with_postgres, e);
    if (rc == 0)
        rc = restore_run(&p->restore, false, e);
    return rc < 0 ? rc : check_all(p, e);
}

static void report(struct proof *p, bool restored, uint64_t took_ms)
{
    struct out *o = &p->s->out;
    char took[32];
    if (o->json) {
        json_t *record =
            json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "path", p->archive.path, "id",
                      json_text(p->archive.manifest, "id"), "made_at", json_text(p->archive.manifest, "made_at"),
                      "restored", restored, "keys", (json_int_t)p->restore.keys, "looked", (json_int_t)p->looked,
                      "findings", (json_int_t)p->findings, "ms", (json_int_t)took_ms);
        out_json(o, record);
        json_decref(record);
        return;
    }
    if (!restored)
        out_line(o, "%s: manifest and checksums are right; nothing was restored", p->archive.path);
    else
        out_tinted(o, p->findings == 0 ? TINT_GREEN : TINT_RED,
                   "%s: restored into private servers in %s; %zu fault%s in %llu things looked at", p->archive.path,
                   out_ms(took, (int64_t)took_ms), p->findings, p->findings == 1 ? "" : "s",
                   (unsigned long long)p->looked);
}

int verb_verify(struct session *s)
{
    struct err e = {.code = 0};
    uint64_t began = clock_mono_ms();
    AUTO_FREE struct proof *p = calloc(1, sizeof *p);
    if (p == NULL)
        return EXIT_FAILED;
    p->s = s;
    p->archive.fd = -1;
    (void)umask(022);
    stop_flag_watch();
    bool only_sums = args_has(&s->args, "checksums");
    int rc = backup_archive_open(&p->archive, s, args_positional(&s->args, 0), &e);
    struct err missing;
    if (rc == 0 && !only_sums &&
        private_stores_possible(backup_manifest_part(p->archive.manifest, BACKUP_POSTGRES) != NULL, &missing) < 0)
        rc = err_set(&e, ERR_REFUSED,
                     "manifest and checksums are right, but nothing was restored, so nothing is proven: %.600s",
                     missing.message);
    if (rc == 0 && !only_sums)
        rc = prove(p, &e);
    if (rc == 0)
        report(p, !only_sums, clock_mono_ms() - began);
    size_t findings = p->findings;
    session_fini(&p->there);
    private_stores_end(&p->stores);
    backup_archive_end(&p->archive);
    return rc < 0 ? session_fail(s, &e) : findings == 0 ? EXIT_DONE : EXIT_FAILED;
}
