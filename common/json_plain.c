/*
 * json_plain - see json_plain.h. Refuses to guess: the first byte out of the plain ends it.
 */
#include "json_plain.h"

enum { DIGITS_MAX = 18 }; /* any such number fits int64_t */

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

/* Skips space, then takes this character. */
static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* The rest of a text behind its first quote. */
static bool take_text(struct cursor *c, const char **ret, size_t *ret_len)
{
    const char *begin = c->at;
    while (c->at < c->end && *c->at >= ' ' && *c->at < 0x7f && *c->at != '"' && *c->at != '\\')
        c->at++;
    *ret = begin;
    *ret_len = (size_t)(c->at - begin);
    return c->at < c->end && *c->at++ == '"';
}

static bool take_integer(struct cursor *c, int64_t *ret)
{
    bool minus = take(c, '-');
    const char *begin = c->at;
    int64_t n = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - begin < DIGITS_MAX)
        n = n * 10 + (*c->at++ - '0');
    if (c->at == begin || (*begin == '0' && c->at - begin > 1))
        return false;
    *ret = minus ? -n : n;
    return true;
}

static bool take_word(struct cursor *c, struct json_plain_member *m)
{
    static const struct {
        const char *text;
        enum json_plain_type type;
    } words[] = {{"true", JSON_PLAIN_TRUE}, {"false", JSON_PLAIN_FALSE}, {"null", JSON_PLAIN_NULL}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].text);
        if ((size_t)(c->end - c->at) >= len && memcmp(c->at, words[i].text, len) == 0) {
            c->at += len;
            m->type = words[i].type;
            return true;
        }
    }
    return false;
}

static bool take_value(struct cursor *c, struct json_plain_member *m)
{
    if (take(c, '"')) {
        m->type = JSON_PLAIN_TEXT;
        return take_text(c, &m->text, &m->text_len);
    }
    if (c->at < c->end && (*c->at == '-' || (*c->at >= '0' && *c->at <= '9'))) {
        m->type = JSON_PLAIN_INTEGER;
        return take_integer(c, &m->integer);
    }
    return take_word(c, m);
}

static bool take_member(struct cursor *c, struct json_plain_member *m)
{
    return take(c, '"') && take_text(c, &m->key, &m->key_len) && take(c, ':') && take_value(c, m);
}

bool json_plain_read(struct json_plain *p, const char *text, size_t len)
{
    struct cursor c = {text, text + len};
    p->n = 0;
    if (!take(&c, '{'))
        return false;
    if (!take(&c, '}')) {
        do {
            if (p->n == JSON_PLAIN_MAX || !take_member(&c, &p->members[p->n]))
                return false;
            p->n++;
        } while (take(&c, ','));
        if (!take(&c, '}'))
            return false;
    }
    skip_space(&c);
    return c.at == c.end;
}

const struct json_plain_member *json_plain_get(const struct json_plain *p, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = p->n; i > 0; i--)
        if (p->members[i - 1].key_len == len && memcmp(p->members[i - 1].key, key, len) == 0)
            return &p->members[i - 1];
    return NULL;
}

bool json_plain_is(const struct json_plain_member *m, const char *text)
{
    size_t len = strlen(text);
    return m->type == JSON_PLAIN_TEXT && m->text_len == len && memcmp(m->text, text, len) == 0;
}
