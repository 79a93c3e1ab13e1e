/*
 * pdf_inputs - see pdf_inputs.h. Goes into no folder's folders: what is parsed is what was meant.
 */
#include "pdf_inputs.h"

#include "payload_in.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAMELESS "document"

bool pdf_inputs_is_url(const char *name)
{
    return strncasecmp(name, "http://", 7) == 0 || strncasecmp(name, "https://", 8) == 0;
}

static int inputs_add(struct pdf_inputs *in, char *name, struct err *e)
{
    if (name == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of documents");
    in->names[in->n++] = name;
    return 0;
}

static int inputs_room(struct pdf_inputs *in, size_t more, struct err *e)
{
    if (in->n + more > PDF_INPUTS_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "more than %d documents at once are too many", PDF_INPUTS_MAX);
    char **names = reallocarray(in->names, in->n + more + 1, sizeof *names);
    if (names == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the names of documents");
    in->names = names;
    return 0;
}

static int is_document(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && dot != entry->d_name && strcasecmp(dot, ".pdf") == 0;
}

static int inputs_folder(struct pdf_inputs *in, const char *folder, struct err *e)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_document, alphasort);
    if (n < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "%s cannot be read: %s", folder, strerror(errno));
    int rc = n == 0 ? err_set(e, ERR_NOT_FOUND, "the folder %s holds no *.pdf", folder) : inputs_room(in, (size_t)n, e);
    size_t len = strlen(folder);
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (rc == 0 && asprintf(&path, "%s%s%s", folder, len > 0 && folder[len - 1] == '/' ? "" : "/", entries[i]->d_name) < 0)
            path = NULL;
        if (rc == 0)
            rc = inputs_add(in, path, e);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int pdf_inputs_find(struct pdf_inputs *in, const struct args *a, struct err *e)
{
    int rc = 0;
    size_t standard = 0;
    *in = (struct pdf_inputs){.n = 0};
    for (size_t i = 0; i < a->n_positionals && rc == 0; i++) {
        const char *name = a->positionals[i];
        struct stat st;
        bool folder = strcmp(name, "-") != 0 && !pdf_inputs_is_url(name) && stat(name, &st) == 0 && S_ISDIR(st.st_mode);
        standard += strcmp(name, "-") == 0;
        if (standard > 1)
            rc = err_set(e, ERR_BAD_ARGUMENT, "\"-\" is given twice, but standard input can be read only once");
        else if (folder)
            rc = inputs_folder(in, name, e);
        else if ((rc = inputs_room(in, 1, e)) == 0)
            rc = inputs_add(in, strdup(name), e);
    }
    return rc;
}

void pdf_inputs_free(struct pdf_inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        free(in->names[i]);
    free(in->names);
    *in = (struct pdf_inputs){.n = 0};
}

int pdf_inputs_read(const char *name, size_t max_bytes, char **ret_bytes, size_t *ret_len, struct err *e)
{
    bool standard = strcmp(name, "-") == 0;
    const char *shown = standard ? "standard input" : name;
    struct stat st;
    if (!standard && stat(name, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
        return err_set(e, ERR_TOO_LARGE, "%s has %lld bytes; allowed are %zu (pdf.max_bytes)", shown, (long long)st.st_size, max_bytes);
    AUTO_FREE char *bytes = NULL;
    size_t len = 0;
    int rc = payload_in_file(name, max_bytes, &bytes, &len, e);
    if (rc == 0 && len == 0)
        rc = err_set(e, ERR_EMPTY_FILE, "%s is empty", shown);
    if (rc < 0)
        return rc;
    *ret_bytes = TAKE(bytes);
    *ret_len = len;
    return 0;
}

char *pdf_inputs_result_name(const char *name, const char *extension)
{
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    size_t len = strcspn(base, pdf_inputs_is_url(name) ? "?#" : "");
    const char *dot = memrchr(base, '.', len);
    if (dot != NULL && dot != base)
        len = (size_t)(dot - base);
    if (strcmp(name, "-") == 0) {
        base = "stdin";
        len = strlen(base);
    }
    char *out = NULL;
    return asprintf(&out, "%.*s.%s", len > 0 ? (int)len : (int)strlen(NAMELESS), len > 0 ? base : NAMELESS, extension) < 0 ? NULL : out;
}
