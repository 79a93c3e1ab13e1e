/*
 * pdf_reply - see pdf_reply.h. The parser asserts the same of itself, in a process that a document may have taken over; here it is asserted by
 * somebody whom no document can reach. Repairs nothing: a reply that is wrong in one place is believed in none.
 */
#include "pdf_reply.h"

#include <stdio.h>

enum { REPLY_TYPE_MAX = 32, REPLY_CODE_MAX = 64 };

static bool reply_name(const json_t *value, size_t max)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = json_string_length(value);
    return len > 0 && len <= max && strspn(json_string_value(value), letters) == len;
}

static bool reply_text(const json_t *value)
{
    return value == NULL || (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value));
}

json_t *pdf_reply_text(const json_t *value, bool *cut)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (len <= PDF_FIELD_MAX)
        return json_incref((json_t *)(uintptr_t)value);
    *cut = true;
    for (len = PDF_FIELD_MAX; ((unsigned char)text[len] & 0xc0) == 0x80; len--) /* between two characters */
        continue;
    return json_stringn(text, len);
}

/* True for a whole number from min to max; *ret is it. */
static bool reply_number(const json_t *object, const char *name, json_int_t min, json_int_t max, json_int_t *ret)
{
    const json_t *value = json_object_get(object, name);
    *ret = json_integer_value(value);
    return json_is_integer(value) && *ret >= min && *ret <= max;
}

static bool reply_warning(const json_t *w, json_int_t pages)
{
    json_int_t number;
    return json_is_object(w) && reply_name(json_object_get(w, "code"), REPLY_CODE_MAX) && json_object_get(w, "message") != NULL &&
           reply_text(json_object_get(w, "message")) && reply_text(json_object_get(w, "text")) &&
           (json_object_get(w, "page") == NULL || reply_number(w, "page", 1, pages, &number)) &&
           (json_object_get(w, "row") == NULL || (json_object_get(w, "page") != NULL && reply_number(w, "row", 1, INT32_MAX, &number)));
}

static int reply_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Rows that warnings name, each once; -1: no memory. */
static json_int_t reply_rows_warned(const json_t *warnings)
{
    size_t n = 0, distinct = 0;
    AUTO_FREE int64_t *rows = calloc(json_array_size(warnings) + 1, sizeof *rows);
    if (rows == NULL)
        return -1;
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const json_t *w = json_array_get(warnings, i), *row = json_object_get(w, "row");
        if (row != NULL)
            rows[n++] = (int64_t)json_integer_value(json_object_get(w, "page")) << 32 | (int64_t)json_integer_value(row);
    }
    qsort(rows, n, sizeof *rows, reply_order);
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || rows[i] != rows[i - 1];
    return (json_int_t)distinct;
}

int pdf_reply_check(const json_t *reply, const struct pdf_request *r, struct err *e)
{
    json_int_t pages, seen, parsed;
    const json_t *type = json_object_get(reply, "type"), *warnings = json_object_get(reply, "warnings");
    if (!reply_name(type, REPLY_TYPE_MAX))
        return err_set(e, ERR_BAD_REPLY, "the parser's reply names no type");
    if (!reply_number(reply, "pages", 1, r->max_pages, &pages) || !reply_number(reply, "rows_seen", 0, INT32_MAX, &seen) ||
        !reply_number(reply, "rows_parsed", 0, INT32_MAX, &parsed))
        return err_set(e, ERR_BAD_REPLY, "the parser's reply counts no pages, or more than %lld, or no rows", (long long)r->max_pages);
    if (!json_is_array(warnings) || json_array_size(warnings) > PDF_WARNINGS_MAX)
        return err_set(e, ERR_BAD_REPLY, "the parser's reply holds no list of warnings, or one of more than %d", PDF_WARNINGS_MAX);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        if (!reply_warning(json_array_get(warnings, i), pages))
            return err_set(e, ERR_BAD_REPLY, "the parser's reply is not of its form: warning %zu", i);
    json_int_t warned = reply_rows_warned(warnings);
    if (warned < 0)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory to count the warnings");
    if (seen != parsed + warned)
        return err_set(e, ERR_BAD_REPLY, "the parser's reply loses rows: %lld seen, but %lld parsed and %lld named in warnings",
                       (long long)seen, (long long)parsed, (long long)warned);
    bool table = strcmp(json_string_value(type), "table") == 0;
    if (table && (json_int_t)json_array_size(json_object_get(reply, "rows")) != parsed)
        return err_set(e, ERR_BAD_REPLY, "the parser's reply holds %zu rows and says that it parsed %lld",
                       json_array_size(json_object_get(reply, "rows")), (long long)parsed);
    return 0;
}

json_t *pdf_reply_warnings(const json_t *reply)
{
    static const char *const known[] = {"code", "message", "page", "row", "text"};
    bool cut;
    const json_t *from = json_object_get(reply, "warnings");
    json_t *warnings = json_array();
    for (size_t i = 0; i < json_array_size(from); i++) {
        json_t *w = json_object();
        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            const json_t *value = json_object_get(json_array_get(from, i), known[k]);
            if (value != NULL)
                (void)json_object_set_new(w, known[k], pdf_reply_text(value, &cut));
        }
        if (json_array_append_new(warnings, w) < 0) {
            json_decref(warnings);
            return NULL;
        }
    }
    return warnings;
}
