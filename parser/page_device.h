/*
 * page_device - what the PDF library's interpreter sets and draws on a page, put down on a sheet.
 *
 * Runs in: parser cell. C++, as the library's own interface is; nothing but pdf_library.cc includes it.
 */
#pragma once

/* The C headers' own includes, while C++ linkage holds. */
#include <cstdlib>
#include <cstring>
#include <vector>

#include <OutputDev.h>
#include <poppler-config.h>

extern "C" {
#include "sheet.h"
}

class PageDevice final : public OutputDev
{
public:
    /* The sheet is made when the page begins, at most max characters long; the caller gives it to sheet_fini. */
    explicit PageDevice(size_t max_chars) : max(max_chars) { }
    bool begun() const { return has_begun; }
    struct sheet sheet = {};

    bool upsideDown() override { return true; }
    bool useDrawChar() override { return true; }
    bool interpretType3Chars() override { return false; }
    bool useTilingPatternFill() override { return true; }
    bool useShadedFills(int) override { return true; }
    void startPage(int number, GfxState *state, XRef *xref) override;
    void saveState(GfxState *state) override;
    void restoreState(GfxState *state) override;

    void beginString(GfxState *state, const GooString *text) override;
    void drawChar(GfxState *state, double x, double y, double dx, double dy, double origin_x, double origin_y, CharCode code, int n_bytes,
                  const Unicode *unicode, int n_unicode) override;
    void beginActualText(GfxState *state, const GooString *text) override;
    void endActualText(GfxState *state) override;

    void stroke(GfxState *state) override;
    void fill(GfxState *state) override;
    void eoFill(GfxState *state) override;
    bool tilingPatternFill(GfxState *state, Gfx *gfx, Catalog *catalog, GfxTilingPattern *pattern, const double *matrix, int x0, int y0, int x1,
                           int y1, double x_step, double y_step) override;
    bool functionShadedFill(GfxState *state, GfxFunctionShading *shading) override;
    bool axialShadedFill(GfxState *state, GfxAxialShading *shading, double t_min, double t_max) override;
    bool axialShadedSupportExtend(GfxState *, GfxAxialShading *) override { return true; }
    bool radialShadedFill(GfxState *state, GfxRadialShading *shading, double s_min, double s_max) override;
    bool radialShadedSupportExtend(GfxState *, GfxRadialShading *) override { return true; }
    bool gouraudTriangleShadedFill(GfxState *state, GfxGouraudTriangleShading *shading) override;
    bool patchMeshShadedFill(GfxState *state, GfxPatchMeshShading *shading) override;

    void drawImageMask(GfxState *state, Object *object, Stream *stream, int width, int height, bool invert, bool interpolate,
                       bool is_inline) override;
    void drawImage(GfxState *state, Object *object, Stream *stream, int width, int height, GfxImageColorMap *map, bool interpolate,
                   const int *mask, bool is_inline) override;
    void drawMaskedImage(GfxState *state, Object *object, Stream *stream, int width, int height, GfxImageColorMap *map, bool interpolate,
                         Stream *mask, int mask_width, int mask_height, bool mask_invert, bool mask_interpolate) override;
    void drawSoftMaskedImage(GfxState *state, Object *object, Stream *stream, int width, int height, GfxImageColorMap *map,
                             bool interpolate, Stream *mask, int mask_width, int mask_height, GfxImageColorMap *mask_map,
                             bool mask_interpolate) override;

    void beginTransparencyGroup(GfxState *state, const double *box, GfxColorSpace *space, bool isolated, bool knockout,
                                bool for_mask) override;
    void endTransparencyGroup(GfxState *state) override;
    void setSoftMask(GfxState *state, const double *box, bool alpha, Function *transfer, GfxColor *backdrop) override;
    void clearSoftMask(GfxState *state) override;

private:
    bool notes() const { return has_begun && masks == 0; }
    struct sheet_ink ink(GfxState *state, bool stroking) const;
    void path(GfxState *state);
    void image(GfxState *state);
    bool shaded(GfxState *state);

    size_t max;
    bool has_begun = false;
    /* Nothing is sure to hide what is below it where a soft mask is set, or colours are blended. */
    struct Seen {
        double opacity;
        bool sure, is_mask;
    };
    int masks = 0;            /* groups under way that are a mask, not a drawing */
    std::vector<Seen> groups; /* under way; opacity and sureness are of all of them up to this one */
    bool is_masked = false;
    std::vector<Seen> kept;   /* of the saved states */
    struct sheet_type type = {};
    double spacing = 0, word_spacing = 0; /* text space, along the writing */
    /* A span whose text is given beside its glyphs. */
    bool in_span = false, span_any = false;
    std::vector<uint32_t> span_text;
    double span_x = 0, span_y = 0, span_end_x = 0, span_end_y = 0;
};
