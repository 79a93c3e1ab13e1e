/*
 * auth - who asks: tokens, the sessions of browsers, and how often somebody may guess.
 *
 * Runs in: console. Thread: any; one lock inside. Time is an argument (monotonic ms) but for the file of tokens, which
 * is looked at again when it changed. Sessions live in memory alone: a restart ends them.
 */
#pragma once

#include "console_tokens.h"

enum {
    AUTH_SESSIONS_MAX = 512,
    AUTH_SECRET_MAX = 65,  /* hex of 32 random bytes, and a NUL */
    AUTH_GUESSES_MAX = 10, /* wrong tokens from one address within AUTH_GUESS_WINDOW_MS; then it waits */
    AUTH_GUESS_WINDOW_MS = 60000,
    AUTH_ADDRESSES_MAX = 256, /* addresses that guesses are counted of; the one heard of longest ago makes room */
    AUTH_ADDRESS_MAX = 64,
};

/* Who was recognised. */
struct viewer {
    char name[CONSOLE_NAME_MAX];
    enum console_role role;
    bool by_cookie;             /* a browser's session: changes need the CSRF header */
    char csrf[AUTH_SECRET_MAX]; /* "" unless by_cookie */
};

enum auth_verdict {
    AUTH_OK,
    AUTH_UNKNOWN,  /* no token, a wrong or revoked one, or a session that has ended */
    AUTH_TOO_MANY, /* this address guessed too often */
};

struct auth; /* heap */

/* path: the file of tokens; read at once. NULL with e. */
struct auth *auth_new(const char *path, int64_t session_idle_ms, struct err *e);
void auth_free(struct auth *a); /* NULL-safe */
/* How many tokens there are now. */
size_t auth_tokens(struct auth *a);

/* A token, as a program sends it with each request. */
enum auth_verdict auth_by_token(struct auth *a, const char *address, const char *token, uint64_t now_ms,
                                struct viewer *ret);
/* A session's secret. */
enum auth_verdict auth_by_session(struct auth *a, const char *secret, uint64_t now_ms, struct viewer *ret);
/* Opens a session for a token; ret_secret goes into the cookie. The session used longest ago makes room. */
enum auth_verdict auth_login(struct auth *a, const char *address, const char *token, uint64_t now_ms,
                             char ret_secret[static AUTH_SECRET_MAX], struct viewer *ret);
/* Ends a session; nothing when there is none. */
void auth_logout(struct auth *a, const char *secret);
