/*
 * font_style - see font_style.h. Refuses to open a font: a document's own word is taken for it.
 */
#include "font_style.h"

#include <cmath>
#include <cstring>

/* A Type 3 font's own units say nothing of its size: what is common to fonts is that a character is about half as wide as high. */
double font_style_scale(const GfxFont *font)
{
    if (font->getType() != fontType3)
        return 1;
    const auto *simple = static_cast<const Gfx8BitFont *>(font);
    double sum = 0;
    int n = 0;
    for (int code = 0; code < 256; code++) {
        double width = std::fabs(simple->getWidth(static_cast<unsigned char>(code)));
        sum += width;
        n += width > 0;
    }
    double scale = n > 0 ? sum / n / 0.5 : 1;
    const double *matrix = font->getFontMatrix();
    if (matrix[0] != 0)
        scale *= std::fabs(matrix[3] / matrix[0]);
    return scale;
}

bool font_style_bold(const GfxFont *font)
{
    const std::optional<std::string> &name = font->getName();
    if (font->isBold() || font->getWeight() >= GfxFont::W600)
        return true;
    for (const char *part : {"bold", "black", "heavy", "demi"})
        if (name && strcasestr(name->c_str(), part) != nullptr)
            return true;
    return false;
}
