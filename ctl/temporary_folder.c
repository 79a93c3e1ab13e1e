/*
 * temporary_folder - see temporary_folder.h. Refuses to remove what anybody holds, or, unless root, what another user
 * owns.
 */
#include "temporary_folder.h"

#include "backup_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { ATTEMPTS = 8, TEMPLATE = 6, SPACE = 64 }; /* letters mkdtemp replaces; room for them and `what` */
static const char *const ours[] = {"stint-private-??????", "stint-unpack-??????"};

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (fnmatch(ours[i], name, 0) == 0)
            return true;
    return false;
}

/* Root gives its private servers' folder to the user they run as. */
static bool is_mine(const struct stat *st)
{
    return st->st_uid == geteuid() || geteuid() == 0;
}

/* The lock of a folder that nobody else holds and that still has its name; -1 otherwise. */
static int lock(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0 && is_mine(&st) && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
        st.st_nlink > 0)
        return fd;
    base_close_fd(&fd);
    return -1;
}

static void remove_left(const char *tmp)
{
    char path[PATH_MAX];
    DIR *dir = opendir(tmp);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (!is_ours(entry->d_name) || snprintf(path, sizeof path, "%s/%s", tmp, entry->d_name) >= (int)sizeof path)
            continue;
        AUTO_CLOSE int fd = lock(path);
        if (fd >= 0)
            backup_folder_remove(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

int temporary_folder_make(const char *what, char *ret_path, int *ret_lock, struct err *e)
{
    const char *dir = getenv("TMPDIR"), *tmp = dir != NULL && *dir == '/' ? dir : "/tmp";
    remove_left(tmp);
    for (int i = 0; i < ATTEMPTS; i++) {
        int len = snprintf(ret_path, PATH_MAX - TEMPLATE, "%.*s/stint-%s-", PATH_MAX - SPACE, tmp, what);
        memset(ret_path + len, 'X', TEMPLATE);
        ret_path[len + TEMPLATE] = '\0';
        if (mkdtemp(ret_path) == NULL)
            break;
        *ret_lock = lock(ret_path); /* in between another run may have taken it for a dead one's, and removed it */
        if (*ret_lock >= 0)
            return 0;
    }
    ret_path[0] = '\0';
    return err_set_errno(e, errno, "cannot make a temporary folder in %.200s; name another place with TMPDIR", tmp);
}
