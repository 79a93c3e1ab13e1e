/*
 * pdf_payload - see pdf_payload.h. Forms are read here, values are judged by pdf_request, as a worker would.
 */
#include "pdf_payload.h"

#include "base64.h"
#include "payload_in.h"
#include "pdf_inputs.h"
#include "pdf_password.h"

#include <ctype.h>

enum { PAYLOAD_MAX_BYTES = 16 * 1024 * 1024, HOLIDAYS_MAX_BYTES = 65536 };

static void set_text(const struct args *a, json_t *payload, const char *option, const char *member)
{
    if (args_has(a, option))
        (void)json_object_set_new(payload, member, json_string(args_text(a, option, "")));
}

/* Words between any of the separators. */
static json_t *words_of(const char *text, const char *separators)
{
    json_t *list = json_array();
    for (const char *p = text + strspn(text, separators); *p != '\0'; p += strspn(p, separators)) {
        size_t n = strcspn(p, separators);
        (void)json_array_append_new(list, json_stringn(p, n));
        p += n;
    }
    return list;
}

static int set_password(const char *from, json_t *payload, struct err *e)
{
    char password[PDF_PASSWORD_BYTES];
    int rc = pdf_password_read(from, password, e);
    if (rc == 0 && *password != '\0')
        (void)json_object_set_new(payload, "password", json_string(password));
    explicit_bzero(password, sizeof password);
    return rc;
}

static int set_terms(const char *argument, json_t *payload, struct err *e)
{
    AUTO_FREE char *text = NULL;
    size_t len;
    json_t *terms = NULL;
    int rc = payload_in_read("--terms", argument, &text, &len, &terms, e);
    if (rc == 0)
        (void)json_object_set_new(payload, "terms", terms);
    return rc;
}

/* S1=2026-02-09..2026-06-05 */
static int set_term(const char *term, json_t *terms, struct err *e)
{
    const char *is = strchr(term, '='), *to = is != NULL ? strstr(is, "..") : NULL;
    if (is == NULL || is == term || to == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "--term: \"%.80s\" is not allowed; allowed: NAME=FIRST..LAST, e.g. S1=2026-02-09..2026-06-05", term);
    AUTO_FREE char *name = strndup(term, (size_t)(is - term));
    json_t *value = json_pack("{s:o, s:s}", "start", json_stringn(is + 1, (size_t)(to - is - 1)), "end", to + 2);
    if (name == NULL || json_object_set_new(terms, name, value) < 0)
        return err_set(e, ERR_BAD_ARGUMENT, "--term: \"%.80s\" is not UTF-8", term);
    return 0;
}

static int set_term_list(const char *list, json_t *payload, struct err *e)
{
    json_t *terms = json_object_get(payload, "terms"), *words = words_of(list, ",");
    int rc = 0;
    if (!json_is_object(terms)) {
        terms = json_object();
        (void)json_object_set_new(payload, "terms", terms);
    }
    for (size_t i = 0; i < json_array_size(words) && rc == 0; i++)
        rc = set_term(json_string_value(json_array_get(words, i)), terms, e);
    json_decref(words);
    return rc;
}

/* Dates, or a file with one at the head of each line; other lines are remarks. */
static int set_holidays(const char *argument, json_t *payload, struct err *e)
{
    if (isdigit((unsigned char)*argument) && access(argument, F_OK) < 0) {
        (void)json_object_set_new(payload, "holidays", words_of(argument, ", "));
        return 0;
    }
    AUTO_FREE char *text = NULL;
    size_t len;
    int rc = payload_in_file(argument, HOLIDAYS_MAX_BYTES, &text, &len, e);
    if (rc < 0)
        return rc;
    json_t *dates = json_array(), *lines = words_of(text, "\r\n");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i));
        line += strspn(line, " \t");
        if (isdigit((unsigned char)*line))
            (void)json_array_append_new(dates, json_stringn(line, strcspn(line, " \t,;")));
    }
    json_decref(lines);
    (void)json_object_set_new(payload, "holidays", dates);
    return json_array_size(dates) > 0 ? 0 : err_set(e, ERR_BAD_ARGUMENT, "--holidays: %s holds no date; a line begins with one: 2026-04-27", argument);
}

static void set_calendar(const struct args *a, json_t *payload)
{
    json_t *calendar = json_object();
    if (args_has(a, "calendar-name"))
        (void)json_object_set_new(calendar, "name", json_string(args_text(a, "calendar-name", "")));
    if (args_has(a, "alarm-minutes"))
        (void)json_object_set_new(calendar, "alarm_minutes", json_integer(args_int(a, "alarm-minutes", 0)));
    if (json_object_size(calendar) > 0)
        (void)json_object_set(payload, "calendar", calendar);
    json_decref(calendar);
}

static int set_options(const struct args *a, json_t *payload, struct err *e)
{
    int rc = 0;
    set_text(a, payload, "expect", "expect");
    set_text(a, payload, "timezone", "timezone");
    set_text(a, payload, "venue-policy", "venue_policy");
    set_calendar(a, payload);
    if (args_has(a, "text"))
        (void)json_object_set_new(payload, "expect", json_string("text"));
    if (args_has(a, "group"))
        (void)json_object_set_new(payload, "include_groups", words_of(args_text(a, "group", ""), ","));
    if (args_has(a, "exam-minutes"))
        (void)json_object_set_new(payload, "exam_minutes", json_integer(args_int(a, "exam-minutes", 180)));
    if (args_has(a, "holidays"))
        rc = set_holidays(args_text(a, "holidays", ""), payload, e);
    if (rc == 0 && args_has(a, "terms"))
        rc = set_terms(args_text(a, "terms", ""), payload, e);
    if (rc == 0 && args_has(a, "term"))
        rc = set_term_list(args_text(a, "term", ""), payload, e);
    if (rc == 0 && args_has(a, "password-file"))
        rc = set_password(args_text(a, "password-file", ""), payload, e);
    return rc;
}

int pdf_payload_options(const struct args *a, bool ics, json_t **ret_payload, struct err *e)
{
    json_t *payload = json_pack("{s:i, s:{s:s}, s:s}", "v", 1, "source", "path", "-", "emit", ics ? "both" : "events");
    if (payload == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
    int rc = set_options(a, payload, e);
    if (rc < 0)
        json_decref(payload);
    else
        *ret_payload = payload;
    return rc;
}

static json_t *source_inline(const char *bytes, size_t len)
{
    AUTO_FREE char *encoded = base64_encode(bytes, len);
    return encoded == NULL ? NULL : json_pack("{s:s, s:I}", "inline_b64", encoded, "size", (json_int_t)len);
}

int pdf_payload_make(const json_t *options, const char *name, size_t max_bytes, json_t **ret_payload, struct err *e)
{
    AUTO_FREE char *bytes = NULL;
    size_t len = 0, most = MIN_OF(max_bytes, (size_t)PAYLOAD_MAX_BYTES * 3 / 4 - 65536);
    bool url = pdf_inputs_is_url(name);
    int rc = url ? 0 : pdf_inputs_read(name, most, &bytes, &len, e);
    if (rc < 0)
        return rc;
    json_t *payload = json_copy((json_t *)(uintptr_t)options), *source = url ? json_pack("{s:s}", "url", name) : source_inline(bytes, len);
    if (payload == NULL || source == NULL || json_object_set_new(payload, "source", source) < 0) {
        json_decref(payload);
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %s", name);
    }
    *ret_payload = payload;
    return 0;
}
