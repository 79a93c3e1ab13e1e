/*
 * dead_record - see dead_record.h. Every field of the job hash verbatim under its own name, so that a field a newer build
 * adds survives too. Refuses to interpret a payload, and to lose a byte: what JSON cannot carry as text goes as base64.
 */
#include "dead_record.h"

#include "base64.h"
#include "kind_defaults.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { NAME_MAX_BYTES = 64 };

/* What belongs to the queue it is in, not to the letter. */
static bool is_bookkeeping(const char *name)
{
    return strcmp(name, "bytes") == 0;
}

int dead_record_set(json_t *record, const char *name, const char *bytes, size_t len)
{
    json_t *fields = json_object_get(record, "fields"), *raw = json_object_get(record, "fields_b64");
    json_t *text = memchr(bytes, '\0', len) == NULL ? json_stringn(bytes, len) : NULL;
    if (text != NULL) {
        (void)json_object_del(raw, name);
        return json_object_set_new(fields, name, text) < 0 ? ERR_OUT_OF_MEMORY : 0;
    }
    AUTO_FREE char *encoded = base64_encode(bytes, len);
    if (raw == NULL && (raw = json_object()) != NULL && json_object_set_new(record, "fields_b64", raw) < 0)
        raw = NULL;
    if (encoded == NULL || raw == NULL || json_object_set_new(raw, name, json_string(encoded)) < 0)
        return ERR_OUT_OF_MEMORY;
    (void)json_object_del(fields, name);
    return 0;
}

json_t *dead_record_new(const char *queue, const char *id, int64_t died_ms, const redisReply *hash)
{
    json_t *record =
        json_pack("{s:s, s:i, s:s, s:s, s:I, s:{}}", "format", DEAD_RECORD_FORMAT, "v", DEAD_RECORD_VERSION, "queue",
                  queue, "id", id, "died_ms", (json_int_t)died_ms, "fields");
    for (size_t i = 0; record != NULL && i + 1 < hash->elements; i += 2) {
        const redisReply *value = hash->element[i + 1];
        if (is_bookkeeping(hash->element[i]->str))
            continue;
        if (dead_record_set(record, hash->element[i]->str, value->str, (size_t)value->len) < 0) {
            json_decref(record);
            record = NULL;
        }
    }
    return record;
}

int dead_record_field(const json_t *record, const char *name, char **ret_bytes, size_t *ret_len)
{
    const json_t *text = json_object_get(json_object_get(record, "fields"), name);
    const json_t *encoded = json_object_get(json_object_get(record, "fields_b64"), name);
    if (text == NULL && encoded == NULL)
        return -ENOENT;
    if (!json_is_string(text != NULL ? text : encoded))
        return ERR_BAD_PAYLOAD;
    if (text != NULL) {
        size_t len = json_string_length(text);
        char *bytes = malloc(len + 1);
        if (bytes == NULL)
            return ERR_OUT_OF_MEMORY;
        memcpy(bytes, json_string_value(text), len + 1);
        *ret_bytes = bytes;
        *ret_len = len;
        return 0;
    }
    int rc = base64_decode(json_string_value(encoded), json_string_length(encoded), ret_bytes, ret_len);
    return rc == -EINVAL ? ERR_BAD_PAYLOAD : rc < 0 ? ERR_OUT_OF_MEMORY : 0;
}

static int check_texts(json_t *object, const char *where, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (!json_is_string(value) || strlen(name) > NAME_MAX_BYTES)
            return err_set(e, ERR_BAD_PAYLOAD, "%s: \"%.64s\" is not a text under a name of at most %d bytes", where, name,
                           NAME_MAX_BYTES);
    }
    return 0;
}

int dead_record_check(const json_t *record, struct err *e)
{
    const char *format = json_string_value(json_object_get(record, "format"));
    const char *queue = json_string_value(json_object_get(record, "queue"));
    const char *id = json_string_value(json_object_get(record, "id"));
    const json_t *v = json_object_get(record, "v");
    json_t *fields = json_object_get(record, "fields");
    json_t *raw = json_object_get(record, "fields_b64");
    if (format == NULL || strcmp(format, DEAD_RECORD_FORMAT) != 0)
        return err_set(e, ERR_BAD_PAYLOAD, "\"format\" is not \"%s\"; is this a file of \"stint dlq drain\"?",
                       DEAD_RECORD_FORMAT);
    if (!json_is_integer(v) || json_integer_value(v) != DEAD_RECORD_VERSION)
        return err_set(e, ERR_BAD_PAYLOAD, "\"v\" is not %d, which this build reads; import it with the build that wrote it",
                       DEAD_RECORD_VERSION);
    if (queue == NULL || id == NULL || !json_is_integer(json_object_get(record, "died_ms")))
        return err_set(e, ERR_BAD_PAYLOAD, "\"queue\", \"id\" or \"died_ms\" is missing or of another type");
    if (!json_is_object(fields) || (raw != NULL && !json_is_object(raw)))
        return err_set(e, ERR_BAD_PAYLOAD, "\"fields\" and \"fields_b64\" must be objects");
    int rc = check_texts(fields, "\"fields\"", e);
    return rc < 0 || raw == NULL ? rc : check_texts(raw, "\"fields_b64\"", e);
}

const char *dead_record_text(const json_t *record, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(record, "fields"), name));
    return text != NULL ? text : "";
}

int64_t dead_record_last_index(int64_t errors)
{
    enum { HALF = 50 };
    return errors <= HALF ? errors : HALF + 1 + (errors - HALF - 1) % HALF;
}

json_t *dead_record_last_error(const json_t *record)
{
    char name[32];
    int64_t errors = strtoll(dead_record_text(record, "errs"), NULL, 10);
    (void)snprintf(name, sizeof name, "err:%lld", (long long)dead_record_last_index(errors));
    return json_loads(dead_record_text(record, name), 0, NULL);
}
