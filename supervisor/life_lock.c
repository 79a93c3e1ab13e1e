/*
 * life_lock - see life_lock.h. A restarted supervisor need not wait for the lease of the one before it when the kernel
 * itself says that nothing of it runs. Refuses to believe a process number, or a file it cannot place.
 */
#include "life_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { LIFE_TEXT_MAX = 2048, BOOT_ID_MAX = 40 };

static void boot_id_of(char ret[static BOOT_ID_MAX])
{
    AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, BOOT_ID_MAX - 1) : 0;
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

static int make_folder(const char *path, struct err *e)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return err_set_errno(e, errno, "cannot make the folder %s; a restart after a crash then waits for the lease", path);
}

static int write_life(int fd, const char *instance, const char *redis)
{
    char boot[BOOT_ID_MAX];
    boot_id_of(boot);
    json_t *life = json_pack("{s:s,s:i,s:s,s:s}", "instance", instance, "pid", (int)getpid(), "boot", boot, "redis", redis);
    AUTO_FREE char *text = life != NULL ? json_dumps(life, JSON_COMPACT) : NULL;
    json_decref(life);
    if (text == NULL)
        return -ENOMEM;
    ssize_t n = write(fd, text, strlen(text));
    return n == (ssize_t)strlen(text) ? 0 : n < 0 ? -errno : -EIO;
}

int life_lock_open(struct life_lock *ret_life, const char *state_dir, const char *instance, const char *redis,
                   struct err *e)
{
    char folder[LIFE_PATH_MAX], fresh[LIFE_PATH_MAX];
    struct life_lock life = {.fd = -1};
    *ret_life = life;
    if ((size_t)snprintf(folder, sizeof folder, "%s/instances", state_dir) >= sizeof folder ||
        (size_t)snprintf(life.path, sizeof life.path, "%s/%s", folder, instance) >= sizeof life.path ||
        (size_t)snprintf(fresh, sizeof fresh, "%s/.new-%d", folder, (int)getpid()) >= sizeof fresh)
        return err_set_errno(e, ENAMETOOLONG, "[supervisor] state_dir is too long");
    int rc = make_folder(state_dir, e);
    if (rc == 0)
        rc = make_folder(folder, e);
    if (rc < 0)
        return rc;
    /* Locked before it has its name: a scan must not find it free. */
    AUTO_CLOSE int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set_errno(e, errno, "cannot lock %s; a restart after a crash then waits for the lease", fresh);
    rc = write_life(fd, instance, redis);
    if (rc == 0 && rename(fresh, life.path) < 0)
        rc = -errno;
    if (rc < 0) {
        (void)unlink(fresh);
        return err_set_errno(e, -rc, "cannot write %s; a restart after a crash then waits for the lease", life.path);
    }
    life.fd = fd;
    fd = -1;
    *ret_life = life;
    return 0;
}

void life_lock_close(struct life_lock *life, bool remove)
{
    if (life->path[0] != '\0' && remove)
        (void)unlink(life->path);
    life->path[0] = '\0';
    base_close_fd(&life->fd);
}

static json_t *read_life(int fd)
{
    char text[LIFE_TEXT_MAX];
    ssize_t n = pread(fd, text, sizeof text, 0);
    return n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
}

static bool says(const json_t *life, const char *key, const char *want)
{
    const char *text = json_string_value(json_object_get(life, key));
    return text != NULL && strcmp(text, want) == 0;
}

static bool is_known(const struct life_scan *scan, const char *instance)
{
    for (size_t i = 0; i < scan->n; i++)
        if (strcmp(scan->dead[i].instance, instance) == 0)
            return true;
    return false;
}

/* Somebody holds the lock: the supervisor itself, or only a worker that has yet to end. */
static void count_held(struct life_scan *scan, const json_t *life)
{
    pid_t pid = (pid_t)json_integer_value(json_object_get(life, "pid"));
    if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
        scan->dying++;
    else
        scan->living++;
}

/* The lock is ours. False when the file proves nothing. */
static bool take_dead(struct life_scan *scan, const char instance[static INSTANCE_MAX], const char *path, int *fd)
{
    if (scan->n == LIFE_DEAD_MAX)
        return false;
    struct life_dead *dead = &scan->dead[scan->n++];
    *dead = (struct life_dead){.lock.fd = *fd};
    *fd = -1;
    memcpy(dead->instance, instance, sizeof dead->instance);
    (void)snprintf(dead->lock.path, sizeof dead->lock.path, "%s", path);
    return true;
}

static void look_at(struct life_scan *scan, const char *path, const char instance[static INSTANCE_MAX],
                    const char *redis)
{
    char boot[BOOT_ID_MAX];
    struct stat by_fd, by_name;
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    bool taken = flock(fd, LOCK_EX | LOCK_NB) == 0;
    json_t *life = read_life(fd);
    boot_id_of(boot);
    if (life == NULL || !says(life, "instance", instance))
        goto out;
    if (!taken) {
        count_held(scan, life);
        goto out;
    }
    if (fstat(fd, &by_fd) < 0 || stat(path, &by_name) < 0 || by_fd.st_ino != by_name.st_ino)
        goto out; /* ended by somebody else between open and lock */
    if (!says(life, "boot", boot))
        (void)unlink(path);
    else if (says(life, "redis", redis))
        (void)take_dead(scan, instance, path, &fd);
out:
    json_decref(life);
}

void life_lock_scan(struct life_scan *scan, const char *state_dir, const char *own, const char *redis)
{
    char path[LIFE_PATH_MAX];
    scan->dying = scan->living = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/instances", state_dir) >= sizeof path)
        return;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (const struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        char name[INSTANCE_MAX] = "";
        if (d->d_name[0] == '.' || strlen(d->d_name) >= sizeof name || strcmp(d->d_name, own) == 0 ||
            is_known(scan, d->d_name))
            continue;
        memcpy(name, d->d_name, strlen(d->d_name));
        if ((size_t)snprintf(path, sizeof path, "%s/instances/%s", state_dir, name) < sizeof path)
            look_at(scan, path, name, redis);
    }
    (void)closedir(folder);
}

void life_lock_forget(struct life_scan *scan, size_t i)
{
    assert(i < scan->n);
    life_lock_close(&scan->dead[i].lock, true);
    scan->dead[i] = scan->dead[--scan->n];
}
