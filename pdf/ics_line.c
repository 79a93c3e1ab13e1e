/*
 * ics_line - see ics_line.h. The only place where a document's words become a calendar's syntax, so the only one where they could break out of it.
 */
#include "ics_line.h"

#include <stdarg.h>
#include <stdio.h>

struct line {
    struct buf *out;
    size_t octets; /* on the current physical line */
};

/* Adds what must not be cut: a character with its escape. */
static void line_add(struct line *l, const char *part, size_t len)
{
    if (l->octets + len > ICS_LINE_OCTETS) {
        (void)buf_add(l->out, "\r\n ", 3);
        l->octets = 1;
    }
    (void)buf_add(l->out, part, len);
    l->octets += len;
}

/* Octets of the character at at, 0: it is no UTF-8 (RFC 3629: no surrogate, nothing overlong, nothing beyond U+10FFFF). */
static size_t line_character(const unsigned char *at, uint32_t *ret)
{
    size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    uint32_t value = len <= 1 ? at[0] : at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (len == 0 || value < least[len] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
        return 0;
    *ret = value;
    return len;
}

static bool line_ends(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* How many of the next at most max octets are characters that stand for themselves: most of all texts. */
static size_t line_plain(const unsigned char *at, size_t max)
{
    size_t n = 0;
    while (n < max && at[n] >= 0x20 && at[n] < 0x7f && at[n] != '\\' && at[n] != ';' && at[n] != ',')
        n++;
    return n;
}

void ics_line_text(struct buf *out, const char *name, const char *text, bool one_line)
{
    struct line l = {.out = out};
    const unsigned char *at = (const unsigned char *)text;
    line_add(&l, name, strlen(name));
    line_add(&l, ":", 1);
    while (*at != '\0') {
        size_t plain = line_plain(at, ICS_LINE_OCTETS - l.octets);
        if (plain > 0) {
            line_add(&l, (const char *)at, plain);
            at += plain;
            continue;
        }
        uint32_t c = 0xfffd;
        size_t len = line_character(at, &c);
        if (line_ends(c))
            line_add(&l, one_line ? " " : "\\n", one_line ? 1 : 2);
        else if (c == '\\' || c == ';' || c == ',')
            line_add(&l, (const char[]){'\\', (char)c}, 2);
        else if (c == '\t')
            line_add(&l, " ", 1);
        else if (len == 0)
            line_add(&l, "\xef\xbf\xbd", 3);
        else if (c >= 0x20 && (c < 0x7f || c > 0x9f))
            line_add(&l, (const char *)at, len);
        at += len == 0 ? 1 : c == '\r' && at[1] == '\n' ? 2 : len;
    }
    (void)buf_add(out, "\r\n", 2);
}

void ics_line(struct buf *out, const char *format, ...)
{
    char text[512];
    struct line l = {.out = out};
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof text);
    for (size_t left = (size_t)len, piece; left > 0; left -= piece) {
        size_t room = l.octets < ICS_LINE_OCTETS ? ICS_LINE_OCTETS - l.octets : ICS_LINE_OCTETS - 1;
        piece = MIN_OF(left, room);
        line_add(&l, text + len - left, piece);
    }
    (void)buf_add(out, "\r\n", 2);
}
