/*
 * The two readers of a page must agree: every character and every box that our reader of plain content puts down is held against what
 * the library's interpreter says of the same page. Neither is the other's code, so what both say is what the page says.
 *
 * STINT_PDF_FILES: further documents, separated by spaces; pages that are not plain are counted and passed over.
 */
#include "pdf_library.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
// clang-format off
#include <cmocka.h>
// clang-format on

static const double NEAR = 0.01;

struct counts {
    size_t documents, pages, plain, characters, boxes;
};

static bool near(double a, double b)
{
    return fabs(a - b) < NEAR;
}

static void compare_glyphs(const char *what, const struct sheet *a, const struct sheet *b, struct counts *counts)
{
    if (a->n != b->n)
        fail_msg("%s: %zu characters, the interpreter says %zu", what, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct sheet_glyph *p = &a->glyphs[i], *q = &b->glyphs[i];
        if (p->unicode != q->unicode || p->colour != q->colour || p->flags != q->flags || p->turn != q->turn || p->seq != q->seq ||
            !near(p->x0, q->x0) || !near(p->x1, q->x1) || !near(p->y0, q->y0) || !near(p->y1, q->y1) || !near(p->size, q->size))
            fail_msg("%s: character %zu is %x %06x flags %d turn %d seq %u at %.3f %.3f %.3f %.3f size %.3f; the interpreter says "
                     "%x %06x %d %d %u %.3f %.3f %.3f %.3f %.3f", what, i, p->unicode, p->colour, p->flags, p->turn, p->seq, p->x0, p->y0,
                     p->x1, p->y1, p->size, q->unicode, q->colour, q->flags, q->turn, q->seq, q->x0, q->y0, q->x1, q->y1, q->size);
    }
    counts->characters += a->n;
}

static void compare_boxes(const char *what, const struct picture *a, const struct picture *b, struct counts *counts)
{
    if (a->n != b->n)
        fail_msg("%s: %zu boxes, the interpreter says %zu", what, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct picture_box *p = &a->boxes[i], *q = &b->boxes[i];
        if (p->colour != q->colour || p->alpha != q->alpha || p->n != q->n || !near(p->x0, q->x0) || !near(p->x1, q->x1) ||
            !near(p->y0, q->y0) || !near(p->y1, q->y1))
            fail_msg("%s: box %zu is %06x %d at %.3f %.3f %.3f %.3f; the interpreter says %06x %d %.3f %.3f %.3f %.3f", what, i, p->colour,
                     p->alpha, p->x0, p->y0, p->x1, p->y1, q->colour, q->alpha, q->x0, q->y0, q->x1, q->y1);
    }
    counts->boxes += a->n;
}

static void compare_file(const char *path, struct counts *counts)
{
    struct stat st;
    struct pdf *pdf = NULL;
    const char *why = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
        fail_msg("%s cannot be read", path);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    (void)close(fd);
    if (pdf_open(bytes, (size_t)st.st_size, "", &pdf, &why) == PDF_FINE) {
        counts->documents++;
        for (int i = 1; i <= pdf_pages(pdf); i++) {
            struct sheet plain, whole;
            char what[512];
            (void)snprintf(what, sizeof what, "%s page %d", path, i);
            counts->pages++;
            if (!pdf_page(pdf, i, 0, PDF_PLAIN, WORDS_CHARS_MAX, &plain))
                continue;
            assert_true(pdf_page(pdf, i, 0, PDF_INTERPRETER, WORDS_CHARS_MAX, &whole));
            counts->plain++;
            assert_true(near(plain.picture.width, whole.picture.width) && near(plain.picture.height, whole.picture.height));
            compare_glyphs(what, &plain, &whole, counts);
            compare_boxes(what, &plain.picture, &whole.picture, counts);
            sheet_fini(&plain);
            sheet_fini(&whole);
        }
        pdf_close(pdf);
    }
    (void)munmap(bytes, (size_t)st.st_size);
}

static void run(const char *format, ...) PRINTF_LIKE(1, 2);
static void run(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(system(line), 0);
}

static void test_pdf_page_generated_reads_the_same_both_ways(void **state)
{
    static const char *const kinds[] = {"lecture", "test", "exam"}, *const producers[] = {"portal", "browser", "reportlab"};
    static const char *const variants[] = {"--rows 14 --seed 1", "--rows 40 --middle --seed 2", "--rows 25 --no-rules --seed 5"};
    struct counts counts = {0};
    char folder[] = "/tmp/stint-ways-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.pdf", folder);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t p = 0; p < ARRAY_LEN(producers); p++)
            for (size_t v = 0; v < ARRAY_LEN(variants); v++) {
                run("%s/bin/stint-pdfgen --kind %s --producer %s %s --out %s", getenv("STINT_BUILD"), kinds[k], producers[p], variants[v], path);
                compare_file(path, &counts);
            }
    run("rm -r %s", folder);
    print_message("%zu documents, %zu pages, %zu plain, %zu characters and %zu boxes equal\n", counts.documents, counts.pages, counts.plain,
                  counts.characters, counts.boxes);
    assert_int_equal(counts.plain, counts.pages); /* what timetables are made of */
    assert_true(counts.characters > 10000 && counts.boxes > 10000);
}

/* Content that only one of the two reads may not be told from the other's by accident: what is not plain must be given up. */
static void test_pdf_page_that_is_not_plain_is_left_to_the_interpreter(void **state)
{
    static const char *const contents[] = {
        "BT /F1 10 Tf 10 50 Td (a) Tj ET /OC /L BDC BT (b) Tj ET EMC", /* an optional layer */
        "/Span <</ActualText (xyz)>> BDC BT /F1 10 Tf 10 50 Td (a) Tj ET EMC",
        "BT /F1 10 Tf 7 Tr 10 50 Td (a) Tj ET 0 0 50 50 re f", /* text that clips */
        "BI /W 1 /H 1 /BPC 8 /CS /G ID x EI", "BT /F9 10 Tf (a) Tj ET", "1 0 0 rg 10 10 5 f", "/Pattern cs /P1 scn 0 0 50 50 re f",
        "BT /F1 10 Tf (not closed", "1e5 w", "W n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        char text[1024];
        struct pdf *pdf = NULL;
        const char *why = "";
        struct sheet sheet;
        int n = snprintf(text, sizeof text,
                         "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                         "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
                         "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
                         "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R/Size 6>>\n%%%%EOF\n", strlen(contents[i]),
                         contents[i]);
        assert_int_equal(pdf_open(text, (size_t)n, "", &pdf, &why), PDF_FINE);
        if (pdf_page(pdf, 1, 0, PDF_PLAIN, 1000, &sheet))
            fail_msg("taken for plain: %s", contents[i]);
        assert_true(pdf_page(pdf, 1, 0, PDF_EITHER, 1000, &sheet));
        sheet_fini(&sheet);
        pdf_close(pdf);
    }
}

static void test_pdf_page_given_reads_the_same_both_ways(void **state)
{
    struct counts counts = {0};
    const char *files = getenv("STINT_PDF_FILES");
    char *list = strdup(files != NULL ? files : ""), *save = NULL;
    (void)state;
    for (char *path = strtok_r(list, " \n", &save); path != NULL; path = strtok_r(NULL, " \n", &save))
        compare_file(path, &counts);
    free(list);
    print_message("%zu documents given, %zu pages, %zu plain, %zu characters and %zu boxes equal\n", counts.documents, counts.pages, counts.plain,
                  counts.characters, counts.boxes);
}

int main(void)
{
    pdf_library_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf_page_generated_reads_the_same_both_ways),
        cmocka_unit_test(test_pdf_page_that_is_not_plain_is_left_to_the_interpreter),
        cmocka_unit_test(test_pdf_page_given_reads_the_same_both_ways),
    };
    return cmocka_run_group_tests_name("pdf_ways", tests, NULL, NULL);
}
