/*
 * content_reader - a page's content put down on a sheet by a reader of our own, where the content is plain: what timetables are made of.
 * The library's interpreter (page_device.h) is asked for all else; it does the same for any content, at eight times the cost.
 *
 * Runs in: parser cell. C++: fonts, streams and resources are the library's.
 */
#pragma once

/* The C headers' own includes, while C++ linkage holds. */
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <Page.h>

#include "font_style.h"

extern "C" {
#include "content_lexer.h"
#include "sheet.h"
}

/* The document as it was given: a stream's bytes stand in it. Borrowed. */
struct ContentFile {
    const char *bytes;
    size_t size;
};

/* Decoded content: the document's own bytes, or bytes owned here. */
struct ContentBytes {
    std::string own;
    const char *at = nullptr;
    size_t n = 0;
};

/* A font and what of it never changes. */
struct ContentFont {
    std::unique_ptr<GfxFont> font;
    double scale = 1;
    bool bold = false, vertical = false;
};

/* The document's fonts by their reference: pages share them. */
using ContentFonts = std::map<std::pair<int, int>, std::unique_ptr<ContentFont>>;

struct ContentState {
    double ctm[6] = {};
    struct picture_box clip = {};
    uint32_t fill = 0, stroke = 0;
    int fill_n = 1, stroke_n = 1; /* components of the colour spaces: 1 grey, 3 red green blue, 4 cyan magenta yellow black */
    double fill_opacity = 1, stroke_opacity = 1, width = 1, dash = INFINITY;
    const ContentFont *font = nullptr;
    double size = 0, spacing = 0, word_spacing = 0, scaling = 1, leading = 0, rise = 0;
    int render = 0;
};

class ContentReader
{
public:
    ContentReader(const ContentFile &document, XRef *references, ContentFonts *known_fonts, struct sheet *page_sheet)
        : file(document), xref(references), fonts(known_fonts), sheet(page_sheet) { }
    /* Reads the page onto the sheet, which was made for it. False when something in it is not plain: the sheet is of no use then. */
    bool page(Page *page, const double ctm[6]);

private:
    /* Where names lead: the page's resources or a form's. */
    struct Level {
        Dict *resources;
        std::vector<std::pair<std::string, const ContentFont *>> fonts;
    };
    struct Operand {
        enum content_kind kind;
        double number;
        const char *text; /* NULL: in `kept`, from `offset` on */
        size_t n, offset;
    };

    bool stream(const Object &object, ContentBytes *ret_bytes);
    bool streams(const Object &array, ContentBytes *ret_bytes);
    bool raw(Stream *stream, ContentFile *ret_raw) const;
    bool inflated(const ContentFile &raw, ContentBytes *ret_bytes);
    bool content(const ContentBytes &bytes, Dict *resources);
    bool operand(const struct content_lexer *lexer, const struct content_token *token);
    bool skip_dict(struct content_lexer *lexer);
    bool execute(const struct content_token *token);
    bool run(const char *types, bool (ContentReader::*method)());
    const char *string(const Operand &o) const { return o.text != nullptr ? o.text : kept.data() + o.offset; }
    double number(size_t i) const { return operands[i].number; }
    std::string name(size_t i) const { return std::string(operands[i].text, operands[i].n); }
    Object resource(const char *kind, const std::string &name, Ref *ref = nullptr) const;

    /* One a PDF operator, by content_reader_table.h; false: not plain. */
    bool save(), restore(), transform(), line_width(), dash(), extended();
    bool move(), line(), curve(), curve_first(), curve_last(), close(), rectangle();
    bool paint(bool fills, bool even_odd, bool strokes);
    bool stroke(), close_stroke(), fill(), fill_even_odd(), fill_stroke(), fill_stroke_even_odd(), close_fill_stroke();
    bool close_fill_stroke_even_odd(), end_path(), clip();
    bool begin_text(), end_text(), char_spacing(), word_spacing(), scaling(), leading(), text_font(), render(), rise();
    bool text_move(), text_move_leading(), text_matrix(), next_line(), show(), show_spaced(), show_next_line(), show_next_line_spaced();
    bool grey(bool stroking), rgb(bool stroking), cmyk(bool stroking), space(bool stroking), colour(bool stroking);
    bool fill_grey(), stroke_grey(), fill_rgb(), stroke_rgb(), fill_cmyk(), stroke_cmyk(), fill_space(), stroke_space(), fill_colour();
    bool stroke_colour();
    bool object(), shading(), marked(), ignored();
    bool form(const Object &object);
    void image();
    void set_colour(bool stroking, uint32_t colour);
    void text_place(double x, double y);
    void text_shift(double x, double y);
    const ContentFont *font(const std::string &tag);
    bool text(const Operand &string);
    struct sheet_type type() const;
    struct sheet_ink ink(bool stroking) const;
    void point(double x, double y, double *ret_x, double *ret_y) const;

    ContentFile file;
    XRef *xref;
    ContentFonts *fonts;
    struct sheet *sheet;
    ContentState state;
    std::vector<ContentState> saved;
    std::vector<Level *> levels;
    std::vector<Operand> operands;
    std::string kept; /* strings among the operands of one operator that the lexer would write over */
    double text_mat[6] = {1, 0, 0, 1, 0, 0}, line_x = 0, line_y = 0, text_x = 0, text_y = 0;
    double path_x = 0, path_y = 0, path_start_x = 0, path_start_y = 0; /* user space */
    bool clips = false, in_text = false;
    size_t read = 0; /* bytes of content so far */
};
