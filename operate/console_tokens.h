/*
 * console_tokens - who may use the console: a file of names, roles and hashes. A token itself is shown once and kept
 * nowhere.
 *
 *   # name role sha256(token) created_ms
 *   ann operator 9f86d081884c7d65…  1795319276062
 *
 * Runs in: ctl, console. Blocks on the file. A token holds 256 random bits, so its SHA-256 tells nothing about it and
 * needs no salt.
 */
#pragma once

#include "base.h"
#include "conf.h"
#include "err.h"
#include "sha256.h"

enum console_role { CONSOLE_VIEWER, CONSOLE_OPERATOR, CONSOLE_ADMIN, CONSOLE_ROLE_COUNT };
enum { CONSOLE_NAME_MAX = 65, CONSOLE_TOKEN_MAX = 80, CONSOLE_TOKENS_MAX = 256 };

struct console_token {
    char name[CONSOLE_NAME_MAX]; /* [A-Za-z0-9._-]{1,64} */
    enum console_role role;
    char hash[SHA256_HEX];
    int64_t created_ms; /* ms since 1970 */
};

struct console_tokens {
    size_t n;
    struct console_token items[CONSOLE_TOKENS_MAX];
};

/* "viewer", "operator", "admin". */
const char *console_role_name(enum console_role role);
/* -1 when no role has that name. */
int console_role_by_name(const char *name);
/* [console] tokens_file, or its default. Returns out. */
char *console_tokens_path(const struct conf *conf, char out[static CONF_STR_MAX]);
/* Reads the text of such a file. ERR_BAD_CONFIG names `path` and the line. Pure. */
int console_tokens_parse(const char *path, const char *text, size_t len, struct console_tokens *ret, struct err *e);
/* Reads the file; one that is not there holds none. ERR_REFUSED when others than its owner may write it. */
int console_tokens_read(const char *path, struct console_tokens *ret, struct err *e);
/* Makes a token and adds its hash. *ret_token is what the operator is told, once. ERR_REFUSED when the name is taken,
 * ERR_BAD_ARGUMENT when it is no name. */
int console_tokens_add(const char *path, const char *name, enum console_role role,
                       char ret_token[static CONSOLE_TOKEN_MAX], struct err *e);
/* Removes it. ERR_NOT_FOUND. */
int console_tokens_revoke(const char *path, const char *name, struct err *e);
/* The token's row; NULL when it is none. Looks at every row, whichever fits, in the same time. Pure. */
const struct console_token *console_tokens_find(const struct console_tokens *list, const char *token);
/* Whether n bytes are the same, in a time that does not depend on where they differ. */
bool console_same_bytes(const void *a, const void *b, size_t n);
/* n random bytes as lower-case hex and a NUL into out (2 n + 1 bytes). ERR_BOOT_FAILURE when the kernel gives none. */
int console_random_hex(size_t n, char *out, struct err *e);
/* SHA-256 of a text in hex. Returns out. */
char *console_hash(const char *text, char out[static SHA256_HEX]);
