/*
 * redis_slots - see redis_slots.h. Refuses to guess: a command whose key it does not know how to find has none.
 */
#include "redis_slots.h"

#include <stdio.h>

/* --- the slot --- */

/* Polynomial 0x1021, start 0, nothing reflected (Redis Cluster specification, appendix A). */
static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t redis_slot(const char *key, size_t len)
{
    const char *open = memchr(key, '{', len);
    const char *close = open ? memchr(open, '}', len - (size_t)(open - key)) : NULL;
    if (close && close > open + 1)
        return crc16(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
    return crc16(key, len) % REDIS_SLOTS;
}

uint16_t redis_slot_of_queue(const char *queue)
{
    return crc16(queue, strlen(queue)) % REDIS_SLOTS;
}

/* --- the key of a command --- */

static bool word_is(const char *arg, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(arg, word, len) == 0;
}

static bool one_of(const char *arg, size_t len, const char *const words[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (word_is(arg, len, words[i]))
            return true;
    return false;
}

static int after(int argc, const char *const argv[], const size_t lens[], const char *word)
{
    for (int i = 1; i + 1 < argc; i++)
        if (word_is(argv[i], lens[i], word))
            return i + 1;
    return -1;
}

static int key_at(int argc, const char *const argv[], const size_t lens[])
{
    static const char *const numbered[] = {"FCALL", "FCALL_RO", "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO"};
    static const char *const streams[] = {"XREAD", "XREADGROUP"};
    static const char *const nested[] = {"XINFO", "XGROUP", "OBJECT", "MEMORY"};
    static const char *const keyless[] = {"PING",    "TIME",     "INFO",     "WAIT",  "WAITAOF", "FUNCTION", "CLUSTER",
                                          "CLIENT",  "CONFIG",   "SELECT",   "AUTH",  "HELLO",   "MULTI",    "EXEC",
                                          "DISCARD", "UNWATCH",  "SCRIPT",   "ECHO",  "DBSIZE",  "COMMAND",  "ACL",
                                          "ASKING",  "READONLY", "REPLCONF", "PSYNC", "SYNC",    "RANDOMKEY"};
    if (one_of(argv[0], lens[0], numbered, ARRAY_LEN(numbered)))
        return argc > 3 && !word_is(argv[2], lens[2], "0") ? 3 : -1;
    if (one_of(argv[0], lens[0], streams, ARRAY_LEN(streams)))
        return after(argc, argv, lens, "STREAMS");
    if (word_is(argv[0], lens[0], "SCAN")) {
        int match = after(argc, argv, lens, "MATCH");
        return match > 0 && !memmem(argv[match], lens[match], "{*}", 3) ? match : -1;
    }
    if (one_of(argv[0], lens[0], keyless, ARRAY_LEN(keyless)))
        return -1;
    int at = one_of(argv[0], lens[0], nested, ARRAY_LEN(nested)) ? 2 : 1;
    return at < argc ? at : -1;
}

int redis_key_of(int argc, const char *const argv[], const size_t lens[])
{
    size_t sizes[REDIS_KEY_ARGS_MAX];
    int n = MIN_OF(argc, (int)REDIS_KEY_ARGS_MAX);
    if (n == 0)
        return -1;
    for (int i = 0; i < n; i++)
        sizes[i] = lens ? lens[i] : strlen(argv[i]);
    return key_at(n, argv, sizes);
}

/* "$5\r\n" or "*3\r\n" at *at: the number, and *at behind it. -1: not that. */
static long length_at(const char **at, const char *end, char mark)
{
    const char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop || *line != mark)
        return -1;
    *at = stop + 1;
    return strtol(line + 1, NULL, 10);
}

const char *redis_key_in(const char *bytes, size_t len, size_t *ret_len)
{
    const char *argv[REDIS_KEY_ARGS_MAX], *at = bytes, *end = bytes + len;
    size_t lens[REDIS_KEY_ARGS_MAX];
    long words = len > 0 ? length_at(&at, end, '*') : -1;
    int n = 0;
    while (n < words && n < REDIS_KEY_ARGS_MAX && at < end) {
        long size = length_at(&at, end, '$');
        if (size < 0 || size > end - at)
            return NULL;
        argv[n] = at;
        lens[n++] = (size_t)size;
        at += MIN_OF(size + 2, (long)(end - at));
    }
    int key = n > 0 ? key_at(n, argv, lens) : -1;
    if (key < 0)
        return NULL;
    *ret_len = lens[key];
    return argv[key];
}

/* --- addresses --- */

/* A node as others name it: host and port, the rest as we log in elsewhere. An unknown host is the one that was asked.
 */
static bool node_at(const char *host, size_t len, long port, const struct redis_address *from,
                    struct redis_address *ret)
{
    struct redis_address a = *from;
    bool named = len > 0 && !(len == 1 && host[0] == '?');
    if (port < 1 || port > 65535 || len >= sizeof a.host)
        return false;
    if (named) {
        memcpy(a.host, host, len);
        a.host[len] = '\0';
    } else if (!a.host[0]) {
        (void)snprintf(a.host, sizeof a.host, "127.0.0.1"); /* asked over a Unix socket: it is on this host */
    }
    a.path[0] = '\0';
    a.port = (int)port;
    *ret = a;
    return true;
}

bool redis_moved_to(const char *text, const struct redis_address *from, struct redis_address *ret)
{
    bool moved = strncmp(text, "MOVED ", 6) == 0, ask = strncmp(text, "ASK ", 4) == 0;
    const char *host = moved || ask ? strchr(text + (moved ? 6 : 4), ' ') : NULL;
    const char *colon = host ? strrchr(host, ':') : NULL;
    return host && colon && node_at(host + 1, (size_t)(colon - host - 1), strtol(colon + 1, NULL, 10), from, ret);
}

bool redis_address_same(const struct redis_address *a, const struct redis_address *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0 && (a->path[0] != '\0' || a->port == b->port);
}

/* The first word of *rest as an address. */
static int seed_in(const char **rest, const struct redis_address *url, struct redis_address *ret, struct err *e)
{
    const char *word = *rest + strspn(*rest, " ,\t");
    size_t len = strcspn(word, " ,\t");
    const char *colon = NULL;
    *rest = word + len;
    if (len == 0)
        return err_set(e, ERR_NOT_FOUND, "no more nodes are named in redis.nodes");
    for (const char *p = word; p < word + len; p++)
        if (*p == ':')
            colon = p;
    char *stop = NULL;
    long port = colon ? strtol(colon + 1, &stop, 10) : -1;
    if (!colon || colon == word || stop != word + len || !node_at(word, (size_t)(colon - word), port, url, ret))
        return err_set(e, ERR_BAD_CONFIG,
                       "redis.nodes: \"%.*s\" is no node; write host:port host:port …, ports 1 to 65535",
                       (int)MIN_OF(len, (size_t)100), word);
    return 0;
}

int redis_seed(const char *url, const char *nodes, size_t n, struct redis_address *ret, struct err *e)
{
    struct redis_address first;
    int rc = redis_address_parse(url, &first, e);
    *ret = first;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = seed_in(&nodes, &first, ret, e);
    return rc;
}

/* --- the map --- */

/* 1 + index of the node, which is added when it is new; 0: there are too many. */
static uint8_t index_of(struct redis_slot_map *m, const struct redis_address *node)
{
    for (size_t i = 0; i < m->n; i++)
        if (redis_address_same(&m->nodes[i], node))
            return (uint8_t)(i + 1);
    if (m->n == REDIS_NODES_MAX)
        return 0;
    m->nodes[m->n++] = *node;
    return (uint8_t)m->n;
}

/* [first slot, last slot, [host, port, …] of the master, replicas …] */
static bool read_range(struct redis_slot_map *m, const redisReply *r, const struct redis_address *from)
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 3 || r->element[0]->type != REDIS_REPLY_INTEGER ||
        r->element[1]->type != REDIS_REPLY_INTEGER || r->element[2]->type != REDIS_REPLY_ARRAY ||
        r->element[2]->elements < 2 || r->element[2]->element[1]->type != REDIS_REPLY_INTEGER)
        return false;
    long long first = r->element[0]->integer, last = r->element[1]->integer;
    const redisReply *host = r->element[2]->element[0];
    struct redis_address node;
    bool text = host->type == REDIS_REPLY_STRING && host->str;
    if (first < 0 || last < first || last >= REDIS_SLOTS ||
        !node_at(text ? host->str : "", text ? (size_t)host->len : 0, (long)r->element[2]->element[1]->integer, from,
                 &node))
        return false;
    uint8_t owner = index_of(m, &node);
    if (owner == 0)
        return false;
    memset(m->owner + first, owner, (size_t)(last - first + 1));
    return true;
}

bool redis_slot_map_read(struct redis_slot_map *m, const redisReply *reply, const struct redis_address *from)
{
    memset(m, 0, sizeof *m);
    bool fine = reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; fine && i < reply->elements; i++)
        fine = read_range(m, reply->element[i], from);
    if (!fine)
        memset(m, 0, sizeof *m);
    return fine;
}
