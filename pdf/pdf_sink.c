/*
 * pdf_sink - see pdf_sink.h. Only the first bytes are looked at, for the type; nothing here interprets a PDF. A length or a digest is taken
 * here or not at all: what another process says of them decides nothing.
 */
#include "pdf_sink.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SINK_SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

void pdf_sink_close(struct pdf_sink *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static int sink_memory(int sys_errno, struct err *e)
{
    if (err_is_descriptors(sys_errno))
        return err_set_descriptors(e, sys_errno, "the input could not be kept in memory");
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "the input could not be kept in memory: %s", err_text(-sys_errno));
}

int pdf_sink_open(struct pdf_sink *s, const struct pdf_request *request, struct err *e)
{
    *s = (struct pdf_sink){.request = request, .fd = memfd_create("stint-pdf", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    sha256_init(&s->digest);
    return s->fd < 0 ? sink_memory(errno, e) : 0;
}

int pdf_sink_expect(const struct pdf_sink *s, uint64_t bytes, struct err *e)
{
    const struct pdf_request *r = s->request;
    if (bytes == 0)
        return err_set(e, ERR_EMPTY_FILE, "the input has no bytes");
    if (bytes > (uint64_t)r->max_bytes)
        return err_set(e, ERR_TOO_LARGE, "the input has %llu bytes; allowed are %lld (pdf.max_bytes, payload.limits.max_bytes)",
                       (unsigned long long)bytes, (long long)r->max_bytes);
    if (r->size >= 0 && (uint64_t)r->size != bytes)
        return err_set(e, ERR_HASH_MISMATCH, "the input has %llu bytes, not the announced %lld", (unsigned long long)bytes, (long long)r->size);
    return 0;
}

/* Digest and type of the next bytes. */
static int sink_look(struct pdf_sink *s, const void *data, size_t len, struct err *e)
{
    sha256_add(&s->digest, data, len);
    if (s->bytes < sizeof s->head)
        memcpy(s->head + s->bytes, data, MIN_OF(len, sizeof s->head - (size_t)s->bytes));
    bool decided = s->bytes < sizeof s->head && s->bytes + len >= sizeof s->head;
    s->bytes += len;
    if (decided && memmem(s->head, sizeof s->head, "%PDF-", 5) == NULL)
        return err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes of the input");
    return 0;
}

int pdf_sink_add(struct pdf_sink *s, const void *data, size_t len, struct err *e)
{
    if (len > (uint64_t)s->request->max_bytes - s->bytes)
        return err_set(e, ERR_TOO_LARGE, "the input has more than %lld bytes, which is allowed (pdf.max_bytes, payload.limits.max_bytes)",
                       (long long)s->request->max_bytes);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(s->fd, (const char *)data + at, len - at);
        if (n < 0 && errno != EINTR)
            return sink_memory(errno, e);
        at += n > 0 ? (size_t)n : 0;
    }
    return sink_look(s, data, len, e);
}

static int sink_compare(struct pdf_sink *s, struct pdf_input *ret, struct err *e)
{
    struct pdf_input in = {.size = (size_t)s->bytes};
    int rc = pdf_sink_expect(s, s->bytes, e);
    sha256_hex(&s->digest, in.sha256);
    if (rc == 0 && s->request->sha256 != NULL && strcasecmp(s->request->sha256, in.sha256) != 0)
        rc = err_set(e, ERR_HASH_MISMATCH, "the input's sha256 is %s, not the announced %.64s", in.sha256, s->request->sha256);
    if (rc == 0 && memmem(s->head, (size_t)MIN_OF(s->bytes, (uint64_t)sizeof s->head), "%PDF-", 5) == NULL)
        rc = err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes of the input");
    if (rc < 0)
        return rc;
    in.fd = s->fd;
    s->fd = -1;
    *ret = in;
    return 0;
}

int pdf_sink_end(struct pdf_sink *s, struct pdf_input *ret, struct err *e)
{
    if (fcntl(s->fd, F_ADD_SEALS, SINK_SEALS) < 0)
        return sink_memory(errno, e);
    return sink_compare(s, ret, e);
}

int pdf_sink_verify(struct pdf_sink *s, uint64_t said, struct pdf_input *ret, struct err *e)
{
    struct stat st;
    char piece[PDF_SINK_PIECE];
    /* Sealed first: whoever else holds it cannot change it while it is read, nor after. A writable mapping left there refuses the seal. */
    if (fcntl(s->fd, F_ADD_SEALS, SINK_SEALS) < 0 || fstat(s->fd, &st) < 0 || (uint64_t)st.st_size != said)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "stint-fetch did not leave the %llu bytes it told of", (unsigned long long)said);
    int rc = pdf_sink_expect(s, (uint64_t)st.st_size, e);
    while (rc == 0 && s->bytes < (uint64_t)st.st_size) {
        ssize_t n = pread(s->fd, piece, sizeof piece, (off_t)s->bytes);
        if (n == 0 || (n < 0 && errno != EINTR))
            return sink_memory(n < 0 ? errno : EIO, e);
        if (n > 0)
            rc = sink_look(s, piece, (size_t)n, e);
    }
    return rc < 0 ? rc : sink_compare(s, ret, e);
}
