/*
 * stack_dir - makes a folder that services without root's rights can live in. It refuses a folder it could not serve
 * from later (path too long for a socket, closed to the services' user, disk full) before anything is started.
 */
#include "stack_dir.h"

#include "spawn.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static const char plain_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";

char *stack_dir_path(const struct stack_dir *d, const char *name, char out[static STACK_PATH_MAX])
{
    (void)snprintf(out, STACK_PATH_MAX, "%s/%s", d->root, name);
    return out;
}

/* The folder's real path, checked for what URLs and socket addresses can hold. */
static int resolve(struct stack_dir *d, const char *path, struct err *e)
{
    char real[PATH_MAX];
    if (!realpath(path, real))
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : -errno, "--dir: %s: %s", path, strerror(errno));
    if (strlen(real) >= sizeof d->root || strspn(real, plain_characters) != strlen(real))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--dir: %s cannot hold the sockets: allowed are at most %zu characters of A-Z a-z 0-9 / . _ + -",
                       real, sizeof d->root - 1);
    memcpy(d->root, real, strlen(real) + 1);
    return 0;
}

int stack_dir_find(struct stack_dir *d, const char *path, struct err *e)
{
    *d = (struct stack_dir){0};
    return resolve(d, path, e);
}

static int make_folders(const char *path, struct err *e)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return err_set(e, ERR_BAD_ARGUMENT, "--dir: the path is empty or too long");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return err_set_errno(e, errno, "cannot make the folder %s; choose another with --dir", part);
    }
    return 0;
}

static int find_user(struct stack_dir *d, const char *user, struct err *e)
{
    const struct passwd *pw;
    if (geteuid() != 0) {
        pw = getpwuid(geteuid());
        (void)snprintf(d->user, sizeof d->user, "%s", pw ? pw->pw_name : "this user");
        if (user && (!pw || strcmp(user, pw->pw_name) != 0))
            return err_set(e, ERR_BAD_ARGUMENT, "--user: only root can run the services as %s; leave --user out", user);
        return 0;
    }
    pw = getpwnam(user ? user : "stint");
    if (!pw && !user)
        pw = getpwnam("nobody");
    if (!pw)
        return err_set(e, ERR_BAD_ARGUMENT, "--user: there is no user %s; make it with \"adduser --system --group %s\"",
                       user ? user : "nobody", user ? user : "stint");
    if (pw->pw_uid == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--user: the services never run as root; name another user");
    d->uid = pw->pw_uid;
    d->gid = pw->pw_gid;
    (void)snprintf(d->user, sizeof d->user, "%s", pw->pw_name);
    return 0;
}

/* Can the services' user pass through every folder above path? The first closed one into closed (STACK_PATH_MAX bytes).
 */
static bool reachable(const struct stack_dir *d, const char *path, char closed[static STACK_PATH_MAX])
{
    if (d->uid == 0)
        return true;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct stat st;
        char part[PATH_MAX];
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (stat(part, &st) < 0)
            return false;
        mode_t needed = st.st_uid == d->uid ? S_IXUSR : st.st_gid == d->gid ? S_IXGRP : S_IXOTH;
        if ((st.st_mode & needed) == 0) {
            (void)snprintf(closed, STACK_PATH_MAX, "%.*s", STACK_PATH_MAX - 1, part);
            return false;
        }
    }
    return true;
}

int stack_dir_own(const struct stack_dir *d, const char *path)
{
    return d->uid == 0 || chown(path, d->uid, d->gid) == 0 ? 0 : -errno;
}

static int make_parts(const struct stack_dir *d, struct err *e)
{
    static const char *const parts[] = {"", "run", "log", "redis", "bin"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char path[STACK_PATH_MAX];
        (void)stack_dir_path(d, parts[i], path);
        if ((mkdir(path, 0750) < 0 && errno != EEXIST) || stack_dir_own(d, path) < 0)
            return err_set_errno(e, errno, "cannot make %s for user %s; is %s yours?", path, d->user, d->root);
    }
    char run[STACK_PATH_MAX];
    if (chmod(stack_dir_path(d, "run", run), 0700) < 0)
        return err_set_errno(e, errno, "cannot close %s to others; is it another user's stack?", run);
    return 0;
}

int stack_dir_prepare(struct stack_dir *d, const char *path, const char *user, struct err *e)
{
    struct statvfs fs;
    char closed[STACK_PATH_MAX] = "";
    *d = (struct stack_dir){0};
    int rc = make_folders(path, e);
    if (rc == 0)
        rc = resolve(d, path, e);
    if (rc == 0)
        rc = find_user(d, user, e);
    if (rc < 0)
        return rc;
    if (!reachable(d, d->root, closed))
        return err_set(
            e, ERR_REFUSED,
            "user %s, whom the services run as, cannot reach %s: %s is closed to others. Choose another --dir (such as "
            "/var/lib/stint), or another --user",
            d->user, d->root, closed);
    if (statvfs(d->root, &fs) == 0 && fs.f_bavail * fs.f_frsize < (uint64_t)STACK_FREE_MIN_MIB << 20)
        return err_set(e, ERR_REFUSED,
                       "only %llu MiB are free on the disk of %s; at least %d are needed: free some, or choose "
                       "another --dir",
                       (unsigned long long)(fs.f_bavail * fs.f_frsize >> 20), d->root, STACK_FREE_MIN_MIB);
    return make_parts(d, e);
}

/* A fresh copy, put in place by rename: a running program's file is never written to. */
static int copy_program(const struct stack_dir *d, const char *from, const char *to, struct err *e)
{
    char making[STACK_PATH_MAX + 8];
    struct stat st;
    off_t sent = 0;
    (void)snprintf(making, sizeof making, "%s.new", to);
    AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
    (void)unlink(making);
    AUTO_CLOSE int out = open(making, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (in < 0 || out < 0 || fstat(in, &st) < 0)
        return err_set_errno(e, errno, "cannot copy %s to %s", from, to);
    while (sent < st.st_size) {
        ssize_t n = sendfile(out, in, &sent, (size_t)(st.st_size - sent));
        if (n <= 0)
            return err_set_errno(e, n < 0 ? errno : EIO, "cannot copy %s to %s; is the disk full?", from, to);
    }
    if (fchmod(out, 0755) < 0 || rename(making, to) < 0 || stack_dir_own(d, to) < 0)
        return err_set_errno(e, errno, "cannot put %s in place", to);
    return 0;
}

int stack_dir_program(const struct stack_dir *d, const char *name, char ret_path[static STACK_PATH_MAX], struct err *e)
{
    char installed[PATH_MAX], closed[STACK_PATH_MAX] = "", copy_name[64];
    int rc = spawn_find_program(name, installed, sizeof installed, e);
    if (rc < 0)
        return rc;
    if (strlen(installed) < STACK_PATH_MAX && reachable(d, installed, closed)) {
        (void)snprintf(ret_path, STACK_PATH_MAX, "%.*s", STACK_PATH_MAX - 1, installed);
        return 0;
    }
    (void)snprintf(copy_name, sizeof copy_name, "bin/%s", name);
    return copy_program(d, installed, stack_dir_path(d, copy_name, ret_path), e);
}
