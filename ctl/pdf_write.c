/*
 * pdf_write - see pdf_write.h. The bytes are written to a file without a name where the file system has such, so that a kill leaves not even a
 * half of a temporary one behind.
 */
#include "pdf_write.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_MODE = 0644 };

static int write_all(int fd, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, text + at, len - at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Written first, named then: temporary is a name beside the file. */
static int write_nameless(const char *folder, const char *temporary, const char *text, size_t len)
{
    char self[64];
    AUTO_CLOSE int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -errno;
    int rc = write_all(fd, text, len);
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    (void)unlink(temporary);
    if (rc == 0 && linkat(AT_FDCWD, self, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) < 0)
        rc = -errno;
    return rc;
}

static int write_named(const char *temporary, const char *text, size_t len)
{
    AUTO_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    int rc = fd < 0 ? -errno : write_all(fd, text, len);
    if (rc < 0 && fd >= 0)
        (void)unlink(temporary);
    return rc;
}

int pdf_write_file(const char *path, const char *text, size_t len, struct err *e)
{
    AUTO_FREE char *copy = strdup(path), *temporary = NULL;
    const char *folder = copy != NULL ? dirname(copy) : ".", *slash = strrchr(path, '/');
    if (copy == NULL || asprintf(&temporary, "%s/.%s.%d", folder, slash != NULL ? slash + 1 : path, (int)getpid()) < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for a path");
    int rc = write_nameless(folder, temporary, text, len);
    if (rc == -EOPNOTSUPP || rc == -EISDIR || rc == -EINVAL || rc == -ENOENT) /* no such files there, or no /proc */
        rc = write_named(temporary, text, len);
    if (rc == 0 && rename(temporary, path) < 0) {
        rc = -errno;
        (void)unlink(temporary);
    }
    return rc < 0 ? err_set(e, rc, "%s cannot be written: %s", path, strerror(-rc)) : 0;
}

int pdf_write_folder(const char *path, struct err *e)
{
    struct stat st;
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return err_set(e, -errno, "the folder %s cannot be made: %s", path, strerror(errno));
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_BAD_ARGUMENT, "%s is no folder", path);
    return 0;
}
