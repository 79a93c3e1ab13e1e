/*
 * http_answer - see http_answer.h. Refuses whatever could be read in two ways: a guess about where an answer ends would
 * take the next one for it.
 */
#include "http_answer.h"

#include "err.h"

#include <ctype.h>
#include <strings.h>

enum { DECIMAL_DIGITS_MAX = 18, HEX_DIGITS_MAX = 15 };

void http_answer_init(struct http_answer *a, size_t body_max)
{
    *a = (struct http_answer){.at = HTTP_AT_STATUS};
    buf_init(&a->body, body_max);
}

void http_answer_fini(struct http_answer *a)
{
    buf_fini(&a->body);
}

void http_answer_again(struct http_answer *a)
{
    struct buf body = a->body;
    *a = (struct http_answer){.at = HTTP_AT_STATUS, .body = body};
    buf_clear(&a->body);
}

const char *http_answer_text(const struct http_answer *a)
{
    return a->body.data != NULL ? a->body.data : "";
}

/* The number that text begins with, of at least one and at most digits_max digits. Returns where it ends, NULL when
 * there is none. */
static const char *read_number(const char *text, int base, int digits_max, uint64_t *ret)
{
    int digits = 0;
    for (*ret = 0; base == 16 ? isxdigit((unsigned char)*text) : isdigit((unsigned char)*text); text++, digits++) {
        int digit = isdigit((unsigned char)*text) ? *text - '0' : (*text | 0x20) - 'a' + 10;
        if (digits == digits_max)
            return NULL;
        *ret = *ret * (uint64_t)base + (uint64_t)digit;
    }
    return digits > 0 ? text : NULL;
}

static int read_status(struct http_answer *a)
{
    uint64_t status;
    const char *line = a->line, *end;
    if (strncmp(line, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)line[7]) || line[8] != ' ')
        return ERR_PROTOCOL;
    end = read_number(line + 9, 10, 3, &status);
    if (end == NULL || end != line + 12 || (*end != ' ' && *end != '\0') || status < 200)
        return ERR_PROTOCOL;
    a->status = (int)status;
    a->at = HTTP_AT_FIELD;
    return 0;
}

/* The value of the field `name` in the line, without space around; NULL: it is another field. */
static const char *field_value(char *line, const char *name)
{
    size_t n = strlen(name), len;
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    char *value = line + n + 1;
    value += strspn(value, " \t");
    for (len = strlen(value); len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'); len--)
        value[len - 1] = '\0';
    return value;
}

static int begin_body(struct http_answer *a)
{
    if (a->has_length && a->chunked)
        return ERR_PROTOCOL;
    if (a->status == 204 || a->status == 304)
        a->at = HTTP_AT_WHOLE;
    else if (a->chunked)
        a->at = HTTP_AT_CHUNK_SIZE;
    else if (a->has_length)
        a->at = a->left > 0 ? HTTP_AT_LENGTH : HTTP_AT_WHOLE;
    else
        a->at = HTTP_AT_CLOSE;
    return a->left > a->body.max ? -EMSGSIZE : 0;
}

static int read_field(struct http_answer *a)
{
    uint64_t length;
    const char *value;
    if (a->line_len == 0)
        return begin_body(a);
    if (++a->fields > HTTP_FIELDS_MAX || strchr(a->line, ':') == NULL)
        return ERR_PROTOCOL;
    value = field_value(a->line, "Transfer-Encoding");
    if (value != NULL) {
        a->chunked = true;
        return strcasecmp(value, "chunked") == 0 ? 0 : ERR_PROTOCOL;
    }
    value = field_value(a->line, "Content-Length");
    if (value == NULL)
        return 0;
    const char *end = read_number(value, 10, DECIMAL_DIGITS_MAX, &length);
    if (end == NULL || *end != '\0' || (a->has_length && length != a->left))
        return ERR_PROTOCOL;
    a->has_length = true;
    a->left = length;
    return 0;
}

static int read_chunk_size(struct http_answer *a)
{
    const char *end = read_number(a->line, 16, HEX_DIGITS_MAX, &a->left);
    if (end == NULL || (*end != '\0' && *end != ';' && *end != ' '))
        return ERR_PROTOCOL;
    a->at = a->left > 0 ? HTTP_AT_CHUNK : HTTP_AT_TRAILER;
    return a->left > a->body.max - a->body.len ? -EMSGSIZE : 0;
}

/* A line is whole in a->line. 0 or an error. */
static int read_line(struct http_answer *a)
{
    switch (a->at) {
    case HTTP_AT_STATUS:
        return read_status(a);
    case HTTP_AT_FIELD:
        return read_field(a);
    case HTTP_AT_CHUNK_SIZE:
        return read_chunk_size(a);
    case HTTP_AT_CHUNK_END:
        a->at = HTTP_AT_CHUNK_SIZE;
        return a->line_len == 0 ? 0 : ERR_PROTOCOL;
    case HTTP_AT_TRAILER:
        if (a->line_len == 0)
            a->at = HTTP_AT_WHOLE;
        return ++a->fields > HTTP_FIELDS_MAX ? ERR_PROTOCOL : 0;
    case HTTP_AT_LENGTH:
    case HTTP_AT_CLOSE:
    case HTTP_AT_CHUNK:
    case HTTP_AT_WHOLE:
    default:
        return ERR_PROTOCOL; /* not made of lines */
    }
}

static int add_to_line(struct http_answer *a, char c)
{
    if (a->at == HTTP_AT_WHOLE || c == '\0' || a->line_len == sizeof a->line - 1)
        return ERR_PROTOCOL;
    if (c != '\n') {
        a->line[a->line_len++] = c;
        return 0;
    }
    if (a->line_len > 0 && a->line[a->line_len - 1] == '\r')
        a->line_len--;
    a->line[a->line_len] = '\0';
    int rc = read_line(a);
    a->line_len = 0;
    return rc;
}

/* As much of n bytes as belongs to the body. Returns how many, or -EMSGSIZE. */
static ssize_t add_to_body(struct http_answer *a, const char *bytes, size_t n)
{
    size_t some = a->at == HTTP_AT_CLOSE ? n : (size_t)MIN_OF((uint64_t)n, a->left);
    if (buf_add(&a->body, bytes, some) < 0)
        return -EMSGSIZE;
    if (a->at == HTTP_AT_CLOSE)
        return (ssize_t)some;
    a->left -= some;
    if (a->left == 0)
        a->at = a->at == HTTP_AT_CHUNK ? HTTP_AT_CHUNK_END : HTTP_AT_WHOLE;
    return (ssize_t)some;
}

int http_answer_add(struct http_answer *a, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        bool in_body = a->at == HTTP_AT_LENGTH || a->at == HTTP_AT_CLOSE || a->at == HTTP_AT_CHUNK;
        ssize_t took = in_body ? add_to_body(a, bytes + i, n - i) : add_to_line(a, bytes[i]);
        if (took < 0)
            return (int)took;
        i += in_body ? (size_t)took : 1;
    }
    return a->at == HTTP_AT_WHOLE ? 1 : 0;
}

int http_answer_end(struct http_answer *a)
{
    if (a->at == HTTP_AT_CLOSE)
        a->at = HTTP_AT_WHOLE;
    return a->at == HTTP_AT_WHOLE ? 1 : ERR_PROTOCOL;
}
