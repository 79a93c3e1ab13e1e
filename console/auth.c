/*
 * auth - see auth.h. Refuses to keep a token: of a session it keeps the hash of its secret and of the token it was
 * opened with, so that a token that is revoked ends its sessions with the next request.
 */
#include "auth.h"

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

struct auth_session {
    char hash[SHA256_HEX]; /* of the cookie's secret; "": free */
    char token_hash[SHA256_HEX];
    char csrf[AUTH_SECRET_MAX];
    uint64_t used_ms;
};

struct auth_guesses {
    char address[AUTH_ADDRESS_MAX]; /* "": free */
    unsigned n;
    uint64_t since_ms;
};

struct auth {
    pthread_mutex_t lock;
    char path[CONF_STR_MAX];
    int64_t session_idle_ms;
    struct timespec changed; /* of the file, when it was read */
    off_t size;
    ino_t inode;
    struct console_tokens tokens;
    struct auth_session sessions[AUTH_SESSIONS_MAX];
    struct auth_guesses guesses[AUTH_ADDRESSES_MAX];
};

/* Reads the file again when it is another than before. One that cannot be read leaves nobody: better locked out than
 * let in. */
static int read_again(struct auth *a, struct err *e)
{
    struct stat st = {.st_size = 0};
    if (stat(a->path, &st) < 0 && errno != ENOENT)
        st = (struct stat){.st_size = -1};
    if (st.st_size == a->size && st.st_ino == a->inode && st.st_mtim.tv_sec == a->changed.tv_sec &&
        st.st_mtim.tv_nsec == a->changed.tv_nsec)
        return 0;
    a->size = st.st_size;
    a->inode = st.st_ino;
    a->changed = st.st_mtim;
    int rc = console_tokens_read(a->path, &a->tokens, e);
    if (rc < 0)
        a->tokens.n = 0;
    return rc;
}

static void refresh(struct auth *a)
{
    struct err e = {.code = 0};
    if (read_again(a, &e) < 0)
        log_error("nobody can use the console: its tokens cannot be read", KV_S("why", e.message));
}

struct auth *auth_new(const char *path, int64_t session_idle_ms, struct err *e)
{
    struct auth *a = calloc(1, sizeof *a);
    if (a == NULL) {
        (void)err_set(e, ERR_OUT_OF_MEMORY, "no memory for sessions");
        return NULL;
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)snprintf(a->path, sizeof a->path, "%s", path);
    a->session_idle_ms = session_idle_ms;
    a->size = -2; /* never read */
    if (read_again(a, e) < 0) {
        auth_free(a);
        return NULL;
    }
    return a;
}

void auth_free(struct auth *a)
{
    if (a == NULL)
        return;
    (void)pthread_mutex_destroy(&a->lock);
    explicit_bzero(a, sizeof *a);
    free(a);
}

size_t auth_tokens(struct auth *a)
{
    (void)pthread_mutex_lock(&a->lock);
    refresh(a);
    size_t n = a->tokens.n;
    (void)pthread_mutex_unlock(&a->lock);
    return n;
}

/* The address' row; one that is not known takes the place of the one heard of longest ago. */
static struct auth_guesses *guesses_of(struct auth *a, const char *address, uint64_t now_ms)
{
    struct auth_guesses *oldest = &a->guesses[0];
    for (size_t i = 0; i < AUTH_ADDRESSES_MAX; i++) {
        struct auth_guesses *g = &a->guesses[i];
        if (g->address[0] != '\0' && now_ms - g->since_ms >= AUTH_GUESS_WINDOW_MS)
            *g = (struct auth_guesses){.n = 0};
        if (strcmp(g->address, address) == 0)
            return g;
        if (g->since_ms < oldest->since_ms)
            oldest = g;
    }
    *oldest = (struct auth_guesses){.since_ms = now_ms};
    (void)snprintf(oldest->address, sizeof oldest->address, "%s", address);
    return oldest;
}

static enum auth_verdict check_token(struct auth *a, const char *address, const char *token, uint64_t now_ms,
                                     struct viewer *ret, const struct console_token **ret_token)
{
    struct auth_guesses *g = guesses_of(a, address, now_ms);
    refresh(a);
    if (g->n >= AUTH_GUESSES_MAX)
        return AUTH_TOO_MANY;
    const struct console_token *t = console_tokens_find(&a->tokens, token);
    if (t == NULL) {
        if (g->n++ == 0)
            g->since_ms = now_ms;
        log_warn("a wrong token", KV_S("from", address), KV_I("guesses", g->n));
        return AUTH_UNKNOWN;
    }
    *ret = (struct viewer){.role = t->role};
    (void)snprintf(ret->name, sizeof ret->name, "%s", t->name);
    *ret_token = t;
    return AUTH_OK;
}

enum auth_verdict auth_by_token(struct auth *a, const char *address, const char *token, uint64_t now_ms,
                                struct viewer *ret)
{
    const struct console_token *t;
    (void)pthread_mutex_lock(&a->lock);
    enum auth_verdict verdict = check_token(a, address, token, now_ms, ret, &t);
    (void)pthread_mutex_unlock(&a->lock);
    return verdict;
}

static struct auth_session *session_of(struct auth *a, const char *secret)
{
    char hash[SHA256_HEX];
    struct auth_session *found = NULL;
    (void)console_hash(secret, hash);
    for (size_t i = 0; i < AUTH_SESSIONS_MAX; i++)
        if (console_same_bytes(a->sessions[i].hash, hash, SHA256_HEX - 1))
            found = &a->sessions[i];
    return found;
}

enum auth_verdict auth_by_session(struct auth *a, const char *secret, uint64_t now_ms, struct viewer *ret)
{
    const struct console_token *token = NULL;
    (void)pthread_mutex_lock(&a->lock);
    refresh(a);
    struct auth_session *s = session_of(a, secret);
    if (s != NULL && now_ms - s->used_ms >= (uint64_t)a->session_idle_ms)
        *s = (struct auth_session){.used_ms = 0};
    for (size_t i = 0; s != NULL && i < a->tokens.n; i++)
        if (strcmp(a->tokens.items[i].hash, s->token_hash) == 0)
            token = &a->tokens.items[i];
    if (token != NULL) {
        *ret = (struct viewer){.role = token->role, .by_cookie = true};
        (void)snprintf(ret->name, sizeof ret->name, "%s", token->name);
        (void)snprintf(ret->csrf, sizeof ret->csrf, "%s", s->csrf);
        s->used_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&a->lock);
    return token != NULL ? AUTH_OK : AUTH_UNKNOWN;
}

enum auth_verdict auth_login(struct auth *a, const char *address, const char *token, uint64_t now_ms,
                             char ret_secret[static AUTH_SECRET_MAX], struct viewer *ret)
{
    const struct console_token *t = NULL;
    struct auth_session fresh = {.used_ms = now_ms};
    if (console_random_hex(32, ret_secret, NULL) < 0 || console_random_hex(32, fresh.csrf, NULL) < 0)
        return AUTH_UNKNOWN;
    (void)pthread_mutex_lock(&a->lock);
    enum auth_verdict verdict = check_token(a, address, token, now_ms, ret, &t);
    if (verdict == AUTH_OK) {
        struct auth_session *oldest = &a->sessions[0];
        for (size_t i = 1; i < AUTH_SESSIONS_MAX && oldest->hash[0] != '\0'; i++)
            if (a->sessions[i].hash[0] == '\0' || a->sessions[i].used_ms < oldest->used_ms)
                oldest = &a->sessions[i];
        (void)console_hash(ret_secret, fresh.hash);
        (void)snprintf(fresh.token_hash, sizeof fresh.token_hash, "%s", t->hash);
        *oldest = fresh;
        ret->by_cookie = true;
        (void)snprintf(ret->csrf, sizeof ret->csrf, "%s", fresh.csrf);
        log_info("logged in", KV_S("name", ret->name), KV_S("role", console_role_name(ret->role)),
                 KV_S("from", address));
    }
    (void)pthread_mutex_unlock(&a->lock);
    return verdict;
}

void auth_logout(struct auth *a, const char *secret)
{
    (void)pthread_mutex_lock(&a->lock);
    struct auth_session *s = session_of(a, secret);
    if (s != NULL)
        *s = (struct auth_session){.used_ms = 0};
    (void)pthread_mutex_unlock(&a->lock);
}
