/*
 * backup_folder - see backup_folder.h. Nothing half stands under a final name: the rename comes after the last fsync.
 * Refuses to write over anything, and to remove a folder whose lock somebody holds.
 */
#include "backup_folder.h"

#include "killpoint.h"
#include "stop_flag.h"
#include "tool_run.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { DEPTH = 32 };
#define SIX_DIGITS "[0-9][0-9][0-9][0-9][0-9][0-9]"
#define MADE_HERE  "stint-[0-9][0-9]" SIX_DIGITS "T" SIX_DIGITS "Z"
static const char made_here[] = MADE_HERE, partial_here[] = "." MADE_HERE ".partial";

/* By descriptors: a part of the path that becomes a link meanwhile leads nowhere. */
static void remove_in(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0 || errno != EISDIR || depth == 0)
        return;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        base_close_fd(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_in(fd, entry->d_name, depth - 1);
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void backup_folder_remove(const char *path)
{
    remove_in(AT_FDCWD, path, DEPTH);
}

static int fault(struct err *e, int sys_errno, const char *what, const char *path)
{
    if (sys_errno == ENOSPC || sys_errno == EDQUOT)
        return err_set(e, -sys_errno,
                       "the disk of %s is full: free some space, or name another place with --out; nothing of this "
                       "backup was left there",
                       path);
    return err_set_errno(e, sys_errno, "cannot %s %s", what, path);
}

/* -- the name ---------------------------------------------------------------------------------------------------------
 */

static int split(struct backup_folder *f, const char *out, struct err *e)
{
    char path[PATH_MAX], parent[PATH_MAX];
    size_t len = strlen(out);
    while (len > 1 && out[len - 1] == '/')
        len--;
    if (len == 0 || len >= sizeof path - NAME_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--out: the path is empty or too long");
    (void)snprintf(path, sizeof path, "%.*s", (int)len, out);
    char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    (void)snprintf(parent, sizeof parent, "%.*s",
                   slash == NULL   ? 1
                   : slash == path ? 1
                                   : (int)(slash - path),
                   slash == NULL ? "." : path);
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > NAME_MAX - 32)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--out: \"%.200s\" is no name for a backup; give the path of a file or folder to make", out);
    if (realpath(parent, f->parent) == NULL)
        return err_set_errno(e, errno, "--out: the folder %s must exist", parent);
    len = strlen(name);
    memcpy(f->name, name, len + 1);
    f->tar = len > 4 && strcmp(name + len - 4, ".tar") == 0;
    return 0;
}

static int choose(struct backup_folder *f, const char *out, int64_t now_ms, struct err *e)
{
    struct stat st;
    char full[BACKUP_PATH_MAX];
    time_t now = (time_t)(now_ms / 1000);
    struct tm utc;
    if (stat(out, &st) == 0 && S_ISDIR(st.st_mode) && faccessat(AT_FDCWD, out, W_OK, AT_EACCESS) == 0) {
        (void)snprintf(full, sizeof full, "%s/" BACKUP_MANIFEST, out);
        if (access(full, F_OK) == 0)
            return err_set(e, ERR_REFUSED, "%s is a backup already; name another place, or the folder it is in", out);
        if (realpath(out, f->parent) == NULL)
            return err_set_errno(e, errno, "--out: %s", out);
        (void)strftime(f->name, sizeof f->name, "stint-%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
        f->named_here = true;
    } else {
        int rc = split(f, out, e);
        if (rc < 0)
            return rc;
    }
    (void)snprintf(full, sizeof full, "%s/%s", f->parent, f->name);
    if (lstat(full, &st) == 0)
        return err_set(e, ERR_REFUSED, "%s exists already; a backup is never written over", full);
    return 0;
}

/* -- what killed backups left -----------------------------------------------------------------------------------------
 */

/* Whether nobody writes there. */
static bool is_left(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void remove_left(const struct backup_folder *f)
{
    char path[BACKUP_PATH_MAX];
    DIR *dir = f->named_here ? opendir(f->parent) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", f->parent, entry->d_name);
        if (fnmatch(partial_here, entry->d_name, 0) == 0 && is_left(path))
            backup_folder_remove(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (is_left(f->partial))
        backup_folder_remove(f->partial);
}

int backup_folder_begin(struct backup_folder *f, const char *out, int64_t now_ms, struct err *e)
{
    *f = (struct backup_folder){.fd = -1};
    int rc = choose(f, out, now_ms, e);
    if (rc < 0)
        return rc;
    if (snprintf(f->partial, sizeof f->partial, "%s/.%s.partial", f->parent, f->name) >= (int)sizeof f->partial) {
        f->partial[0] = '\0';
        return err_set(e, ERR_BAD_ARGUMENT, "--out: the path is too long");
    }
    remove_left(f);
    if (mkdir(f->partial, 0700) < 0) {
        rc = errno == EEXIST ? err_set(e, ERR_REFUSED, "another backup is writing %s at this moment", f->partial)
                             : fault(e, errno, "make the folder", f->partial);
        f->partial[0] = '\0';
        return rc;
    }
    f->fd = open(f->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0 || flock(f->fd, LOCK_EX | LOCK_NB) < 0)
        return fault(e, errno, "lock", f->partial);
    f->parts = json_array();
    return 0;
}

/* -- its parts --------------------------------------------------------------------------------------------------------
 */

int backup_part_open(struct backup_folder *f, struct backup_part *p, const char *name, struct err *e)
{
    *p = (struct backup_part){.name = name};
    sha256_init(&p->sum);
    p->fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return p->fd < 0 ? fault(e, errno, "write", f->partial) : 0;
}

int backup_part_write(struct backup_part *p, const void *bytes, size_t len, struct err *e)
{
    if (p->bytes < sizeof p->head)
        memcpy(p->head + p->bytes, bytes, MIN_OF(len, sizeof p->head - (size_t)p->bytes));
    for (size_t done = 0; done < len;) {
        ssize_t n = write(p->fd, (const char *)bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault(e, errno, "write the part", p->name);
        done += (size_t)n;
    }
    sha256_add(&p->sum, bytes, len);
    p->bytes += len;
    return 0;
}

int backup_part_close(struct backup_folder *f, struct backup_part *p, struct err *e)
{
    char sum[SHA256_HEX];
    int rc = fsync(p->fd) < 0 ? fault(e, errno, "sync the part", p->name) : 0;
    backup_part_abandon(p);
    sha256_hex(&p->sum, sum);
    if (rc == 0)
        (void)json_array_append_new(
            f->parts, json_pack("{s:s, s:I, s:s}", "name", p->name, "bytes", (json_int_t)p->bytes, "sha256", sum));
    return rc;
}

void backup_part_abandon(struct backup_part *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

/* -- its end ----------------------------------------------------------------------------------------------------------
 */

static int write_manifest(struct backup_folder *f, json_t *manifest, struct err *e)
{
    struct backup_part part;
    (void)json_object_set(manifest, "parts", f->parts);
    int rc = backup_manifest_seal(manifest, e);
    if (rc < 0)
        return rc;
    AUTO_FREE char *text = json_dumps(manifest, JSON_INDENT(2));
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the manifest");
    rc = backup_part_open(f, &part, BACKUP_MANIFEST, e);
    if (rc < 0)
        return rc;
    rc = backup_part_write(&part, text, strlen(text), e);
    if (rc == 0 && (fsync(part.fd) < 0 || fsync(f->fd) < 0))
        rc = fault(e, errno, "sync", f->partial);
    backup_part_abandon(&part);
    return rc;
}

/* Packs the folder into its own file PARTIAL/archive.tar. */
static int pack(struct backup_folder *f, struct err *e)
{
    char archive[PATH_MAX + 16];
    const char *argv[BACKUP_PART_MAX + 10] = {"/usr/bin/tar", "--create",    "--format=pax", "--file",
                                              archive,        "--directory", f->partial,     BACKUP_MANIFEST};
    size_t n = 8;
    (void)snprintf(archive, sizeof archive, "%s/archive.tar", f->partial);
    for (size_t i = 0; i < json_array_size(f->parts); i++)
        argv[n++] = json_string_value(json_object_get(json_array_get(f->parts, i), "name"));
    int rc = tool_run(&(struct tool){.argv = argv, .stopped = stop_flag_is_set}, e);
    if (rc < 0)
        return rc;
    AUTO_CLOSE int fd = open(archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) < 0 || fsync(fd) < 0)
        return fault(e, errno, "sync", archive);
    return 0;
}

int backup_folder_commit(struct backup_folder *f, json_t *manifest, char *ret_path, struct err *e)
{
    char from[PATH_MAX + 16];
    int rc = write_manifest(f, manifest, e);
    if (rc == 0 && f->tar)
        rc = pack(f, e);
    if (rc < 0)
        return rc;
    KILL_POINT("backup_written");
    (void)snprintf(from, sizeof from, "%s%s", f->partial, f->tar ? "/archive.tar" : "");
    (void)snprintf(ret_path, BACKUP_PATH_MAX, "%s/%s", f->parent, f->name);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, ret_path, RENAME_NOREPLACE) < 0)
        return errno == EEXIST
                   ? err_set(e, ERR_REFUSED, "%s appeared meanwhile; a backup is never written over", ret_path)
                   : fault(e, errno, "give its name to", from);
    AUTO_CLOSE int parent = open(f->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0)
        (void)fsync(parent);
    if (!f->tar)
        f->partial[0] = '\0';
    return 0;
}

void backup_folder_end(struct backup_folder *f)
{
    if (f->partial[0] != '\0')
        backup_folder_remove(f->partial);
    f->partial[0] = '\0';
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    json_decref(f->parts);
    f->parts = NULL;
}

static int only_made_here(const struct dirent *entry)
{
    return fnmatch(made_here, entry->d_name, 0) == 0;
}

/* Under a hidden name first: killed in the middle, nothing half stands under a final one. */
static bool take_away(const struct backup_folder *f, const char *name)
{
    char path[BACKUP_PATH_MAX], hidden[BACKUP_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", f->parent, name);
    (void)snprintf(hidden, sizeof hidden, "%s/.%.64s.partial", f->parent, name);
    if (renameat2(AT_FDCWD, path, AT_FDCWD, hidden, RENAME_NOREPLACE) < 0)
        return false;
    KILL_POINT("backup_prune");
    backup_folder_remove(hidden);
    return true;
}

size_t backup_folder_prune(const struct backup_folder *f, size_t keep)
{
    struct dirent **names = NULL;
    size_t removed = 0;
    int n = f->named_here ? scandir(f->parent, &names, only_made_here, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        if ((size_t)(n - i) > keep && strcmp(names[i]->d_name, f->name) != 0)
            removed += take_away(f, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return removed;
}
