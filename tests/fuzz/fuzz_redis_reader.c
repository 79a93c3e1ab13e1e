/*
 * fuzz_redis_reader - any bytes as a server's answers. The first byte says how they are cut; however they come, the
 * same answers are read, and of each every value and every byte can be touched.
 */
#include "redis_reader.h"

#include <hiredis/hiredis.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FNV-1a over all that can be reached. */
static uint64_t digest(uint64_t h, const redisReply *reply)
{
    h = (h ^ (uint64_t)reply->type ^ (uint64_t)reply->integer) * UINT64_C(0x100000001b3);
    for (size_t i = 0; reply->str && i <= reply->len; i++)
        h = (h ^ (unsigned char)reply->str[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < reply->elements; i++)
        h = digest(h, reply->element[i]);
    return h;
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t step)
{
    struct redis_reader r = {0};
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t at = 0; at < size; at += step) {
        const redisReply *reply;
        size_t room_size, n = MIN_OF(step, size - at);
        char *room = redis_reader_room(&r, &room_size);
        if (!room || room_size < n)
            abort();
        memcpy(room, data + at, n);
        redis_reader_fed(&r, n);
        while (redis_reader_next(&r, &reply) == 1)
            h = digest(h, reply);
    }
    if (r.wrong)
        h++;
    redis_reader_fini(&r);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > REDIS_READER_ROOM / 2)
        return 0;
    if (read_all(data + 1, size - 1, size) != read_all(data + 1, size - 1, 1u + data[0] % 7u))
        abort();
    return 0;
}
