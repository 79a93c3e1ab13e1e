/*
 * transfer - see transfer.h. Redirects are followed here and not by libcurl, so that each hop is judged as the first one was. Refuses
 * encodings, answers that are parts, and every address that url_rules.c does not allow, whatever the name said a moment ago.
 */
#include "transfer.h"

#include "clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

enum { TRANSFER_STALL_BYTES_S = 64 };

static const char *transfer_source(const struct transfer *t)
{
    return t->configured ? "source.s3" : "source.url";
}

/* The first reason stands. Returns 0, which every callback takes for "stop". */
static size_t transfer_give_up(struct transfer *t, int code, const char *why)
{
    if (t->verdict.code == 0)
        (void)err_set(&t->verdict, code, "%s: %.200s %s", transfer_source(t), t->target.host, why);
    return 0;
}

static size_t transfer_too_large(struct transfer *t, uint64_t bytes)
{
    if (t->verdict.code == 0)
        (void)err_set(&t->verdict, ERR_TOO_LARGE, "the input has %s%llu bytes; allowed are %llu (pdf.max_bytes, payload.limits.max_bytes)",
                      bytes == 0 ? "more than " : "", (unsigned long long)(bytes == 0 ? t->max_bytes : bytes),
                      (unsigned long long)t->max_bytes);
    return 0;
}

static long transfer_status(const struct transfer *t)
{
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* "Content-Encoding: gzip" → true for coded. Chunks are how a length unknown is sent, and no coding of the bytes. */
static bool header_codes(const char *line, size_t len)
{
    static const char *const names[] = {"content-encoding:", "transfer-encoding:"};
    static const char *const harmless[] = {"identity", "chunked", ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t at = strlen(names[i]);
        if (len < at || strncasecmp(line, names[i], at) != 0)
            continue;
        while (at < len && (line[at] == ' ' || line[at] == '\t'))
            at++;
        while (len > at && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
            len--;
        for (size_t k = 0; k < ARRAY_LEN(harmless); k++)
            if (len - at == strlen(harmless[k]) && strncasecmp(line + at, harmless[k], len - at) == 0)
                return false;
        return true;
    }
    return false;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;
    t->header_bytes += len;
    if (t->header_bytes > TRANSFER_HEADERS_MAX)
        return transfer_give_up(t, ERR_SOURCE_UNAVAILABLE, "sent more than 64 KiB of headers");
    if (header_codes(line, len))
        return transfer_give_up(t, ERR_NOT_PDF, "sent the document compressed, which was not asked for and is not accepted");
    return len;
}

/* The length is known before the first byte, mostly. */
static bool transfer_length_fits(struct transfer *t)
{
    curl_off_t length = -1;
    (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > 0 && (uint64_t)length > t->max_bytes)
        return transfer_too_large(t, (uint64_t)length) != 0;
    if (length >= 0 && t->size >= 0 && length != t->size && t->verdict.code == 0)
        return err_set(&t->verdict, ERR_HASH_MISMATCH, "the input has %lld bytes, not the announced %lld", (long long)length, (long long)t->size) == 0;
    return true;
}

static size_t transfer_head(struct transfer *t, const char *data, size_t len)
{
    if (t->bytes >= sizeof t->head)
        return len;
    memcpy(t->head + t->bytes, data, MIN_OF(len, sizeof t->head - (size_t)t->bytes));
    if (t->bytes + len < sizeof t->head || memmem(t->head, sizeof t->head, "%PDF-", 5) != NULL)
        return len;
    (void)err_set(&t->verdict, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes of the input");
    return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * n;
    if (transfer_status(t) != 200) { /* why it is none, for its name */
        size_t kept = MIN_OF(len, sizeof t->refusal - t->refusal_len);
        memcpy(t->refusal + t->refusal_len, data, kept);
        t->refusal_len += kept;
        return kept == len ? len : 0;
    }
    if (!t->started_body && !transfer_length_fits(t))
        return 0;
    t->started_body = true;
    if (len > t->max_bytes - t->bytes)
        return transfer_too_large(t, 0);
    if (transfer_head(t, data, len) != len)
        return 0;
    for (size_t at = 0; at < len;) {
        ssize_t put = write(t->fd, data + at, len - at);
        if (put < 0 && errno != EINTR)
            return transfer_give_up(t, ERR_SOURCE_UNAVAILABLE, "could not be kept in memory");
        at += put > 0 ? (size_t)put : 0;
    }
    t->bytes += len;
    return len;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = arg;
    struct err why = {0};
    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!t->configured && url_rules_address(t->policy, t->target.host, &address->addr, &why) < 0)) {
        if (t->verdict.code == 0)
            t->verdict = why;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Asked before every request, on a connection that was there already too: on_socket was not asked about this host and this job then. */
static int on_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *t = arg;
    struct err why = {0};
    struct sockaddr_storage address = {0};
    (void)local;
    (void)local_port;
    if (t->configured)
        return CURL_PREREQFUNC_OK;
    if (url_rules_connected(peer, peer_port, &address) && url_rules_address(t->policy, t->target.host, (const struct sockaddr *)&address, &why) == 0) {
        t->verdict = (struct err){0}; /* another address of the name was refused, this one is not */
        return CURL_PREREQFUNC_OK;
    }
    if (t->verdict.code == 0)
        t->verdict = why;
    return CURL_PREREQFUNC_ABORT;
}

/* 0 or the first option this libcurl does not take: with one of them missing nothing may be fetched. */
static CURLcode transfer_options(struct transfer *t)
{
    CURLcode rc = CURLE_OK;
    const char *ca = t->policy->ca_file[0] != '\0' ? t->policy->ca_file : curl_version_info(CURLVERSION_NOW)->cainfo;
#define OPTION(name, value) rc = rc == CURLE_OK ? curl_easy_setopt(t->easy, CURLOPT_##name, value) : rc
    OPTION(NOSIGNAL, 1L);
    OPTION(PROTOCOLS_STR, "http,https");
    OPTION(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    OPTION(HTTP09_ALLOWED, 0L);
    OPTION(FOLLOWLOCATION, 0L);
    OPTION(PROXY, "");
    OPTION(NOPROXY, "*");
    OPTION(NETRC, (long)CURL_NETRC_IGNORED);
    OPTION(HTTPGET, 1L);
    OPTION(PATH_AS_IS, 1L); /* a signature is over the path as it stands */
    OPTION(USERAGENT, "stint");
    OPTION(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    OPTION(SSL_VERIFYPEER, 1L);
    OPTION(SSL_VERIFYHOST, 2L);
    OPTION(CONNECTTIMEOUT_MS, (long)t->policy->connect_ms);
    OPTION(LOW_SPEED_LIMIT, (long)TRANSFER_STALL_BYTES_S);
    OPTION(LOW_SPEED_TIME, (long)((t->policy->stall_ms + 999) / 1000));
    OPTION(ERRORBUFFER, t->problem);
    OPTION(HEADERFUNCTION, on_header);
    OPTION(HEADERDATA, t);
    OPTION(WRITEFUNCTION, on_body);
    OPTION(WRITEDATA, t);
    OPTION(OPENSOCKETFUNCTION, on_socket);
    OPTION(OPENSOCKETDATA, t);
    OPTION(PREREQFUNCTION, on_request);
    OPTION(PREREQDATA, t);
    OPTION(PRIVATE, t);
    if (ca != NULL) { /* the one file and no folder: it is read once and kept (CA_CACHE_TIMEOUT) */
        OPTION(CAINFO, ca);
        OPTION(CAPATH, NULL);
    }
#undef OPTION
    return rc;
}

static int transfer_hop(struct transfer *t, CURLM *multi, const char *url, struct err *e)
{
    uint64_t now = clock_mono_ms();
    if (now >= t->deadline_ms)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: %.200s: its time was over before it was asked", transfer_source(t), t->target.host);
    t->header_bytes = 0;
    t->refusal_len = 0;
    t->started_body = false;
    if (curl_easy_setopt(t->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)(t->deadline_ms - now)) != CURLE_OK ||
        curl_multi_add_handle(multi, t->easy) != CURLM_OK)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: no memory for a transfer", transfer_source(t));
    return 0;
}

int transfer_start(struct transfer *t, CURLM *multi, const struct fetcher_policy *policy, const struct fetcher_request *request, int fd,
                   struct err *e)
{
    *t = (struct transfer){.id = request->id, .policy = policy, .fd = fd, .configured = request->configured != 0,
                           .max_bytes = request->max_bytes, .size = request->size,
                           .deadline_ms = clock_mono_ms() + request->timeout_ms};
    int rc = t->configured ? url_rules_split(request->url, &t->target, e) : url_rules_check(policy, request->url, false, &t->target, e);
    if (rc == 0 && ((t->easy = curl_easy_init()) == NULL || transfer_options(t) != CURLE_OK))
        rc = err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: this libcurl cannot do what is needed, or has no memory", transfer_source(t));
    if (rc == 0)
        rc = transfer_hop(t, multi, request->url, e);
    if (rc < 0)
        transfer_close(t, multi);
    return rc;
}

void transfer_close(struct transfer *t, CURLM *multi)
{
    if (t->easy != NULL) {
        (void)curl_multi_remove_handle(multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    if (t->fd >= 0)
        (void)close(t->fd);
    *t = (struct transfer){.fd = -1};
}

/* <Code>NoSuchKey</Code> of an S3 server, letters only; "" when there is none. */
static void transfer_refusal_code(const struct transfer *t, char out[static 64])
{
    const char *at = memmem(t->refusal, t->refusal_len, "<Code>", 6);
    size_t n = 0, left = at != NULL ? t->refusal_len - (size_t)(at + 6 - t->refusal) : 0;
    while (n < left && n < 60 && ((at[6 + n] >= 'A' && at[6 + n] <= 'Z') || (at[6 + n] >= 'a' && at[6 + n] <= 'z')))
        n++;
    (void)snprintf(out, 64, "%s%.*s", n > 0 ? ", " : "", (int)n, n > 0 ? at + 6 : "");
}

/* What an answer without a document means. */
static int transfer_refused(const struct transfer *t, long status, struct err *e)
{
    static const struct {
        long first, last;
        int code;
        const char *what;
    } rows[] = {
        {201, 203, ERR_SOURCE_UNAVAILABLE, "answered with something that is no document"},
        {204, 205, ERR_EMPTY_FILE, "answered that the document has no bytes"},
        {206, 206, ERR_SOURCE_UNAVAILABLE, "answered with a part, which was not asked for"},
        {401, 401, ERR_SOURCE_REFUSED, "asks for a login; give a presigned link"},
        {403, 403, ERR_SOURCE_REFUSED, "does not allow it; a presigned link may have expired or been changed: make a new one"},
        {404, 404, ERR_SOURCE_MISSING, "has no such document"},
        {410, 410, ERR_SOURCE_MISSING, "has no such document any more"},
        {408, 408, ERR_SOURCE_UNAVAILABLE, "gave up waiting"},
        {425, 425, ERR_SOURCE_UNAVAILABLE, "asks to come later"},
        {429, 429, ERR_SOURCE_UNAVAILABLE, "asks to come less often"},
        {400, 499, ERR_SOURCE_REFUSED, "refuses the request"},
        {500, 599, ERR_SOURCE_UNAVAILABLE, "has a fault of its own"},
    };
    char why[64];
    transfer_refusal_code(t, why);
    if (t->configured && strcmp(why, ", RequestTimeTooSkewed") == 0)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "source.s3: %.200s: the clocks of this host and of the storage differ too much (%ld%s)",
                       t->target.host, status, why);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (status >= rows[i].first && status <= rows[i].last)
            return err_set(e, rows[i].code, "%s: %.200s %s (%ld%s)", transfer_source(t), t->target.host,
                           t->configured && status == 403 ? "does not allow it: look at pdf.s3_access_key, s3_secret_key and the bucket's policy"
                                                          : rows[i].what,
                           status, why);
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: %.200s answered %ld, which is no answer to a download", transfer_source(t), t->target.host,
                   status);
}

static int transfer_whole(struct transfer *t, struct err *e)
{
    if (t->bytes == 0)
        return err_set(e, ERR_EMPTY_FILE, "the input has no bytes");
    if (t->size >= 0 && (uint64_t)t->size != t->bytes)
        return err_set(e, ERR_HASH_MISMATCH, "the input has %llu bytes, not the announced %lld", (unsigned long long)t->bytes, (long long)t->size);
    if (memmem(t->head, (size_t)MIN_OF(t->bytes, (uint64_t)sizeof t->head), "%PDF-", 5) == NULL)
        return err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes of the input");
    return 0;
}

/* libcurl's failures, told by what an operator can do. The library's own words only where they cannot hold the URL. */
static int transfer_broken(const struct transfer *t, CURLcode rc, struct err *e)
{
    const char *host = t->target.host, *source = transfer_source(t);
    if (t->verdict.code != 0) {
        if (e != NULL)
            *e = t->verdict;
        return t->verdict.code;
    }
    if (rc == CURLE_COULDNT_RESOLVE_HOST)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: the name %.200s cannot be resolved", source, host);
    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: %.100s is not trusted: %.200s (pdf.url_ca_file)", source, host, t->problem);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: %.200s was too slow: %llu bytes came in the time there was (pdf.url_timeout, url_stall)",
                       source, host, (unsigned long long)t->bytes);
    return err_set(e, ERR_SOURCE_UNAVAILABLE, "%s: %.200s, port %u: %.80s", source, host, t->target.port, curl_easy_strerror(rc));
}

/* 0: the next hop has begun. */
static int transfer_redirect(struct transfer *t, CURLM *multi, const char *to, struct err *e)
{
    bool after_tls = t->target.tls;
    if (t->configured)
        return err_set(e, ERR_SOURCE_REFUSED, "source.s3: the storage at %.200s answers with a redirect: set pdf.s3_endpoint and s3_region to the "
                                              "bucket's own", t->target.host);
    if (t->redirects >= t->policy->redirects)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url: more than %u redirects, the last at %.200s (pdf.url_redirects)", t->policy->redirects,
                       t->target.host);
    t->redirects++;
    int rc = url_rules_check(t->policy, to, after_tls, &t->target, e);
    return rc < 0 ? rc : transfer_hop(t, multi, to, e);
}

bool transfer_ended(struct transfer *t, CURLM *multi, CURLcode rc, struct fetcher_report *report)
{
    struct err e = {0};
    char *to = NULL;
    curl_off_t after = 0;
    int code;
    long status = transfer_status(t);
    (void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
    (void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
    (void)curl_multi_remove_handle(multi, t->easy);
    bool answered = rc == CURLE_OK || (rc == CURLE_WRITE_ERROR && status != 0 && status != 200);
    if (t->verdict.code != 0 || !answered)
        code = transfer_broken(t, rc, &e);
    else if (status >= 300 && status < 400 && to != NULL)
        code = transfer_redirect(t, multi, to, &e);
    else if (status != 200)
        code = transfer_refused(t, status, &e);
    else
        code = transfer_whole(t, &e);
    if (code == 0 && status != 200)
        return false;
    *report = (struct fetcher_report){.id = t->id, .code = code, .http_status = (uint32_t)status, .redirects = t->redirects, .bytes = t->bytes,
                                      .retry_after_s = after > 0 && after < INT32_MAX ? (uint32_t)after : 0};
    (void)snprintf(report->text, sizeof report->text, "%.*s", (int)sizeof report->text - 1, e.message);
    return true;
}
