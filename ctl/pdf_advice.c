/*
 * pdf_advice - see pdf_advice.h. For people with a file in their hands; what operators do about a dead letter is dead_advice's.
 */
#include "pdf_advice.h"

#include "base.h"

static const struct {
    const char *code, *step;
} steps[] = {
    {"NOT_FOUND", "check the name"},
    {"BAD_PAYLOAD", "mend the option"},
    {"EMPTY_FILE", "fetch it again: nothing arrived"},
    {"NOT_PDF", "it is something else under this name: fetch it again, or print it to PDF"},
    {"TOO_LARGE", "split it, or raise pdf.max_bytes"},
    {"CORRUPT_PDF", "fetch it again; if it opens in a viewer, print it to PDF from there"},
    {"PASSWORD_REQUIRED", "give its password: --password-file FILE, or --password-file prompt"},
    {"UNSUPPORTED_ENCRYPTION", "open it in a viewer and print it to PDF"},
    {"TOO_MANY_PAGES", "split it, or raise pdf.max_pages"},
    {"DECOMPRESSION_LIMIT", "it unpacks to far more than it is: ask whoever made it"},
    {"NO_TEXT", "it is a scan: ask for a PDF with text, or have it recognised first (ocrmypdf)"},
    {"UNRECOGNISED_FORMAT", "it is no timetable that is known: --table shows its rows, --text its words; docs/pdf.md says how to add a layout"},
    {"TYPE_MISMATCH", "leave --expect out, or name the right type"},
    {"MISSING_COLUMNS", "its table has other columns than its title promises: --table shows them"},
    {"NO_EVENTS", "nothing in it has a time; --table shows what there is (with --group: is the name right?)"},
    {"TIMEOUT", "it takes longer than it may: split it, or raise pdf.timeout"},
    {"CPU_LIMIT", "it takes more work than it may: split it, or raise pdf.cpu"},
    {"MEM_LIMIT", "it needs more memory than it may: split it, or raise pdf.memory"},
    {"CRASH", "it breaks the PDF library: be careful with it, and print it to PDF from a viewer"},
    {"SANDBOX_VIOLATION", "it made the PDF library do what no document should: treat it as hostile"},
    {"BOOT_FAILURE", "the parser does not start on this host: stint preflight"},
};

const char *pdf_advice(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (strcmp(steps[i].code, code) == 0)
            return steps[i].step;
    return "mend what the message names";
}
