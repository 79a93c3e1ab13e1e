/*
 * dead_file - see dead_file.h. Refuses to write over anything, and to call a line written that is not on the disk.
 */
#include "dead_file.h"

#include "dead_record.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>

static int failed(const struct dead_file *f, struct err *e)
{
    return err_set(e, -errno, "%s cannot be written: %s; no dead letter was removed that is not in it", f->path,
                   strerror(errno));
}

static int sync_folder(const struct dead_file *f, struct err *e)
{
    AUTO_FREE char *copy = strdup(f->path);
    if (copy == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path");
    AUTO_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? failed(f, e) : 0;
}

/* Its first line must be one of ours; what follows the last line's end is cut off. */
static int go_on(struct dead_file *f, struct err *e)
{
    AUTO_FREE char *line = NULL;
    size_t cap = 0;
    struct err why = {.code = 0};
    off_t end = 0;
    for (ssize_t n; (n = getline(&line, &cap, f->to)) > 0 && line[n - 1] == '\n';) {
        json_t *record = end == 0 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;
        if (end == 0 && dead_record_check(record, &why) < 0) {
            json_decref(record);
            return err_set(e, ERR_REFUSED, "%s is no file of dead letters: %s; name a new file", f->path, why.message);
        }
        json_decref(record);
        end += n;
    }
    if (ferror(f->to) || ftruncate(fileno(f->to), end) < 0 || fseeko(f->to, end, SEEK_SET) < 0)
        return failed(f, e);
    return 0;
}

int dead_file_create(struct dead_file *f, const char *path, bool resume, struct err *e)
{
    *f = (struct dead_file){.path = path, .made = true};
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST && resume) {
        f->made = false;
        fd = open(path, O_RDWR | O_CLOEXEC);
    } else if (fd < 0 && errno == EEXIST) {
        return err_set(e, ERR_REFUSED,
                       "%s is there already, it is never overwritten; name a new file, or go on with it: --resume",
                       path);
    }
    if (fd < 0 || (f->to = fdopen(fd, "r+")) == NULL) {
        int rc = failed(f, e);
        base_close_fd(&fd);
        return rc;
    }
    int rc = 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = err_set(e, ERR_REFUSED, "%s is being written by another command", path);
    if (rc == 0)
        rc = f->made ? sync_folder(f, e) : go_on(f, e);
    if (rc < 0)
        dead_file_close(f, true);
    return rc;
}

int dead_file_add(struct dead_file *f, const json_t *record, struct err *e)
{
    if (json_dumpf(record, f->to, JSON_COMPACT | JSON_SORT_KEYS) < 0 || fputc('\n', f->to) == EOF)
        return failed(f, e);
    return 0;
}

int dead_file_sync(struct dead_file *f, struct err *e)
{
    return fflush(f->to) == EOF || fdatasync(fileno(f->to)) < 0 ? failed(f, e) : 0;
}

void dead_file_close(struct dead_file *f, bool discard)
{
    if (f->to == NULL)
        return;
    if (discard && f->made)
        (void)unlink(f->path);
    (void)fclose(f->to);
    f->to = NULL;
}
