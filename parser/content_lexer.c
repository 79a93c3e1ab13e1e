/*
 * content_lexer - see content_lexer.h. Strict where the PDF library is lenient: what is not plain is called unusual and left to it.
 */
#include "content_lexer.h"

#include <glib.h>

enum { SPACE = 1, DELIMITER = 2, DIGIT = 4, NUMBER = 8, STRING_MAX = 65536, DIGITS_MAX = 15 };

static const uint8_t CLASSES[256] = {
    ['\0'] = SPACE, ['\t'] = SPACE, ['\n'] = SPACE, ['\f'] = SPACE, ['\r'] = SPACE, [' '] = SPACE,
    ['('] = DELIMITER, [')'] = DELIMITER, ['<'] = DELIMITER, ['>'] = DELIMITER, ['['] = DELIMITER, [']'] = DELIMITER,
    ['{'] = DELIMITER, ['}'] = DELIMITER, ['/'] = DELIMITER, ['%'] = DELIMITER,
    ['0'] = DIGIT | NUMBER, ['1'] = DIGIT | NUMBER, ['2'] = DIGIT | NUMBER, ['3'] = DIGIT | NUMBER, ['4'] = DIGIT | NUMBER,
    ['5'] = DIGIT | NUMBER, ['6'] = DIGIT | NUMBER, ['7'] = DIGIT | NUMBER, ['8'] = DIGIT | NUMBER, ['9'] = DIGIT | NUMBER,
    ['+'] = NUMBER, ['-'] = NUMBER, ['.'] = NUMBER,
};

static unsigned lexer_class(const struct content_lexer *l)
{
    return l->at < l->end ? CLASSES[(unsigned char)*l->at] : SPACE;
}

void content_lexer_init(struct content_lexer *l, const char *content, size_t n)
{
    *l = (struct content_lexer){.at = content, .end = content + n};
}

void content_lexer_fini(struct content_lexer *l)
{
    g_free(l->text);
    *l = (struct content_lexer){0};
}

static void lexer_space(struct content_lexer *l)
{
    while (l->at < l->end) {
        if (*l->at == '%')
            while (l->at < l->end && *l->at != '\n' && *l->at != '\r')
                l->at++;
        else if (!(CLASSES[(unsigned char)*l->at] & SPACE))
            return;
        else
            l->at++;
    }
}

static void lexer_number(struct content_lexer *l, struct content_token *t)
{
    static const double scales[DIGITS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool minus = *l->at == '-';
    uint64_t digits = 0;
    int n = 0, n_fraction = 0;
    if (minus || *l->at == '+')
        l->at++;
    for (; lexer_class(l) & DIGIT; l->at++, n++)
        digits = digits * 10 + (uint64_t)(*l->at - '0');
    if (l->at < l->end && *l->at == '.')
        for (l->at++; lexer_class(l) & DIGIT; l->at++, n++, n_fraction++)
            digits = digits * 10 + (uint64_t)(*l->at - '0');
    bool plain = n > 0 && n <= DIGITS_MAX && (lexer_class(l) & (SPACE | DELIMITER));
    t->kind = plain ? CONTENT_NUMBER : CONTENT_UNUSUAL;
    if (plain)
        t->number = (minus ? -1.0 : 1.0) * (double)digits / scales[n_fraction];
}

static void lexer_word(struct content_lexer *l, struct content_token *t, enum content_kind kind)
{
    t->kind = kind;
    t->text = l->at;
    while (!(lexer_class(l) & (SPACE | DELIMITER))) {
        if (*l->at == '#' && kind == CONTENT_NAME)
            t->kind = CONTENT_UNUSUAL;
        l->at++;
    }
    t->n = (size_t)(l->at - t->text);
}

/* The character an escape stands for, -1 for none: a line that goes on. l->at is behind the backslash. */
static int lexer_escape(struct content_lexer *l)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    char c = *l->at++;
    const char *known = memchr(from, c, sizeof from - 1);
    if (known != NULL)
        return to[known - from];
    if (c == '\r' && l->at < l->end && *l->at == '\n')
        l->at++;
    if (c == '\r' || c == '\n')
        return -1;
    if (c < '0' || c > '7')
        return (unsigned char)c;
    int value = c - '0';
    for (int i = 0; i < 2 && l->at < l->end && *l->at >= '0' && *l->at <= '7'; i++)
        value = value * 8 + (*l->at++ - '0');
    return value & 255;
}

static void lexer_keep(struct content_lexer *l, struct content_token *t, int c)
{
    if (t->n == l->cap) {
        l->cap = MAX_OF(l->cap * 2, (size_t)256);
        l->text = g_realloc(l->text, l->cap);
    }
    l->text[t->n++] = (char)c;
}

static void lexer_escaped(struct content_lexer *l, struct content_token *t)
{
    int depth = 1;
    t->n = 0;
    while (l->at < l->end && t->n < STRING_MAX) {
        int c = (unsigned char)*l->at++;
        if (c == ')' && --depth == 0) {
            t->kind = CONTENT_STRING;
            t->text = l->text != NULL ? l->text : "";
            return;
        }
        depth += c == '(';
        if (c == '\r') { /* every end of a line is one */
            l->at += l->at < l->end && *l->at == '\n';
            c = '\n';
        }
        if (c == '\\')
            c = l->at < l->end ? lexer_escape(l) : -1;
        if (c >= 0)
            lexer_keep(l, t, c);
    }
}

static void lexer_string(struct content_lexer *l, struct content_token *t)
{
    const char *from = ++l->at;
    while (l->at < l->end && *l->at != ')' && *l->at != '(' && *l->at != '\\' && *l->at != '\r')
        l->at++;
    if (l->at < l->end && *l->at == ')') {
        t->kind = CONTENT_STRING;
        t->text = from;
        t->n = (size_t)(l->at++ - from);
        return;
    }
    l->at = from;
    lexer_escaped(l, t);
}

static void lexer_hex(struct content_lexer *l, struct content_token *t)
{
    int high = -1;
    for (t->n = 0; l->at < l->end && t->n < STRING_MAX; l->at++) {
        if (*l->at == '>') {
            l->at++;
            if (high >= 0)
                lexer_keep(l, t, high * 16);
            t->kind = CONTENT_STRING;
            t->text = l->text != NULL ? l->text : "";
            return;
        }
        int digit = g_ascii_xdigit_value(*l->at);
        if (digit < 0 && !(lexer_class(l) & SPACE))
            return;
        if (digit >= 0 && high >= 0)
            lexer_keep(l, t, high * 16 + digit);
        if (digit >= 0)
            high = high >= 0 ? -1 : digit;
    }
}

static void lexer_delimiter(struct content_lexer *l, struct content_token *t)
{
    char c = *l->at, next = l->at + 1 < l->end ? l->at[1] : '\0';
    if (c == '(') {
        lexer_string(l, t);
        return;
    }
    l->at++;
    if (c == '/') {
        lexer_word(l, t, CONTENT_NAME);
    } else if (c == '[' || c == ']') {
        t->kind = c == '[' ? CONTENT_OPEN : CONTENT_CLOSE;
    } else if ((c == '<' || c == '>') && next == c) {
        l->at++;
        t->kind = c == '<' ? CONTENT_DICT : CONTENT_DICT_END;
    } else if (c == '<') {
        lexer_hex(l, t);
    }
}

void content_lexer_next(struct content_lexer *l, struct content_token *ret_token)
{
    *ret_token = (struct content_token){.kind = CONTENT_UNUSUAL};
    lexer_space(l);
    if (l->at == l->end) {
        ret_token->kind = CONTENT_END;
        return;
    }
    unsigned class = lexer_class(l);
    if (class & NUMBER)
        lexer_number(l, ret_token);
    else if (class & DELIMITER)
        lexer_delimiter(l, ret_token);
    else
        lexer_word(l, ret_token, CONTENT_OPERATOR);
}
