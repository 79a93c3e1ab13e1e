/*
 * pdf_request - see pdf_request.h. Unknown members are refused: a misspelt option silently ignored is a wrong calendar.
 */
#include "pdf_request.h"

#include "sha256.h"
#include <ctype.h>
#include <stdio.h>

enum { PDF_PASSWORD_MAX = 127, PDF_EXAM_MINUTES_MAX = 1440 };

static int request_known(const json_t *object, const char *where, const char *const names[], size_t n, struct err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        bool known = false;
        char list[400] = "";
        for (size_t i = 0; i < n; i++) {
            known = known || strcmp(key, names[i]) == 0;
            (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "", names[i]);
        }
        if (!known)
            return err_set(e, ERR_BAD_PAYLOAD, "%s%.64s is not known; allowed are: %s", where, key, list);
    }
    return 0;
}

static int request_text(const json_t *object, const char *name, const char *fallback, size_t max, const char **ret, struct err *e)
{
    const json_t *value = json_object_get(object, name);
    *ret = fallback;
    if (value == NULL)
        return 0;
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > max ||
        strlen(json_string_value(value)) != json_string_length(value))
        return err_set(e, ERR_BAD_PAYLOAD, "%s must be a text of 1 to %zu bytes", name, max);
    *ret = json_string_value(value);
    return 0;
}

static int request_choice(const json_t *object, const char *name, const char *const allowed[], size_t n, const char **ret, struct err *e)
{
    const char *text = NULL;
    char list[200] = "";
    int rc = request_text(object, name, allowed[0], 64, &text, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (strcmp(text, allowed[i]) == 0) {
            *ret = text;
            return 0;
        }
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "", allowed[i]);
    }
    return rc < 0 ? rc : err_set(e, ERR_BAD_PAYLOAD, "%s is \"%.40s\"; allowed are: %s", name, text, list);
}

static int request_int(const json_t *object, const char *where, const char *name, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return err_set(e, ERR_BAD_PAYLOAD, "%s%s must be a whole number from %lld to %lld", where, name, (long long)min, (long long)max);
    *ret = json_integer_value(value);
    return 0;
}

bool pdf_request_is_date(const char *text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return false;
    for (size_t i = 0; i < 10; i++)
        if (i != 4 && i != 7 && !isdigit((unsigned char)text[i]))
            return false;
    int year = atoi(text), month = atoi(text + 5), day = atoi(text + 8);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1900 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static int request_source(struct pdf_request *r, struct err *e)
{
    static const char *const types[] = {"path", "url", "s3", "redis", "inline_b64"};
    static const char *const known[] = {"path", "url", "s3", "redis", "inline_b64", "sha256", "size"};
    const json_t *source = json_object_get(r->json, "source");
    if (!json_is_object(source))
        return err_set(e, ERR_BAD_PAYLOAD, "source must be an object with one of: path, url, s3, redis, inline_b64");
    int rc = request_known(source, "source.", known, ARRAY_LEN(known), e);
    size_t given = 0;
    for (size_t i = 0; i < ARRAY_LEN(types) && rc == 0; i++) {
        if (json_object_get(source, types[i]) == NULL)
            continue;
        given++;
        r->source_type = (enum pdf_source_type)i;
        if (r->source_type == PDF_SOURCE_S3 && json_is_object(json_object_get(source, "s3")))
            r->source = "s3";
        else
            rc = request_text(source, types[i], NULL, r->source_type == PDF_SOURCE_INLINE ? SIZE_MAX / 2 : 4096, &r->source, e);
    }
    if (rc == 0 && given != 1)
        rc = err_set(e, ERR_BAD_PAYLOAD, "source holds %zu of path, url, s3, redis, inline_b64; exactly one is needed", given);
    r->size = -1;
    if (rc == 0)
        rc = request_int(source, "source.", "size", 0, INT64_C(1) << 40, &r->size, e);
    if (rc == 0)
        rc = request_text(source, "sha256", NULL, 64, &r->sha256, e);
    if (rc == 0 && r->sha256 != NULL && strspn(r->sha256, "0123456789abcdefABCDEF") != 64)
        rc = err_set(e, ERR_BAD_PAYLOAD, "source.sha256 must be 64 hex digits");
    return rc;
}

static int request_terms(struct pdf_request *r, struct err *e)
{
    static const char *const known[] = {"start", "end"};
    json_t *terms = json_object_get(r->json, "terms"), *term;
    const char *name;
    if (terms == NULL)
        return 0;
    if (!json_is_object(terms) || json_object_size(terms) > PDF_TERMS_MAX)
        return err_set(e, ERR_BAD_PAYLOAD, "terms must be an object of at most %d terms: {\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"}}",
                       PDF_TERMS_MAX);
    json_object_foreach(terms, name, term) {
        const char *start = json_string_value(json_object_get(term, "start")), *end = json_string_value(json_object_get(term, "end"));
        int rc = json_is_object(term) ? request_known(term, "terms.*.", known, ARRAY_LEN(known), e) : 0;
        if (rc < 0)
            return rc;
        if (start == NULL || end == NULL || !pdf_request_is_date(start) || !pdf_request_is_date(end) || strcmp(start, end) > 0 ||
            strlen(name) >= PDF_NAME_MAX)
            return err_set(e, ERR_BAD_PAYLOAD, "terms.%.64s needs start and end as YYYY-MM-DD, start not after end", name);
        struct pdf_term *t = &r->terms[r->n_terms++];
        (void)snprintf(t->name, sizeof t->name, "%s", name);
        (void)snprintf(t->start, sizeof t->start, "%s", start);
        (void)snprintf(t->end, sizeof t->end, "%s", end);
    }
    return 0;
}

static int request_list(const json_t *object, const char *name, bool dates, const char *ret[], size_t max, size_t *ret_n, struct err *e)
{
    const json_t *list = json_object_get(object, name);
    if (list == NULL)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > max)
        return err_set(e, ERR_BAD_PAYLOAD, "%s must be an array of at most %zu texts", name, max);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || text[0] == '\0' || strlen(text) >= PDF_NAME_MAX || (dates && !pdf_request_is_date(text)))
            return err_set(e, ERR_BAD_PAYLOAD, "%s[%zu] must be %s", name, i, dates ? "a date as YYYY-MM-DD" : "a text of 1 to 64 bytes");
        ret[(*ret_n)++] = text;
    }
    return 0;
}

static int request_limits(struct pdf_request *r, const struct conf_pdf *conf, struct err *e)
{
    static const char *const known[] = {"max_bytes", "max_pages", "timeout_ms", "cpu_ms", "memory_bytes"};
    const json_t *limits = json_object_get(r->json, "limits");
    r->max_bytes = conf->max_bytes;
    r->max_pages = conf->max_pages;
    r->timeout_ms = conf->timeout;
    r->cpu_ms = conf->cpu;
    r->memory_bytes = conf->memory;
    if (limits == NULL)
        return 0;
    if (!json_is_object(limits))
        return err_set(e, ERR_BAD_PAYLOAD, "limits must be an object");
    int rc = request_known(limits, "limits.", known, ARRAY_LEN(known), e);
    /* Downwards only: what the configuration allows is the most a payload can ask for. */
    if (rc == 0)
        rc = request_int(limits, "limits.", "max_bytes", 1, conf->max_bytes, &r->max_bytes, e);
    if (rc == 0)
        rc = request_int(limits, "limits.", "max_pages", 1, conf->max_pages, &r->max_pages, e);
    if (rc == 0)
        rc = request_int(limits, "limits.", "timeout_ms", 1, conf->timeout, &r->timeout_ms, e);
    if (rc == 0)
        rc = request_int(limits, "limits.", "cpu_ms", 1000, conf->cpu, &r->cpu_ms, e);
    if (rc == 0)
        rc = request_int(limits, "limits.", "memory_bytes", 1 << 20, conf->memory, &r->memory_bytes, e);
    return rc;
}

static int request_members(struct pdf_request *r, const struct conf_pdf *conf, struct err *e)
{
    static const char *const known[] = {"v",            "source",       "expect",         "timezone", "terms",  "holidays", "exam_minutes",
                                        "venue_policy", "include_groups", "emit", "password", "limits", "owner"};
    static const char *const expects[] = {"auto", "lecture", "test", "exam", "table", "text"};
    static const char *const policies[] = {"merge", "split"};
    static const char *const emits[] = {"events", "ics", "both"};
    const json_t *v = json_object_get(r->json, "v");
    const char *policy = NULL, *emit = NULL;
    int rc = request_known(r->json, "", known, ARRAY_LEN(known), e);
    if (rc == 0 && (!json_is_integer(v) || json_integer_value(v) != 1))
        rc = err_set(e, ERR_BAD_PAYLOAD, "v must be 1, the version of this payload");
    if (rc == 0)
        rc = request_source(r, e);
    if (rc == 0)
        rc = request_choice(r->json, "expect", expects, ARRAY_LEN(expects), &r->expect, e);
    if (rc == 0)
        rc = request_choice(r->json, "venue_policy", policies, ARRAY_LEN(policies), &policy, e);
    if (rc == 0)
        rc = request_choice(r->json, "emit", emits, ARRAY_LEN(emits), &emit, e);
    if (rc == 0)
        rc = request_text(r->json, "timezone", conf->timezone, 63, &r->timezone, e);
    if (rc == 0)
        rc = request_text(r->json, "password", "", PDF_PASSWORD_MAX, &r->password, e);
    if (rc == 0)
        rc = request_text(r->json, "owner", "", 128, &r->owner, e);
    r->exam_minutes = 180;
    if (rc == 0)
        rc = request_int(r->json, "", "exam_minutes", 1, PDF_EXAM_MINUTES_MAX, &r->exam_minutes, e);
    if (rc == 0)
        rc = request_terms(r, e);
    if (rc == 0)
        rc = request_list(r->json, "holidays", true, r->holidays, PDF_HOLIDAYS_MAX, &r->n_holidays, e);
    if (rc == 0)
        rc = request_list(r->json, "include_groups", false, r->groups, PDF_GROUPS_MAX, &r->n_groups, e);
    if (rc == 0)
        rc = request_limits(r, conf, e);
    if (rc == 0) {
        r->split_venues = strcmp(policy, "split") == 0;
        r->events = strcmp(emit, "ics") != 0;
        r->ics = strcmp(emit, "events") != 0;
    }
    return rc;
}

int pdf_request_read(struct pdf_request *r, const char *payload, size_t len, const struct conf_pdf *conf, struct err *e)
{
    json_error_t why;
    *r = (struct pdf_request){.json = json_loadb(payload, len, JSON_REJECT_DUPLICATES, &why)};
    if (r->json == NULL)
        return err_set(e, ERR_BAD_PAYLOAD, "the payload is no JSON: %s at byte %d", why.text, why.position);
    if (!json_is_object(r->json))
        return err_set(e, ERR_BAD_PAYLOAD, "the payload must be a JSON object");
    return request_members(r, conf, e);
}

void pdf_request_free(struct pdf_request *r)
{
    json_decref(r->json);
    *r = (struct pdf_request){0};
}

void pdf_request_options_hash(const struct pdf_request *r, char out[static 65])
{
    /* A new layout or event form raises the version, so that what an older build parsed is parsed again. */
    json_t *options = json_pack("{s:i,s:s,s:s,s:b,s:b,s:b,s:I}", "version", 1, "expect", r->expect, "timezone", r->timezone, "events",
                                r->events, "ics", r->ics, "split", r->split_venues, "exam", (json_int_t)r->exam_minutes);
    static const char *const shared[] = {"terms", "holidays", "include_groups"};
    for (size_t i = 0; options != NULL && i < ARRAY_LEN(shared); i++)
        if (json_object_get(r->json, shared[i]) != NULL)
            (void)json_object_set(options, shared[i], json_object_get(r->json, shared[i]));
    AUTO_FREE char *text = options != NULL ? json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    struct sha256 s;
    sha256_init(&s);
    if (text != NULL)
        sha256_add(&s, text, strlen(text));
    sha256_hex(&s, out);
    json_decref(options);
}
