/*
 * hostile_host - see hostile_host.h. Reads /proc and folders; changes nothing.
 */
#include "hostile_host.h"

#include "parser_proto.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>

enum { WALK_FDS = 16 };

static size_t host_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

static uint64_t host_field(const char *path, const char *field)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            (void)sscanf(line + strlen(field), ": %llu", &kib);
    if (file != NULL)
        (void)fclose(file);
    return (uint64_t)kib * 1024;
}

static size_t host_children(int pid)
{
    char path[64], line[4096];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    if (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (const char *at = line; (at = strchr(at, ' ')) != NULL; at++)
            n++;
    if (file != NULL)
        (void)fclose(file);
    return n;
}

static size_t walked; /* nftw has no argument for its callback */

static int host_walk(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)type;
    (void)ftw;
    walked++;
    return 0;
}

void hostile_host_read(struct hostile_host *ret, int zygote, const char *const folders[])
{
    char path[64];
    *ret = (struct hostile_host){.zygote = zygote, .driver_fds = host_entries("/proc/self/fd"), .cells = host_children(zygote)};
    (void)snprintf(path, sizeof path, "/proc/%d/fd", zygote);
    ret->zygote_fds = host_entries(path);
    (void)snprintf(path, sizeof path, "/proc/%d/status", zygote);
    ret->zygote_bytes = host_field(path, "RssAnon");
    walked = 0;
    for (size_t i = 0; folders[i] != NULL; i++)
        (void)nftw(folders[i], host_walk, WALK_FDS, FTW_PHYS | FTW_MOUNT);
    ret->files = walked;
}

/* Cells wait ahead of their documents, each with a socket of the zygote's: as many as ran at once, and one may be on its way. */
enum { SPARES_MAX = PARSER_CELLS_MAX };

void hostile_host_compare(const struct hostile_host *before, const struct hostile_host *now, uint64_t slack_bytes, char ret_what[static 200])
{
    ret_what[0] = '\0';
    if (now->zygote != before->zygote)
        (void)snprintf(ret_what, 200, "the zygote %d is not the one it was, %d", now->zygote, before->zygote);
    else if (now->zygote_fds > before->zygote_fds + SPARES_MAX || now->driver_fds != before->driver_fds)
        (void)snprintf(ret_what, 200, "descriptors: the zygote's %zu were %zu, the worker's side's %zu were %zu", now->zygote_fds, before->zygote_fds,
                       now->driver_fds, before->driver_fds);
    else if (now->cells > before->cells + SPARES_MAX)
        (void)snprintf(ret_what, 200, "%zu cells are left, there were %zu", now->cells, before->cells);
    else if (now->zygote_bytes > before->zygote_bytes + slack_bytes)
        (void)snprintf(ret_what, 200, "the zygote has %llu bytes of memory, it had %llu", (unsigned long long)now->zygote_bytes,
                       (unsigned long long)before->zygote_bytes);
    else if (now->files != before->files)
        (void)snprintf(ret_what, 200, "%zu files and folders, there were %zu", now->files, before->files);
}
