/*
 * fuzz_layout_read - any text as a layout file: refused with a message, or a layout whose columns are within what is allowed.
 */
#include "layout_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct layout layout;
    struct err e = {0};
    if (size > 32768)
        return 0;
    AUTO_FREE char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (layout_read("fuzz", "fuzz.layout", text, &layout, &e) == 0) {
        if (layout_n_columns(&layout) > LAYOUT_COLUMNS_MAX)
            abort();
        layout_free(&layout);
    } else if (e.message[0] == '\0') {
        abort();
    }
    return 0;
}
