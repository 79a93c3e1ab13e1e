/*
 * pdf_source - the input's bytes, from where the payload says to a sealed memfd; checked for size, digest and type on the way.
 *
 * Runs in: worker. Blocks on local files only (a read of at most max_bytes). The input is never changed or deleted.
 */
#pragma once

#include "pdf_request.h"
#include "sha256.h"

struct pdf_input {
    int fd; /* owned: memfd sealed against every change; -1: none */
    size_t size;
    char sha256[SHA256_HEX];
};

/* A file under one of the configured folders. No "..", no symbolic link at any step, regular files only (openat2).
 * SOURCE_MISSING, SOURCE_REFUSED (outside, or no folder configured), SOURCE_UNAVAILABLE, and what pdf_source_bytes answers. */
int pdf_source_path(struct pdf_input *in, const struct pdf_request *r, const char *roots, struct err *e);
/* payload.source.inline_b64 (RFC 4648, padding optional, white space allowed). BAD_PAYLOAD when it is no base64. */
int pdf_source_inline(struct pdf_input *in, const struct pdf_request *r, struct err *e);
/* Bytes fetched elsewhere. EMPTY_FILE, TOO_LARGE, HASH_MISMATCH, NOT_PDF. */
int pdf_source_bytes(struct pdf_input *in, const struct pdf_request *r, const void *data, size_t len, struct err *e);
/* For url and s3: SOURCE_REFUSED, saying that this version does not fetch them. */
int pdf_source_refused(const struct pdf_request *r, struct err *e);
void pdf_source_close(struct pdf_input *in);
