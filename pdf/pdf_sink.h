/*
 * pdf_sink - where a document's bytes go on their way in: a memfd, piece by piece, with length, type and digest checked as they pass.
 *
 * Runs in: worker, ctl; one thread at a time, the loop's or one of its pool. Blocks for as long as it takes to copy and digest what it is
 * given. Holds no document in the worker's own memory but its first 1024 bytes.
 */
#pragma once

#include "pdf_request.h"
#include "sha256.h"

enum { PDF_SINK_HEAD = 1024, PDF_SINK_PIECE = 64 * 1024 };

/* A document that is whole, checked and cannot change any more. */
struct pdf_input {
    int fd; /* owned: memfd sealed against every change; -1: none */
    size_t size;
    char sha256[SHA256_HEX];
};

struct pdf_sink {
    const struct pdf_request *request; /* borrowed: what is allowed, and what was announced */
    int fd;                            /* owned: memfd; -1: none */
    uint64_t bytes;
    struct sha256 digest;
    char head[PDF_SINK_HEAD];
};

/* An empty memfd. 0, or ERR_NO_DESCRIPTORS or SOURCE_UNAVAILABLE with e. */
int pdf_sink_open(struct pdf_sink *s, const struct pdf_request *request, struct err *e);
/* Before the first byte, where the length is known: EMPTY_FILE, TOO_LARGE, HASH_MISMATCH (another length than announced). */
int pdf_sink_expect(const struct pdf_sink *s, uint64_t bytes, struct err *e);
/* Takes len bytes more. TOO_LARGE; NOT_PDF as soon as the first 1024 bytes show it. */
int pdf_sink_add(struct pdf_sink *s, const void *data, size_t len, struct err *e);
/* The end: what was announced is compared, the memfd sealed and handed to *ret. EMPTY_FILE, NOT_PDF, HASH_MISMATCH. */
int pdf_sink_end(struct pdf_sink *s, struct pdf_input *ret, struct err *e);
/* The memfd was filled by another process, which may hold it still: seals it, reads it back and then as pdf_sink_end. said: the length
 * that process told. SOURCE_UNAVAILABLE when it is another or the memfd cannot be sealed. */
int pdf_sink_verify(struct pdf_sink *s, uint64_t said, struct pdf_input *ret, struct err *e);
/* Closes what is left. */
void pdf_sink_close(struct pdf_sink *s);
