/*
 * library_files - see library_files.h. Without it a document with a Japanese font that is not embedded would end its cell: the library opens
 * a table by the font's name. Maps that the library never asks for by itself (UTF-8 and UTF-32 keys, and tables from Unicode back)
 * are left out: they are two thirds of the bytes.
 */
#include "library_files.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LIBRARY_FOLDER "/usr/share/poppler/"

static const char *const LEFT_OUT[] = {"*UTF8*", "*UTF32*", "UCS2-*", "*-UCS2C"};

struct library_walk {
    struct library_files *files;
    int fd;
    size_t bytes;
    bool failed;
};

static bool library_wanted(const char *path)
{
    const char *name = strrchr(path, '/');
    if (strncmp(path, LIBRARY_FOLDER "cMap/", strlen(LIBRARY_FOLDER "cMap/")) != 0 &&
        strncmp(path, LIBRARY_FOLDER "cidToUnicode/", strlen(LIBRARY_FOLDER "cidToUnicode/")) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(LEFT_OUT); i++)
        if (fnmatch(LEFT_OUT[i], name + 1, 0) == 0)
            return false;
    return strlen(path) < LIBRARY_PATH_MAX;
}

static bool library_copy(struct library_walk *w, const char *path, size_t size)
{
    char block[65536];
    size_t copied = 0;
    AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; from >= 0 && copied < size && (n = read(from, block, MIN_OF(sizeof block, size - copied))) > 0; copied += (size_t)n)
        if (write(w->fd, block, (size_t)n) != n)
            return false;
    return from >= 0 && copied == size;
}

static void library_add(struct library_walk *w, const char *path, const struct stat *st)
{
    size_t size = st->st_size > 0 ? (size_t)st->st_size : 0;
    struct library_files *f = w->files;
    if (!library_wanted(path) || f->n == LIBRARY_FILES_MAX || size > LIBRARY_FILES_BYTES_MAX - w->bytes)
        return;
    if (!library_copy(w, path, size)) {
        w->failed = true;
        return;
    }
    struct library_file *file = &f->files[f->n++];
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->at = w->bytes;
    file->size = size;
    w->bytes += size;
}

static int library_order(const void *a, const void *b)
{
    const struct library_file *p = a, *q = b;
    return strcmp(p->path, q->path);
}

static void library_walk(struct library_walk *w)
{
    char folder[] = LIBRARY_FOLDER, *const folders[] = {folder, NULL};
    FTS *tree = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;)
        if (entry->fts_info == FTS_F)
            library_add(w, entry->fts_path, entry->fts_statp);
    if (tree != NULL)
        (void)fts_close(tree);
}

int library_files_load(struct library_files *f, struct err *e)
{
    AUTO_CLOSE int fd = memfd_create("library-files", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct library_walk walk = {.files = f, .fd = fd};
    *f = (struct library_files){.files = calloc(LIBRARY_FILES_MAX, sizeof *f->files)};
    if (fd < 0 || f->files == NULL)
        return err_set(e, ERR_BOOT_FAILURE, "parser: no memory for the library's character maps");
    library_walk(&walk);
    if (walk.failed || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_set(e, ERR_BOOT_FAILURE, "parser: the character maps in %s could not be read", LIBRARY_FOLDER);
    if (f->n == 0)
        return 0;
    void *bytes = mmap(NULL, walk.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return err_set(e, ERR_BOOT_FAILURE, "parser: the character maps could not be mapped");
    f->bytes = bytes;
    qsort(f->files, f->n, sizeof *f->files, library_order);
    return 0;
}

FILE *library_files_open(const struct library_files *f, const char *path, bool *ret_ours)
{
    *ret_ours = f->bytes != NULL && strncmp(path, LIBRARY_FOLDER, strlen(LIBRARY_FOLDER)) == 0;
    if (!*ret_ours)
        return NULL;
    struct library_file key;
    (void)snprintf(key.path, sizeof key.path, "%s", path);
    const struct library_file *file = bsearch(&key, f->files, f->n, sizeof key, library_order);
    if (file == NULL || file->size == 0) {
        errno = ENOENT;
        return NULL;
    }
    return fmemopen((void *)(uintptr_t)(f->bytes + file->at), file->size, "r");
}
