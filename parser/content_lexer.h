/*
 * content_lexer - the tokens of a page's content: numbers, names, strings, operators.
 *
 * Runs in: parser cell. Pure. Blocks on nothing. Owner: whoever called content_lexer_init; content_lexer_fini frees. Tokens point
 * into the content or into the lexer, and hold until the next call.
 */
#pragma once

#include "base.h"

enum content_kind {
    CONTENT_END,
    CONTENT_NUMBER,
    CONTENT_NAME,     /* without its slash */
    CONTENT_STRING,   /* decoded */
    CONTENT_OPERATOR, /* any other word */
    CONTENT_OPEN,     /* [ */
    CONTENT_CLOSE,    /* ] */
    CONTENT_DICT,     /* << */
    CONTENT_DICT_END, /* >> */
    CONTENT_UNUSUAL,  /* what this lexer leaves to the library: escapes in names, odd numbers, ends that are missing */
};

struct content_token {
    enum content_kind kind;
    double number;
    const char *text; /* of names, strings, operators; not terminated */
    size_t n;
};

struct content_lexer {
    const char *at, *end; /* borrowed */
    char *text;           /* owned: a string with escapes */
    size_t cap;
};

/* content is borrowed until the last call. */
void content_lexer_init(struct content_lexer *l, const char *content, size_t n);
void content_lexer_fini(struct content_lexer *l);
/* The next token. */
void content_lexer_next(struct content_lexer *l, struct content_token *ret_token);
