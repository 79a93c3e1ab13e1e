/*
 * redis_address - where a Redis server is, as written in redis.url.
 *
 * Runs in: every process that talks to Redis. Pure.
 */
#pragma once

#include "base.h"
#include "err.h"

/* Either host and port or path is set, never both. Fixed sizes: a longer part is an error, never cut. */
struct redis_address {
    char host[256];     /* name or numeric address; "" with a path */
    char path[256];     /* Unix socket; "" with a host */
    char user[128];     /* "" for the default user */
    char password[256]; /* "" for none */
    int port, db;
};

/* Splits redis://[user[:password]@]host[:port][/db] or unix://[user:password@]/path[?db=N]; %XX is decoded in user,
 * password and path; "redis://:secret@host" is a password without a user. 0, or ERR_BAD_CONFIG with e saying what is
 * wrong without ever quoting the password. */
int redis_address_parse(const char *url, struct redis_address *ret, struct err *e);

enum { REDIS_ADDRESS_TEXT_MAX = 300 };
/* "127.0.0.1:6379" or "/run/redis.sock" for messages; never a secret. Returns out. */
char *redis_address_text(const struct redis_address *a, char out[static REDIS_ADDRESS_TEXT_MAX]);
