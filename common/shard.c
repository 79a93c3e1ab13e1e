/*
 * shard - see shard.h.
 */
#include "shard.h"

#include <stdio.h>

uint32_t shard_parts(int64_t shards)
{
    return shards > 1 ? (uint32_t)MIN_OF(shards, (int64_t)SHARD_MAX) + 1 : 1;
}

bool shard_name(char out[static QUEUE_MAX], const char *queue, uint32_t part)
{
    char text[QUEUE_MAX + 16];
    if (part == 0)
        (void)snprintf(text, sizeof text, "%.*s", QUEUE_MAX, queue);
    else
        (void)snprintf(text, sizeof text, "%.*s.%u", QUEUE_MAX, queue, part - 1);
    if (strlen(text) >= QUEUE_MAX)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

int shard_part_of(const char *queue, const char *name)
{
    size_t len = strlen(queue);
    if (strncmp(queue, name, len) != 0)
        return -1;
    const char *digits = name + len;
    if (*digits == '\0')
        return 0;
    size_t n = strspn(++digits, "0123456789");
    if (digits[-1] != '.' || n == 0 || n > 2 || digits[n] != '\0' || (n > 1 && digits[0] == '0'))
        return -1;
    int shard = atoi(digits);
    return shard < SHARD_MAX ? shard + 1 : -1;
}

uint32_t shard_of_key(const char *key, size_t len, int64_t shards)
{
    uint32_t crc = ~UINT32_C(0);
    if (shards <= 1)
        return 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)key[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0xedb88320) & (0u - (crc & 1u)));
    }
    return ~crc % (uint32_t)MIN_OF(shards, (int64_t)SHARD_MAX) + 1;
}
