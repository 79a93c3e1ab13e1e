/*
 * pdf_library - see pdf_library.h. Exists so that one folder's C knows no C++ and one file knows how documents are opened. Opens no
 * file: the library is given bytes, and asked for nothing that is found elsewhere.
 */
#include "content_reader.h"
#include "page_device.h"
#include "unpack.h"

#include <ErrorCodes.h>
#include <GfxState.h>
#include <GlobalParams.h>
#include <PDFDoc.h>
#include <PDFDocEncoding.h>
#include <Page.h>
#include <Stream.h>
#include <fontconfig/fontconfig.h>
#include <glib.h>

extern "C" {
#include "pdf_library.h"
}

static const double POINTS = 72; /* an inch: the sheet's unit is the point */

struct pdf {
    pdf(ContentFile of, std::unique_ptr<PDFDoc> from) : file(of), doc(std::move(from)), unpack(doc->getXRef()) { }
    ContentFile file;
    std::unique_ptr<PDFDoc> doc;
    ContentFonts fonts; /* freed before the document they are of */
    Unpack unpack;
};

/* A form's field without an appearance makes the library look for a font file, which no cell may: the configuration is empty, and asked once
 * here, for it learns the program's name and the language from files when it is first asked. */
static void library_without_fonts(void)
{
    FcConfig *none = FcConfigCreate();
    FcPattern *any = FcPatternCreate();
    if (none != nullptr) {
        FcConfigSetCurrent(none);
        FcConfigDestroy(none);
    }
    if (any != nullptr) {
        FcConfigSubstitute(nullptr, any, FcMatchPattern);
        FcDefaultSubstitute(any);
        FcPatternDestroy(any);
    }
}

void pdf_library_init(void)
{
    globalParams = std::make_unique<GlobalParams>();
    library_without_fonts();
}

static std::unique_ptr<PDFDoc> library_open(const void *bytes, size_t size, const std::string &password)
{
    auto *stream = new MemStream(static_cast<const char *>(bytes), 0, static_cast<Goffset>(size), Object(objNull));
    std::optional<GooString> secret;
    if (!password.empty())
        secret.emplace(password);
    return std::make_unique<PDFDoc>(stream, secret, secret);
}

/* What a password of old handlers is written in; empty when it has other letters. */
static std::string library_latin1(const char *password)
{
    std::string latin;
    for (const char *at = password; *at != '\0'; at += g_utf8_skip[static_cast<unsigned char>(*at)]) {
        gunichar c = g_utf8_get_char_validated(at, -1);
        if (c > 0xff)
            return "";
        latin += static_cast<char>(c);
    }
    return latin;
}

enum pdf_trouble pdf_open(const void *bytes, size_t size, const char *password, struct pdf **ret_pdf, const char **ret_why)
{
    std::unique_ptr<PDFDoc> doc = library_open(bytes, size, password);
    if (!doc->isOk() && doc->getErrorCode() == errEncrypted && !g_str_is_ascii(password)) {
        std::string latin = library_latin1(password);
        if (!latin.empty())
            doc = library_open(bytes, size, latin);
    }
    if (doc->isOk()) {
        *ret_pdf = new pdf({static_cast<const char *>(bytes), size}, std::move(doc));
        return PDF_FINE;
    }
    int code = doc->getErrorCode();
    *ret_why = code == errBadCatalog ? "its page catalogue cannot be read" : code == errDamaged ? "it is damaged and could not be repaired"
                                                                                                 : "it is no PDF the library can read";
    return code == errEncrypted ? PDF_LOCKED : PDF_DAMAGED;
}

void pdf_close(struct pdf *pdf)
{
    delete pdf;
}

int pdf_pages(const struct pdf *pdf)
{
    return pdf->doc->getNumPages();
}

bool pdf_is_encrypted(const struct pdf *pdf)
{
    return pdf->doc->isEncrypted();
}

char *pdf_producer(const struct pdf *pdf)
{
    std::unique_ptr<GooString> text = pdf->doc->getDocInfoProducer();
    if (text == nullptr)
        return nullptr;
    const std::string &bytes = text->toStr();
    auto byte = [&bytes](size_t i) { return static_cast<gunichar>(static_cast<unsigned char>(bytes[i])); };
    if (bytes.compare(0, 3, "\xef\xbb\xbf") == 0)
        return g_utf8_make_valid(bytes.c_str() + 3, -1);
    bool wide = bytes.compare(0, 2, "\xfe\xff") == 0;
    GString *utf8 = g_string_new(nullptr);
    for (size_t i = wide ? 2 : 0; i + (wide ? 1 : 0) < bytes.size(); i += wide ? 2 : 1) {
        gunichar c = wide ? byte(i) << 8 | byte(i + 1) : pdfDocEncoding[byte(i)];
        if (wide && (c & 0xfc00) == 0xd800 && i + 3 < bytes.size()) {
            c = 0x10000 + ((c & 0x3ff) << 10 | (byte(i + 2) << 8 | byte(i + 3)) % 0x400);
            i += 2;
        }
        if (c >= 0x20 && g_unichar_validate(c))
            g_string_append_unichar(utf8, c);
    }
    return g_string_free(utf8, FALSE);
}

bool pdf_page_fits(struct pdf *pdf, int number, uint64_t max)
{
    Page *page = pdf->doc->getPage(number);
    return page == nullptr || pdf->unpack.page(page, max);
}

/* Annotations have looks of their own, which the library knows how to draw. */
static bool library_is_bare(Page *page)
{
    Object annotations = page->getAnnotsObject();
    return (!annotations.isArray() || annotations.arrayGetLength() == 0) && !page->hasStandaloneFields();
}

static bool library_read_plain(struct pdf *pdf, Page *page, int quarters, size_t max, struct sheet *ret_sheet)
{
    if (!library_is_bare(page))
        return false;
    struct sheet sheet;
    GfxState frame(POINTS, POINTS, page->getCropBox(), (page->getRotate() + 90 * quarters) % 360, true);
    sheet_init(&sheet, frame.getPageWidth(), frame.getPageHeight(), max);
    ContentReader reader(pdf->file, pdf->doc->getXRef(), &pdf->fonts, &sheet);
    if (reader.page(page, frame.getCTM())) {
        *ret_sheet = sheet;
        return true;
    }
    sheet_fini(&sheet);
    return false;
}

bool pdf_page(struct pdf *pdf, int number, int quarters, enum pdf_way way, size_t max, struct sheet *ret_sheet)
{
    Page *page = pdf->doc->getPage(number);
    if (page == nullptr)
        return false;
    if (way != PDF_INTERPRETER && library_read_plain(pdf, page, quarters, max, ret_sheet))
        return true;
    if (way == PDF_PLAIN)
        return false;
    PageDevice device(max);
    pdf->doc->displayPage(&device, number, POINTS, POINTS, 90 * quarters, false, true, false);
    if (!device.begun())
        return false;
    *ret_sheet = device.sheet;
    return true;
}
