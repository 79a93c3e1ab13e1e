/*
 * redis_reader - exists because hiredis makes some twenty allocations of one claimed job. Two passes: the first looks
 * at the heads of values alone, as bytes come, until an answer is whole; only then are its values made, so that nothing
 * has to move. Refuses to guess: after the first wrong byte nothing can be told of those that follow.
 */
#include "redis_reader.h"

#include <hiredis/hiredis.h>
#include <limits.h>

enum { LENGTH_MAX = 512 << 20 }; /* proto-max-bulk-len of a server that nobody changed */

void redis_reader_fini(struct redis_reader *r)
{
    free(r->bytes);
    free(r->block);
    *r = (struct redis_reader){0};
}

/* ---- bytes ---- */

static void forget_taken(struct redis_reader *r)
{
    r->len -= r->begin;
    r->at -= r->begin;
    memmove(r->bytes, r->bytes + r->begin, r->len);
    r->begin = 0;
    if (r->len == 0 && r->cap > REDIS_READER_KEEP) {
        free(r->bytes);
        r->bytes = NULL;
        r->cap = 0;
    }
}

char *redis_reader_room(struct redis_reader *r, size_t *ret_size)
{
    if (r->begin > 0)
        forget_taken(r);
    if (r->cap - r->len < REDIS_READER_ROOM) {
        size_t cap = MAX_OF(2 * r->cap, r->len + REDIS_READER_ROOM);
        char *bytes = realloc(r->bytes, cap);
        if (!bytes)
            return NULL;
        r->bytes = bytes;
        r->cap = cap;
    }
    *ret_size = r->cap - r->len;
    return r->bytes + r->len;
}

void redis_reader_fed(struct redis_reader *r, size_t n)
{
    assert(n <= r->cap - r->len);
    r->len += n;
}

size_t redis_reader_waiting(const struct redis_reader *r)
{
    return r->len - r->begin;
}

/* ---- the head of a value ---- */

struct head {
    char type;
    char *line; /* without its end */
    size_t line_len;
    long long number; /* of types : $ * */
    size_t size;      /* of the head, its end included */
};

/* A whole number as Redis writes one. */
static bool read_number(const char *text, size_t len, long long *ret)
{
    bool minus = len > 0 && text[0] == '-';
    size_t i = minus ? 1 : 0;
    unsigned long long n = 0, most = minus ? (unsigned long long)LLONG_MAX + 1 : LLONG_MAX;
    if (i == len)
        return false;
    for (; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || n > (most - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *ret = minus ? (long long)(0 - n) : (long long)n;
    return true;
}

static int wrong(struct redis_reader *r, const char *why)
{
    r->wrong = why;
    return -EPROTO;
}

static int check_head(struct redis_reader *r, struct head *h)
{
    switch (h->type) {
    case '+':
    case '-':
        return 1;
    case ':':
    case '$':
    case '*':
        if (!read_number(h->line, h->line_len, &h->number))
            return wrong(r, "a number of its protocol is no number");
        if (h->type == '$' && (h->number < -1 || h->number > LENGTH_MAX))
            return wrong(r, "a text has an impossible length");
        if (h->type == '*' && (h->number < -1 || h->number > REDIS_READER_VALUES_MAX))
            return wrong(r, "an array has an impossible length");
        return 1;
    default:
        return wrong(r, "a value has a type that this protocol does not know");
    }
}

/* 1 and the head at `at`; 0: it is not there yet; or wrong. */
static int read_head(struct redis_reader *r, size_t at, struct head *ret)
{
    size_t left = r->len - at;
    char *begin = r->bytes + at, *end = left > 1 ? memchr(begin, '\r', left - 1) : NULL;
    if (!end)
        return left > REDIS_READER_LINE_MAX ? wrong(r, "a line has no end") : 0;
    if (end == begin || end[1] != '\n')
        return wrong(r, "a line ends in the middle");
    *ret = (struct head){
        .type = begin[0], .line = begin + 1, .line_len = (size_t)(end - begin) - 1, .size = (size_t)(end - begin) + 2};
    return check_head(r, ret);
}

/* Bytes of a value behind its head. */
static size_t body_size(const struct head *h)
{
    return h->type == '$' && h->number >= 0 ? (size_t)h->number + 2 : 0;
}

/* ---- the first pass ---- */

/* 1: the value at r->at is whole, and passed; 0: not yet. */
static int pass_value(struct redis_reader *r)
{
    struct head h;
    int rc = read_head(r, r->at, &h);
    if (rc <= 0)
        return rc;
    size_t size = h.size + body_size(&h);
    if (size > r->len - r->at)
        return 0;
    if (size > h.size && (r->bytes[r->at + size - 2] != '\r' || r->bytes[r->at + size - 1] != '\n'))
        return wrong(r, "a text does not end where it should");
    if (h.type == '*' && h.number > 0)
        r->wanted += (size_t)h.number;
    if (r->values + r->wanted > REDIS_READER_VALUES_MAX)
        return wrong(r, "an answer has too many values");
    r->at += size;
    r->values++;
    r->wanted--;
    return 1;
}

/* ---- the second pass ---- */

struct making {
    struct redis_reader *r;
    size_t at;
    redisReply *values;  /* free ones */
    redisReply **places; /* the same, of the arrays' elements */
};

static void set_text(redisReply *value, int type, char *text, size_t len)
{
    text[len] = '\0'; /* where its line ended */
    value->type = type;
    value->str = text;
    value->len = len;
}

static int make_value(struct making *m, int depth, redisReply **ret);

static int make_array(struct making *m, int depth, redisReply *array, size_t n)
{
    array->type = REDIS_REPLY_ARRAY;
    array->elements = n;
    array->element = m->places;
    m->places += n;
    for (size_t i = 0; i < n; i++) {
        int rc = make_value(m, depth + 1, &array->element[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int make_value(struct making *m, int depth, redisReply **ret)
{
    struct head h;
    int rc = read_head(m->r, m->at, &h);
    if (rc < 0)
        return rc;
    assert(rc == 1);
    redisReply *value = *ret = m->values++;
    char *body = m->r->bytes + m->at + h.size;
    *value = (redisReply){.type = REDIS_REPLY_NIL};
    m->at += h.size + body_size(&h);
    switch (h.type) {
    case '+':
        set_text(value, REDIS_REPLY_STATUS, h.line, h.line_len);
        return 0;
    case '-':
        set_text(value, REDIS_REPLY_ERROR, h.line, h.line_len);
        return 0;
    case ':':
        value->type = REDIS_REPLY_INTEGER;
        value->integer = h.number;
        return 0;
    case '$':
        if (h.number >= 0)
            set_text(value, REDIS_REPLY_STRING, body, (size_t)h.number);
        return 0;
    default:
        if (h.number < 0)
            return 0;
        if (depth == REDIS_READER_DEPTH_MAX)
            return wrong(m->r, "arrays lie too deep in one another");
        return make_array(m, depth, value, (size_t)h.number);
    }
}

static int make_answer(struct redis_reader *r, const redisReply **ret)
{
    size_t size = r->values * (sizeof(redisReply) + sizeof(redisReply *));
    if (size > r->block_size || (r->block_size > REDIS_READER_KEEP && size <= REDIS_READER_KEEP)) {
        free(r->block);
        r->block = malloc(size);
        r->block_size = r->block ? size : 0;
        if (!r->block)
            return -ENOMEM;
    }
    redisReply *values = r->block, *made;
    struct making m = {.r = r, .at = r->begin, .values = values, .places = (redisReply **)(void *)(values + r->values)};
    int rc = make_value(&m, 1, &made);
    *ret = made;
    return rc < 0 ? rc : 1;
}

int redis_reader_next(struct redis_reader *r, const redisReply **ret)
{
    if (r->wrong)
        return -EPROTO;
    if (r->wanted == 0 && r->at < r->len) {
        r->wanted = 1;
        r->values = 0;
    }
    while (r->wanted > 0) {
        int rc = pass_value(r);
        if (rc <= 0)
            return rc;
    }
    if (r->begin == r->at)
        return 0;
    int rc = make_answer(r, ret);
    r->begin = r->at;
    return rc;
}
