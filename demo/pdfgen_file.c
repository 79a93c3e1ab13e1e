/*
 * pdfgen_file - the PDF around the content streams: objects, classic cross-reference table, Flate, ASCII85 where the producer used it.
 */
#include "pdfgen.h"

#include <zlib.h>

enum { FILE_OBJECTS_MAX = 4096 };

struct file_objects {
    struct buf *out;
    size_t offsets[FILE_OBJECTS_MAX];
    size_t n; /* objects begun; the first is 1 */
};

static void file_begin(struct file_objects *f)
{
    f->offsets[f->n++] = f->out->len;
    (void)buf_addf(f->out, "%zu 0 obj\n", f->n);
}

/* As a portal writes it, or with the content readable in an editor behind seven bytes. */
static void file_deflate(const struct buf *in, bool plain, struct buf *out)
{
    uLongf len = compressBound((uLong)in->len);
    AUTO_FREE unsigned char *packed = malloc(len);
    if (packed != NULL && compress2(packed, &len, (const unsigned char *)in->data, (uLong)in->len, plain ? Z_NO_COMPRESSION : Z_BEST_COMPRESSION) == Z_OK)
        (void)buf_add(out, packed, len);
}

static void file_ascii85(const struct buf *in, struct buf *out)
{
    for (size_t at = 0; at < in->len; at += 4) {
        size_t have = MIN_OF(in->len - at, (size_t)4);
        uint32_t word = 0;
        for (size_t i = 0; i < 4; i++)
            word = word << 8 | (i < have ? (unsigned char)in->data[at + i] : 0);
        char digits[6] = "";
        for (int i = 4; i >= 0; i--, word /= 85)
            digits[i] = (char)('!' + word % 85);
        if (have == 4 && memcmp(digits, "!!!!!", 5) == 0)
            (void)buf_adds(out, "z");
        else
            (void)buf_add(out, digits, have + 1);
    }
    (void)buf_adds(out, "~>");
}

static void file_stream(struct file_objects *f, const struct buf *content, bool plain, bool ascii85)
{
    struct buf flate, coded;
    buf_init(&flate, SIZE_MAX);
    buf_init(&coded, SIZE_MAX);
    file_deflate(content, plain, &flate);
    if (ascii85)
        file_ascii85(&flate, &coded);
    const struct buf *body = ascii85 ? &coded : &flate;
    file_begin(f);
    (void)buf_addf(f->out, "<< /Length %zu /Filter %s >>\nstream\n", body->len,
                   ascii85 ? "[/ASCII85Decode /FlateDecode]" : "/FlateDecode");
    (void)buf_add(f->out, body->data, body->len);
    (void)buf_adds(f->out, "\nendstream\nendobj\n");
    buf_fini(&flate);
    buf_fini(&coded);
}

static void file_trailer(const struct file_objects *f)
{
    size_t start = f->out->len;
    (void)buf_addf(f->out, "xref\n0 %zu\n0000000000 65535 f \n", f->n + 1);
    for (size_t i = 0; i < f->n; i++)
        (void)buf_addf(f->out, "%010zu 00000 n \n", f->offsets[i]);
    (void)buf_addf(f->out, "trailer\n<< /Size %zu /Root 1 0 R /Info 5 0 R >>\nstartxref\n%zu\n%%%%EOF\n", f->n + 1, start);
}

void pdfgen_file_write(const struct pdfgen_sheet *sheet, const struct buf pages[], size_t n, struct buf *out)
{
    static const char *const versions[] = {"1.6", "1.7", "1.4"};
    static const char *const producers[] = {"Portal Report Engine 6.2", "Skia/PDF m120", "ReportLab PDF Library - www.reportlab.com"};
    struct file_objects f = {.out = out};
    (void)buf_addf(out, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", versions[sheet->producer]);
    file_begin(&f);
    (void)buf_adds(out, "<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    file_begin(&f);
    (void)buf_adds(out, "<< /Type /Pages /Kids [");
    for (size_t i = 0; i < n; i++)
        (void)buf_addf(out, "%zu 0 R ", 6 + 2 * i);
    (void)buf_addf(out, "] /Count %zu >>\nendobj\n", n);
    for (size_t i = 0; i < 2; i++) {
        file_begin(&f);
        (void)buf_addf(out, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica%s /Encoding /WinAnsiEncoding >>\nendobj\n",
                       i == 1 ? "-Bold" : "");
    }
    file_begin(&f);
    (void)buf_addf(out, "<< /Producer (%s) /Title (%s) >>\nendobj\n", producers[sheet->producer], sheet->title);
    for (size_t i = 0; i < n; i++) {
        file_begin(&f);
        (void)buf_addf(out,
                       "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 841.9 595.3] /Contents %zu 0 R "
                       "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>\nendobj\n",
                       7 + 2 * i);
        file_stream(&f, &pages[i], sheet->plain, sheet->producer == PDFGEN_REPORTLAB);
    }
    file_trailer(&f);
}
