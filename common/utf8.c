/*
 * utf8 - see utf8.h. Refuses overlong forms, surrogates and what lies beyond U+10FFFF, as the RFC demands.
 */
#include "utf8.h"

size_t utf8_next(const unsigned char *p, size_t left, uint32_t *ret_point)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } shapes[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 0; n < ARRAY_LEN(shapes); n++) {
        if ((p[0] & shapes[n].mask) != shapes[n].lead)
            continue;
        if (n + 1 > left)
            return 0;
        uint32_t point = p[0] & (unsigned char)~shapes[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (p[i] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < shapes[n].least || point > 0x10ffff || surrogate)
            return 0;
        *ret_point = point;
        return n + 1;
    }
    return 0;
}

/* C0, DEL, C1, and the marks that reorder a line's text. */
static bool harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

char *utf8_harmless(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t n = utf8_next((const unsigned char *)text + i, len - i, &point);
        if (n == 0 || harmful(point)) {
            copy[used++] = point == '\n' || point == '\t' ? ' ' : '?';
            i += MAX_OF(n, (size_t)1);
            continue;
        }
        memcpy(copy + used, text + i, n);
        used += n;
        i += n;
    }
    copy[used] = '\0';
    return copy;
}
