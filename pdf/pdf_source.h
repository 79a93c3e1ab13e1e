/*
 * pdf_source - documents that are there already: files below a root, and text inside the payload.
 *
 * Runs in: worker (the loop's thread or one of its pool), ctl. Blocks on local files and for the time of a copy. The input is never changed or
 * deleted.
 */
#pragma once

#include "pdf_sink.h"

/* A file under one of the configured folders: no "..", no symbolic link at any step below the folder, a regular file (openat2). A hard link is the
 * file itself. *ret_fd: open, the caller's; *ret_bytes: its length now. SOURCE_MISSING, SOURCE_REFUSED (outside, no folder configured, no
 * regular file), SOURCE_UNAVAILABLE, TOO_LARGE and what else pdf_sink_expect says. */
int pdf_source_open(const struct pdf_sink *sink, const char *roots, int *ret_fd, uint64_t *ret_bytes, struct err *e);
/* Copies it. SOURCE_UNAVAILABLE when it changed meanwhile. stop: read at each piece; true ends it with ERR_CANCELLED. */
int pdf_source_copy(struct pdf_sink *sink, int fd, const _Atomic bool *stop, struct pdf_input *ret, struct err *e);
/* payload.source.inline_b64 (RFC 4648, both alphabets, padding optional, white space allowed). BAD_PAYLOAD when it is no base64. */
int pdf_source_inline(struct pdf_sink *sink, const _Atomic bool *stop, struct pdf_input *ret, struct err *e);
/* Bytes in hand. What pdf_sink_add and pdf_sink_end answer. */
int pdf_source_bytes(struct pdf_input *in, const struct pdf_request *r, const void *data, size_t len, struct err *e);
void pdf_source_close(struct pdf_input *in);
/* May source.redis name this key? 0, or SOURCE_REFUSED with e. prefixes: pdf.redis_prefixes. */
int pdf_source_key_allowed(const char *key, const char *prefixes, struct err *e);
