/*
 * private_stores - see private_stores.h. The same command lines as `stint up`, without its restarts: a server that ends
 * here ends the work.
 */
#include "private_stores.h"

#include "clock.h"
#include "dump_records.h"
#include "queue_call.h"
#include "stop_flag.h"
#include "temporary_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

enum { SILENT_MS = 60000, WORKING_MS = 1800000, LOOK_US = 20000, LINK_TIMEOUT_MS = 600000 };

/* -- folders
 * ---------------------------------------------------------------------------------------------------------------- */

int private_stores_begin(struct private_stores *p, uint64_t need_bytes, struct err *e)
{
    char path[PATH_MAX], sub[STACK_PATH_MAX];
    struct statvfs fs;
    *p = (struct private_stores){.source.pidfd = -1, .redis.pidfd = -1, .postgres.pidfd = -1};
    int rc = temporary_folder_make("private", path, &p->lock, e);
    if (rc < 0)
        return rc;
    if (statvfs(path, &fs) == 0 && fs.f_bavail * fs.f_frsize < need_bytes) {
        (void)rmdir(path);
        base_close_fd(&p->lock);
        return err_set(
            e, -ENOSPC,
            "the temporary servers need about %llu MiB, and %s has %llu free: name another place with TMPDIR",
            (unsigned long long)(need_bytes >> 20), path, (unsigned long long)(fs.f_bavail * fs.f_frsize >> 20));
    }
    (void)chmod(path, 0711); /* the servers' user passes through; their folders below are closed */
    rc = stack_dir_prepare(&p->dir, path, NULL, e);
    if (rc == 0)
        rc = stack_dir_prepare(&p->source_dir, stack_dir_path(&p->dir, "source", sub), NULL, e);
    if (rc == 0 && chdir(p->dir.root) < 0)
        rc = err_set_errno(e, errno, "cannot enter %s", p->dir.root);
    if (rc < 0) {
        backup_folder_remove(path);
        base_close_fd(&p->lock);
        p->dir.root[0] = '\0';
    }
    return rc;
}

int private_stores_possible(bool with_postgres, struct err *e)
{
    struct stack_child child;
    struct stack_dir none = {.root = "/nonexistent"};
    struct err why;
    int rc = stack_redis_init(&child, &none, &why);
    if (rc == 0 && with_postgres)
        rc = stack_postgres_init(&child, &none, &why);
    return rc == 0 ? 0 : err_set(e, ERR_REFUSED, "%s", why.message);
}

/* -- servers
 * ---------------------------------------------------------------------------------------------------------------- */

static void keep_line(void *arg, const char *line)
{
    (void)snprintf(arg, 300, "%.299s", line);
}

static int ended(const struct stack_child *c, const char *what, struct err *e)
{
    char last[300] = "", how[64];
    stack_child_tail(c, 1, keep_line, last);
    return err_set(e, ERR_REFUSED, "the private %s ended with %s%s: %.300s", c->name, stack_child_how(c, how), what,
                   last);
}

static int wait_end(struct stack_child *c)
{
    while (!stack_child_ended(c, clock_mono_ms()))
        (void)usleep(LOOK_US);
    return c->status;
}

/* Asks until it is ready; one that loads much is given time. */
static int await(struct stack_child *c, const struct conf *conf, const char *what, struct err *e)
{
    uint64_t began = clock_mono_ms(), limit = SILENT_MS;
    for (;;) {
        struct err seen = {.code = 0};
        bool is_redis = strcmp(c->name, "Redis") == 0;
        enum stack_probe found =
            is_redis ? stack_redis_probe(conf, &seen) : stack_postgres_probe(conf->postgres.url, &seen);
        if (found == STACK_PROBE_READY)
            return 0;
        if (found == STACK_PROBE_WORKING)
            limit = WORKING_MS;
        if (stack_child_ended(c, clock_mono_ms()))
            return ended(c, what, e);
        int rc = stop_flag_check(e);
        if (rc < 0)
            return rc;
        if (clock_mono_ms() - began > limit)
            return err_set(e, ERR_TIMED_OUT, "the private %s does not answer: %.600s", c->name, seen.message);
        (void)usleep(LOOK_US);
    }
}

/* -- the source
 * ------------------------------------------------------------------------------------------------------------- */

static int copy_part(const struct private_stores *p, int from, struct err *e)
{
    char path[STACK_PATH_MAX];
    struct stat st;
    (void)stack_dir_path(&p->source_dir, "redis/dump.rdb", path);
    AUTO_CLOSE int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0 || fstat(from, &st) < 0)
        return err_set_errno(e, errno, "cannot write %s", path);
    for (off_t sent = 0; sent < st.st_size;) {
        ssize_t n = sendfile(to, from, &sent, (size_t)MIN_OF(st.st_size - sent, (off_t)1 << 26));
        if (n <= 0)
            return err_set_errno(e, n < 0 ? errno : EIO, "cannot copy the backup to %s", path);
        if (stop_flag_is_set())
            return stop_flag_check(e);
    }
    return stack_dir_own(&p->source_dir, path) < 0
               ? err_set_errno(e, errno, "cannot give %s to the servers' user", path)
               : 0;
}

static int put_record(struct redis_sync *link, const struct dump_record *r, struct err *e)
{
    char end[24];
    redisReply *reply = NULL;
    (void)snprintf(end, sizeof end, "%lld", (long long)MAX_OF(r->expire_ms, INT64_C(0)));
    const char *argv[] = {"RESTORE", r->key, end, r->value, "ABSTTL"};
    const size_t lens[] = {7, r->key_len, strlen(end), r->value_len, 6};
    reply = redisCommandArgv(link->ctx, (int)ARRAY_LEN(argv), argv, lens);
    int rc = 0;
    if (reply == NULL)
        rc = err_set(e, ERR_REDIS_UNAVAILABLE, "the private Redis was lost while the backup's keys were loaded");
    else if (reply->type == REDIS_REPLY_ERROR)
        rc =
            err_set(e, ERR_REFUSED,
                    "this redis-server cannot read key %.100s of the backup (%.150s): install the version that made it",
                    r->key, reply->str);
    if (reply != NULL)
        freeReplyObject(reply);
    return rc;
}

static int load_records(struct private_stores *p, int fd, struct err *e)
{
    FILE *f = fdopen(fd, "rb");
    if (f == NULL) {
        (void)close(fd);
        return err_set_errno(e, errno, "cannot read the backup's keys");
    }
    struct dump_record record;
    uint64_t n = 0;
    int rc = dump_open(f, e);
    while (rc >= 0 && (rc = dump_next(f, &record, &n, e)) == 1) {
        rc = put_record(&p->link, &record, e);
        dump_record_fini(&record);
        if (rc == 0)
            rc = stop_flag_check(e);
    }
    (void)fclose(f);
    return rc;
}

int private_source_start(struct private_stores *p, const struct backup_archive *a, struct session *s, struct err *e)
{
    AUTO_FREE struct conf *conf = malloc(sizeof *conf);
    int rdb = backup_archive_part(a, BACKUP_RDB), keys = rdb < 0 ? backup_archive_part(a, BACKUP_KEYS) : -1;
    if (conf == NULL || (rdb < 0 && keys < 0))
        return err_set(e, ERR_BAD_PAYLOAD, "the backup holds nothing of Redis");
    *conf = *s->conf;
    (void)stack_redis_url(&p->source_dir, conf->redis.url);
    int rc = rdb >= 0 ? copy_part(p, rdb, e) : 0;
    base_close_fd(&rdb);
    if (rc == 0)
        rc = stack_redis_init(&p->source, &p->source_dir, e);
    if (rc == 0) {
        stack_child_arg(&p->source, "--appendonly"); /* the last one of a name counts */
        stack_child_arg(&p->source, "no");
        stack_child_arg(&p->source, "--sanitize-dump-payload"); /* what is bent inside goes no further than here */
        stack_child_arg(&p->source, "yes");
        rc = stack_child_start(&p->source, &p->source_dir, -1, clock_mono_ms(), e);
    }
    if (rc == 0)
        rc = await(&p->source, conf, " while it read the backup (of a newer Redis? install the version that made it)",
                   e);
    if (rc == 0) {
        size_t len = strlen(conf->redis.url);
        (void)snprintf(conf->redis.url + len, sizeof conf->redis.url - len, "?db=%d",
                       (int)json_number(json_object_get(a->manifest, "redis"), "db", 0));
        conf->redis.command_timeout = LINK_TIMEOUT_MS;
        rc = redis_sync_open(&p->link, &conf->redis, e);
    }
    if (rc == 0 && keys >= 0)
        rc = load_records(p, keys, e); /* closes it */
    else
        base_close_fd(&keys);
    return rc;
}

/* -- the target
 * ------------------------------------------------------------------------------------------------------------- */

static int start_postgres(struct private_stores *p, struct conf *conf, struct err *e)
{
    (void)stack_postgres_url(&p->dir, conf->postgres.url);
    int rc = stack_initdb_init(&p->postgres, &p->dir, e);
    if (rc == 0)
        rc = stack_child_start(&p->postgres, &p->dir, -1, clock_mono_ms(), e);
    if (rc == 0 && wait_end(&p->postgres) != 0)
        rc = ended(&p->postgres, " (initdb)", e);
    if (rc == 0)
        rc = stack_postgres_adopt(&p->dir, e);
    if (rc == 0)
        rc = stack_postgres_init(&p->postgres, &p->dir, e);
    if (rc == 0)
        rc = stack_child_start(&p->postgres, &p->dir, -1, clock_mono_ms(), e);
    if (rc == 0)
        rc = await(&p->postgres, conf, "", e);
    return rc == 0 ? stack_postgres_database(&p->dir, e) : rc;
}

int private_target_start(struct private_stores *p, struct conf *conf, bool with_postgres, struct err *e)
{
    (void)stack_redis_url(&p->dir, conf->redis.url);
    conf->redis.command_timeout = LINK_TIMEOUT_MS;
    int rc = stack_redis_init(&p->redis, &p->dir, e);
    if (rc == 0)
        rc = stack_child_start(&p->redis, &p->dir, -1, clock_mono_ms(), e);
    if (rc == 0)
        rc = await(&p->redis, conf, "", e);
    return rc == 0 && with_postgres ? start_postgres(p, conf, e) : rc;
}

static void end_child(struct stack_child *c, int signo)
{
    if (c->pid == 0)
        return;
    stack_child_signal(c, signo);
    (void)wait_end(c);
}

void private_stores_end(struct private_stores *p)
{
    redis_sync_close(&p->link);
    end_child(&p->source, SIGKILL); /* nothing of theirs is kept */
    end_child(&p->redis, SIGKILL);
    end_child(&p->postgres, SIGQUIT);
    if (p->dir.root[0] != '\0') {
        if (chdir("/") < 0)
            return;
        backup_folder_remove(p->dir.root);
        base_close_fd(&p->lock);
    }
    p->dir.root[0] = '\0';
}
