/*
 * redis_address - one reader of redis.url for the blocking and the asynchronous connection.
 * It refuses schemes this build cannot speak (rediss://) instead of connecting without the protection asked for.
 */
#include "redis_address.h"

#include <stdio.h>

enum { REDIS_PORT_DEFAULT = 6379, REDIS_DB_MAX = 9999 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Copies [from, to) with %XX decoded. False when it does not fit, an escape is broken, or it decodes to NUL. */
static bool copy_decoded(char *out, size_t size, const char *from, const char *to)
{
    size_t n = 0;
    while (from < to) {
        char c = *from++;
        if (c == '%') {
            if (to - from < 2 || hex_digit(from[0]) < 0 || hex_digit(from[1]) < 0)
                return false;
            c = (char)(hex_digit(from[0]) * 16 + hex_digit(from[1]));
            from += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

/* Digits in [from, to) as a number within 0..max; -1 when it is anything else. */
static int small_number(const char *from, const char *to, int max)
{
    int value = 0;
    if (from == to)
        return -1;
    for (; from < to; from++) {
        if (*from < '0' || *from > '9')
            return -1;
        value = value * 10 + (*from - '0');
        if (value > max)
            return -1;
    }
    return value;
}

/* user[:password] before '@'. */
static int parse_credentials(const char *from, const char *to, struct redis_address *a, struct err *e)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    const char *user_end = colon ? colon : to;
    if (!copy_decoded(a->user, sizeof a->user, from, user_end) ||
        (colon && !copy_decoded(a->password, sizeof a->password, colon + 1, to)))
        return err_set(
            e, ERR_BAD_CONFIG,
            "redis.url: user or password is too long or has a broken %%XX escape; write special characters as "
            "%%XX");
    if (a->user[0] && !a->password[0])
        return err_set(
            e, ERR_BAD_CONFIG,
            "redis.url names user '%s' but no password; write user:password@, or :password@ for the default user",
            a->user);
    return 0;
}

static int parse_unix(const char *rest, const char *end, struct redis_address *a, struct err *e)
{
    const char *query = memchr(rest, '?', (size_t)(end - rest));
    const char *path_end = query ? query : end;
    if (rest == path_end || *rest != '/' || !copy_decoded(a->path, sizeof a->path, rest, path_end))
        return err_set(e, ERR_BAD_CONFIG,
                       "redis.url: the socket path must be absolute and below %zu bytes, as in unix:///run/redis.sock",
                       sizeof a->path);
    if (!query)
        return 0;
    if (strncmp(query, "?db=", 4) != 0 || (a->db = small_number(query + 4, end, REDIS_DB_MAX)) < 0)
        return err_set(e, ERR_BAD_CONFIG, "redis.url: after the socket path only ?db=N (0 to %d) is allowed, not '%s'",
                       REDIS_DB_MAX, query);
    return 0;
}

static int parse_tcp(const char *rest, const char *end, struct redis_address *a, struct err *e)
{
    const char *slash = memchr(rest, '/', (size_t)(end - rest));
    const char *host_end = slash ? slash : end;
    const char *port = NULL;

    if (*rest == '[') { /* [::1]:6379 */
        const char *bracket = memchr(rest, ']', (size_t)(host_end - rest));
        if (!bracket)
            return err_set(e, ERR_BAD_CONFIG, "redis.url: '[' of an IPv6 address without ']'");
        if (bracket + 1 < host_end)
            port = bracket + 1;
        rest++;
        if (!copy_decoded(a->host, sizeof a->host, rest, bracket) || (port && *port != ':'))
            return err_set(e, ERR_BAD_CONFIG, "redis.url: after ']' only :port is allowed");
    } else {
        port = memchr(rest, ':', (size_t)(host_end - rest));
        if (!copy_decoded(a->host, sizeof a->host, rest, port ? port : host_end))
            return err_set(e, ERR_BAD_CONFIG, "redis.url: the host is too long or has a broken %%XX escape");
    }
    if (!a->host[0])
        return err_set(e, ERR_BAD_CONFIG, "redis.url names no host; write redis://127.0.0.1:6379 or unix:///path");
    a->port = port ? small_number(port + 1, host_end, 65535) : REDIS_PORT_DEFAULT;
    if (a->port <= 0)
        return err_set(e, ERR_BAD_CONFIG, "redis.url: the port must be 1 to 65535");
    if (slash && slash + 1 < end && (a->db = small_number(slash + 1, end, REDIS_DB_MAX)) < 0)
        return err_set(e, ERR_BAD_CONFIG, "redis.url: the database after '/' must be a number from 0 to %d, not '%s'",
                       REDIS_DB_MAX, slash + 1);
    return 0;
}

/* The last '@' ends the credentials: an unescaped '@' in a password still works. */
static const char *last_at(const char *from, const char *end)
{
    const char *found = NULL;
    for (const char *p = from; p < end; p++) {
        if (*p == '@')
            found = p;
    }
    return found;
}

int redis_address_parse(const char *url, struct redis_address *ret, struct err *e)
{
    static const char tcp[] = "redis://", local[] = "unix://", tls[] = "rediss://";
    struct redis_address a = {0};
    bool is_unix = strncmp(url, local, sizeof local - 1) == 0;

    if (strncmp(url, tls, sizeof tls - 1) == 0)
        return err_set(
            e, ERR_BAD_CONFIG,
            "redis.url: this build has no TLS; use a local TLS proxy (stunnel) or a Unix socket with redis:// or "
            "unix://");
    if (!is_unix && strncmp(url, tcp, sizeof tcp - 1) != 0)
        return err_set(
            e, ERR_BAD_CONFIG,
            "redis.url must begin with redis:// or unix://, as in redis://127.0.0.1:6379 or unix:///run/redis.sock");

    const char *rest = url + (is_unix ? sizeof local : sizeof tcp) - 1;
    const char *end = rest + strlen(rest);
    const char *at = last_at(rest, end);
    if (at) {
        int rc = parse_credentials(rest, at, &a, e);
        if (rc < 0)
            return rc;
        rest = at + 1;
    }
    int rc = is_unix ? parse_unix(rest, end, &a, e) : parse_tcp(rest, end, &a, e);
    if (rc == 0)
        *ret = a;
    return rc;
}

char *redis_address_text(const struct redis_address *a, char out[static REDIS_ADDRESS_TEXT_MAX])
{
    if (a->path[0])
        (void)snprintf(out, REDIS_ADDRESS_TEXT_MAX, "%s", a->path);
    else
        (void)snprintf(out, REDIS_ADDRESS_TEXT_MAX, strchr(a->host, ':') ? "[%s]:%d" : "%s:%d", a->host, a->port);
    return out;
}
