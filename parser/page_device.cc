/*
 * page_device - see page_device.h. Exists because the library's interfaces for programs tell words but not what is drawn around and
 * under them. Paints nothing, opens no font, decodes no image: refuses to know what an image shows.
 */
#include "page_device.h"

#include "font_style.h"

#include <cmath>

#include <GfxState.h>
#include <goo/GooString.h>

static_assert(sizeof(Unicode) == sizeof(uint32_t), "the library's characters are the sheet's");

static struct picture_box device_clip(const GfxState *state)
{
    double x0, y0, x1, y1;
    state->getClipBBox(&x0, &y0, &x1, &y1);
    struct picture_box box = {};
    box.x0 = static_cast<float>(x0);
    box.y0 = static_cast<float>(y0);
    box.x1 = static_cast<float>(x1);
    box.y1 = static_cast<float>(y1);
    return box;
}

static uint32_t device_colour(const GfxState *state, bool stroking)
{
    GfxRGB rgb;
    if (stroking)
        state->getStrokeRGB(&rgb);
    else
        state->getFillRGB(&rgb);
    return static_cast<uint32_t>(colToByte(rgb.r)) << 16 | static_cast<uint32_t>(colToByte(rgb.g)) << 8 | colToByte(rgb.b);
}

void PageDevice::startPage(int, GfxState *state, XRef *)
{
    if (has_begun)
        return;
    sheet_init(&sheet, state->getPageWidth(), state->getPageHeight(), max);
    has_begun = true;
}

void PageDevice::saveState(GfxState *state)
{
    kept.push_back({state->getFillOpacity(), !is_masked && state->getBlendMode() == gfxBlendNormal, is_masked});
}

void PageDevice::restoreState(GfxState *)
{
    if (kept.empty())
        return;
    is_masked = kept.back().is_mask;
    kept.pop_back();
}

void PageDevice::beginString(GfxState *state, const GooString *)
{
    const GfxFont *font = state->getFont().get();
    if (font == nullptr || !has_begun)
        return;
    const double *text = state->getTextMat(), *page = state->getCTM();
    int render = state->getRender();
    bool stroking = render == 1 || render == 5;
    double sign = state->getFontSize() < 0 ? -1 : 1;
    type = {};
    type.size = state->getTransformedFontSize() * font_style_scale(font);
    type.ascent = font->getAscent();
    type.descent = font->getDescent();
    type.x = (text[0] * page[0] + text[1] * page[2]) * sign;
    type.y = (text[0] * page[1] + text[1] * page[3]) * sign;
    type.vertical = font->getWMode() != 0;
    if (type.vertical) {
        type.ascent = 0.5;
        type.descent = -0.5;
    }
    type.colour = device_colour(state, stroking);
    type.clip = device_clip(state);
    if (render == 2 || font_style_bold(font))
        type.flags |= SHEET_BOLD;
    if (render == 3 || render == 7 || (stroking ? state->getStrokeOpacity() : state->getFillOpacity()) < 0.02)
        type.flags |= SHEET_HIDDEN;
    spacing = state->getCharSpace();
    word_spacing = state->getWordSpace();
}

void PageDevice::drawChar(GfxState *state, double x, double y, double dx, double dy, double, double, CharCode code, int n_bytes,
                          const Unicode *unicode, int n_unicode)
{
    if (!notes())
        return;
    double gap = spacing + (n_bytes == 1 && code == 0x20 ? word_spacing : 0), gap_x, gap_y;
    state->textTransformDelta(type.vertical ? 0 : gap * state->getHorizScaling(), type.vertical ? gap : 0, &gap_x, &gap_y);
    state->transformDelta(dx - gap_x, dy - gap_y, &dx, &dy);
    state->transform(x, y, &x, &y);
    if (in_span) {
        if (!span_any) {
            span_x = x;
            span_y = y;
        }
        span_any = true;
        span_end_x = x + dx;
        span_end_y = y + dy;
        return;
    }
    if (n_unicode > 0)
        sheet_set(&sheet, &type, x, y, dx, dy, reinterpret_cast<const uint32_t *>(unicode), static_cast<size_t>(n_unicode));
}

void PageDevice::beginActualText(GfxState *, const GooString *text)
{
    const std::string &bytes = text->toStr();
    auto byte = [&bytes](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
    bool wide = bytes.size() >= 2 && byte(0) == 0xfe && byte(1) == 0xff;
    span_text.clear();
    for (size_t i = wide ? 2 : 0; i + (wide ? 1 : 0) < bytes.size(); i += wide ? 2 : 1) {
        uint32_t c = wide ? byte(i) << 8 | byte(i + 1) : byte(i);
        if (!span_text.empty() && (c & 0xfc00) == 0xdc00 && (span_text.back() & 0xfffffc00) == 0xd800)
            span_text.back() = 0x10000 + ((span_text.back() & 0x3ff) << 10 | (c & 0x3ff));
        else
            span_text.push_back(c);
    }
    in_span = true;
    span_any = false;
}

void PageDevice::endActualText(GfxState *)
{
    in_span = false;
    if (notes() && span_any && !span_text.empty())
        sheet_set(&sheet, &type, span_x, span_y, span_end_x - span_x, span_end_y - span_y, span_text.data(), span_text.size());
}

struct sheet_ink PageDevice::ink(GfxState *state, bool stroking) const
{
    struct sheet_ink ink = {};
    GfxColorSpace *space = stroking ? state->getStrokeColorSpace() : state->getFillColorSpace();
    double opacity = stroking ? state->getStrokeOpacity() : state->getFillOpacity();
    bool sure = !is_masked && state->getBlendMode() == gfxBlendNormal && (groups.empty() || groups.back().sure);
    opacity *= groups.empty() ? 1 : groups.back().opacity;
    ink.colour = space->getMode() == csPattern ? uint32_t{PICTURE_UNKNOWN} : device_colour(state, stroking);
    ink.alpha = static_cast<uint8_t>(std::lround(std::fmin(std::fmax(opacity, 0), 1) * (sure ? 255 : 254)));
    ink.clip = device_clip(state);
    ink.dash = INFINITY;
    return ink;
}

void PageDevice::path(GfxState *state)
{
    const GfxPath *path = state->getPath();
    double x[3], y[3];
    sheet_path_clear(&sheet);
    for (int i = 0; i < path->getNumSubpaths(); i++) {
        const GfxSubpath *part = path->getSubpath(i);
        for (int k = 0; k < part->getNumPoints(); k++) {
            bool curve = k > 0 && k + 2 < part->getNumPoints() && part->getCurve(k);
            for (int j = 0; j < (curve ? 3 : 1); j++)
                state->transform(part->getX(k + j), part->getY(k + j), &x[j], &y[j]);
            if (curve)
                sheet_path_curve(&sheet, x[0], y[0], x[1], y[1], x[2], y[2]);
            else if (k == 0)
                sheet_path_move(&sheet, x[0], y[0]);
            else
                sheet_path_line(&sheet, x[0], y[0]);
            k += curve ? 2 : 0;
        }
    }
}

void PageDevice::stroke(GfxState *state)
{
    if (!notes())
        return;
    struct sheet_ink pen = ink(state, true);
    double start;
    const std::vector<double> &dashes = state->getLineDash(&start);
    if (!dashes.empty())
        pen.dash = 0;
    for (size_t i = 0; i < dashes.size(); i += 2)
        pen.dash = std::fmax(pen.dash, state->transformWidth(dashes[i]));
    pen.width = state->getTransformedLineWidth();
    path(state);
    sheet_stroke(&sheet, &pen);
}

void PageDevice::fill(GfxState *state)
{
    if (!notes())
        return;
    struct sheet_ink brush = ink(state, false);
    path(state);
    sheet_fill(&sheet, &brush, false);
}

void PageDevice::eoFill(GfxState *state)
{
    if (!notes())
        return;
    struct sheet_ink brush = ink(state, false);
    path(state);
    sheet_fill(&sheet, &brush, true);
}

bool PageDevice::shaded(GfxState *state)
{
    if (notes()) {
        struct sheet_ink brush = ink(state, false);
        brush.colour = PICTURE_UNKNOWN;
        sheet_shade(&sheet, &brush, brush.clip);
    }
    return true;
}

bool PageDevice::tilingPatternFill(GfxState *state, Gfx *, Catalog *, GfxTilingPattern *, const double *, int, int, int, int, double, double)
{
    return shaded(state);
}

bool PageDevice::functionShadedFill(GfxState *state, GfxFunctionShading *)
{
    return shaded(state);
}

bool PageDevice::axialShadedFill(GfxState *state, GfxAxialShading *, double, double)
{
    return shaded(state);
}

bool PageDevice::radialShadedFill(GfxState *state, GfxRadialShading *, double, double)
{
    return shaded(state);
}

bool PageDevice::gouraudTriangleShadedFill(GfxState *state, GfxGouraudTriangleShading *)
{
    return shaded(state);
}

bool PageDevice::patchMeshShadedFill(GfxState *state, GfxPatchMeshShading *)
{
    return shaded(state);
}

/* An image is the unit square of user space. */
void PageDevice::image(GfxState *state)
{
    if (!notes())
        return;
    struct sheet_ink brush = ink(state, false);
    struct picture_box box = {};
    for (int i = 0; i < 4; i++) {
        double x, y;
        state->transform(i & 1, i >> 1, &x, &y);
        box.x0 = static_cast<float>(i == 0 ? x : std::fmin(box.x0, x));
        box.x1 = static_cast<float>(i == 0 ? x : std::fmax(box.x1, x));
        box.y0 = static_cast<float>(i == 0 ? y : std::fmin(box.y0, y));
        box.y1 = static_cast<float>(i == 0 ? y : std::fmax(box.y1, y));
    }
    brush.colour = PICTURE_UNKNOWN;
    sheet_shade(&sheet, &brush, box);
}

/* The base class reads an inline image's bytes past, so that what follows is no operator of them. */
void PageDevice::drawImageMask(GfxState *state, Object *object, Stream *stream, int width, int height, bool invert, bool interpolate,
                               bool is_inline)
{
    image(state);
    OutputDev::drawImageMask(state, object, stream, width, height, invert, interpolate, is_inline);
}

void PageDevice::drawImage(GfxState *state, Object *object, Stream *stream, int width, int height, GfxImageColorMap *map, bool interpolate,
                           const int *mask, bool is_inline)
{
    image(state);
    OutputDev::drawImage(state, object, stream, width, height, map, interpolate, mask, is_inline);
}

void PageDevice::drawMaskedImage(GfxState *state, Object *, Stream *, int, int, GfxImageColorMap *, bool, Stream *, int, int, bool, bool)
{
    image(state);
}

void PageDevice::drawSoftMaskedImage(GfxState *state, Object *, Stream *, int, int, GfxImageColorMap *, bool, Stream *, int, int,
                                     GfxImageColorMap *, bool)
{
    image(state);
}

void PageDevice::beginTransparencyGroup(GfxState *, const double *, GfxColorSpace *, bool, bool, bool for_mask)
{
    /* The library has made the state plain for the group's content; what holds for the group as a whole was saved before. */
    Seen seen = kept.empty() ? Seen{1, true, false} : kept.back();
    if (!groups.empty()) {
        seen.opacity *= groups.back().opacity;
        seen.sure = seen.sure && groups.back().sure;
    }
    seen.is_mask = for_mask;
    groups.push_back(seen);
    masks += for_mask;
}

void PageDevice::endTransparencyGroup(GfxState *)
{
    if (groups.empty())
        return;
    masks -= groups.back().is_mask;
    groups.pop_back();
}

void PageDevice::setSoftMask(GfxState *, const double *, bool, Function *, GfxColor *)
{
    is_masked = true;
}

void PageDevice::clearSoftMask(GfxState *)
{
    is_masked = false;
}
