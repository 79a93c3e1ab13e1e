/*
 * content_text - the part of content_reader.h that is about text. Refuses text that clips: what it would hide is not known.
 */
#include "content_reader.h"

#include <cmath>

bool ContentReader::begin_text()
{
    static const double plain[6] = {1, 0, 0, 1, 0, 0};
    if (in_text)
        return false;
    in_text = true;
    std::memcpy(text_mat, plain, sizeof text_mat);
    text_place(0, 0);
    return true;
}

bool ContentReader::end_text()
{
    in_text = false;
    return true;
}

bool ContentReader::char_spacing()
{
    state.spacing = number(0);
    return true;
}

bool ContentReader::word_spacing()
{
    state.word_spacing = number(0);
    return true;
}

bool ContentReader::scaling()
{
    state.scaling = number(0) * 0.01;
    return true;
}

bool ContentReader::leading()
{
    state.leading = number(0);
    return true;
}

bool ContentReader::rise()
{
    state.rise = number(0);
    return true;
}

bool ContentReader::render()
{
    state.render = static_cast<int>(number(0));
    return state.render >= 0 && state.render < 4;
}

const ContentFont *ContentReader::font(const std::string &tag)
{
    Ref ref = Ref::INVALID();
    Object dict = resource("Font", tag, &ref);
    if (!dict.isDict())
        return nullptr;
    std::pair<int, int> key(ref.num, ref.gen);
    if (ref == Ref::INVALID()) /* not an object of its own: shared with nothing */
        key = {-2 - static_cast<int>(fonts->size()), 0};
    std::unique_ptr<ContentFont> &known = (*fonts)[key];
    if (known == nullptr) {
        known = std::make_unique<ContentFont>();
        known->font = GfxFont::makeFont(xref, tag.c_str(), ref, dict.getDict());
        if (known->font != nullptr && known->font->isOk()) {
            known->scale = font_style_scale(known->font.get());
            known->bold = font_style_bold(known->font.get());
            known->vertical = known->font->getWMode() != 0;
        }
    }
    return known->font != nullptr && known->font->isOk() ? known.get() : nullptr;
}

bool ContentReader::text_font()
{
    const Operand &tag = operands[0];
    Level *level = levels.back();
    const ContentFont *found = nullptr;
    for (const auto &known : level->fonts)
        if (known.first.size() == tag.n && std::memcmp(known.first.data(), tag.text, tag.n) == 0)
            found = known.second;
    if (found == nullptr) {
        found = font(name(0));
        level->fonts.emplace_back(name(0), found);
    }
    state.font = found;
    state.size = number(1);
    return found != nullptr;
}

/* Begins a line at a place of text space. */
void ContentReader::text_place(double x, double y)
{
    line_x = x;
    line_y = y;
    text_x = text_mat[0] * x + text_mat[2] * y + text_mat[4];
    text_y = text_mat[1] * x + text_mat[3] * y + text_mat[5];
}

void ContentReader::text_shift(double x, double y)
{
    text_x += text_mat[0] * x + text_mat[2] * y;
    text_y += text_mat[1] * x + text_mat[3] * y;
}

bool ContentReader::text_move()
{
    text_place(line_x + number(0), line_y + number(1));
    return true;
}

bool ContentReader::text_move_leading()
{
    state.leading = -number(1);
    return text_move();
}

bool ContentReader::text_matrix()
{
    for (size_t i = 0; i < 6; i++)
        text_mat[i] = number(i);
    text_place(0, 0);
    return true;
}

bool ContentReader::next_line()
{
    text_place(line_x, line_y - state.leading);
    return true;
}

struct sheet_type ContentReader::type() const
{
    struct sheet_type type = {};
    const double *page = state.ctm, *text = text_mat;
    double sign = state.size < 0 ? -1 : 1;
    double up_x = text[2] * state.size, up_y = text[3] * state.size;
    type.size = std::hypot(page[0] * up_x + page[2] * up_y, page[1] * up_x + page[3] * up_y) * state.font->scale;
    type.vertical = state.font->vertical;
    type.ascent = type.vertical ? 0.5 : state.font->font->getAscent();
    type.descent = type.vertical ? -0.5 : state.font->font->getDescent();
    type.x = (text[0] * page[0] + text[1] * page[2]) * sign;
    type.y = (text[0] * page[1] + text[1] * page[3]) * sign;
    type.colour = state.render == 1 ? state.stroke : state.fill;
    type.clip = state.clip;
    if (state.render == 2 || state.font->bold)
        type.flags |= SHEET_BOLD;
    if (state.render == 3 || (state.render == 1 ? state.stroke_opacity : state.fill_opacity) < 0.02)
        type.flags |= SHEET_HIDDEN;
    return type;
}

bool ContentReader::text(const Operand &operand)
{
    if (!in_text || state.font == nullptr)
        return false;
    const GfxFont *font = state.font->font.get();
    const char *at = string(operand);
    const struct sheet_type look = type();
    double rise_x = text_mat[2] * state.rise, rise_y = text_mat[3] * state.rise;
    for (int left = static_cast<int>(operand.n), n; left > 0; at += n, left -= n) {
        CharCode code;
        const Unicode *unicode = nullptr;
        int n_unicode = 0;
        double dx, dy, origin_x, origin_y;
        n = font->getNextChar(at, left, &code, &unicode, &n_unicode, &dx, &dy, &origin_x, &origin_y);
        if (n <= 0)
            return false;
        double gap = state.spacing + (n == 1 && *at == ' ' ? state.word_spacing : 0), x, y, end_x, end_y;
        dx *= look.vertical ? state.size : state.size * state.scaling;
        dy *= state.size;
        point(text_x + rise_x, text_y + rise_y, &x, &y);
        point(text_x + rise_x + text_mat[0] * dx + text_mat[2] * dy, text_y + rise_y + text_mat[1] * dx + text_mat[3] * dy, &end_x, &end_y);
        if (n_unicode > 0)
            sheet_set(sheet, &look, x, y, end_x - x, end_y - y, reinterpret_cast<const uint32_t *>(unicode), static_cast<size_t>(n_unicode));
        text_shift(look.vertical ? dx : dx + gap * state.scaling, look.vertical ? dy + gap : dy);
    }
    return true;
}

bool ContentReader::show()
{
    return text(operands[0]);
}

bool ContentReader::show_next_line()
{
    return next_line() && show();
}

bool ContentReader::show_next_line_spaced()
{
    state.word_spacing = number(0);
    state.spacing = number(1);
    return next_line() && text(operands[2]);
}

bool ContentReader::show_spaced()
{
    if (operands.size() < 2 || operands.front().kind != CONTENT_OPEN || operands.back().kind != CONTENT_CLOSE || state.font == nullptr)
        return false;
    for (size_t i = 1; i + 1 < operands.size(); i++) {
        double move = operands[i].kind == CONTENT_NUMBER ? -number(i) * 0.001 * state.size : 0;
        if (operands[i].kind == CONTENT_NUMBER)
            text_shift(state.font->vertical ? 0 : move * state.scaling, state.font->vertical ? move : 0);
        else if (operands[i].kind != CONTENT_STRING || !text(operands[i]))
            return false;
    }
    return true;
}
