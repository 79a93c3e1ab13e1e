/*
 * backup_archive - see backup_archive.h. Refuses to go on with a part that is not what the manifest says.
 */
#include "backup_archive.h"

#include "migrate.h"
#include "redis_functions.h"
#include "stop_flag.h"
#include "temporary_folder.h"
#include "tool_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { CHUNK = 1 << 18 };

/* -- a tar: foreign bytes, so it is only ever asked for members by name, and writes no file itself
 * ----------------------------------------------------------------------------------------------------------------- */

struct unpacking {
    int fd;
    const char *name;
    uint64_t bytes, most;
};

static int take_bytes(void *arg, const char *bytes, size_t len, struct err *e)
{
    struct unpacking *u = arg;
    u->bytes += len;
    if (u->bytes > u->most)
        return err_set(e, ERR_BAD_PAYLOAD, "the backup's part %s has more than the %llu bytes it may have", u->name,
                       (unsigned long long)u->most);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(u->fd, bytes + done, len - done);
        if (n < 0 && errno != EINTR)
            return err_set_errno(e, errno, "cannot unpack %s; name another place with TMPDIR", u->name);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int unpack_member(const struct backup_archive *a, struct unpacking *u, const char *member, struct err *e)
{
    const char *const argv[] = {"/usr/bin/tar", "--extract", "--to-stdout", "--occurrence=1", "--file", a->path,
                                "--",           member,      NULL};
    return tool_run(&(struct tool){.argv = argv, .take = take_bytes, .arg = u, .stopped = stop_flag_is_set}, e);
}

static int unpack(const struct backup_archive *a, const char *name, uint64_t most, struct err *e)
{
    AUTO_CLOSE int fd = openat(a->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct unpacking u = {.fd = fd, .name = name, .most = most};
    char packed_by_hand[NAME_MAX];
    struct err why;
    if (fd < 0)
        return err_set_errno(e, errno, "cannot unpack %s", name);
    (void)snprintf(packed_by_hand, sizeof packed_by_hand, "./%s", name);
    int rc = unpack_member(a, &u, name, &why);
    if (rc == ERR_REFUSED && u.bytes == 0)
        rc = unpack_member(a, &u, packed_by_hand, &why);
    if (rc == ERR_REFUSED)
        return err_set(e, ERR_BAD_PAYLOAD,
                       "%.400s: %s cannot be unpacked: it is no tar of a backup, or cut off. %.300s", a->path, name,
                       why.message);
    return rc < 0 ? err_set(e, rc, "%s", why.message) : 0;
}

static int unpack_parts(const struct backup_archive *a, struct err *e)
{
    const json_t *parts = json_object_get(a->manifest, "parts"), *row;
    struct statvfs fs;
    uint64_t all = 0;
    size_t i;
    int rc = 0;
    json_array_foreach(parts, i, row) all += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
    if (fstatvfs(a->fd, &fs) == 0 && fs.f_bavail * fs.f_frsize < all)
        return err_set(
            e, -ENOSPC, "the backup unpacked has %llu MiB, and %s has %llu free: name another place with TMPDIR",
            (unsigned long long)(all >> 20), a->unpacked, (unsigned long long)(fs.f_bavail * fs.f_frsize >> 20));
    for (i = 0; rc == 0 && i < json_array_size(parts); i++) {
        row = json_array_get(parts, i);
        rc = unpack(a, json_string_value(json_object_get(row, "name")),
                    (uint64_t)json_integer_value(json_object_get(row, "bytes")), e);
    }
    return rc;
}

/* -- the manifest, and whether everything is as it says
 * ----------------------------------------------------------------------------------------------------------------- */

static int read_manifest(struct backup_archive *a, struct err *e)
{
    struct stat st;
    AUTO_CLOSE int fd = backup_archive_part(a, BACKUP_MANIFEST);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, ERR_BAD_PAYLOAD, "%.400s holds no %s: it is no backup of stint, or not a finished one",
                       a->path, BACKUP_MANIFEST);
    if (st.st_size > BACKUP_MANIFEST_MAX_BYTES)
        return err_set(e, ERR_BAD_PAYLOAD, "%s of the backup is larger than any can be", BACKUP_MANIFEST);
    AUTO_FREE char *text = malloc((size_t)st.st_size + 1);
    if (text == NULL || read(fd, text, (size_t)st.st_size) != st.st_size)
        return err_set(e, ERR_BAD_PAYLOAD, "%s of the backup cannot be read", BACKUP_MANIFEST);
    return backup_manifest_read(text, (size_t)st.st_size, &a->manifest, e);
}

/* What this program could not restore is known before anything is. */
static int check_versions(const struct backup_archive *a, struct err *e)
{
    size_t known;
    (void)migrate_all(&known);
    const json_t *redis = json_object_get(a->manifest, "redis"), *postgres = json_object_get(a->manifest, "postgres");
    json_int_t functions = json_integer_value(json_object_get(redis, "functions"));
    json_int_t migration = json_integer_value(json_object_get(postgres, "migration"));
    if (functions <= redis_functions_version() && migration <= (json_int_t)known)
        return 0;
    return err_set(e, ERR_REFUSED,
                   "the backup is of a newer stint (%s: Functions %lld, schema %lld; this one has %d and %zu): restore "
                   "it with that one",
                   json_string_value(json_object_get(a->manifest, "version")), (long long)functions,
                   (long long)migration, redis_functions_version(), known);
}

static int check_part(const struct backup_archive *a, const json_t *row, struct progress *bar, uint64_t *done,
                      uint64_t all, struct err *e)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    char sum[SHA256_HEX];
    struct sha256 digest;
    uint64_t bytes = 0;
    AUTO_CLOSE int fd = backup_archive_part(a, name);
    AUTO_FREE char *chunk = malloc(CHUNK);
    if (fd < 0)
        return err_set(e, ERR_BAD_PAYLOAD, "the backup's part %s is missing", name);
    if (chunk == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to read the backup");
    sha256_init(&digest);
    for (ssize_t n; (n = read(fd, chunk, CHUNK)) != 0;) {
        if (n < 0)
            return err_set_errno(e, errno, "cannot read the backup's part %s", name);
        sha256_add(&digest, chunk, (size_t)n);
        bytes += (uint64_t)n;
        *done += (uint64_t)n;
        progress_update(bar, (size_t)*done, (size_t)all);
        int rc = stop_flag_check(e);
        if (rc < 0)
            return rc;
    }
    sha256_hex(&digest, sum);
    if (bytes != (uint64_t)json_integer_value(json_object_get(row, "bytes")))
        return err_set(e, ERR_BAD_PAYLOAD,
                       "the backup's part %s has %llu bytes instead of %lld: it was cut off, or written to", name,
                       (unsigned long long)bytes, (long long)json_integer_value(json_object_get(row, "bytes")));
    if (strcmp(sum, json_string_value(json_object_get(row, "sha256"))) != 0)
        return err_set(e, ERR_BAD_PAYLOAD,
                       "the backup's part %s is not what was written: its SHA-256 is another. Take another copy of "
                       "this backup, or an older one",
                       name);
    return 0;
}

static int check_parts(const struct backup_archive *a, struct session *s, struct err *e)
{
    const json_t *parts = json_object_get(a->manifest, "parts"), *row;
    struct progress bar;
    uint64_t done = 0, all = 0;
    size_t i;
    int rc = 0;
    json_array_foreach(parts, i, row) all += (uint64_t)json_integer_value(json_object_get(row, "bytes"));
    progress_init(&bar, &s->out, "checksums");
    for (i = 0; rc == 0 && i < json_array_size(parts); i++)
        rc = check_part(a, json_array_get(parts, i), &bar, &done, all, e);
    progress_end(&bar);
    return rc;
}

int backup_archive_open(struct backup_archive *a, struct session *s, const char *path, struct err *e)
{
    struct stat st;
    *a = (struct backup_archive){.fd = -1, .lock = -1};
    if (realpath(path, a->path) == NULL || stat(a->path, &st) < 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : -errno, "%.400s: %s", path, strerror(errno));
    bool tar = !S_ISDIR(st.st_mode);
    int rc = tar ? temporary_folder_make("unpack", a->unpacked, &a->lock, e) : 0;
    if (rc == 0) {
        a->fd = open(tar ? a->unpacked : a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = a->fd < 0 ? err_set_errno(e, errno, "cannot read %.400s", a->path) : 0;
    }
    if (rc == 0 && tar)
        rc = unpack(a, BACKUP_MANIFEST, BACKUP_MANIFEST_MAX_BYTES, e);
    if (rc == 0)
        rc = read_manifest(a, e);
    if (rc == 0)
        rc = check_versions(a, e);
    if (rc == 0 && tar)
        rc = unpack_parts(a, e);
    return rc == 0 ? check_parts(a, s, e) : rc;
}

int backup_archive_part(const struct backup_archive *a, const char *name)
{
    struct stat st;
    int fd = openat(a->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void backup_archive_end(struct backup_archive *a)
{
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = -1;
    if (a->unpacked[0] != '\0') {
        backup_folder_remove(a->unpacked);
        base_close_fd(&a->lock);
    }
    a->unpacked[0] = '\0';
    json_decref(a->manifest);
    a->manifest = NULL;
}
