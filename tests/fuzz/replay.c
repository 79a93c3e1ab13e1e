/*
 * replay - runs one fuzzer over the files of folders, without libFuzzer: the kept corpus as a plain test, under any compiler and sanitizer.
 *
 * Usage: replay_NAME FOLDER…; a fault ends the process. Exits 1 when there was no file.
 */
#include "base.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed; /* nftw has no argument for its callback */

static int replay_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type != FTW_F)
        return 0;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FREE uint8_t *bytes = malloc((size_t)st->st_size + 1);
    if (fd < 0 || bytes == NULL || read(fd, bytes, (size_t)st->st_size) != st->st_size)
        return 1;
    (void)LLVMFuzzerTestOneInput(bytes, (size_t)st->st_size);
    replayed++;
    return 0;
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], replay_file, 8, FTW_PHYS) != 0)
            replayed = 0;
    (void)printf("%s - %zu kept inputs\n", replayed > 0 ? "ok" : "not ok", replayed);
    return replayed > 0 ? 0 : 1;
}
