/*
 * content_reader - see content_reader.h. Gives up at the first thing that is not plain: a half understood page is worse than a slow one.
 */
#include "content_reader.h"

#include "content_reader_table.h"
#include <algorithm>
#include <cmath>

#include <GfxState.h>
#include <Stream.h>
#include <zlib.h>

enum { READ_MAX = 64 * 1024 * 1024, OPERANDS_MAX = 20000, SAVED_MAX = 512, LEVELS_MAX = 12, PIECE = 65536 };

/* Where an unencrypted stream's undecoded bytes stand in the document. */
bool ContentReader::raw(Stream *stream, ContentFile *ret_raw) const
{
    auto *base = dynamic_cast<BaseMemStream<const char> *>(stream->getUndecodedStream());
    if (base == nullptr || base->getStart() < 0 || base->getLength() < 0)
        return false;
    auto start = static_cast<size_t>(base->getStart()), length = static_cast<size_t>(base->getLength());
    *ret_raw = {file.bytes + start, length};
    return start <= file.size && length <= file.size - start;
}

/* zlib does this at a tenth of the library's cost; what zlib does not like whole is left to the library, which takes what it can. */
bool ContentReader::inflated(const ContentFile &raw, ContentBytes *ret_bytes)
{
    z_stream z = {};
    if (raw.size > READ_MAX || inflateInit(&z) != Z_OK)
        return false;
    std::string &out = ret_bytes->own;
    int rc = Z_OK;
    z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(raw.bytes));
    z.avail_in = static_cast<uInt>(raw.size);
    for (size_t filled = 0; rc == Z_OK && read + filled <= READ_MAX; filled = z.total_out) {
        out.resize(filled + std::max<size_t>(PIECE, filled));
        z.next_out = reinterpret_cast<Bytef *>(out.data()) + filled;
        z.avail_out = static_cast<uInt>(out.size() - filled);
        rc = inflate(&z, Z_NO_FLUSH);
    }
    out.resize(z.total_out);
    inflateEnd(&z);
    return rc == Z_STREAM_END;
}

/* The decoded bytes of a stream. */
bool ContentReader::stream(const Object &object, ContentBytes *ret_bytes)
{
    if (!object.isStream())
        return false;
    Stream *source = object.getStream();
    Dict *dict = object.streamGetDict();
    ContentFile undecoded;
    bool known = raw(source, &undecoded);
    if (known && source == source->getUndecodedStream()) {
        ret_bytes->at = undecoded.bytes;
        ret_bytes->n = undecoded.size;
    } else {
        bool flate = known && source->getKind() == strFlate && source->getNextStream() == source->getUndecodedStream() &&
                     dict->lookupNF("DecodeParms").isNull() && dict->lookupNF("DP").isNull();
        if (!flate || !inflated(undecoded, ret_bytes)) {
            unsigned char piece[4096];
            ret_bytes->own.clear();
            source->reset();
            for (int n; read + ret_bytes->own.size() <= READ_MAX && (n = source->doGetChars(sizeof piece, piece)) > 0;)
                ret_bytes->own.append(reinterpret_cast<const char *>(piece), static_cast<size_t>(n));
            source->close();
        }
        ret_bytes->at = ret_bytes->own.data();
        ret_bytes->n = ret_bytes->own.size();
    }
    read += ret_bytes->n;
    return read <= READ_MAX;
}

/* A page's streams are one content, parted between tokens. */
bool ContentReader::streams(const Object &array, ContentBytes *ret_bytes)
{
    for (int i = 0; i < array.arrayGetLength(); i++) {
        ContentBytes part;
        if (!stream(array.arrayGet(i), &part))
            return false;
        ret_bytes->own.append(part.at, part.n);
        ret_bytes->own.push_back('\n');
    }
    ret_bytes->at = ret_bytes->own.data();
    ret_bytes->n = ret_bytes->own.size();
    return true;
}

bool ContentReader::page(Page *page, const double ctm[6])
{
    ContentBytes bytes;
    Object contents = page->getContents();
    if (contents.isArray() ? !streams(contents, &bytes) : !contents.isNull() && !stream(contents, &bytes))
        return false;
    std::memcpy(state.ctm, ctm, sizeof state.ctm);
    state.clip.x1 = static_cast<float>(sheet->picture.width);
    state.clip.y1 = static_cast<float>(sheet->picture.height);
    return content(bytes, page->getResourceDict());
}

bool ContentReader::content(const ContentBytes &bytes, Dict *resources)
{
    Level level = {resources, {}};
    struct content_lexer lexer;
    struct content_token token;
    size_t floor = saved.size();
    bool plain = true;
    levels.push_back(&level);
    content_lexer_init(&lexer, bytes.at, bytes.n);
    for (operands.clear(), kept.clear(); plain;) {
        content_lexer_next(&lexer, &token);
        if (token.kind == CONTENT_END)
            break;
        if (token.kind == CONTENT_DICT)
            plain = skip_dict(&lexer);
        else if (token.kind != CONTENT_OPERATOR)
            plain = operand(&lexer, &token);
        else if (token.n == 1 && token.text[0] == 'Q' && saved.size() == floor) /* one too many */
            operands.clear();
        else
            plain = execute(&token);
    }
    content_lexer_fini(&lexer);
    levels.pop_back();
    if (plain && saved.size() > floor) {
        state = saved[floor];
        saved.resize(floor);
    }
    return plain && !in_text;
}

/* A dictionary beside marked content: only a text it gives for its glyphs would matter. */
bool ContentReader::skip_dict(struct content_lexer *lexer)
{
    struct content_token token;
    for (int depth = 1; depth > 0;) {
        content_lexer_next(lexer, &token);
        if (token.kind == CONTENT_END || token.kind == CONTENT_UNUSUAL ||
            (token.kind == CONTENT_NAME && token.n == 10 && std::memcmp(token.text, "ActualText", 10) == 0))
            return false;
        depth += (token.kind == CONTENT_DICT) - (token.kind == CONTENT_DICT_END);
    }
    operands.push_back({CONTENT_DICT, 0, nullptr, 0, 0});
    return operands.size() < OPERANDS_MAX;
}

bool ContentReader::operand(const struct content_lexer *lexer, const struct content_token *token)
{
    if (token->kind == CONTENT_UNUSUAL || token->kind == CONTENT_DICT_END || operands.size() >= OPERANDS_MAX)
        return false;
    Operand o = {token->kind, token->number, token->text, token->n, 0};
    if (token->kind == CONTENT_STRING && token->text == lexer->text) {
        o.text = nullptr;
        o.offset = kept.size();
        kept.append(token->text, token->n);
    }
    operands.push_back(o);
    return true;
}

static constexpr uint32_t reader_key(const char *name, size_t n)
{
    uint32_t key = 0;
    for (size_t i = 0; i < n; i++)
        key = key << 8 | static_cast<unsigned char>(name[i]);
    return key;
}

bool ContentReader::run(const char *types, bool (ContentReader::*method)())
{
    if (types[0] != '*') {
        if (operands.size() != std::strlen(types))
            return false;
        for (size_t i = 0; i < operands.size(); i++) {
            enum content_kind kind = operands[i].kind;
            if (types[i] != (kind == CONTENT_NUMBER ? 'n' : kind == CONTENT_NAME ? '/' : kind == CONTENT_STRING ? 's' : ' '))
                return false;
        }
    }
    bool plain = (this->*method)();
    operands.clear();
    kept.clear();
    return plain;
}

bool ContentReader::execute(const struct content_token *token)
{
    if (token->n > 3)
        return false;
    switch (reader_key(token->text, token->n)) {
#define X(name, types, method)                                                                                                             \
    case reader_key(name, sizeof name - 1):                                                                                                \
        return run(types, &ContentReader::method);
        CONTENT_READER_TABLE(X)
#undef X
    default:
        return false;
    }
}

void ContentReader::point(double x, double y, double *ret_x, double *ret_y) const
{
    const double *m = state.ctm;
    *ret_x = m[0] * x + m[2] * y + m[4];
    *ret_y = m[1] * x + m[3] * y + m[5];
}

Object ContentReader::resource(const char *kind, const std::string &name, Ref *ref) const
{
    for (size_t i = levels.size(); i-- > 0;) {
        if (levels[i]->resources == nullptr)
            continue;
        Object dict = levels[i]->resources->lookup(kind);
        if (!dict.isDict())
            continue;
        const Object &entry = dict.getDict()->lookupNF(name.c_str());
        if (entry.isNull())
            continue;
        if (ref != nullptr && entry.isRef())
            *ref = entry.getRef();
        return entry.fetch(xref);
    }
    return Object(objNull);
}

bool ContentReader::ignored()
{
    return true;
}

/* Marked content of optional layers is not always shown, and properties by name may hold a text. */
bool ContentReader::marked()
{
    bool layer = !operands.empty() && operands[0].kind == CONTENT_NAME && operands[0].n == 2 && std::memcmp(operands[0].text, "OC", 2) == 0;
    bool named = operands.size() > 1 && operands[1].kind == CONTENT_NAME;
    return !layer && !named;
}

bool ContentReader::save()
{
    if (in_text || saved.size() == SAVED_MAX)
        return false;
    saved.push_back(state);
    return true;
}

bool ContentReader::restore()
{
    if (in_text || saved.empty())
        return false;
    state = saved.back();
    saved.pop_back();
    return true;
}

bool ContentReader::transform()
{
    const double *m = state.ctm;
    double result[6];
    for (size_t i = 0; i < 6; i += 2) {
        result[i] = number(i) * m[0] + number(i + 1) * m[2] + (i == 4 ? m[4] : 0);
        result[i + 1] = number(i) * m[1] + number(i + 1) * m[3] + (i == 4 ? m[5] : 0);
    }
    std::memcpy(state.ctm, result, sizeof result);
    return true;
}

bool ContentReader::extended()
{
    Object dict = resource("ExtGState", name(0));
    if (!dict.isDict())
        return false;
    for (int i = 0; i < dict.dictGetLength(); i++) {
        std::string key = dict.dictGetKey(i);
        Object value = dict.dictGetVal(i);
        if (key == "ca" && value.isNum())
            state.fill_opacity = value.getNum();
        else if (key == "CA" && value.isNum())
            state.stroke_opacity = value.getNum();
        else if (key == "LW" && value.isNum())
            state.width = value.getNum();
        else if (key == "ca" || key == "CA" || key == "LW" || key == "Font" || key == "D" || (key == "SMask" && !value.isName("None")) ||
                 (key == "BM" && !value.isName("Normal") && !value.isName("Compatible")))
            return false;
    }
    return true;
}

static struct picture_box reader_box(const double ctm[6], double x0, double y0, double x1, double y1)
{
    struct picture_box box = {};
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? x1 : x0, y = i & 2 ? y1 : y0;
        auto at_x = static_cast<float>(ctm[0] * x + ctm[2] * y + ctm[4]), at_y = static_cast<float>(ctm[1] * x + ctm[3] * y + ctm[5]);
        box.x0 = i == 0 ? at_x : std::fmin(box.x0, at_x);
        box.y0 = i == 0 ? at_y : std::fmin(box.y0, at_y);
        box.x1 = i == 0 ? at_x : std::fmax(box.x1, at_x);
        box.y1 = i == 0 ? at_y : std::fmax(box.y1, at_y);
    }
    return box;
}

/* An image is the unit square of user space. */
void ContentReader::image()
{
    struct sheet_ink brush = ink(false);
    brush.colour = PICTURE_UNKNOWN;
    sheet_shade(sheet, &brush, reader_box(state.ctm, 0, 0, 1, 1));
}

bool ContentReader::shading()
{
    struct sheet_ink brush = ink(false);
    brush.colour = PICTURE_UNKNOWN;
    sheet_shade(sheet, &brush, brush.clip);
    return true;
}

bool ContentReader::object()
{
    Object found = resource("XObject", name(0));
    if (!found.isStream() || in_text)
        return false;
    Dict *dict = found.streamGetDict();
    Object kind = dict->lookup("Subtype");
    if (!dict->lookupNF("OC").isNull())
        return false;
    if (kind.isName("Image")) {
        image();
        return true;
    }
    return kind.isName("Form") && form(found);
}

static bool reader_numbers(const Object &array, double out[], int n)
{
    if (!array.isArray() || array.arrayGetLength() != n)
        return false;
    for (int i = 0; i < n; i++) {
        Object value = array.arrayGet(i);
        if (!value.isNum())
            return false;
        out[i] = value.getNum();
    }
    return true;
}

bool ContentReader::form(const Object &object)
{
    Dict *dict = object.streamGetDict();
    Object matrix = dict->lookup("Matrix"), box = dict->lookup("BBox"), resources = dict->lookup("Resources");
    double corners[4];
    bool faint = state.fill_opacity < 1 || state.stroke_opacity < 1;
    ContentBytes bytes;
    if (levels.size() == LEVELS_MAX || saved.size() == SAVED_MAX || !reader_numbers(box, corners, 4) || !stream(object, &bytes) ||
        (faint && !dict->lookupNF("Group").isNull()))
        return false;
    saved.push_back(state);
    if (!matrix.isNull()) {
        double numbers[6];
        if (!reader_numbers(matrix, numbers, 6))
            return false;
        operands.clear();
        for (double value : numbers)
            operands.push_back({CONTENT_NUMBER, value, nullptr, 0, 0});
        transform();
    }
    struct picture_box inside = reader_box(state.ctm, corners[0], corners[1], corners[2], corners[3]);
    state.clip.x0 = std::fmax(state.clip.x0, inside.x0);
    state.clip.y0 = std::fmax(state.clip.y0, inside.y0);
    state.clip.x1 = std::fmin(state.clip.x1, inside.x1);
    state.clip.y1 = std::fmin(state.clip.y1, inside.y1);
    sheet_path_clear(sheet);
    bool plain = content(bytes, resources.isDict() ? resources.getDict() : nullptr);
    state = saved.back();
    saved.pop_back();
    return plain;
}
