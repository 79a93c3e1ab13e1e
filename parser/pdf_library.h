/*
 * pdf_library - the PDF library behind a C interface: opens a document, gives its pages as sheets.
 *
 * Runs in: parser cell; the zygote only for its own constant document. Blocks on the CPU only. Where an allocation fails in a cell, the
 * process ends as MEM_LIMIT, so no failure of one is reported.
 */
#pragma once

#include "sheet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pdf;

enum pdf_trouble { PDF_FINE, PDF_LOCKED, PDF_DAMAGED };

/* The library's tables; before anything else, once a process. */
void pdf_library_init(void);
/* Opens the document in bytes (borrowed until pdf_close) with a password ("" for none). PDF_FINE and the document in *ret_pdf; else
 * why not, and in *ret_why what the library found (static storage). */
enum pdf_trouble pdf_open(const void *bytes, size_t size, const char *password, struct pdf **ret_pdf, const char **ret_why);
void pdf_close(struct pdf *pdf);
/* How many pages the document says it has; 0 or less: none can be found. */
int pdf_pages(const struct pdf *pdf);
/* True when the document is encrypted. */
bool pdf_is_encrypted(const struct pdf *pdf);
/* The program that wrote the document, as UTF-8; caller frees with g_free. NULL when it does not say. */
char *pdf_producer(const struct pdf *pdf);
/* False when reading page `number` would unpack more than max bytes, together with the pages asked about before. Unpacks what it must to know;
 * nothing where the page's streams are too short to be that long. */
bool pdf_page_fits(struct pdf *pdf, int number, uint64_t max);
/* Who reads a page: our own reader of plain content and, for all else, the library's interpreter; or one of the two alone. */
enum pdf_way { PDF_EITHER, PDF_PLAIN, PDF_INTERPRETER };

/* Reads page `number` (1 is the first), turned clockwise by quarters beyond what it says itself, onto *ret_sheet, which must be given to sheet_fini; at most max characters. False when there is
 * no such page, or PDF_PLAIN cannot read it, *ret_sheet then being untouched. */
bool pdf_page(struct pdf *pdf, int number, int quarters, enum pdf_way way, size_t max, struct sheet *ret_sheet);

#ifdef __cplusplus
}
#endif
