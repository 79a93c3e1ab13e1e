/*
 * job_entry - see job_entry.h. Refuses to judge: what is not plainly right is not read at all.
 */
#include "job_entry.h"

#include "alloc.h"
#include "keys.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { PAYLOAD_MAX = 16 << 20 };

enum field { FIELD_KIND, FIELD_ID, FIELD_PAYLOAD, FIELD_H, FIELD_COUNT };

static const struct {
    const char *name;
    enum field field; /* FIELD_COUNT: an entry with it is not plain */
} rows[] = {
    {"kind", FIELD_KIND}, {"id", FIELD_ID},   {"payload", FIELD_PAYLOAD}, {"h", FIELD_H},
    {"o", FIELD_COUNT},   {"n", FIELD_COUNT}, {"b", FIELD_COUNT},         {"home", FIELD_COUNT},
};

static bool is_text(const redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_STRING;
}

/* Copies a name of 1 to size - 1 letters, digits and the marks given. */
static bool take_name(char *out, size_t size, const redisReply *r, bool capitals, const char *marks)
{
    if (r == NULL || r->len == 0 || r->len >= size)
        return false;
    for (size_t i = 0; i < r->len; i++) {
        char c = r->str[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (capitals && c >= 'A' && c <= 'Z') ||
                    (c != '\0' && strchr(marks, c) != NULL);
        if (!fine)
            return false;
    }
    memcpy(out, r->str, r->len);
    out[r->len] = '\0';
    return true;
}

/* Sorts the fields into found; of two with one name the later counts. False: not a plain entry. */
static bool sort_fields(const redisReply *fields, const redisReply *found[static FIELD_COUNT])
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];
        if (!is_text(name) || !is_text(value))
            return false;
        for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
            if (name->len != strlen(rows[row].name) || memcmp(name->str, rows[row].name, name->len) != 0)
                continue;
            if (rows[row].field == FIELD_COUNT)
                return false;
            found[rows[row].field] = value;
        }
    }
    return true;
}

static void name_by_place(struct job *j)
{
    (void)snprintf(j->id, sizeof j->id, "%s-%s", band_name(j->band), j->entry);
}

/* The name of a job with the id `*`: derived_id of common/functions/20_keys.lua. False: it takes the tag, which is not
 * known. */
static bool name_by_tag(struct job *j, const char *tag)
{
    static const char variants[] = {[BAND_EXPRESS] = '8', [BAND_HIGH] = '9', [BAND_NORMAL] = 'a', [BAND_LOW] = 'b'};
    enum { MS_DIGITS = 13, SEQUENCES = 4096 };
    const char *dash = strchr(j->entry, '-');
    unsigned long long ms = strtoull(j->entry, NULL, 10), sequence = strtoull(dash + 1, NULL, 10);
    if ((size_t)j->band >= ARRAY_LEN(variants) || dash - j->entry != MS_DIGITS || sequence >= SEQUENCES) {
        name_by_place(j);
        return true;
    }
    if (strlen(tag) != QUEUE_TAG_MAX - 1)
        return false;
    (void)snprintf(j->id, sizeof j->id, "%08llx-%04llx-7%03llx-%c%.3s-%s", ms >> 16, ms & 0xffff, sequence,
                   variants[j->band], tag, tag + 3);
    return true;
}

static bool take_id(struct job *j, const char *tag, const redisReply *id)
{
    j->by_entry = id == NULL || (id->len == 1 && id->str[0] == '*');
    if (id == NULL) {
        name_by_place(j);
        return true;
    }
    if (j->by_entry)
        return name_by_tag(j, tag);
    return take_name(j->id, sizeof j->id, id, true, "._:-");
}

static bool take_names(struct job *j, const char *tag, const redisReply *entry,
                       const redisReply *found[static FIELD_COUNT])
{
    const redisReply *h = found[FIELD_H];
    if (!take_name(j->entry, sizeof j->entry, entry, false, "-") || strchr(j->entry, '-') == NULL ||
        !take_name(j->kind, sizeof j->kind, found[FIELD_KIND], false, "-"))
        return false;
    if (!take_id(j, tag, found[FIELD_ID]))
        return false;
    j->has_hash = h != NULL && h->len == 1 && h->str[0] == '1';
    j->created_ms = j->due_ms = (int64_t)strtoll(j->entry, NULL, 10);
    return true;
}

bool job_entry_read(struct job *j, enum band band, const char *tag, const redisReply *entry)
{
    const redisReply *found[FIELD_COUNT] = {0};
    if (entry == NULL || entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !is_text(entry->element[0]) ||
        entry->element[1] == NULL || entry->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    struct job job = {.band = band, .epoch = 1};
    if (!sort_fields(entry->element[1], found) || !take_names(&job, tag, entry->element[0], found))
        return false;
    const redisReply *payload = found[FIELD_PAYLOAD];
    if (payload == NULL || payload->len > PAYLOAD_MAX)
        return false;
    job.payload = alloc_must(malloc(payload->len + 1));
    memcpy(job.payload, payload->str, payload->len);
    job.payload[payload->len] = '\0';
    job.payload_len = payload->len;
    *j = job;
    return true;
}
