/*
 * unpack - how many bytes a document's streams may become when they are unpacked, told before a page is interpreted.
 *
 * Runs in: parser cell. C++, for pdf_library.cc alone. Nothing is kept of what is unpacked.
 *
 * Counted are the streams that reading a page unpacks: its contents (as often as they are listed), forms, masks, fonts' maps and programs,
 * functions, profiles, annotations' appearances. Images are not: nobody decodes them. As long as the streams met so far cannot, by the
 * largest ratios of their filters, be more than the limit, none is unpacked for being counted: an ordinary document is never
 * read twice. A stream behind more than 16 filters counts as too long: each byte of it would pass all of them.
 */
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include <Object.h>
#include <Page.h>
#include <XRef.h>

class Unpack
{
public:
    explicit Unpack(XRef *of) : xref(of) { }
    /* False when the page's streams, with those of the pages before, are more than max bytes unpacked. */
    bool page(Page *page, uint64_t max);

private:
    void visit(const Object &object, int depth);
    void walk(Object &object, int depth, bool image);
    void contents(const Object &object, int depth);
    void count(Object &stream, Ref ref);

    XRef *xref;
    uint64_t limit = 0, possible = 0, measured = 0;
    size_t visits = 0;
    bool over = false;
    std::set<Ref> seen;
    std::map<Ref, uint64_t> sizes; /* of those listed in contents, unpacked */
};
