/*
 * dlq_export - see dlq_export.h. The order is the point: written, synced, the folder synced, and only then removed.
 */
#include "dlq_export.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

static int write_failed(const char *path, struct err *e)
{
    return err_set(e, -errno, "%s cannot be written: %s; no dead letter was removed", path, strerror(errno));
}

static int sync_folder(const char *path, struct err *e)
{
    AUTO_FREE char *copy = strdup(path);
    if (copy == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path");
    AUTO_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? write_failed(path, e) : 0;
}

static int write_letters(struct session *s, const struct dead_letters *letters, FILE *to, const char *path,
                         struct err *e)
{
    struct progress progress;
    int rc = 0;
    progress_init(&progress, &s->out, "export");
    for (size_t i = 0; rc == 0 && i < letters->n; i++) {
        json_t *record = NULL;
        rc = dead_letters_export(s, &letters->items[i], &record, e);
        if (rc == 0 && (json_dumpf(record, to, JSON_COMPACT) < 0 || fputc('\n', to) == EOF))
            rc = write_failed(path, e);
        json_decref(record);
        progress_update(&progress, i + 1, letters->n);
    }
    progress_end(&progress);
    return rc;
}

int dlq_export_write(struct session *s, const struct dead_letters *letters, const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, ERR_REFUSED, "%s is there already; name a new file, it is never overwritten", path);
    if (fd < 0)
        return write_failed(path, e);
    FILE *to = fdopen(fd, "w");
    if (to == NULL) {
        (void)close(fd);
        return write_failed(path, e);
    }
    int rc = write_letters(s, letters, to, path, e);
    if (rc == 0 && (fflush(to) == EOF || fsync(fd) < 0))
        rc = write_failed(path, e);
    if (fclose(to) == EOF && rc == 0)
        rc = write_failed(path, e);
    if (rc == 0)
        rc = sync_folder(path, e);
    if (rc < 0)
        (void)unlink(path);
    return rc;
}

int dlq_export_purge(struct session *s, const struct dead_letters *letters, const char *reason, size_t *ret_purged,
                     struct err *e)
{
    size_t purged = 0;
    struct progress progress;
    int rc = 0;
    progress_init(&progress, &s->out, "purge");
    for (size_t i = 0; rc == 0 && i < letters->n;) {
        struct queue_call c;
        int64_t count = 0;
        queue_call_init(&c, "stint_purge", letters->items[i].queue);
        queue_call_add(&c, s->actor);
        queue_call_add(&c, reason);
        size_t n = 0;
        for (; n < QUEUE_CALL_BATCH_MAX && i + n < letters->n && strcmp(letters->items[i + n].queue, c.queue) == 0; n++)
            queue_call_add(&c, letters->items[i + n].id);
        rc = queue_call_integer(s, &c, &count, e);
        purged += rc == 0 ? (size_t)count : 0;
        i += n;
        progress_update(&progress, i, letters->n);
    }
    progress_end(&progress);
    if (rc < 0)
        out_remark(&s->out, "%zu were removed before the break; say the same again to go on", purged);
    *ret_purged = purged;
    return rc;
}

void dlq_export_report(struct session *s, size_t purged, const char *path)
{
    if (s->out.json) {
        json_t *record = json_pack("{s:I, s:s?}", "purged", (json_int_t)purged, "file", path);
        out_json(&s->out, record);
        json_decref(record);
    } else if (path != NULL && purged > 0) {
        out_line(&s->out, "%zu written to %s, then removed", purged, path);
    } else {
        out_line(&s->out, "%zu removed", purged);
    }
}
