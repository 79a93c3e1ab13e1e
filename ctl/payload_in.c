/*
 * payload_in - see payload_in.h. Refuses text that is not JSON before anything is sent: a dead letter is a worse place
 * to learn of a missing quote.
 */
#include "payload_in.h"

#include "buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int read_all(int fd, const char *name, size_t max_bytes, struct buf *out, struct err *e)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_BAD_ARGUMENT, "%s cannot be read: %s", name, strerror(errno));
        if (n == 0)
            return 0;
        if (buf_add(out, chunk, (size_t)n) < 0)
            return err_set(e, ERR_BAD_ARGUMENT, "%s is larger than %zu bytes", name, max_bytes);
    }
}

int payload_in_file(const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_len, struct err *e)
{
    bool standard = strcmp(path, "-") == 0;
    AUTO_CLOSE int opened = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (!standard && opened < 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_BAD_ARGUMENT, "%s cannot be opened: %s", path,
                       strerror(errno));
    if (!standard && fstat(opened, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, ERR_BAD_ARGUMENT, "%s is a folder; name a file", path);
    struct buf bytes;
    buf_init(&bytes, max_bytes);
    (void)buf_adds(&bytes, "");
    int rc = read_all(standard ? STDIN_FILENO : opened, standard ? "standard input" : path, max_bytes, &bytes, e);
    size_t len = bytes.len;
    char *text = rc == 0 ? buf_take(&bytes) : NULL;
    buf_fini(&bytes);
    if (rc < 0)
        return rc;
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %s", path);
    *ret_bytes = text;
    *ret_len = len;
    return 0;
}

int payload_in_read(const char *what, const char *argument, char **ret_bytes, size_t *ret_len, json_t **ret_json,
                    struct err *e)
{
    AUTO_FREE char *bytes = NULL;
    size_t len = 0;
    const char *from = argument;
    if (strcmp(argument, "@") == 0)
        return err_set(e, ERR_BAD_ARGUMENT, "%s @FILE: the file's name is missing", what);
    if (strcmp(argument, "-") == 0 || argument[0] == '@') {
        from = argument[0] == '@' ? argument + 1 : "-";
        int rc = payload_in_file(from, PAYLOAD_IN_MAX_BYTES, &bytes, &len, e);
        if (rc < 0)
            return rc;
    } else {
        bytes = strdup(argument);
        len = strlen(argument);
        from = what;
    }
    if (bytes == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the payload");
    json_error_t why;
    json_t *json = json_loadb(bytes, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (json == NULL)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "%s is not JSON: %s at line %d, column %d; give JSON text, @FILE, or - for "
                       "standard input",
                       from, why.text, why.line, why.column);
    if (ret_json != NULL)
        *ret_json = json;
    else
        json_decref(json);
    *ret_bytes = TAKE(bytes);
    *ret_len = len;
    return 0;
}
