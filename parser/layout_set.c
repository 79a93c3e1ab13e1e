/*
 * layout_set - see layout_set.h. The only part of layout_* that opens files, and only before a document is read.
 */
#include "layout_set.h"

#include "layout_read.h"
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>

struct layout_text {
    const char *name, *text;
};
#include "layout_texts.h"

static const char LAYOUT_SUFFIX[] = ".layout";

const struct layout *layout_set_find(const struct layout_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->items[i]->name, name) == 0)
            return set->items[i];
    return NULL;
}

void layout_set_names(const struct layout_set *set, char out[static LAYOUT_LIST_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < set->n && len < LAYOUT_LIST_MAX; i++)
        len += (size_t)snprintf(out + len, LAYOUT_LIST_MAX - len, "%s%s", i > 0 ? ", " : "", set->items[i]->name);
}

static void set_drop(struct layout *layout)
{
    layout_free(layout);
    g_free(layout);
}

/* Reads one text; it takes the place of one of its name. */
static int set_add(struct layout_set *set, const char *name, const char *file, const char *text, struct err *e)
{
    struct layout *layout = g_new0(struct layout, 1);
    int rc = layout_read(name, file, text, layout, e);
    if (rc < 0) {
        g_free(layout);
        return rc;
    }
    size_t at = 0;
    while (at < set->n && strcmp(set->items[at]->name, name) != 0)
        at++;
    if (at == LAYOUT_SET_MAX) {
        set_drop(layout);
        return err_set(e, ERR_BAD_CONFIG, "%s: more than %d layouts, the compiled-in ones included", file, LAYOUT_SET_MAX);
    }
    if (at < set->n)
        set_drop(set->items[at]);
    set->n += at == set->n;
    set->items[at] = layout;
    return 0;
}

static int set_file(struct layout_set *set, const char *path, const char *base, struct err *e)
{
    struct stat st;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, ERR_BAD_CONFIG, "%s: %s", path, err_text(-errno));
    if (!S_ISREG(st.st_mode) || st.st_size > LAYOUT_FILE_MAX)
        return err_set(e, ERR_BAD_CONFIG, "%s: not a regular file of at most %d bytes", path, LAYOUT_FILE_MAX);
    char *text = g_malloc0((gsize)st.st_size + 1), *name = g_strndup(base, strlen(base) - (sizeof LAYOUT_SUFFIX - 1));
    ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
    int rc = n != st.st_size ? err_set(e, ERR_BAD_CONFIG, "%s: could not be read whole", path)
             : strlen(text) != (size_t)n ? err_set(e, ERR_BAD_CONFIG, "%s: holds a zero byte; is it a text file?", path)
                                         : set_add(set, name, path, text, e);
    g_free(text);
    g_free(name);
    return rc;
}

static int set_is_layout(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len >= sizeof LAYOUT_SUFFIX && strcmp(entry->d_name + len - (sizeof LAYOUT_SUFFIX - 1), LAYOUT_SUFFIX) == 0;
}

static int set_path(struct layout_set *set, const char *path, struct err *e)
{
    struct stat st;
    struct dirent **entries = NULL;
    if (stat(path, &st) < 0)
        return err_set(e, ERR_BAD_CONFIG, "%s: %s (pdf.layouts names a folder of NAME.layout files)", path, err_text(-errno));
    if (!S_ISDIR(st.st_mode)) {
        const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
        struct dirent one = {.d_name = ""};
        (void)snprintf(one.d_name, sizeof one.d_name, "%s", base);
        return set_is_layout(&one) ? set_file(set, path, base, e)
                                   : err_set(e, ERR_BAD_CONFIG, "%s: neither a folder nor a file named NAME.layout", path);
    }
    int n = scandir(path, &entries, set_is_layout, alphasort), rc = 0;
    if (n < 0)
        return err_set(e, ERR_BAD_CONFIG, "%s: %s", path, err_text(-errno));
    for (int i = 0; i < n; i++) {
        char *file = g_build_filename(path, entries[i]->d_name, NULL);
        if (rc == 0)
            rc = set_file(set, file, entries[i]->d_name, e);
        g_free(file);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int set_order(const void *a, const void *b)
{
    const struct layout *const *p = a, *const *q = b;
    return (*p)->order != (*q)->order ? (*p)->order - (*q)->order : strcmp((*p)->name, (*q)->name);
}

int layout_set_load(struct layout_set *set, const char *path, struct err *e)
{
    int rc = 0;
    *set = (struct layout_set){.n = 0};
    for (size_t i = 0; i < ARRAY_LEN(layout_texts) && rc == 0; i++) {
        char *file = g_strdup_printf("(compiled in)/%s%s", layout_texts[i].name, LAYOUT_SUFFIX);
        rc = set_add(set, layout_texts[i].name, file, layout_texts[i].text, e);
        g_free(file);
    }
    if (rc == 0 && path != NULL && path[0] != '\0')
        rc = set_path(set, path, e);
    if (rc < 0)
        return rc;
    qsort(set->items, set->n, sizeof set->items[0], set_order);
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (size_t i = 0; i < set->n; i++) {
        g_checksum_update(sum, (const guchar *)set->items[i]->name, (gssize)strlen(set->items[i]->name) + 1);
        g_checksum_update(sum, (const guchar *)set->items[i]->text, (gssize)strlen(set->items[i]->text) + 1);
    }
    (void)g_snprintf(set->digest, sizeof set->digest, "%s", g_checksum_get_string(sum));
    g_checksum_free(sum);
    return 0;
}

void layout_set_free(struct layout_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        set_drop(set->items[i]);
    *set = (struct layout_set){.n = 0};
}
