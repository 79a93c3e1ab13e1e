/*
 * net_range - see net_range.h. Only what IANA's special-purpose registries (RFC 6890 and its successors) leave as globally reachable
 * unicast is public; whatever is not known to be so is refused, so a block put to a new use later is refused too.
 */
#include "net_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { NET_ITEM_MAX = 128 };

/* Every address as IPv6: IPv4 as ::ffff:a.b.c.d, which is also what a mapped one is. */
struct net_block {
    uint8_t bytes[16];
    unsigned bits;
};

struct net_special {
    const char *block, *what;
};

static const struct net_special specials[] = {
    {"0.0.0.0/8", "an address of this host"},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "a carrier's private address"},
    {"127.0.0.0/8", "a loopback address"},
    {"169.254.0.0/16", "a link-local address (cloud metadata)"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "a reserved address"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.88.99.0/24", "a 6to4 relay"},
    {"192.168.0.0/16", "a private address"},
    {"198.18.0.0/15", "an address for benchmarks"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved address"},
    {"::1/128", "a loopback address"},
    {"::/96", "an address of this host"},
    {"64:ff9b::/96", "an IPv4 address behind NAT64"},
    {"64:ff9b:1::/48", "an IPv4 address behind NAT64"},
    {"fc00::/7", "a private address"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a private address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/23", "a reserved address (Teredo and others)"},
    {"2001:db8::/32", "an address for documentation"},
    {"2002::/16", "an IPv4 address inside 6to4"},
    {"3fff::/20", "an address for documentation"},
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool block_holds(const struct net_block *block, const uint8_t address[16])
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;
    if (memcmp(block->bytes, address, whole) != 0)
        return false;
    return rest == 0 || ((block->bytes[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

/* "10.0.0.0/8", "::1". */
static bool block_read(const char *text, struct net_block *ret)
{
    char address[NET_ITEM_MAX];
    size_t len = strcspn(text, "/");
    unsigned most = 128, extra = 0;
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, ret->bytes + 12) == 1) {
        memcpy(ret->bytes, mapped, sizeof mapped);
        most = 32;
        extra = 96;
    } else if (inet_pton(AF_INET6, address, ret->bytes) != 1) {
        return false;
    }
    ret->bits = most + extra;
    if (text[len] == '\0')
        return true;
    char *end;
    unsigned long bits = strtoul(text + len + 1, &end, 10);
    if (text[len + 1] < '0' || text[len + 1] > '9' || *end != '\0' || bits > most)
        return false;
    ret->bits = (unsigned)bits + extra;
    return true;
}

/* One item of a list; *ret_port 0: any. */
static bool item_read(const char *item, struct net_block *ret, unsigned *ret_port)
{
    char text[NET_ITEM_MAX];
    const char *port = NULL;
    *ret_port = 0;
    size_t len = strlen(item);
    if (item[0] == '[') {
        const char *close = strchr(item, ']');
        if (close == NULL || (close[1] != '\0' && close[1] != ':'))
            return false;
        port = close[1] == ':' ? close + 2 : NULL;
        len = (size_t)(close - ++item);
    } else if (strchr(item, ':') == strrchr(item, ':') && strchr(item, ':') != NULL) {
        port = strchr(item, ':') + 1;
        len = (size_t)(port - item) - 1;
    }
    if (len >= sizeof text)
        return false;
    memcpy(text, item, len);
    text[len] = '\0';
    if (port != NULL) {
        char *end;
        unsigned long number = strtoul(port, &end, 10);
        if (*port < '0' || *port > '9' || *end != '\0' || number == 0 || number > 65535)
            return false;
        *ret_port = (unsigned)number;
    }
    return block_read(text, ret);
}

/* The next item of a list, spaces stripped; false at its end. One too long is cut, and so will not be understood. */
static bool list_next(const char **cursor, char item[static NET_ITEM_MAX])
{
    const char *s = *cursor + strspn(*cursor, " \t,");
    size_t len = strcspn(s, ", \t");
    if (len == 0)
        return false;
    *cursor = s + len;
    (void)snprintf(item, NET_ITEM_MAX, "%.*s", (int)MIN_OF(len, (size_t)NET_ITEM_MAX), s);
    return true;
}

/* False for a family that is none of IP's. */
static bool address_read(const struct sockaddr *address, uint8_t ret[16], unsigned *ret_port)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        memcpy(ret, mapped, sizeof mapped);
        memcpy(ret + 12, &in.sin_addr, 4);
        *ret_port = ntohs(in.sin_port);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in;
    memcpy(&in, address, sizeof in);
    memcpy(ret, &in.sin6_addr, 16);
    *ret_port = ntohs(in.sin6_port);
    return true;
}

const char *net_range_special(const struct sockaddr *address)
{
    uint8_t bytes[16];
    unsigned port;
    struct net_block block;
    if (!address_read(address, bytes, &port))
        return "no internet address";
    for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
        bool known = block_read(specials[i].block, &block);
        assert(known);
        if (block_holds(&block, bytes))
            return specials[i].what;
    }
    bool v4 = memcmp(bytes, mapped, sizeof mapped) == 0;
    return v4 || (bytes[0] & 0xe0) == 0x20 ? NULL : "a reserved address"; /* unicast is 2000::/3 */
}

bool net_range_listed(const char *list, const struct sockaddr *address)
{
    uint8_t bytes[16];
    unsigned port, only;
    char item[NET_ITEM_MAX];
    struct net_block block;
    if (!address_read(address, bytes, &port))
        return false;
    for (const char *cursor = list; list_next(&cursor, item);)
        if (item_read(item, &block, &only) && (only == 0 || only == port) && block_holds(&block, bytes))
            return true;
    return false;
}

int net_range_check(const char *list, struct err *e)
{
    char item[NET_ITEM_MAX];
    struct net_block block;
    unsigned port;
    for (const char *cursor = list; list_next(&cursor, item);)
        if (!item_read(item, &block, &port))
            return err_set(e, ERR_BAD_CONFIG, "\"%s\" is no range of addresses; write one like 10.1.0.0/16, 127.0.0.1:9000 or [fd00::/8]:9000",
                           item);
    return 0;
}

const char *net_range_text(const struct sockaddr *address, char *out, size_t size)
{
    uint8_t bytes[16];
    unsigned port;
    bool known = address_read(address, bytes, &port);
    bool v4 = known && memcmp(bytes, mapped, sizeof mapped) == 0;
    if (!known || inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, out, (socklen_t)size) == NULL)
        (void)snprintf(out, size, "?");
    return out;
}
