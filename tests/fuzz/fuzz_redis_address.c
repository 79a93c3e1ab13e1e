/*
 * fuzz_redis_address - any text as a Redis URL: refused with a message, or parts that fit their fields.
 */
#include "redis_sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char url[1024];
    if (size >= sizeof url)
        return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    struct redis_address address;
    struct err e = {0};
    if (redis_address_parse(url, &address, &e) < 0) {
        if (e.message[0] == '\0')
            abort();
    } else if (address.path[0] == '\0' && (address.port < 1 || address.port > 65535)) {
        abort();
    }
    return 0;
}
