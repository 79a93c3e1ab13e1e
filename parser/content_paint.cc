/*
 * content_paint - the part of content_reader.h that is about colours and paths. Refuses patterns and colour spaces that are not plain.
 */
#include "content_reader.h"

#include <cmath>

#include <GfxState.h>

struct sheet_ink ContentReader::ink(bool stroking) const
{
    struct sheet_ink ink = {};
    double opacity = stroking ? state.stroke_opacity : state.fill_opacity;
    ink.colour = stroking ? state.stroke : state.fill;
    ink.alpha = static_cast<uint8_t>(std::lround(std::fmin(std::fmax(opacity, 0), 1) * 255));
    ink.clip = state.clip;
    ink.dash = state.dash;
    ink.width = state.width * std::sqrt(std::fabs(state.ctm[0] * state.ctm[3] - state.ctm[1] * state.ctm[2]));
    return ink;
}

void ContentReader::set_colour(bool stroking, uint32_t colour)
{
    (stroking ? state.stroke : state.fill) = colour;
}

static uint32_t paint_byte(double value)
{
    return colToByte(dblToCol(value < 0 ? 0 : value > 1 ? 1 : value));
}

bool ContentReader::grey(bool stroking)
{
    uint32_t level = paint_byte(number(0));
    (stroking ? state.stroke_n : state.fill_n) = 1;
    set_colour(stroking, level << 16 | level << 8 | level);
    return true;
}

bool ContentReader::rgb(bool stroking)
{
    (stroking ? state.stroke_n : state.fill_n) = 3;
    set_colour(stroking, paint_byte(number(0)) << 16 | paint_byte(number(1)) << 8 | paint_byte(number(2)));
    return true;
}

bool ContentReader::cmyk(bool stroking)
{
    GfxDeviceCMYKColorSpace space;
    GfxColor colour;
    GfxRGB rgb;
    for (size_t i = 0; i < 4; i++)
        colour.c[i] = dblToCol(number(i));
    space.getRGB(&colour, &rgb);
    (stroking ? state.stroke_n : state.fill_n) = 4;
    set_colour(stroking, static_cast<uint32_t>(colToByte(rgb.r)) << 16 | static_cast<uint32_t>(colToByte(rgb.g)) << 8 | colToByte(rgb.b));
    return true;
}

bool ContentReader::fill_grey()
{
    return grey(false);
}

bool ContentReader::stroke_grey()
{
    return grey(true);
}

bool ContentReader::fill_rgb()
{
    return rgb(false);
}

bool ContentReader::stroke_rgb()
{
    return rgb(true);
}

bool ContentReader::fill_cmyk()
{
    return cmyk(false);
}

bool ContentReader::stroke_cmyk()
{
    return cmyk(true);
}

/* Components of a colour space that is a device's, or near to one; 0 for any other. */
static int paint_components(const Object &space)
{
    if (space.isName("DeviceGray") || space.isName("G"))
        return 1;
    if (space.isName("DeviceRGB") || space.isName("RGB"))
        return 3;
    if (space.isName("DeviceCMYK") || space.isName("CMYK"))
        return 4;
    if (!space.isArray() || space.arrayGetLength() < 1)
        return 0;
    Object kind = space.arrayGet(0);
    if (kind.isName("CalGray"))
        return 1;
    if (kind.isName("CalRGB"))
        return 3;
    if (!kind.isName("ICCBased") || space.arrayGetLength() < 2)
        return 0;
    Object profile = space.arrayGet(1);
    Object n = profile.isStream() ? profile.streamGetDict()->lookup("N") : Object(objNull);
    return n.isInt() && (n.getInt() == 1 || n.getInt() == 3 || n.getInt() == 4) ? n.getInt() : 0;
}

bool ContentReader::space(bool stroking)
{
    Object found = resource("ColorSpace", name(0));
    int n = found.isNull() ? paint_components(Object(objName, name(0).c_str())) : paint_components(found);
    (stroking ? state.stroke_n : state.fill_n) = n;
    set_colour(stroking, 0);
    return n != 0;
}

bool ContentReader::fill_space()
{
    return space(false);
}

bool ContentReader::stroke_space()
{
    return space(true);
}

bool ContentReader::colour(bool stroking)
{
    size_t n = static_cast<size_t>(stroking ? state.stroke_n : state.fill_n);
    if (operands.size() != n)
        return false;
    for (const Operand &o : operands)
        if (o.kind != CONTENT_NUMBER)
            return false;
    return n == 1 ? grey(stroking) : n == 3 ? rgb(stroking) : cmyk(stroking);
}

bool ContentReader::fill_colour()
{
    return colour(false);
}

bool ContentReader::stroke_colour()
{
    return colour(true);
}

bool ContentReader::line_width()
{
    state.width = number(0);
    return true;
}

bool ContentReader::dash()
{
    double longest = 0;
    size_t i = 1;
    if (operands.size() < 3 || operands[0].kind != CONTENT_OPEN)
        return false;
    for (; i < operands.size() && operands[i].kind == CONTENT_NUMBER; i++)
        longest = i % 2 != 0 ? std::fmax(longest, number(i)) : longest;
    if (operands[i].kind != CONTENT_CLOSE || i + 2 != operands.size())
        return false;
    state.dash = i == 1 ? INFINITY : longest * std::sqrt(std::fabs(state.ctm[0] * state.ctm[3] - state.ctm[1] * state.ctm[2]));
    return true;
}

bool ContentReader::move()
{
    double x, y;
    path_start_x = path_x = number(0);
    path_start_y = path_y = number(1);
    point(path_x, path_y, &x, &y);
    sheet_path_move(sheet, x, y);
    return true;
}

bool ContentReader::line()
{
    double x, y;
    path_x = number(0);
    path_y = number(1);
    point(path_x, path_y, &x, &y);
    sheet_path_line(sheet, x, y);
    return sheet->n_steps > 1;
}

bool ContentReader::curve()
{
    double x[3], y[3];
    for (size_t i = 0; i < 3; i++)
        point(number(2 * i), number(2 * i + 1), &x[i], &y[i]);
    path_x = number(4);
    path_y = number(5);
    sheet_path_curve(sheet, x[0], y[0], x[1], y[1], x[2], y[2]);
    return sheet->n_steps > 1;
}

/* The first control point is the current point. */
bool ContentReader::curve_first()
{
    operands.insert(operands.begin(), {{CONTENT_NUMBER, path_x, nullptr, 0, 0}, {CONTENT_NUMBER, path_y, nullptr, 0, 0}});
    return curve();
}

/* The last control point is the end. */
bool ContentReader::curve_last()
{
    Operand x = operands[2], y = operands[3];
    operands.push_back(x);
    operands.push_back(y);
    return curve();
}

bool ContentReader::close()
{
    path_x = path_start_x;
    path_y = path_start_y;
    sheet_path_close(sheet);
    return true;
}

bool ContentReader::rectangle()
{
    double x = number(0), y = number(1), width = number(2), height = number(3), at_x, at_y;
    for (int i = 0; i < 4; i++) {
        point(i == 1 || i == 2 ? x + width : x, i >= 2 ? y + height : y, &at_x, &at_y);
        if (i == 0)
            sheet_path_move(sheet, at_x, at_y);
        else
            sheet_path_line(sheet, at_x, at_y);
    }
    path_start_x = x;
    path_start_y = y;
    return close();
}

bool ContentReader::paint(bool fills, bool even_odd, bool strokes)
{
    if (fills && sheet->n_steps > 1) {
        struct sheet_ink brush = ink(false);
        sheet_fill(sheet, &brush, even_odd);
    }
    if (strokes && sheet->n_steps > 1) {
        struct sheet_ink pen = ink(true);
        sheet_stroke(sheet, &pen);
    }
    return end_path();
}

/* A clip counts from here on; its extent is never less than the clip. */
bool ContentReader::end_path()
{
    struct picture_box extent;
    bool any = sheet_path_extent(sheet, &extent);
    if (clips && !any)
        return false;
    if (clips) {
        state.clip.x0 = std::fmax(state.clip.x0, extent.x0);
        state.clip.y0 = std::fmax(state.clip.y0, extent.y0);
        state.clip.x1 = std::fmin(state.clip.x1, extent.x1);
        state.clip.y1 = std::fmin(state.clip.y1, extent.y1);
    }
    clips = false;
    sheet_path_clear(sheet);
    return true;
}

bool ContentReader::clip()
{
    clips = true;
    return true;
}

bool ContentReader::stroke()
{
    return paint(false, false, true);
}

bool ContentReader::close_stroke()
{
    return close() && stroke();
}

bool ContentReader::fill()
{
    return paint(true, false, false);
}

bool ContentReader::fill_even_odd()
{
    return paint(true, true, false);
}

bool ContentReader::fill_stroke()
{
    return paint(true, false, true);
}

bool ContentReader::fill_stroke_even_odd()
{
    return paint(true, true, true);
}

bool ContentReader::close_fill_stroke()
{
    return close() && fill_stroke();
}

bool ContentReader::close_fill_stroke_even_odd()
{
    return close() && fill_stroke_even_odd();
}
