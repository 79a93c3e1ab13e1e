/*
 * document - see document.h. Names every refusal with the code of docs/pdf.md; guesses no layout.
 */
#include "document.h"

#include "grid.h"
#include "schedule.h"
#include <fontconfig/fontconfig.h>
#include <poppler.h>

enum { TITLE_SIZE = 14, TITLE_MAX = 512 };

/* The library's messages for what could not be opened, as codes. Its text never holds the document's. */
static int document_open_error(const GError *error, const void *bytes, size_t size, bool password, struct err *e)
{
    if (g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)) {
        /* The encryption dictionary itself is never encrypted: any handler but the standard one is beyond a password. */
        if (memmem(bytes, size, "/Standard", 9) == NULL)
            return err_set(e, ERR_UNSUPPORTED_ENCRYPTION, "the PDF is encrypted by a handler other than Standard");
        return err_set(e, ERR_PASSWORD_REQUIRED, password ? "the given password does not open the PDF"
                                                          : "the PDF opens with a password only; give it as payload.password");
    }
    return err_set(e, ERR_CORRUPT_PDF, "the PDF cannot be opened: %s", error != NULL ? error->message : "unknown reason");
}

static int document_read_pages(PopplerDocument *doc, struct page pages[], size_t n, size_t *hidden, struct err *e)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) {
        PopplerPage *page = poppler_document_get_page(doc, (int)i);
        if (page == NULL)
            return err_set(e, ERR_CORRUPT_PDF, "page %zu of %zu cannot be read", i + 1, n);
        pages[i].number = (int)i + 1;
        int rc = words_read(&pages[i], page, &chars, hidden, e);
        g_object_unref(page);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The large print of page 1 in reading order. */
static void document_title(const struct page *page, char out[static TITLE_MAX])
{
    double large = 0;
    for (size_t i = 0; i < page->n_words; i++)
        large = MAX_OF(large, page->words[i].size);
    large = MIN_OF(large * 0.9, TITLE_SIZE);
    out[0] = '\0';
    size_t len = 0;
    for (size_t i = 0; i < page->n_words && len + 1 < TITLE_MAX; i++)
        if (page->words[i].size >= large)
            len += (size_t)g_snprintf(out + len, (gulong)(TITLE_MAX - len), "%s%s", len > 0 ? " " : "", page->words[i].text);
}

static int document_layout(const struct page *first, const char *expect, const struct layout **ret_layout, struct err *e)
{
    char title[TITLE_MAX];
    document_title(first, title);
    const struct layout *layout = layout_by_title(title);
    if (layout == NULL)
        return err_set(e, ERR_UNRECOGNISED_FORMAT, "no known title stands on page 1 (known layouts: %s); its largest print says \"%.80s\"",
                       layout_names(), title);
    if (strcmp(expect, "auto") != 0 && strcmp(expect, layout->name) != 0)
        return err_set(e, ERR_TYPE_MISMATCH, "the document is a %s timetable, not the expected %s", layout->name, expect);
    *ret_layout = layout;
    return 0;
}

static int document_schedule(const struct layout *layout, const struct page pages[], size_t n, json_t *reply, struct err *e)
{
    struct table table;
    struct schedule schedule;
    int rc = table_build(&table, layout, pages, n, e);
    if (rc < 0)
        return rc;
    schedule_read(&schedule, &table);
    if (json_array_size(schedule.events) == 0)
        rc = err_set(e, ERR_NO_EVENTS, "the %s timetable holds no event: %zu rows seen, %zu understood", layout->name,
                     schedule.rows_seen, schedule.rows_parsed);
    json_object_set_new(reply, "type", json_string(layout->name));
    json_object_set_new(reply, "rows_seen", json_integer((json_int_t)schedule.rows_seen));
    json_object_set_new(reply, "rows_parsed", json_integer((json_int_t)schedule.rows_parsed));
    json_object_set(reply, "events", schedule.events);
    json_object_set(reply, "warnings", schedule.warnings);
    schedule_free(&schedule);
    table_free(&table);
    return rc;
}

static int document_content(const struct page pages[], size_t n, const char *expect, json_t *reply, struct err *e)
{
    size_t words = 0;
    for (size_t i = 0; i < n; i++)
        words += pages[i].n_words;
    if (words == 0)
        return err_set(e, ERR_NO_TEXT, "none of the %zu pages holds visible text (a scan?)", n);
    if (strcmp(expect, "text") == 0)
        return grid_text(pages, n, reply);
    if (strcmp(expect, "table") == 0)
        return grid_tables(pages, n, reply, e);
    const struct layout *layout = NULL;
    int rc = document_layout(&pages[0], expect, &layout, e);
    return rc < 0 ? rc : document_schedule(layout, pages, n, reply, e);
}

static void document_describe(PopplerDocument *doc, const void *bytes, size_t size, size_t n, size_t hidden, json_t *reply)
{
    char *producer = poppler_document_get_producer(doc);
    char *valid = producer != NULL ? g_utf8_make_valid(producer, -1) : NULL;
    if (valid != NULL)
        json_object_set_new(reply, "producer", json_string(valid));
    json_object_set_new(reply, "pages", json_integer((json_int_t)n));
    json_object_set_new(reply, "encrypted", json_boolean(memmem(bytes, size, "/Encrypt", 8) != NULL));
    json_object_set_new(reply, "hidden_words", json_integer((json_int_t)hidden));
    g_free(valid);
    g_free(producer);
}

int document_parse(const void *bytes, size_t size, const struct document_options *o, json_t **ret_reply, struct err *e)
{
    if (size == 0)
        return err_set(e, ERR_EMPTY_FILE, "the input has no bytes");
    if (memmem(bytes, MIN_OF(size, (size_t)1024), "%PDF-", 5) == NULL)
        return err_set(e, ERR_NOT_PDF, "%%PDF- does not stand in the first 1024 bytes");
    GError *error = NULL;
    GBytes *data = g_bytes_new_static(bytes, size);
    PopplerDocument *doc = poppler_document_new_from_bytes(data, o->password[0] != '\0' ? o->password : NULL, &error);
    g_bytes_unref(data);
    if (doc == NULL) {
        int rc = document_open_error(error, bytes, size, o->password[0] != '\0', e);
        g_clear_error(&error);
        return rc;
    }
    int n = poppler_document_get_n_pages(doc), rc = 0;
    if (n <= 0)
        rc = err_set(e, ERR_CORRUPT_PDF, "the PDF has no page");
    else if ((uint32_t)n > o->max_pages)
        rc = err_set(e, ERR_TOO_MANY_PAGES, "the PDF has %d pages; allowed are %u", n, o->max_pages);
    if (rc == 0 && n > 0) {
        struct page *pages = g_new0(struct page, (size_t)n);
        size_t hidden = 0;
        json_t *reply = json_object();
        rc = document_read_pages(doc, pages, (size_t)n, &hidden, e);
        if (rc == 0)
            rc = document_content(pages, (size_t)n, o->expect, reply, e);
        document_describe(doc, bytes, size, (size_t)n, hidden, reply);
        for (int i = 0; i < n; i++)
            words_free(&pages[i]);
        g_free(pages);
        if (rc == 0)
            *ret_reply = reply;
        else
            json_decref(reply);
    }
    g_object_unref(doc);
    return rc;
}

int document_warm_up(struct err *e)
{
    static const char content[] = "0.9 g 10 10 80 20 re f 0 g BT /F1 10 Tf 10 12 Td (Lectures \\226 \\351) Tj /F2 10 Tf (Time) Tj ET "
                                  "0.5 w 0 0 m 90 0 l S 1 0 0 RG 5 5 20 20 re S";
    static const char pdf[] =
        "%%PDF-1.4\n"
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>endobj\n"
        "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>endobj\n"
        "6 0 obj<</Type/Font/Subtype/TrueType/BaseFont/Arial,Bold/Encoding/MacRomanEncoding>>endobj\n"
        "4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R/Size 7>>\n%%%%EOF\n";
    /* An empty font configuration: no font file is ever looked for, here or in a cell. */
    FcConfig *no_fonts = FcConfigCreate();
    if (no_fonts == NULL || !FcConfigSetCurrent(no_fonts))
        return err_set(e, ERR_OUT_OF_MEMORY, "parser: no memory for the font configuration");
    FcConfigDestroy(no_fonts);
    /* Conversions the library makes of passwords and of titles: each is kept open, so that its module stays loaded. */
    static const char *const conversions[][2] = {{"ISO-8859-1", "UTF-8"}, {"UTF-8", "UTF-16BE"}, {"UTF-8", "UTF-16LE"}, {"UTF-8", "ISO-8859-1"}};
    for (size_t i = 0; i < ARRAY_LEN(conversions); i++)
        if (g_iconv_open(conversions[i][0], conversions[i][1]) == (GIConv)-1)
            return err_set(e, ERR_BOOT_FAILURE, "parser: no conversion from %s to %s", conversions[i][1], conversions[i][0]);
    char *text = NULL;
    int length = asprintf(&text, pdf, strlen(content), content);
    if (length < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "parser: no memory for the warm-up");
    /* The library drops its tables with its last document and would read them from files again: this one is kept for good. */
    GBytes *kept = g_bytes_new_take(text, (gsize)length);
    PopplerDocument *forever = poppler_document_new_from_bytes(kept, NULL, NULL);
    if (forever == NULL)
        return err_set(e, ERR_BOOT_FAILURE, "parser: the PDF library cannot read its own warm-up document");
    json_t *reply = NULL;
    struct document_options o = {.expect = "text", .password = "", .max_pages = 1};
    int rc = document_parse(text, (size_t)length, &o, &reply, e);
    json_decref(reply);
    return rc;
}
