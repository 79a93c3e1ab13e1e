/*
 * fuzz_pdf_request - any bytes as a pdf-parse payload, and any text as base64: refused with a message, or members within what is allowed.
 */
#include "base64.h"
#include "pdf_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct conf_pdf conf = {.timezone = "Africa/Johannesburg", .max_bytes = 1 << 20, .max_pages = 100, .timeout = 60000, .cpu = 30000,
                                         .memory = 1 << 28, .max_unpacked = 1 << 27};
    struct pdf_request r;
    struct err e = {0};
    char *bytes = NULL, hash[65];
    size_t n = 0;
    if (size > 65536)
        return 0;
    AUTO_FREE char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (pdf_request_read(&r, text, size, &conf, &e) < 0) {
        if (e.message[0] == '\0')
            abort();
    } else {
        if (r.max_pages < 1 || r.max_pages > conf.max_pages || r.max_unpacked < 1 || r.max_unpacked > conf.max_unpacked || r.n_terms > PDF_TERMS_MAX)
            abort();
        pdf_request_options_hash(&r, "parser", "layouts", hash);
    }
    pdf_request_free(&r);
    if (base64_decode(text, size, &bytes, &n) == 0) {
        AUTO_FREE char *again = base64_encode(bytes, n);
        if (again == NULL || strlen(again) != size || memcmp(again, text, size) != 0)
            abort();
    }
    free(bytes);
    return 0;
}
