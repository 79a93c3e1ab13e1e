/*
 * fuzz_fetcher_answer - any bytes as a report of stint-fetch: refused, or an answer whose code is one of the few, whose text is printable and ends.
 */
#include "fetcher_client_uv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fetcher_report report;
    struct fetcher_answer answer;
    memset(&report, 0xff, sizeof report);
    memcpy(&report, data, MIN_OF(size, sizeof report));
    if (!fetcher_answer_read(&report, size, &answer))
        return 0;
    bool document = answer.code == 0 || (answer.code <= -5000 && err_class(answer.code) != ERR_CLASS_FATAL);
    if (!document || answer.retry_after_ms < 0 || answer.retry_after_ms > INT64_C(1000) * FETCHER_RETRY_AFTER_MAX_S)
        abort();
    for (size_t i = 0; i < strlen(answer.e.message); i++)
        if (answer.e.message[i] < 0x20 || answer.e.message[i] > 0x7e)
            abort();
    return 0;
}
