/*
 * s3_sign - see s3_sign.h. Escapes exactly what the signature's rules escape, so that the URL sent and the one signed are the same bytes.
 */
#include "s3_sign.h"

#include "buf.h"
#include "sha256.h"
#include <stdio.h>
#include <time.h>

enum { S3_DIGEST = 32, S3_BLOCK = 64, S3_TEXT_MAX = 16384 };

static void s3_digest(const void *data, size_t len, uint8_t out[S3_DIGEST])
{
    char hex[SHA256_HEX];
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, data, len);
    sha256_hex(&s, hex);
    for (size_t i = 0; i < S3_DIGEST; i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
}

/* HMAC-SHA-256 (RFC 2104) of text. */
static void s3_hmac(const uint8_t *key, size_t key_len, const char *text, uint8_t out[S3_DIGEST])
{
    uint8_t block[S3_BLOCK] = {0}, outer[S3_BLOCK + S3_DIGEST];
    size_t len = strlen(text);
    struct buf inner;
    if (key_len > S3_BLOCK)
        s3_digest(key, key_len, block);
    else
        memcpy(block, key, key_len);
    char pad[S3_BLOCK];
    for (size_t i = 0; i < S3_BLOCK; i++) {
        pad[i] = (char)(block[i] ^ 0x36);
        outer[i] = block[i] ^ 0x5c;
    }
    buf_init(&inner, S3_TEXT_MAX);
    (void)buf_add(&inner, pad, sizeof pad);
    (void)buf_add(&inner, text, len);
    s3_digest(inner.data, inner.len, outer + S3_BLOCK);
    s3_digest(outer, sizeof outer, out);
    buf_fini(&inner);
    explicit_bzero(block, sizeof block);
    explicit_bzero(pad, sizeof pad);
    explicit_bzero(outer, sizeof outer);
}

/* RFC 3986's unreserved characters stay, and '/' where it parts a path. */
static void s3_escape(struct buf *out, const char *text, bool path)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr("-_.~", *c) != NULL;
        (void)buf_addf(out, plain || (path && *c == '/') ? "%c" : "%%%02X", *c);
    }
}

/* "files.example.org:9000": what the request's Host header will say, so without the scheme's own port. */
static void s3_host(const struct conf_pdf *conf, const struct s3_object *object, char *out, size_t size)
{
    bool tls = strncmp(conf->s3_endpoint, "https://", 8) == 0;
    const char *host = strstr(conf->s3_endpoint, "://") + 3, *own = tls ? ":443" : ":80";
    size_t len = strlen(host), port = strlen(own);
    if (len > port && strcmp(host + len - port, own) == 0)
        len -= port;
    (void)snprintf(out, size, "%s%s%.*s", conf->s3_path_style ? "" : object->bucket, conf->s3_path_style ? "" : ".", (int)len, host);
}

static void s3_query(const struct conf_pdf *conf, const struct s3_object *object, const char *stamp, const char *scope, struct buf *out)
{
    if (conf->s3_access_key[0] != '\0') {
        (void)buf_adds(out, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        s3_escape(out, conf->s3_access_key, false);
        s3_escape(out, "/", false);
        s3_escape(out, scope, false);
        (void)buf_addf(out, "&X-Amz-Date=%s&X-Amz-Expires=%d", stamp, S3_VALID_S);
        if (conf->s3_session_token[0] != '\0') {
            (void)buf_adds(out, "&X-Amz-Security-Token=");
            s3_escape(out, conf->s3_session_token, false);
        }
        (void)buf_adds(out, "&X-Amz-SignedHeaders=host");
    }
    if (object->version != NULL) {
        (void)buf_addf(out, "%sversionId=", out->len > 0 ? "&" : "");
        s3_escape(out, object->version, false);
    }
}

static void s3_signature(const struct conf_pdf *conf, const char *day, const char *string_to_sign, char out[static SHA256_HEX])
{
    uint8_t key[S3_DIGEST];
    char secret[CONF_STR_MAX + 8];
    int n = snprintf(secret, sizeof secret, "AWS4%s", conf->s3_secret_key);
    s3_hmac((const uint8_t *)secret, (size_t)n, day, key);
    s3_hmac(key, sizeof key, conf->s3_region, key);
    s3_hmac(key, sizeof key, "s3", key);
    s3_hmac(key, sizeof key, "aws4_request", key);
    s3_hmac(key, sizeof key, string_to_sign, key);
    for (size_t i = 0; i < sizeof key; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", key[i]);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(key, sizeof key);
}

static int s3_allowed(const struct conf_pdf *conf, const char *bucket, struct err *e)
{
    char item[CONF_STR_MAX];
    if (conf->s3_endpoint[0] == '\0')
        return err_set(e, ERR_SOURCE_REFUSED, "source.s3 is not allowed here: no storage is configured (pdf.s3_endpoint)");
    for (const char *cursor = conf->s3_buckets; conf_list_next(&cursor, item, sizeof item);)
        if (strcmp(item, "*") == 0 || strcmp(item, bucket) == 0)
            return 0;
    return err_set(e, ERR_SOURCE_REFUSED, "source.s3: the bucket %s is not allowed (pdf.s3_buckets)", bucket);
}

int s3_sign_url(const struct conf_pdf *conf, const struct s3_object *object, int64_t now_s, char *out, size_t size, struct err *e)
{
    int rc = s3_allowed(conf, object->bucket, e);
    if (rc < 0)
        return rc;
    char host[CONF_STR_MAX * 2], stamp[32], day[16], scope[CONF_STR_MAX + 64], hex[SHA256_HEX], signature[SHA256_HEX];
    struct tm tm;
    time_t now = (time_t)now_s;
    (void)gmtime_r(&now, &tm);
    (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    (void)strftime(day, sizeof day, "%Y%m%d", &tm);
    (void)snprintf(scope, sizeof scope, "%s/%s/s3/aws4_request", day, conf->s3_region);
    s3_host(conf, object, host, sizeof host);
    struct buf path, query, text;
    struct sha256 s;
    buf_init(&path, S3_TEXT_MAX);
    buf_init(&query, S3_TEXT_MAX);
    buf_init(&text, S3_TEXT_MAX);
    (void)buf_adds(&path, "/");
    if (conf->s3_path_style)
        (void)buf_addf(&path, "%s/", object->bucket);
    s3_escape(&path, object->key, true);
    (void)buf_adds(&query, "");
    s3_query(conf, object, stamp, scope, &query);
    (void)buf_addf(&text, "GET\n%s\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", path.data, query.data != NULL ? query.data : "", host);
    sha256_init(&s);
    sha256_add(&s, text.data, text.len);
    sha256_hex(&s, hex);
    buf_fini(&text);
    buf_init(&text, S3_TEXT_MAX);
    (void)buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, hex);
    s3_signature(conf, day, text.data, signature);
    const char *scheme = strncmp(conf->s3_endpoint, "https://", 8) == 0 ? "https" : "http";
    bool is_signed = conf->s3_access_key[0] != '\0';
    int n = snprintf(out, size, "%s://%s%s%s%s%s%s", scheme, host, path.data, query.len > 0 ? "?" : "", query.len > 0 ? query.data : "",
                     is_signed ? "&X-Amz-Signature=" : "", is_signed ? signature : "");
    if (n < 0 || (size_t)n >= size || path.failed || query.failed || text.failed)
        rc = err_set(e, ERR_BAD_PAYLOAD, "source.s3: the key is too long for a URL");
    buf_fini(&path);
    buf_fini(&query);
    buf_fini(&text);
    return rc;
}
