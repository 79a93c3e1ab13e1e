/*
 * redis_reader - the answers of a Redis server (RESP 2), read out of the bytes of its connection.
 *
 * Runs in: as redis_link_uv, its only user. Pure: reads no socket. Thread: any one.
 * Owns: the bytes and the values of the answer under way. An answer is made of hiredis' own redisReply, but not of
 * pieces on the heap: its values lie in one block that is used again, its texts where they were received. So a batch of
 * 500 jobs costs no allocation; and freeReplyObject must never see it.
 *
 *   bytes    │ … taken … │ whole answer │ part of the next │  room  │
 *                        begin          begin (then)       len      cap
 */
#pragma once

#include "base.h"

struct redisReply;

enum {
    REDIS_READER_DEPTH_MAX = 9,         /* arrays in arrays, as hiredis */
    REDIS_READER_LINE_MAX = 64 << 10,   /* of an error, a status, a number */
    REDIS_READER_VALUES_MAX = 16 << 20, /* of one answer */
    REDIS_READER_ROOM = 64 << 10,       /* bytes that one read can take, at least */
    REDIS_READER_KEEP = 1 << 20,        /* a larger block is given back once its answer was taken */
};

struct redis_reader {
    char *bytes; /* owned */
    size_t len, cap;
    size_t begin;  /* of the answer under way, or of what was not looked at */
    size_t at;     /* looked at so far */
    size_t wanted; /* values that must follow until the answer under way is whole; 0: none is under way */
    size_t values; /* of it, seen */
    void *block;   /* owned: the values of the last whole answer */
    size_t block_size;
    const char *wrong; /* why the bytes are no answer; static text */
};

/* Frees what it owns; a zeroed one needs no beginning. */
void redis_reader_fini(struct redis_reader *r);
/* Where the next bytes of the connection go: at least REDIS_READER_ROOM. NULL: no memory. Ends the last answer. */
char *redis_reader_room(struct redis_reader *r, size_t *ret_size);
/* So many were written there. */
void redis_reader_fed(struct redis_reader *r, size_t n);
/* 1 and the next whole answer, which is good until the next call of any function here; 0: it is not whole yet; -EPROTO:
 * the bytes are no answer, r->wrong says why; -ENOMEM. */
int redis_reader_next(struct redis_reader *r, const struct redisReply **ret);
/* Bytes of the answer that is not whole yet. */
size_t redis_reader_waiting(const struct redis_reader *r);
