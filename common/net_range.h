/*
 * net_range - which addresses belong to the public internet, and lists of ranges that are allowed besides.
 *
 * Runs in: stint-fetch (at each connection), and wherever configuration is checked. Pure.
 *
 * A list is comma-separated; an item is ADDRESS/BITS, or ADDRESS, with :PORT after it where only that port is meant
 * ("10.1.0.0/16", "127.0.0.1:9000", "[fd00::/8]:9000").
 */
#pragma once

#include "base.h"
#include "err.h"
#include <sys/socket.h>

/* NULL for an address that anybody on the internet can reach; else what it is ("a loopback address"), static storage. An IPv4 address
 * inside an IPv6 one (::ffff:…) is judged as itself; other wrappings (6to4, NAT64, Teredo) are never public. */
const char *net_range_special(const struct sockaddr *address);
/* True when an item of the list holds address and its port. */
bool net_range_listed(const char *list, const struct sockaddr *address);
/* 0, or ERR_BAD_CONFIG with e naming the first item that is none. */
int net_range_check(const char *list, struct err *e);
/* "10.0.0.7" or "fd00::1" into out. Returns out. */
const char *net_range_text(const struct sockaddr *address, char *out, size_t size);
