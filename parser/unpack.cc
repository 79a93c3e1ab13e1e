/*
 * unpack - see unpack.h. Exists because a stream of a kilobyte can hold a gigabyte, and the library unpacks as it interprets, telling nobody.
 * Does not bound how often a form is drawn: that costs CPU time, which has its own limit.
 */
#include "unpack.h"

#include <cmath>
#include <cstring>
#include <vector>

#include <Array.h>
#include <Dict.h>
#include <Stream.h>

enum { FILTERS_MAX = 16, DEPTH_MAX = 100, VISITS_MAX = 500000, BLOCK = 65536 };

/* What reading a page follows nowhere, or what leads away from it. */
static bool unpack_leads_away(const char *key)
{
    static const char *const keys[] = {"Parent", "P", "Metadata", "PieceInfo", "Thumb", "StructParent", "OC", "Popup", "Dest", "A", "AA", "FontFile2", "CharProcs"};
    for (const char *name : keys)
        if (strcmp(name, key) == 0)
            return true;
    return false;
}

/* The most bytes one byte can become; infinite where the filter says how many itself. */
static double unpack_ratio(const char *filter)
{
    static const struct {
        const char *name, *brief;
        double ratio;
    } ratios[] = {{"FlateDecode", "Fl", 1032},   {"LZWDecode", "LZW", 4096}, {"RunLengthDecode", "RL", 64},
                  {"ASCII85Decode", "A85", 4},   {"ASCIIHexDecode", "AHx", 1}, {"Crypt", "Crypt", 1}};
    for (const auto &r : ratios)
        if (strcmp(filter, r.name) == 0 || strcmp(filter, r.brief) == 0)
            return r.ratio;
    return INFINITY;
}

static double unpack_most(Stream *stream)
{
    Object filter = stream->getDict()->lookup("Filter");
    if (filter.isNull())
        filter = stream->getDict()->lookup("F");
    double most = static_cast<double>(stream->getBaseStream()->getLength());
    if (most <= 0)
        return INFINITY;
    if (filter.isName())
        return most * unpack_ratio(filter.getName());
    for (int i = 0; filter.isArray() && i < filter.arrayGetLength(); i++) {
        Object one = filter.arrayGet(i);
        most *= one.isName() ? unpack_ratio(one.getName()) : INFINITY;
    }
    return most;
}

/* At most `enough` bytes are unpacked. */
static uint64_t unpack_measure(Stream *stream, uint64_t enough)
{
    std::vector<unsigned char> block(BLOCK);
    uint64_t n = 0;
    stream->reset();
    for (int got; n <= enough && (got = stream->doGetChars(BLOCK, block.data())) > 0;)
        n += static_cast<uint64_t>(got);
    stream->close();
    return n;
}

void Unpack::count(Object &object, Ref ref)
{
    Object filters = object.streamGetDict()->lookup("Filter");
    if (filters.isArray() && filters.arrayGetLength() > FILTERS_MAX) {
        over = true;
        return;
    }
    double most = unpack_most(object.getStream());
    if (most <= static_cast<double>(limit - possible)) {
        possible += static_cast<uint64_t>(most);
        return;
    }
    auto known = sizes.find(ref);
    uint64_t size = known != sizes.end() ? known->second : unpack_measure(object.getStream(), limit - measured);
    if (ref != Ref::INVALID())
        sizes[ref] = size;
    over = size > limit - measured;
    measured += over ? 0 : size;
}

void Unpack::walk(Object &object, int depth, bool image)
{
    const Dict *dict = object.isStream() ? object.streamGetDict() : object.isDict() ? object.getDict() : nullptr;
    for (int i = 0; dict != nullptr && i < dict->getLength() && !over; i++)
        if (image ? strcmp(dict->getKey(i), "ColorSpace") == 0 : !unpack_leads_away(dict->getKey(i)))
            visit(dict->getValNF(i), depth + 1);
    for (int i = 0; object.isArray() && i < object.arrayGetLength() && !over; i++)
        visit(object.arrayGetNF(i), depth + 1);
}

void Unpack::visit(const Object &object, int depth)
{
    if (!(object.isRef() || object.isDict() || object.isArray()) || depth > DEPTH_MAX || ++visits > VISITS_MAX)
        return;
    if (object.isRef() && !seen.insert(object.getRef()).second)
        return;
    Object whole = object.fetch(xref);
    bool image = whole.isStream() && whole.streamGetDict()->lookup("Subtype").isName("Image");
    if (whole.isStream() && !image)
        count(whole, object.isRef() ? object.getRef() : Ref::INVALID());
    walk(whole, depth, image);
}

/* A page's content is read as often as it is listed. */
void Unpack::contents(const Object &object, int depth)
{
    Object whole = object.fetch(xref);
    if (whole.isStream())
        count(whole, object.isRef() ? object.getRef() : Ref::INVALID());
    for (int i = 0; whole.isArray() && depth == 0 && i < whole.arrayGetLength() && !over; i++)
        contents(whole.arrayGetNF(i), 1);
}

bool Unpack::page(Page *page, uint64_t max)
{
    limit = max;
    Object object = xref->fetch(page->getRef());
    if (object.isDict())
        contents(object.dictLookupNF("Contents"), 0);
    if (!over && page->getResourceDictObject()->isDict())
        walk(*page->getResourceDictObject(), 0, false);
    Object annotations = page->getAnnotsObject();
    for (int i = 0; annotations.isArray() && i < annotations.arrayGetLength() && !over; i++) {
        Object annotation = annotations.arrayGet(i);
        if (annotation.isDict())
            visit(annotation.dictLookupNF("AP"), 1);
    }
    return !over;
}
