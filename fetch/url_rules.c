/*
 * url_rules - see url_rules.h. Judges what libcurl's own reading of the URL says, so that the two cannot differ: a host that this file
 * reads one way and the library another is the oldest way around such rules.
 */
#include "url_rules.h"

#include "net_range.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>

/* A part of the URL into out; false when it has none or it does not fit. */
static bool url_part(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    bool got = curl_url_get(u, part, &text, flags) == CURLUE_OK && strlen(text) < size;
    if (got)
        memcpy(out, text, strlen(text) + 1);
    curl_free(text);
    return got;
}

static int url_read(CURLU *u, const char *url, struct url_target *ret, struct err *e)
{
    char scheme[32], port[16];
    CURLUcode rc = u == NULL ? CURLUE_OUT_OF_MEMORY : curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME);
    if (rc == CURLUE_USER_NOT_ALLOWED)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url holds a user name or a password; give a presigned link instead");
    if (rc == CURLUE_OUT_OF_MEMORY)
        return err_set(e, ERR_SOURCE_UNAVAILABLE, "no memory to read source.url");
    if (rc != CURLUE_OK || !url_part(u, CURLUPART_SCHEME, 0, scheme, sizeof scheme))
        return err_set(e, ERR_BAD_PAYLOAD, "source.url is no URL of the form https://host/path: %s", curl_url_strerror(rc));
    ret->tls = strcmp(scheme, "https") == 0;
    if (!ret->tls && strcmp(scheme, "http") != 0)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url has the scheme %.20s; only https and http are fetched", scheme);
    if (!url_part(u, CURLUPART_HOST, CURLU_PUNYCODE, ret->host, sizeof ret->host) || ret->host[0] == '\0')
        return err_set(e, ERR_BAD_PAYLOAD, "source.url names no host");
    for (char *c = ret->host; *c != '\0'; c++)
        *c = isgraph((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '?';
    if (!url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port))
        return err_set(e, ERR_BAD_PAYLOAD, "source.url has no usable port");
    ret->port = (uint32_t)strtoul(port, NULL, 10);
    return 0;
}

int url_rules_split(const char *url, struct url_target *ret, struct err *e)
{
    CURLU *u = curl_url();
    int rc = url_read(u, url, ret, e);
    curl_url_cleanup(u);
    return rc;
}

static bool rules_next(const char **cursor, char *item, size_t size)
{
    const char *s = *cursor + strspn(*cursor, " \t,");
    size_t len = strcspn(s, ", \t");
    if (len == 0)
        return false;
    *cursor = s + len;
    (void)snprintf(item, size, "%.*s", (int)MIN_OF(len, size), s);
    return true;
}

/* "*.example.org" holds every name below it and not itself. */
static bool host_matches(const char *pattern, const char *host)
{
    size_t len = strlen(host), wanted = strlen(pattern);
    if (len > 0 && host[len - 1] == '.') /* "host." is host */
        len--;
    if (pattern[0] == '*' && pattern[1] == '.')
        return len > wanted - 1 && strncasecmp(host + len - (wanted - 1), pattern + 1, wanted - 1) == 0;
    return len == wanted && strncasecmp(host, pattern, len) == 0;
}

/* Looks the host up in the list. *ret_port: an item names its port, and it is this one. */
static bool host_listed(const char *list, const struct url_target *t, bool *ret_port)
{
    char item[300];
    bool listed = false;
    *ret_port = false;
    for (const char *cursor = list; rules_next(&cursor, item, sizeof item);) {
        char *colon = strrchr(item, ':'), *bracket = strrchr(item, ']');
        bool ported = colon != NULL && (bracket == NULL || colon > bracket);
        if (ported)
            *colon = '\0';
        if (!host_matches(item, t->host) || (ported && strtoul(colon + 1, NULL, 10) != t->port))
            continue;
        listed = true;
        *ret_port = *ret_port || ported;
    }
    return listed;
}

static bool port_listed(const char *list, uint32_t port)
{
    char item[16];
    for (const char *cursor = list; rules_next(&cursor, item, sizeof item);)
        if (strtoul(item, NULL, 10) == port)
            return true;
    return false;
}

bool url_rules_connected(const char *peer, int port, struct sockaddr_storage *ret)
{
    char text[256];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    (void)snprintf(text, sizeof text, "%s", peer + (peer[0] == '['));
    text[strcspn(text, "]%")] = '\0';
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(ret, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(ret, &v6, sizeof v6);
    else
        return false;
    return true;
}

int url_rules_address(const struct fetcher_policy *policy, const char *host, const struct sockaddr *address, struct err *e)
{
    char text[64];
    const char *special = net_range_special(address);
    if (special == NULL || net_range_listed(policy->ranges, address))
        return 0;
    return err_set(e, ERR_SOURCE_REFUSED, "source.url: %.200s is at %s, %s, which is not allowed (pdf.url_private_ranges)", host,
                   net_range_text(address, text, sizeof text), special);
}

static int rules_host(const struct fetcher_policy *policy, const struct url_target *t, struct err *e)
{
    bool own_port;
    bool listed = host_listed(policy->allow, t, &own_port);
    if (policy->mode != FETCHER_PUBLIC && !listed)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url: the host %.200s, port %u, is not allowed (pdf.url_allow)", t->host, t->port);
    if (!own_port && !port_listed(policy->ports, t->port))
        return err_set(e, ERR_SOURCE_REFUSED, "source.url: port %u of %.200s is not allowed (pdf.url_ports)", t->port, t->host);
    return 0;
}

int url_rules_check(const struct fetcher_policy *policy, const char *url, bool after_tls, struct url_target *ret, struct err *e)
{
    struct sockaddr_storage address;
    if (policy->mode == FETCHER_OFF)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url is not allowed here; set pdf.url to list (with pdf.url_allow) or public");
    int rc = url_rules_split(url, ret, e);
    if (rc < 0)
        return rc;
    if (!ret->tls && after_tls)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url: a redirect leads from https to http, at %.200s", ret->host);
    if (!ret->tls && !policy->plain_http)
        return err_set(e, ERR_SOURCE_REFUSED, "source.url: plain http to %.200s is not allowed (pdf.url_http)", ret->host);
    rc = rules_host(policy, ret, e);
    /* A host written as an address, in whatever form: libcurl has made the usual form of it. */
    if (rc == 0 && url_rules_connected(ret->host, (int)ret->port, &address))
        rc = url_rules_address(policy, ret->host, (const struct sockaddr *)&address, e);
    return rc;
}
