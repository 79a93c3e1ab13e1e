/*
 * dead_record - one dead letter whole, as JSON: what `stint dlq drain` writes, `import` reads and the archive keeps.
 *
 * Runs in: ctl, relay. Pure. The format is docs/protocol.md, "A dead letter as a line".
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

enum { DEAD_RECORD_VERSION = 1 };
#define DEAD_RECORD_FORMAT "stint-dead-letter"

struct redisReply;

/* The record of a letter's hash (the reply of HGETALL): {"format","v","queue","id","died_ms","fields",("fields_b64")}. What
 * is no text (not UTF-8, or with a zero byte) is in fields_b64. The queue's own bookkeeping (`bytes`) is left out. New
 * reference; NULL without memory. */
json_t *dead_record_new(const char *queue, const char *id, int64_t died_ms, const struct redisReply *hash);
/* A value as it was: bytes of the field, in fields or fields_b64. *ret_bytes is the caller's (NUL-terminated). 0,
 * -ENOENT without such a field, ERR_BAD_PAYLOAD when it is no text or no base64, ERR_OUT_OF_MEMORY. */
int dead_record_field(const json_t *record, const char *name, char **ret_bytes, size_t *ret_len);
/* Sets a field of the record to these bytes. 0 or ERR_OUT_OF_MEMORY. */
int dead_record_set(json_t *record, const char *name, const char *bytes, size_t len);
/* Whether it is a record this build can read: format, version, queue, id, died_ms, fields of texts. ERR_BAD_PAYLOAD with e
 * naming what is wrong. */
int dead_record_check(const json_t *record, struct err *e);

/* Text of a field kept as one; "" otherwise. Borrowed. */
const char *dead_record_text(const json_t *record, const char *name);
/* The last error record kept, decoded. New reference; NULL when there is none. */
json_t *dead_record_last_error(const json_t *record);
/* Number of the last error record among err:1 … err:100, for `errors` ever recorded (docs/protocol.md, job hash). */
int64_t dead_record_last_index(int64_t errors);
