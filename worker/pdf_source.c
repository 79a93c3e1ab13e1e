/*
 * pdf_source - see pdf_source.h. Only the first bytes are looked at, for the type; nothing here interprets a PDF.
 */
#include "pdf_source.h"

#include "alloc.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

void pdf_source_close(struct pdf_input *in)
{
    if (in->fd >= 0)
        (void)close(in->fd);
    in->fd = -1;
}

static int source_fill(int fd, const char *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, data + at, len - at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int pdf_source_bytes(struct pdf_input *in, const struct pdf_request *r, const void *data, size_t len, struct err *e)
{
    struct sha256 digest;
    if (len == 0)
        return err_set(e, ERR_EMPTY_FILE, "the input has no bytes");
    if (len > (size_t)r->max_bytes)
        return err_set(e, ERR_TOO_LARGE, "the input has %zu bytes; allowed are %lld (pdf.max_bytes, payload.limits.max_bytes)", len,
                       (long long)r->max_bytes);
    sha256_init(&digest);
    sha256_add(&digest, data, len);
    sha256_hex(&digest, in->sha256);
    if (r->size >= 0 && (uint64_t)r->size != len)
        return err_set(e, ERR_HASH_MISMATCH, "the input has %zu bytes, not the announced %lld", len, (long long)r->size);
    if (r->sha256 != NULL && strcasecmp(r->sha256, in->sha256) != 0)
        return err_set(e, ERR_HASH_MISMATCH, "the input's sha256 is %s, not the announced %.64s", in->sha256, r->sha256);
    if (memmem(data, MIN_OF(len, (size_t)1024), "%PDF-", 5) == NULL)
        return err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes of the input");
    int fd = memfd_create("stint-pdf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc = fd < 0 ? -errno : source_fill(fd, data, len);
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        rc = -errno;
    if (rc < 0) {
        if (fd >= 0)
            (void)close(fd);
        if (err_is_descriptors(-rc))
            return err_set_descriptors(e, -rc, "the input could not be kept in memory");
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "the input could not be kept in memory: %s", err_text(rc));
    }
    in->fd = fd;
    in->size = len;
    return 0;
}

/* Opens path under root. The kernel walks it: no step may leave root or follow a link. */
static int source_open(const char *root, const char *path)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    int rc = fd < 0 ? -errno : fd;
    (void)close(dir);
    return rc;
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

static int source_find(const char *path, const char *roots, struct err *e)
{
    int missing = -EXDEV;
    if (roots[strspn(roots, " ,")] == '\0')
        return err_set(e, ERR_SOURCE_REFUSED, "source.path is not allowed here: no folder is configured (pdf.roots)");
    for (const char *at = roots; *at != '\0';) {
        char root[CONF_STR_MAX];
        at += strspn(at, " ,");
        size_t len = strcspn(at, ",");
        (void)snprintf(root, sizeof root, "%.*s", (int)len, at);
        at += len;
        while (len > 0 && root[len - 1] == ' ')
            root[--len] = '\0';
        const char *below = len > 0 ? source_below(root, path) : NULL;
        if (below == NULL)
            continue;
        int fd = source_open(root, below);
        if (fd >= 0)
            return fd;
        missing = fd == -EXDEV || fd == -ELOOP ? missing : fd;
    }
    if (missing == -EXDEV)
        return err_set(e, ERR_SOURCE_REFUSED, "source.path %.200s is not below a configured folder (pdf.roots), or goes through a link",
                       path);
    if (missing == -ENOENT || missing == -ENOTDIR)
        return err_set(e, ERR_SOURCE_MISSING, "source.path %.200s does not exist below any configured folder (pdf.roots)", path);
    if (err_is_descriptors(-missing))
        return err_set_descriptors(e, -missing, "the input cannot be opened");
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s cannot be opened: %s", path, err_text(missing));
}

int pdf_source_path(struct pdf_input *in, const struct pdf_request *r, const char *roots, struct err *e)
{
    struct stat st;
    AUTO_CLOSE int fd = source_find(r->source, roots, e);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_SOURCE_REFUSED, "source.path %.200s is no regular file", r->source);
    if (st.st_size > r->max_bytes)
        return err_set(e, ERR_TOO_LARGE, "the input has %lld bytes; allowed are %lld (pdf.max_bytes, payload.limits.max_bytes)",
                       (long long)st.st_size, (long long)r->max_bytes);
    /* One byte more than it says: a file that grows meanwhile is found out by its size. */
    AUTO_FREE char *data = alloc_must(malloc((size_t)st.st_size + 1));
    size_t len = 0;
    for (ssize_t n; len <= (size_t)st.st_size && (n = read(fd, data + len, (size_t)st.st_size + 1 - len)) != 0;) {
        if (n < 0 && errno != EINTR)
            return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s cannot be read: %s", r->source, err_text(-errno));
        len += n > 0 ? (size_t)n : 0;
    }
    if (len > (size_t)st.st_size)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.path %.200s changed while it was read", r->source);
    return pdf_source_bytes(in, r, data, len, e);
}

static int source_digit(unsigned char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : c == '-' ? 62 : c == '_' ? 63 : -1;
}

int pdf_source_inline(struct pdf_input *in, const struct pdf_request *r, struct err *e)
{
    size_t len = strlen(r->source), n = 0, digits = 0;
    AUTO_FREE unsigned char *out = alloc_must(malloc(len / 4 * 3 + 3));
    uint32_t word = 0;
    bool ended = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)r->source[i];
        if (strchr(" \t\r\n", c) != NULL)
            continue;
        int digit = source_digit(c);
        ended = ended || c == '=';
        if ((digit < 0 && c != '=') || (ended && c != '='))
            return err_set(e, ERR_BAD_PAYLOAD, "source.inline_b64 is no base64: byte %zu", i);
        if (ended)
            continue;
        word = word << 6 | (uint32_t)digit;
        if (++digits % 4 == 0) {
            out[n++] = (unsigned char)(word >> 16);
            out[n++] = (unsigned char)(word >> 8);
            out[n++] = (unsigned char)word;
        }
    }
    if (digits % 4 == 1)
        return err_set(e, ERR_BAD_PAYLOAD, "source.inline_b64 is no base64: it is cut short");
    if (digits % 4 == 2)
        out[n++] = (unsigned char)(word >> 4);
    if (digits % 4 == 3) {
        out[n++] = (unsigned char)(word >> 10);
        out[n++] = (unsigned char)(word >> 2);
    }
    return pdf_source_bytes(in, r, out, n, e);
}

int pdf_source_refused(const struct pdf_request *r, struct err *e)
{
    return err_set(e, ERR_SOURCE_REFUSED, "source.%s is not enabled in this version; use path, redis or inline_b64",
                   r->source_type == PDF_SOURCE_URL ? "url" : "s3");
}
