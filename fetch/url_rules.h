/*
 * url_rules - may this URL be asked for at all? Scheme, user, host, port, and the address where it is written out.
 *
 * Runs in: stint-fetch, for the payload's URL and again for every redirect. Pure but for memory. What a name resolves to is judged at each
 * connection (transfer.c), not here: between two look-ups it may change.
 */
#pragma once

#include "err.h"
#include "fetcher_proto.h"
#include <sys/socket.h>

struct url_target {
    char host[256]; /* lower case, punycode; for messages and patterns */
    uint32_t port;
    bool tls;
};

/* after_tls: url is a redirect's, and the page before it came over TLS. 0 and *ret, or ERR_BAD_PAYLOAD (no URL), ERR_SOURCE_REFUSED with e
 * naming rule and configuration key. e never holds more of the URL than its host. */
int url_rules_check(const struct fetcher_policy *policy, const char *url, bool after_tls, struct url_target *ret, struct err *e);
/* The parts of a URL that nothing is to be asked about (the configuration's own). */
int url_rules_split(const char *url, struct url_target *ret, struct err *e);
/* May this address be connected to? 0 or ERR_SOURCE_REFUSED with e. */
int url_rules_address(const struct fetcher_policy *policy, const char *host, const struct sockaddr *address, struct err *e);
/* An address as libcurl writes it, "127.0.0.1" or "::1", into *ret. False when it is none. */
bool url_rules_connected(const char *peer, int port, struct sockaddr_storage *ret);
