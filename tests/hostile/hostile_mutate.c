/*
 * hostile_mutate - see hostile_mutate.h. Knows where a PDF is soft (numbers, names, references, filters, lengths, the cross-reference
 * table, operators) and bends it there; a part of the steps is blind.
 */
#include "hostile_mutate.h"

#include <ctype.h>
#include <stdio.h>

enum { STEPS_MAX = 6, BLOCK_MAX = 4096 };

struct bend {
    struct hostile_bytes b;
    size_t max;
    const struct hostile_bytes *other;
    uint64_t random;
};

uint64_t hostile_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t bend_below(struct bend *m, size_t n)
{
    return n == 0 ? 0 : (size_t)(hostile_random(&m->random) % n);
}

/* Replaces `length` bytes at `at`. Does nothing where the result would be too long. */
static void bend_replace(struct bend *m, size_t at, size_t length, const void *with, size_t n)
{
    if (at > m->b.n || length > m->b.n - at || m->b.n - length + n > m->max)
        return;
    unsigned char *grown = malloc(m->b.n - length + n + 1);
    if (grown == NULL)
        return;
    memcpy(grown, m->b.data, at);
    memcpy(grown + at, with, n);
    memcpy(grown + at + n, m->b.data + at + length, m->b.n - at - length);
    free(m->b.data);
    m->b.data = grown;
    m->b.n += n - length;
}

/* Where `what` stands next after a random place, going round; SIZE_MAX: nowhere. */
static size_t bend_find(struct bend *m, const char *what)
{
    size_t from = bend_below(m, m->b.n);
    const unsigned char *at = memmem(m->b.data + from, m->b.n - from, what, strlen(what));
    if (at == NULL)
        at = memmem(m->b.data, m->b.n, what, strlen(what));
    return at == NULL ? SIZE_MAX : (size_t)(at - m->b.data);
}

/* The next decimal integer from `from` on: its place and length; false: none. */
static bool bend_number(struct bend *m, size_t from, size_t *ret_at, size_t *ret_length)
{
    while (from < m->b.n && !isdigit(m->b.data[from]))
        from++;
    size_t end = from;
    while (end < m->b.n && isdigit(m->b.data[end]))
        end++;
    *ret_at = from;
    *ret_length = end - from;
    return end > from;
}

static void bend_number_at(struct bend *m, size_t from)
{
    static const char *const numbers[] = {"0",  "1",  "-1", "2", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967295", "-2147483648",
                                          "9223372036854775807", "99999999999999999999999", "1e308", "0.0000000001", "-0", "1000000", "nan", "+-1", "3.4e38"};
    size_t at, length;
    if (bend_number(m, from, &at, &length)) {
        const char *with = numbers[bend_below(m, ARRAY_LEN(numbers))];
        bend_replace(m, at, length, with, strlen(with));
    }
}

static void bend_bits(struct bend *m)
{
    for (size_t i = 1 + bend_below(m, 24); i > 0 && m->b.n > 0; i--)
        m->b.data[bend_below(m, m->b.n)] ^= (unsigned char)(1u << bend_below(m, 8));
}

static void bend_noise(struct bend *m)
{
    size_t at = bend_below(m, m->b.n);
    for (size_t i = at; i < MIN_OF(at + 1 + bend_below(m, 64), m->b.n); i++)
        m->b.data[i] = (unsigned char)hostile_random(&m->random);
}

static void bend_delete(struct bend *m)
{
    size_t at = bend_below(m, m->b.n);
    bend_replace(m, at, MIN_OF(1 + bend_below(m, BLOCK_MAX), m->b.n - at), "", 0);
}

static void bend_repeat(struct bend *m)
{
    size_t at = bend_below(m, m->b.n), length = MIN_OF(1 + bend_below(m, 512), m->b.n - at);
    unsigned char piece[512];
    memcpy(piece, m->b.data + at, length);
    for (size_t i = 1 + bend_below(m, 8) * bend_below(m, 40); i > 0; i--)
        bend_replace(m, at, 0, piece, length);
}

static void bend_splice(struct bend *m)
{
    if (m->other == NULL || m->other->n == 0)
        return;
    size_t from = bend_below(m, m->other->n), at = bend_below(m, m->b.n);
    bend_replace(m, at, MIN_OF(bend_below(m, BLOCK_MAX), m->b.n - at), m->other->data + from, MIN_OF(1 + bend_below(m, BLOCK_MAX), m->other->n - from));
}

static void bend_truncate(struct bend *m)
{
    m->b.n -= bend_below(m, m->b.n);
}

static void bend_any_number(struct bend *m)
{
    bend_number_at(m, bend_below(m, m->b.n));
}

static void bend_key_number(struct bend *m)
{
    static const char *const keys[] = {"/Length", "/Size", "/Count", "/W",      "/Index",  "/First", "/N ",      "/Columns", "/Colors",  "/BitsPerComponent",
                                       "/Width",  "/Height", "/MediaBox", "/CropBox", "/Rotate", "/FirstChar", "/LastChar", "/Prev", "startxref", "xref\n",
                                       "/Predictor", "/UserUnit", "/Matrix", "/BBox", "/XStep", "/P ", "/R ", "/V "};
    const char *key = keys[bend_below(m, ARRAY_LEN(keys))];
    size_t at = bend_find(m, key);
    if (at != SIZE_MAX)
        bend_number_at(m, at + strlen(key));
}

/* A reference to another object: loops in the page tree, forms that draw themselves, fonts that are pages. */
static void bend_reference(struct bend *m)
{
    size_t at = bend_find(m, " 0 R");
    char number[16];
    if (at == SIZE_MAX || at == 0)
        return;
    size_t from = at;
    while (from > 0 && isdigit(m->b.data[from - 1]))
        from--;
    int n = snprintf(number, sizeof number, "%zu", 1 + bend_below(m, 30));
    bend_replace(m, from, at - from, number, (size_t)n);
}

static void bend_object_number(struct bend *m)
{
    size_t at = bend_find(m, " 0 obj");
    if (at == SIZE_MAX || at == 0)
        return;
    m->b.data[at - 1] = (unsigned char)('0' + bend_below(m, 10));
}

static void bend_filter(struct bend *m)
{
    static const char *const filters[] = {"/Filter/FlateDecode ", "/Filter[/FlateDecode/FlateDecode] ", "/Filter/LZWDecode ", "/Filter/RunLengthDecode ",
                                          "/Filter/DCTDecode ", "/Filter/JPXDecode ", "/Filter/JBIG2Decode ", "/Filter/CCITTFaxDecode ", "/Filter/ASCIIHexDecode ",
                                          "/Filter/ASCII85Decode ", "/Filter/Crypt ", "/Filter[/ASCIIHexDecode/ASCII85Decode/LZWDecode/RunLengthDecode/FlateDecode] ",
                                          "/DecodeParms<</Predictor 15/Columns 2147483647/Colors 32/BitsPerComponent 16>> ", "/Filter 3 0 R "};
    size_t at = bend_find(m, "/Length");
    const char *with = filters[bend_below(m, ARRAY_LEN(filters))];
    if (at != SIZE_MAX)
        bend_replace(m, at, 0, with, strlen(with));
}

static void bend_name(struct bend *m)
{
    static const char *const names[] = {"/Page", "/Pages", "/Catalog", "/Font", "/XObject", "/Form", "/Image", "/Type0", "/Type1", "/Type3", "/TrueType", "/CIDFontType2",
                                        "/Identity-H", "/WinAnsiEncoding", "/Pattern", "/Shading", "/ObjStm", "/XRef", "/Encrypt", "/Standard", "/Separation", "/ICCBased",
                                        "/Indexed", "/DeviceN", "/SMask", "/Contents", "/Kids", "/Parent", "/Resources", "/ToUnicode", "/#00#0a"};
    const char *with = names[bend_below(m, ARRAY_LEN(names))];
    size_t at = bend_find(m, "/");
    if (at == SIZE_MAX)
        return;
    size_t end = at + 1;
    while (end < m->b.n && isalnum(m->b.data[end]))
        end++;
    bend_replace(m, at, end - at, with, strlen(with));
}

static void bend_operator(struct bend *m)
{
    static const char *const found[] = {" Tj", " TJ", " Td", " Tm", " Tf", " re", " cm", " Do", " l\n", " m\n", "q\n", "Q\n", "BT", "ET", " f\n", " gs"};
    static const char *const put[] = {" Tj", " TJ", " T*", " '", " Tz", " re", " cm", " Do", " W n", " sh", " q q q q", " Q Q", " BT BT", " ET", " d0", " d1", " BI ID EI", " scn",
                                      " 0 0 0 0 0 0 cm", " 1e38 0 0 1e38 0 0 cm", " nan 0 0 1 0 0 Tm", " 99999999 Tf", " 0 Tf", " 1e30 Tc", " -1e9 TL T*", " v v v", " B*"};
    const char *from = found[bend_below(m, ARRAY_LEN(found))], *to = put[bend_below(m, ARRAY_LEN(put))];
    size_t at = bend_find(m, from);
    if (at == SIZE_MAX)
        return;
    for (size_t i = 1 + bend_below(m, 2) * bend_below(m, 3000); i > 0; i--)
        bend_replace(m, at, strlen(from), to, strlen(to));
}

static void bend_brackets(struct bend *m)
{
    static const char *const opening[] = {"[", "<<", "(", "<", "]", ">>", ")", "<</A ", "{", "%", "stream\n", "endstream", "endobj\n", "obj\n"};
    const char *what = opening[bend_below(m, ARRAY_LEN(opening))];
    size_t at = bend_below(m, m->b.n);
    for (size_t i = 1 + bend_below(m, 2) * bend_below(m, 2000); i > 0; i--)
        bend_replace(m, at, 0, what, strlen(what));
}

static const struct {
    const char *name;
    void (*run)(struct bend *m);
    unsigned weight;
} STEPS[] = {
    {"bits", bend_bits, 10},         {"noise", bend_noise, 6},           {"delete", bend_delete, 6},       {"repeat", bend_repeat, 6},
    {"splice", bend_splice, 6},      {"truncate", bend_truncate, 3},     {"number", bend_any_number, 16},  {"key-number", bend_key_number, 16},
    {"reference", bend_reference, 12}, {"object", bend_object_number, 4}, {"filter", bend_filter, 8},       {"name", bend_name, 8},
    {"operator", bend_operator, 14}, {"brackets", bend_brackets, 5},
};

static size_t bend_choose(struct bend *m)
{
    unsigned sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++)
        sum += STEPS[i].weight;
    size_t at = 0;
    for (unsigned left = (unsigned)bend_below(m, sum); left >= STEPS[at].weight; at++)
        left -= STEPS[at].weight;
    return at;
}

struct hostile_bytes hostile_mutate(const struct hostile_bytes *base, const struct hostile_bytes *other, uint64_t seed, size_t max, char ret_how[static 160])
{
    struct bend m = {.max = max, .other = other, .random = seed};
    size_t length = 0;
    m.b.n = MIN_OF(base->n, max);
    m.b.data = malloc(m.b.n + 1);
    ret_how[0] = '\0';
    if (m.b.data == NULL)
        abort();
    memcpy(m.b.data, base->data, m.b.n);
    for (size_t i = 1 + bend_below(&m, STEPS_MAX); i > 0; i--) {
        size_t step = bend_choose(&m);
        STEPS[step].run(&m);
        length += (size_t)snprintf(ret_how + length, 160 - length, "%s%s", length > 0 ? "+" : "", STEPS[step].name);
        if (length >= 140)
            break;
    }
    return m.b;
}
