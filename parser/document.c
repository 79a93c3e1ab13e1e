/*
 * document - see document.h. Names every refusal with the code of docs/pdf.md; guesses no layout.
 */
#include "document.h"

#include "grid.h"
#include "pdf_library.h"
#include "recognise.h"
#include "schedule_grid.h"
#include <glib.h>

static int document_open(const void *bytes, size_t size, const char *password, struct pdf **ret_pdf, struct err *e)
{
    const char *why = "";
    enum pdf_trouble trouble = pdf_open(bytes, size, password, ret_pdf, &why);
    if (trouble == PDF_FINE)
        return 0;
    if (trouble == PDF_DAMAGED)
        return err_set(e, ERR_CORRUPT_PDF, "the PDF cannot be opened: %s", why);
    /* The encryption dictionary itself is never encrypted: any handler but the standard one is beyond a password. */
    if (memmem(bytes, size, "/Standard", 9) == NULL)
        return err_set(e, ERR_UNSUPPORTED_ENCRYPTION, "the PDF is encrypted by a handler other than Standard");
    return err_set(e, ERR_PASSWORD_REQUIRED, password[0] != '\0' ? "the given password does not open the PDF"
                                                                : "the PDF opens with a password only; give it as payload.password");
}

/* The page, upright: one whose writing runs up, down or upside down is read once more, turned. */
static bool document_sheet(struct pdf *pdf, int number, size_t max, struct sheet *ret_sheet)
{
    if (!pdf_page(pdf, number, 0, PDF_EITHER, max, ret_sheet))
        return false;
    int turned = sheet_turned(ret_sheet);
    if (turned == 0)
        return true;
    sheet_fini(ret_sheet);
    return pdf_page(pdf, number, 4 - turned, PDF_EITHER, max, ret_sheet);
}

static int document_read_pages(struct pdf *pdf, uint64_t max_unpacked, struct page pages[], size_t n, size_t *hidden, struct err *e)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) {
        struct sheet sheet;
        if (max_unpacked > 0 && !pdf_page_fits(pdf, (int)i + 1, max_unpacked))
            return err_set(e, ERR_DECOMPRESSION_LIMIT, "page %zu: the document unpacks to more than %llu MiB (limits.max_unpacked, pdf.max_unpacked)",
                           i + 1, (unsigned long long)(max_unpacked >> 20));
        if (!document_sheet(pdf, (int)i + 1, WORDS_CHARS_MAX - chars, &sheet))
            return err_set(e, ERR_CORRUPT_PDF, "page %zu of %zu cannot be read", i + 1, n);
        chars += sheet.n;
        picture_close(&sheet.picture);
        pages[i].number = (int)i + 1;
        int rc = words_read(&pages[i], &sheet, hidden, e);
        if (rc == 0)
            picture_rules(&sheet.picture, &pages[i]);
        sheet_fini(&sheet);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int document_schedule(const struct layout *layout, const struct page pages[], size_t n, bool leave, json_t *reply, struct err *e)
{
    struct table table = {.n_rows = 0};
    struct schedule schedule = {.rows_seen = 0};
    int rc = layout->rows == LAYOUT_GRID ? schedule_grid_read(&schedule, layout, pages, n, e) : table_build(&table, layout, pages, n, e);
    if (rc == 0 && layout->rows != LAYOUT_GRID)
        schedule_read(&schedule, &table, pages, n);
    if (rc < 0) {
        schedule_free(&schedule);
        return rc;
    }
    if (json_array_size(schedule.events) == 0)
        rc = err_set(e, ERR_NO_EVENTS, "the %s timetable holds no event: %zu rows seen, %zu understood", layout->name,
                     schedule.rows_seen, schedule.rows_parsed);
    json_object_set_new(reply, "type", json_string(layout->name));
    if (layout->timezone != NULL)
        json_object_set_new(reply, "timezone", json_string(layout->timezone));
    json_object_set_new(reply, "rows_seen", json_integer((json_int_t)schedule.rows_seen));
    json_object_set_new(reply, "rows_parsed", json_integer((json_int_t)schedule.rows_parsed));
    json_object_set(reply, "events", schedule.events);
    json_object_set(reply, "warnings", schedule.warnings);
    schedule_free(&schedule);
    if (!leave)
        table_free(&table);
    return rc;
}

static int document_content(const struct page pages[], size_t n, const struct document_options *o, json_t *reply, struct err *e)
{
    size_t words = 0;
    for (size_t i = 0; i < n; i++)
        words += pages[i].n_words;
    if (words == 0)
        return err_set(e, ERR_NO_TEXT, "none of the %zu pages holds visible text (a scan?)", n);
    if (strcmp(o->expect, "text") == 0)
        return grid_text(pages, n, reply);
    if (strcmp(o->expect, "table") == 0)
        return grid_tables(pages, n, reply, e);
    const struct layout *layout = NULL;
    size_t first = 0;
    int rc = recognise_layout(o->layouts, pages, n, o->expect, &layout, &first, e);
    return rc < 0 ? rc : document_schedule(layout, pages + first, n - first, o->leave, reply, e);
}

static void document_describe(const struct pdf *pdf, size_t n, size_t hidden, json_t *reply)
{
    char *producer = pdf_producer(pdf);
    if (producer != NULL)
        json_object_set_new(reply, "producer", json_string(producer));
    json_object_set_new(reply, "pages", json_integer((json_int_t)n));
    json_object_set_new(reply, "encrypted", json_boolean(pdf_is_encrypted(pdf)));
    json_object_set_new(reply, "hidden_words", json_integer((json_int_t)hidden));
    g_free(producer);
}

static int document_read(struct pdf *pdf, const struct document_options *o, json_t **ret_reply, struct err *e)
{
    int n = pdf_pages(pdf);
    if (n <= 0)
        return err_set(e, ERR_CORRUPT_PDF, "the PDF has no page");
    if ((uint32_t)n > o->max_pages)
        return err_set(e, ERR_TOO_MANY_PAGES, "the PDF has %d pages; allowed are %u", n, o->max_pages);
    struct page *pages = g_new0(struct page, (size_t)n);
    size_t hidden = 0;
    json_t *reply = json_object();
    int rc = document_read_pages(pdf, o->max_unpacked, pages, (size_t)n, &hidden, e);
    if (rc == 0)
        rc = document_content(pages, (size_t)n, o, reply, e);
    for (int i = 0; i < n && !o->leave; i++)
        words_free(&pages[i]);
    if (!o->leave)
        g_free(pages);
    if (rc < 0) {
        json_decref(reply);
        return rc;
    }
    document_describe(pdf, (size_t)n, hidden, reply);
    *ret_reply = reply;
    return 0;
}

int document_parse(const void *bytes, size_t size, const struct document_options *o, json_t **ret_reply, struct err *e)
{
    struct pdf *pdf = NULL;
    if (size == 0)
        return err_set(e, ERR_EMPTY_FILE, "the input has no bytes");
    if (memmem(bytes, MIN_OF(size, (size_t)1024), "%PDF-", 5) == NULL)
        return err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes");
    int rc = document_open(bytes, size, o->password, &pdf, e);
    if (rc < 0)
        return rc;
    rc = document_read(pdf, o, ret_reply, e);
    if (!o->leave)
        pdf_close(pdf);
    return rc;
}

int document_warm_up(struct err *e)
{
    static const char pdf[] =
        "%PDF-1.4\n"
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>endobj\n"
        "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>endobj\n"
        "6 0 obj<</Type/Font/Subtype/TrueType/BaseFont/Arial,Bold/Encoding/MacRomanEncoding>>endobj\n"
        "4 0 obj<</Length 149>>stream\n"
        "0.9 g 10 10 80 20 re f 0 g BT /F1 10 Tf 10 12 Td (Lectures \\226 \\351) Tj /F2 10 Tf (Time) Tj ET "
        "0.5 w 0 0 m 90 0 l S 1 0 0 RG 5 5 20 20 re S\n"
        "endstream endobj\ntrailer<</Root 1 0 R/Size 7>>\n%%EOF\n";
    struct document_options o = {.expect = "text", .password = "", .max_pages = 1};
    json_t *reply = NULL;
    pdf_library_init();
    int rc = document_parse(pdf, sizeof pdf - 1, &o, &reply, e);
    if (rc == 0 && json_array_size(json_object_get(reply, "words")) != 4)
        rc = err_set(e, ERR_BOOT_FAILURE, "parser: the PDF library reads other words than its constant document has");
    json_decref(reply);
    return rc;
}
