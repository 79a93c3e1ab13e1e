/*
 * fuzz_content_lexer - any bytes as a page's content: tokens that stand within it or within the lexer, and an end.
 */
#include "content_lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct content_lexer lexer;
    struct content_token token;
    volatile unsigned sum = 0;
    /* A copy of exactly this length: a byte read behind it is seen. */
    AUTO_FREE char *content = malloc(size > 0 ? size : 1);
    if (content == NULL)
        abort();
    memcpy(content, data, size);
    content_lexer_init(&lexer, content, size);
    for (size_t i = 0; i <= size + 1; i++) {
        content_lexer_next(&lexer, &token);
        if (token.kind == CONTENT_NAME || token.kind == CONTENT_STRING || token.kind == CONTENT_OPERATOR)
            for (size_t k = 0; k < token.n; k++)
                sum = sum + (unsigned char)token.text[k];
        if (token.kind == CONTENT_END || token.kind == CONTENT_UNUSUAL)
            break;
        if (i == size + 1)
            abort(); /* more tokens than bytes */
    }
    content_lexer_fini(&lexer);
    return 0;
}
