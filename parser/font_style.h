/*
 * font_style - what a font of the PDF library says of its characters' looks.
 *
 * Runs in: parser cell. C++: the library's own types.
 */
#pragma once

#include <GfxFont.h>

/* How many ems of the text's size the font's own em is: 1 but for fonts of type 3. */
double font_style_scale(const GfxFont *font);
/* True when name, weight or flags say so. */
bool font_style_bold(const GfxFont *font);
