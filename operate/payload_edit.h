/*
 * payload_edit - a payload patched (JSON merge patch, RFC 7396), its text, and what of it may be shown.
 *
 * Runs in: ctl, console. Pure. Texts and values returned are the caller's.
 */
#pragma once

#include "base.h"
#include "err.h"
#include <jansson.h>

/* RFC 7396: the target patched. New reference; NULL without memory. */
json_t *payload_edit_merge(const json_t *target, const json_t *patch);
/* The value as compact JSON text, its numbers as short as they can be without becoming others. NULL without memory. */
char *payload_edit_text(const json_t *value);
/* The payload's bytes patched: *ret_text. ERR_BAD_ARGUMENT when they are not JSON; e says where. `id` is for the
 * message. */
int payload_edit_apply(const char *id, const char *bytes, size_t len, const json_t *patch, char **ret_text,
                       struct err *e);
/* A copy of a payload whose members that are secrets by name (password, secret, token, authorization) read "(hidden)"
 * and whose long texts are cut. Caller decrefs; NULL for NULL. */
json_t *payload_edit_presentable(const json_t *payload, size_t text_max);
