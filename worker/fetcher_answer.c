/*
 * fetcher_answer - reads a report of stint-fetch as what it is: bytes of a process that strangers talk to. What it may say is a list; text is
 * made harmless; nothing it says of the document is believed here or later (pdf_sink_verify looks itself).
 */
#include "fetcher_client_uv.h"

#include <stdio.h>

static const int sayable[] = {
    0,
    ERR_BAD_PAYLOAD,
    ERR_SOURCE_MISSING,
    ERR_SOURCE_REFUSED,
    ERR_SOURCE_UNAVAILABLE,
    ERR_EMPTY_FILE,
    ERR_TOO_LARGE,
    ERR_HASH_MISMATCH,
    ERR_NOT_PDF,
};

bool fetcher_answer_read(const struct fetcher_report *report, size_t n, struct fetcher_answer *ret)
{
    char text[FETCHER_TEXT_MAX];
    bool known = false;
    if (n != sizeof *report || report->magic != FETCHER_MAGIC)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(sayable); i++)
        known = known || sayable[i] == report->code;
    if (!known)
        return false;
    size_t len = 0;
    for (; len < sizeof text - 1 && report->text[len] != '\0'; len++)
        text[len] = report->text[len] >= 0x20 && report->text[len] < 0x7f ? report->text[len] : '?';
    text[len] = '\0';
    *ret = (struct fetcher_answer){.code = report->code, .bytes = report->bytes,
                                   .retry_after_ms = (int64_t)MIN_OF(report->retry_after_s, (uint32_t)FETCHER_RETRY_AFTER_MAX_S) * 1000};
    if (report->code != 0)
        (void)err_set(&ret->e, report->code, "%s", text);
    return true;
}
