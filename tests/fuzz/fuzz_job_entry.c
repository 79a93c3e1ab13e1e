/*
 * fuzz_job_entry - any bytes as what a server answers to a worker's own read of a band. The first byte names the band,
 * and whether the queue's tag is known. Of whatever is taken for a job, the names are names and the rest is a first
 * run's; what is not taken leaves the job as it was.
 */
#include "job_entry.h"
#include "redis_reader.h"

#include <hiredis/hiredis.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_name(const char *text, size_t size, const char *allowed)
{
    size_t length = strnlen(text, size);
    return length > 0 && length < size && strspn(text, allowed) == length;
}

static void look(enum band band, const char *tag, const redisReply *entry)
{
    static const struct job none;
    struct job j = none;
    if (!job_entry_read(&j, band, tag, entry)) {
        if (memcmp(&j, &none, sizeof j) != 0)
            abort();
        return;
    }
    bool fine = is_name(j.id, sizeof j.id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:-") &&
                is_name(j.kind, sizeof j.kind, "0123456789abcdefghijklmnopqrstuvwxyz-") && strchr(j.entry, '-') &&
                j.band == band && j.epoch == 1 && j.attempts == 0 && j.crashes == 0 && j.payload &&
                j.payload[j.payload_len] == '\0';
    if (!fine)
        abort();
    job_fini(&j);
}

/* Every array within the answer is looked at as if it were an entry. */
static void look_within(enum band band, const char *tag, const redisReply *reply)
{
    look(band, tag, reply);
    for (size_t i = 0; i < reply->elements; i++)
        look_within(band, tag, reply->element[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_reader r = {0};
    const redisReply *reply;
    size_t room_size;
    if (size < 2 || size > REDIS_READER_ROOM / 2)
        return 0;
    enum band band = (enum band)(data[0] % BAND_COUNT);
    const char *tag = data[0] & 0x80 ? "0123456789abcde" : "";
    char *room = redis_reader_room(&r, &room_size);
    if (!room || room_size < size)
        abort();
    memcpy(room, data + 1, size - 1);
    redis_reader_fed(&r, size - 1);
    while (redis_reader_next(&r, &reply) == 1)
        look_within(band, tag, reply);
    redis_reader_fini(&r);
    return 0;
}
