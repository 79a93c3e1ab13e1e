/*
 * json_plain - reads the JSON objects that most payloads are, without a tree: one level, short plain values.
 *
 * Runs in: worker. Pure, allocates nothing.
 * It is a short cut, not a parser: what it takes jansson takes too, and means the same by it (test_json_plain holds the
 * two against each other); what it does not take says nothing, and jansson is asked. Plain is: one object of at most
 * JSON_PLAIN_MAX members; values are texts, whole numbers of at most 18 digits, true, false or null; texts are
 * printable ASCII without a backslash. So no error has to be told here, and no rarity of the language is needed twice.
 */
#pragma once

#include "base.h"

enum { JSON_PLAIN_MAX = 16 };

enum json_plain_type { JSON_PLAIN_TEXT, JSON_PLAIN_INTEGER, JSON_PLAIN_TRUE, JSON_PLAIN_FALSE, JSON_PLAIN_NULL };

struct json_plain_member {
    const char *key, *text; /* borrowed of what was read; text: of a text, without its quotes */
    size_t key_len, text_len;
    int64_t integer;
    enum json_plain_type type;
};

struct json_plain {
    struct json_plain_member members[JSON_PLAIN_MAX];
    size_t n;
};

/* True: text is a plain object, and these are its members in order. */
bool json_plain_read(struct json_plain *p, const char *text, size_t len);
/* The member called so, the last of several; NULL: there is none. */
const struct json_plain_member *json_plain_get(const struct json_plain *p, const char *key);
/* Whether the member is this text. */
bool json_plain_is(const struct json_plain_member *m, const char *text);
