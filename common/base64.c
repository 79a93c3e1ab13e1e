/*
 * base64 - see base64.h. Refuses to guess: what is not canonical base64 (RFC 4648, section 3.5) is not decoded, for two
 * texts must not mean the same bytes.
 */
#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const char *bytes, size_t len)
{
    char *text = malloc((len + 2) / 3 * 4 + 1), *out = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)(unsigned char)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)(unsigned char)bytes[i + 2] : 0;
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    *out = '\0';
    return text;
}

static int digit_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Four characters with `pad` of them '=' at the end; -1 when they are no group. */
static int64_t group_of(const char *text, size_t pad)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i >= 4 - pad ? 0 : digit_of(text[i]);
        if (digit < 0 || (i >= 4 - pad && text[i] != '='))
            return -1;
        group = group << 6 | (uint32_t)digit;
    }
    uint32_t unused = pad == 2 ? 0xffff : pad == 1 ? 0xff : 0;
    return (group & unused) != 0 ? -1 : (int64_t)group;
}

int base64_decode(const char *text, size_t len, char **ret_bytes, size_t *ret_len)
{
    size_t pad = len > 1 && text[len - 1] == '=' ? (text[len - 2] == '=' ? 2 : 1) : 0, n = 0;
    if (len % 4 != 0)
        return -EINVAL;
    AUTO_FREE char *bytes = malloc(len / 4 * 3 + 1);
    if (bytes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < len; i += 4) {
        int64_t group = group_of(text + i, i + 4 == len ? pad : 0);
        if (group < 0)
            return -EINVAL;
        bytes[n++] = (char)(group >> 16 & 255);
        bytes[n++] = (char)(group >> 8 & 255);
        bytes[n++] = (char)(group & 255);
    }
    n -= pad;
    bytes[n] = '\0';
    *ret_bytes = TAKE(bytes);
    *ret_len = n;
    return 0;
}
