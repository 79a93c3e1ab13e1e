/*
 * pdf_source - see pdf_source.h. The kernel walks the path, not this file: whatever is swapped meanwhile, no step leaves the root.
 */
#include "pdf_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { SOURCE_RETRIES = 8, SOURCE_NAME_MAX = 255 };

/* One step of a walk: never up, never through a link. -ELOOP tells a link from a file where a folder is wanted. */
static int source_step(int at, const char *name, bool last, uint64_t flags)
{
    struct stat st;
    if (strcmp(name, "..") == 0)
        return -EXDEV;
    int fd = openat(at, name, (last ? (int)flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int why = errno;
    bool link = why == ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    return link ? -ELOOP : -why;
}

/* The same walk in steps, where the kernel or a container's filter has no openat2; ".." is refused even inside. */
static int source_walk(int dir, const char *path, uint64_t flags)
{
    char name[SOURCE_NAME_MAX + 1];
    int at = fcntl(dir, F_DUPFD_CLOEXEC, 0), fd = *path == '/' ? -EXDEV : *path == '\0' ? -ENOENT : at;
    while (fd >= 0 && *path != '\0') {
        size_t n = strcspn(path, "/");
        if (n > SOURCE_NAME_MAX) {
            fd = -ENAMETOOLONG;
            break;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)n, path);
        fd = source_step(at, name, path[n] == '\0', flags);
        (void)close(at);
        at = fd;
        path += n + strspn(path + n, "/");
    }
    if (fd < 0 && at >= 0)
        (void)close(at);
    return fd;
}

static int source_openat2(int dir, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    for (int i = 0; i < SOURCE_RETRIES && fd < 0; i++) { /* EAGAIN: something was renamed on the way, and ".." cannot be trusted */
        fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd < 0 && errno != EAGAIN)
            break;
    }
    if (fd < 0 && errno == ENOSYS)
        return source_walk(dir, path, flags);
    return fd < 0 ? -errno : fd;
}

/* Opens path under root. Looked at before it is opened: opening a device or a pipe does something. */
static int source_open(const char *root, const char *path)
{
    struct stat st;
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int fd = source_openat2(dir, path, O_PATH);
    if (fd >= 0) {
        bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
        (void)close(fd);
        fd = regular ? source_openat2(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -EISDIR;
    }
    (void)close(dir);
    return fd;
}

/* The part of an absolute path below root, the path itself when it is relative, NULL when it is elsewhere. */
static const char *source_below(const char *root, const char *path)
{
    if (path[0] != '/')
        return path;
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    if (strncmp(path, root, len) != 0 || path[len] != '/')
        return NULL;
    return path + len + strspn(path + len, "/");
}

static int source_not_found(int why, const char *path, struct err *e)
{
    switch (why) {
    case -EXDEV:
    case -ELOOP:
        return err_set(e, ERR_SOURCE_REFUSED, "source.path %.200s is not below a configured folder (pdf.roots), or goes through a link", path);
    case -EISDIR:
        return err_set(e, ERR_SOURCE_REFUSED, "source.path %.200s is no regular file", path);
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
        return err_set(e, ERR_SOURCE_MISSING, "source.path %.200s does not exist below any configured folder (pdf.roots)", path);
    default:
        break;
    }
    if (err_is_descriptors(-why))
        return err_set_descriptors(e, -why, "the input cannot be opened");
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s cannot be opened: %s", path, err_text(why));
}

/* What is found below one folder wins; among failures the first that is not "not there". */
static int source_find(const char *path, const char *roots, struct err *e)
{
    int why = 0;
    char root[CONF_STR_MAX];
    const char *cursor = roots;
    if (!conf_list_next(&cursor, root, sizeof root))
        return err_set(e, ERR_SOURCE_REFUSED, "source.path is not allowed here: no folder is configured (pdf.roots)");
    for (cursor = roots; conf_list_next(&cursor, root, sizeof root);) {
        const char *below = source_below(root, path);
        if (below == NULL)
            continue;
        int fd = source_open(root, below);
        if (fd >= 0)
            return fd;
        if (why == 0 || why == -ENOENT || why == -ENOTDIR)
            why = fd;
    }
    return source_not_found(why != 0 ? why : -EXDEV, path, e);
}

int pdf_source_open(const struct pdf_sink *sink, const char *roots, int *ret_fd, uint64_t *ret_bytes, struct err *e)
{
    struct stat st;
    AUTO_CLOSE int fd = source_find(sink->request->source, roots, e);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_SOURCE_REFUSED, "source.path %.200s is no regular file", sink->request->source);
    int rc = pdf_sink_expect(sink, (uint64_t)st.st_size, e);
    if (rc < 0)
        return rc;
    *ret_bytes = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int source_stopped(const _Atomic bool *stop, struct err *e)
{
    return *stop ? err_set(e, ERR_CANCELLED, "the job was stopped while its input was read") : 0;
}

static bool source_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int pdf_source_copy(struct pdf_sink *sink, int fd, const _Atomic bool *stop, struct pdf_input *ret, struct err *e)
{
    char piece[PDF_SINK_PIECE];
    struct stat before, after;
    const char *path = sink->request->source;
    int rc = fstat(fd, &before) < 0 ? -errno : 0;
    for (ssize_t n; rc == 0 && (n = read(fd, piece, sizeof piece)) != 0;) {
        if (n < 0 && errno != EINTR)
            return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s cannot be read: %s", path, err_text(-errno));
        rc = source_stopped(stop, e);
        if (rc == 0 && n > 0)
            rc = pdf_sink_add(sink, piece, (size_t)n, e);
    }
    if (rc == 0 && (fstat(fd, &after) < 0 || !source_same(&before, &after) || sink->bytes != (uint64_t)before.st_size))
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s changed while it was read", path);
    return rc < 0 ? rc : pdf_sink_end(sink, ret, e);
}

static int source_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* A piece of bytes being made of digits of six bits. */
struct source_base64 {
    uint32_t word;
    size_t digits, n;
    bool ended;
    unsigned char out[PDF_SINK_PIECE + 3];
};

/* False when c does not belong into base64. */
static bool base64_take(struct source_base64 *b, unsigned char c)
{
    int digit = source_digit(c);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return true;
    b->ended = b->ended || c == '=';
    if (b->ended)
        return c == '=';
    if (digit < 0)
        return false;
    b->word = b->word << 6 | (uint32_t)digit;
    if (++b->digits % 4 == 0) {
        b->out[b->n++] = (unsigned char)(b->word >> 16);
        b->out[b->n++] = (unsigned char)(b->word >> 8);
        b->out[b->n++] = (unsigned char)b->word;
    }
    return true;
}

static bool base64_last(struct source_base64 *b)
{
    if (b->digits % 4 == 2)
        b->out[b->n++] = (unsigned char)(b->word >> 4);
    if (b->digits % 4 == 3) {
        b->out[b->n++] = (unsigned char)(b->word >> 10);
        b->out[b->n++] = (unsigned char)(b->word >> 2);
    }
    return b->digits % 4 != 1;
}

int pdf_source_inline(struct pdf_sink *sink, const _Atomic bool *stop, struct pdf_input *ret, struct err *e)
{
    struct source_base64 b = {0};
    const struct pdf_request *r = sink->request;
    int rc = 0;
    for (size_t i = 0; i < r->source_len && rc == 0; i++) {
        if (!base64_take(&b, (unsigned char)r->source[i]))
            return err_set(e, ERR_BAD_PAYLOAD, "source.inline_b64 is no base64: byte %zu", i);
        if (b.n < PDF_SINK_PIECE)
            continue;
        rc = source_stopped(stop, e);
        if (rc == 0)
            rc = pdf_sink_add(sink, b.out, b.n, e);
        b.n = 0;
    }
    if (rc == 0 && !base64_last(&b))
        return err_set(e, ERR_BAD_PAYLOAD, "source.inline_b64 is no base64: it is cut short");
    if (rc == 0)
        rc = pdf_sink_add(sink, b.out, b.n, e);
    return rc < 0 ? rc : pdf_sink_end(sink, ret, e);
}

int pdf_source_bytes(struct pdf_input *in, const struct pdf_request *r, const void *data, size_t len, struct err *e)
{
    struct pdf_sink sink;
    int rc = pdf_sink_open(&sink, r, e);
    if (rc == 0)
        rc = pdf_sink_expect(&sink, len, e);
    if (rc == 0)
        rc = pdf_sink_add(&sink, data, len, e);
    if (rc == 0)
        rc = pdf_sink_end(&sink, in, e);
    pdf_sink_close(&sink);
    return rc;
}

void pdf_source_close(struct pdf_input *in)
{
    if (in->fd >= 0)
        (void)close(in->fd);
    in->fd = -1;
}

int pdf_source_key_allowed(const char *key, const char *prefixes, struct err *e)
{
    char prefix[CONF_STR_MAX];
    for (const char *cursor = prefixes; conf_list_next(&cursor, prefix, sizeof prefix);)
        if (strcmp(prefix, "*") == 0 || strncmp(key, prefix, strlen(prefix)) == 0)
            return 0;
    return err_set(e, ERR_SOURCE_REFUSED, "source.redis %.200s does not begin with one of: %s (pdf.redis_prefixes)", key,
                   prefixes[0] != '\0' ? prefixes : "none is configured");
}
