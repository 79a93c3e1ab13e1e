/*
 * console_tokens - see console_tokens.h. Refuses to write a token down, and to trust a file that others may write. The
 * file is replaced whole, under a lock beside it, so that a console never reads half of one.
 */
#include "console_tokens.h"

#include "clock.h"

#include <fcntl.h>
#include <libgen.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 65536, TOKEN_BYTES = 32, RANDOM_MAX_BYTES = 64 };

static const char *const role_names[CONSOLE_ROLE_COUNT] = {"viewer", "operator", "admin"};

const char *console_role_name(enum console_role role)
{
    return role < CONSOLE_ROLE_COUNT ? role_names[role] : "nobody";
}

int console_role_by_name(const char *name)
{
    for (int i = 0; i < CONSOLE_ROLE_COUNT; i++)
        if (strcmp(role_names[i], name) == 0)
            return i;
    return -1;
}

char *console_tokens_path(const struct conf *conf, char out[static CONF_STR_MAX])
{
    if (conf->console.tokens_file[0] != '\0')
        (void)snprintf(out, CONF_STR_MAX, "%s", conf->console.tokens_file);
    else
        (void)snprintf(out, CONF_STR_MAX, "%.480s/console.tokens", conf->supervisor.state_dir);
    return out;
}

static bool name_valid(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n < CONSOLE_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static int parse_line(const char *path, size_t number, const char *line, struct console_tokens *list, struct err *e)
{
    char name[128], role[16], hash[72], rest[2] = "";
    long long created_ms = 0;
    int n = sscanf(line, "%127s %15s %71s %lld %1s", name, role, hash, &created_ms, rest);
    if (n != 4 || !name_valid(name) || console_role_by_name(role) < 0 || strlen(hash) != SHA256_HEX - 1 ||
        strspn(hash, "0123456789abcdef") != SHA256_HEX - 1)
        return err_set(
            e, ERR_BAD_CONFIG,
            "%s:%zu: no token; a line is: name, role (viewer, operator, admin), SHA-256 in hex, time of making in ms; "
            "\"stint console token add\" writes one",
            path, number);
    if (list->n == CONSOLE_TOKENS_MAX)
        return err_set(e, ERR_BAD_CONFIG, "%s:%zu: more than %d tokens", path, number, (int)CONSOLE_TOKENS_MAX);
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return err_set(e, ERR_BAD_CONFIG, "%s:%zu: the name %s is there twice", path, number, name);
    struct console_token *t = &list->items[list->n++];
    *t = (struct console_token){.role = (enum console_role)console_role_by_name(role), .created_ms = created_ms};
    (void)snprintf(t->name, sizeof t->name, "%.64s", name);
    (void)snprintf(t->hash, sizeof t->hash, "%.64s", hash);
    return 0;
}

int console_tokens_parse(const char *path, const char *text, size_t len, struct console_tokens *ret, struct err *e)
{
    size_t number = 0;
    ret->n = 0;
    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end != NULL ? (size_t)(end - text) - at : len - at;
        char line[512];
        if (n >= sizeof line || memchr(text + at, '\0', n) != NULL)
            return err_set(e, ERR_BAD_CONFIG, "%s:%zu: the line is too long, or no text", path, number + 1);
        memcpy(line, text + at, n);
        line[n] = '\0';
        at += n + 1;
        const char *first = line + strspn(line, " \t\r");
        int rc = *first == '\0' || *first == '#' ? 0 : parse_line(path, number + 1, first, ret, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int console_tokens_read(const char *path, struct console_tokens *ret, struct err *e)
{
    struct stat st;
    AUTO_FREE char *text = malloc(FILE_MAX_BYTES);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ret->n = 0;
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_errno(e, errno, "cannot read the console's tokens, %s", path);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the console's tokens");
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_REFUSED, "%s may be written by others than its owner: chmod 600 it", path);
    size_t len = 0;
    for (ssize_t n; (n = read(fd, text + len, FILE_MAX_BYTES - len)) > 0;)
        len += (size_t)n;
    if (len == FILE_MAX_BYTES)
        return err_set(e, ERR_BAD_CONFIG, "%s: larger than %d bytes", path, (int)FILE_MAX_BYTES);
    return console_tokens_parse(path, text, len, ret, e);
}

/* Whoever writes the file holds this; the file itself is replaced, so a lock on it would be of the old one. */
static int lock_file(const char *path, int *ret_fd, struct err *e)
{
    char lock[PATH_MAX];
    (void)snprintf(lock, sizeof lock, "%s.lock", path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int rc = err_set_errno(e, errno, "cannot write beside %s; does the folder exist, and is it yours?", path);
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* The console runs as the folder's owner; root writes for it. */
static void give_to_owner(const char *path, int fd)
{
    char copy[PATH_MAX];
    struct stat st;
    (void)snprintf(copy, sizeof copy, "%s", path);
    if (geteuid() == 0 && stat(dirname(copy), &st) == 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
        return; /* then only root can read it: told when the console starts */
}

static int write_list(const char *path, const struct console_tokens *list, struct err *e)
{
    char tmp[PATH_MAX];
    (void)snprintf(tmp, sizeof tmp, "%s.new", path);
    (void)unlink(tmp);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL)
        return err_set_errno(e, errno, "cannot write %s", tmp);
    give_to_owner(path, fd);
    bool ok = fprintf(f, "# Tokens of stint-console: name, role, SHA-256 of the token, made at (ms). \"stint console "
                         "token\" writes this file.\n") > 0;
    for (size_t i = 0; i < list->n; i++)
        ok = fprintf(f, "%s %s %s %lld\n", list->items[i].name, console_role_name(list->items[i].role),
                     list->items[i].hash, (long long)list->items[i].created_ms) > 0 &&
             ok;
    ok = fflush(f) == 0 && fsync(fd) == 0 && ok;
    ok = fclose(f) == 0 && ok && rename(tmp, path) == 0;
    int code = errno;
    if (!ok)
        (void)unlink(tmp);
    return ok ? 0 : err_set_errno(e, code, "cannot write %s", path);
}

int console_tokens_add(const char *path, const char *name, enum console_role role,
                       char ret_token[static CONSOLE_TOKEN_MAX], struct err *e)
{
    AUTO_FREE struct console_tokens *list = malloc(sizeof *list);
    AUTO_CLOSE int lock_fd = -1;
    if (!name_valid(name))
        return err_set(e, ERR_BAD_ARGUMENT, "NAME: \"%.80s\" is not allowed; allowed: 1 to 64 of A-Z a-z 0-9 . _ -",
                       name);
    if (list == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the console's tokens");
    int rc = lock_file(path, &lock_fd, e);
    if (rc == 0)
        rc = console_tokens_read(path, list, e);
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            rc = err_set(e, ERR_REFUSED,
                         "there is a token \"%s\" already; revoke it first, or give this one another name", name);
    if (rc == 0 && list->n == CONSOLE_TOKENS_MAX)
        rc = err_set(e, ERR_REFUSED, "there are %d tokens already, the most there can be; revoke one first",
                     (int)CONSOLE_TOKENS_MAX);
    (void)snprintf(ret_token, CONSOLE_TOKEN_MAX, "stint_");
    if (rc == 0)
        rc = console_random_hex(TOKEN_BYTES, ret_token + 6, e);
    if (rc < 0)
        return rc;
    struct console_token *t = &list->items[list->n++];
    *t = (struct console_token){.role = role, .created_ms = (int64_t)clock_wall_ms()};
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    (void)console_hash(ret_token, t->hash);
    return write_list(path, list, e);
}

int console_tokens_revoke(const char *path, const char *name, struct err *e)
{
    AUTO_FREE struct console_tokens *list = malloc(sizeof *list);
    AUTO_CLOSE int lock_fd = -1;
    if (list == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the console's tokens");
    int rc = lock_file(path, &lock_fd, e);
    if (rc == 0)
        rc = console_tokens_read(path, list, e);
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0) {
            list->items[i] = list->items[--list->n];
            return write_list(path, list, e);
        }
    return rc < 0 ? rc
                  : err_set(e, ERR_NOT_FOUND, "no token \"%.80s\"; \"stint console token list\" shows those there are",
                            name);
}

bool console_same_bytes(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differ = 0;
    for (size_t i = 0; i < n; i++)
        differ = (unsigned char)(differ | (x[i] ^ y[i]));
    return differ == 0;
}

const struct console_token *console_tokens_find(const struct console_tokens *list, const char *token)
{
    const struct console_token *found = NULL;
    char hash[SHA256_HEX];
    (void)console_hash(token, hash);
    for (size_t i = 0; i < list->n; i++)
        if (console_same_bytes(list->items[i].hash, hash, SHA256_HEX - 1))
            found = &list->items[i];
    return found;
}

int console_random_hex(size_t n, char *out, struct err *e)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[RANDOM_MAX_BYTES];
    assert(n <= sizeof bytes);
    if (getrandom(bytes, n, 0) != (ssize_t)n)
        return err_set(e, ERR_BOOT_FAILURE, "the kernel gave no random bytes");
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
    return 0;
}

char *console_hash(const char *text, char out[static SHA256_HEX])
{
    struct sha256 sum;
    sha256_init(&sum);
    sha256_add(&sum, text, strlen(text));
    sha256_hex(&sum, out);
    return out;
}
