/*
 * pdf_request - see pdf_request.h. Unknown members are refused: a misspelt option silently ignored is a wrong calendar.
 */
#include "pdf_request.h"

#include "ics_day.h"
#include "sha256.h"
#include <ctype.h>
#include <stdio.h>

enum { REQUEST_INLINE_LONG = 4096, PDF_S3_KEY_MAX = 1024, PDF_PASSWORD_MAX = 127, PDF_EXAM_MINUTES_MAX = 1440, PDF_ALARM_MINUTES_MAX = 7 * 1440 };

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
    return year >= 1900 && year <= 2999 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* A name that needs no escape, in a path as in a host. */
static int request_bucket(struct pdf_request *r, const char *name, size_t len, struct err *e)
{
    size_t plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    if (len == 0 || len >= sizeof r->s3_bucket || plain < len || name[0] == '.')
        return err_set(e, ERR_BAD_PAYLOAD, "source.s3: the bucket must be a name of 1 to %d of A-Z a-z 0-9 . _ -", PDF_BUCKET_MAX - 1);
    memcpy(r->s3_bucket, name, len);
    return 0;
}

/* {"bucket","key","version"?} or "s3://bucket/key". */
static int request_s3(struct pdf_request *r, const json_t *source, struct err *e)
{
    static const char *const known[] = {"bucket", "key", "version"};
    const json_t *s3 = json_object_get(source, "s3");
    const char *bucket = NULL;
    if (json_is_object(s3)) {
        int rc = request_known(s3, "source.s3.", known, ARRAY_LEN(known), e);
        if (rc == 0)
            rc = request_text(s3, "bucket", "", PDF_BUCKET_MAX - 1, &bucket, e);
        if (rc == 0)
            rc = request_text(s3, "key", "", PDF_S3_KEY_MAX, &r->source, e);
        if (rc == 0)
            rc = request_text(s3, "version", NULL, PDF_S3_KEY_MAX, &r->s3_version, e);
        if (rc == 0 && r->source[0] == '\0')
            rc = err_set(e, ERR_BAD_PAYLOAD, "source.s3 must be {\"bucket\":…,\"key\":…} or \"s3://bucket/key\"");
        return rc < 0 ? rc : request_bucket(r, bucket, strlen(bucket), e);
    }
    int rc = request_text(source, "s3", NULL, PDF_S3_KEY_MAX + PDF_BUCKET_MAX + 8, &bucket, e);
    const char *slash = rc == 0 && strncmp(bucket, "s3://", 5) == 0 ? strchr(bucket + 5, '/') : NULL;
    if (rc == 0 && (slash == NULL || slash[1] == '\0'))
        rc = err_set(e, ERR_BAD_PAYLOAD, "source.s3 must be {\"bucket\":…,\"key\":…} or \"s3://bucket/key\"");
    if (rc < 0)
        return rc;
    r->source = slash + 1;
    return request_bucket(r, bucket + 5, (size_t)(slash - bucket) - 5, e);
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
        if (r->source_type == PDF_SOURCE_S3)
            rc = request_s3(r, source, e);
        else if (r->source_type == PDF_SOURCE_INLINE && r->source != NULL && json_is_string(json_object_get(source, types[i])) &&
                 json_string_length(json_object_get(source, types[i])) == 0)
            continue; /* left where it lies */
        else
            rc = request_text(source, types[i], NULL, r->source_type == PDF_SOURCE_INLINE ? SIZE_MAX / 2 : 4096, &r->source, e);
    }
    if (rc == 0 && given == 1 && r->source_len == 0)
        r->source_len = strlen(r->source);
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

static bool request_term_date(const json_t *term, const char *name, char out[static 11])
{
    const char *text = json_string_value(json_object_get(term, name));
    if (text == NULL || !pdf_request_is_date(text))
        return false;
    memcpy(out, text, 11);
    return true;
}

static int request_term(struct pdf_term *t, const char *name, const json_t *term, struct err *e)
{
    static const char *const known[] = {"start", "end", "week1"};
    int rc = json_is_object(term) ? request_known(term, "terms.*.", known, ARRAY_LEN(known), e) : 0;
    if (rc < 0)
        return rc;
    if (strlen(name) >= PDF_NAME_MAX || !request_term_date(term, "start", t->start) || !request_term_date(term, "end", t->end) ||
        strcmp(t->start, t->end) > 0 || ics_day_read(t->end) - ics_day_read(t->start) > PDF_TERM_DAYS_MAX)
        return err_set(e, ERR_BAD_PAYLOAD, "terms.%.64s needs start and end as YYYY-MM-DD, end at most %d days after start", name,
                       PDF_TERM_DAYS_MAX);
    if (json_object_get(term, "week1") != NULL && !request_term_date(term, "week1", t->week1))
        return err_set(e, ERR_BAD_PAYLOAD, "terms.%.64s.week1 must be a day of the first week as YYYY-MM-DD", name);
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    return 0;
}

static int request_terms(struct pdf_request *r, struct err *e)
{
    json_t *terms = json_object_get(r->json, "terms"), *term;
    const char *name;
    if (terms == NULL)
        return 0;
    if (!json_is_object(terms) || json_object_size(terms) > PDF_TERMS_MAX)
        return err_set(e, ERR_BAD_PAYLOAD, "terms must be an object of at most %d terms: {\"S1\":{\"start\":\"2026-02-09\",\"end\":\"2026-06-05\"}}",
                       PDF_TERMS_MAX);
    json_object_foreach(terms, name, term) {
        int rc = request_term(&r->terms[r->n_terms], name, term, e);
        if (rc < 0)
            return rc;
        r->n_terms++;
    }
    return 0;
}

static int request_calendar(struct pdf_request *r, struct err *e)
{
    static const char *const known[] = {"name", "alarm_minutes"};
    const json_t *calendar = json_object_get(r->json, "calendar");
    r->calendar_name = "";
    r->alarm_minutes = -1;
    if (calendar == NULL)
        return 0;
    if (!json_is_object(calendar))
        return err_set(e, ERR_BAD_PAYLOAD, "calendar must be an object");
    int rc = request_known(calendar, "calendar.", known, ARRAY_LEN(known), e);
    if (rc == 0)
        rc = request_text(calendar, "name", "", 128, &r->calendar_name, e);
    if (rc == 0)
        rc = request_int(calendar, "calendar.", "alarm_minutes", 0, PDF_ALARM_MINUTES_MAX, &r->alarm_minutes, e);
    return rc;
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
    static const char *const known[] = {"max_bytes", "max_pages", "timeout_ms", "cpu_ms", "memory_bytes", "max_unpacked"};
    const json_t *limits = json_object_get(r->json, "limits");
    r->max_bytes = conf->max_bytes;
    r->max_pages = conf->max_pages;
    r->timeout_ms = conf->timeout;
    r->cpu_ms = conf->cpu;
    r->memory_bytes = conf->memory;
    r->max_unpacked = conf->max_unpacked;
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
    if (rc == 0)
        rc = request_int(limits, "limits.", "max_unpacked", 1, conf->max_unpacked, &r->max_unpacked, e);
    return rc;
}

/* Only the form: which layouts there are the parser knows, and says. */
static int request_expect(struct pdf_request *r, struct err *e)
{
    int rc = request_text(r->json, "expect", "auto", PDF_LAYOUT_MAX, &r->expect, e);
    if (rc == 0 && !pdf_request_is_layout(r->expect))
        rc = err_set(e, ERR_BAD_PAYLOAD, "expect is \"%.40s\"; allowed are: auto, table, text, or the name of a layout (stint pdf layout list): "
                                         "a small letter, then small letters, figures, _ and -", r->expect);
    return rc;
}

static int request_members(struct pdf_request *r, const struct conf_pdf *conf, struct err *e)
{
    static const char *const known[] = {"v",            "source",       "expect",         "timezone", "terms",  "holidays", "exam_minutes",
                                        "venue_policy", "include_groups", "emit", "password", "limits", "owner", "calendar"};
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
        rc = request_expect(r, e);
    if (rc == 0)
        rc = request_choice(r->json, "venue_policy", policies, ARRAY_LEN(policies), &policy, e);
    if (rc == 0)
        rc = request_choice(r->json, "emit", emits, ARRAY_LEN(emits), &emit, e);
    if (rc == 0)
        rc = request_text(r->json, "timezone", conf->timezone, 63, &r->timezone, e);
    if (rc == 0)
        rc = request_text(r->json, "password", "", PDF_PASSWORD_MAX, &r->password, e);
    if (rc == 0)
        rc = request_text(r->json, "owner", "", PDF_OWNER_MAX, &r->owner, e);
    r->exam_minutes = 180;
    if (rc == 0)
        rc = request_int(r->json, "", "exam_minutes", 1, PDF_EXAM_MINUTES_MAX, &r->exam_minutes, e);
    if (rc == 0)
        rc = request_terms(r, e);
    if (rc == 0)
        rc = request_calendar(r, e);
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

bool pdf_request_is_layout(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return text[0] >= 'a' && text[0] <= 'z' && text[n] == '\0' && n <= PDF_LAYOUT_MAX;
}

/* The value of "inline_b64" inside the payload's text, where it is long and plain: it is read where it lies, for a copy in the tree would be the
 * whole document once more. NULL: none, or one that only the JSON reader understands. */
static const char *request_inline(const char *payload, size_t len, size_t *ret_len)
{
    static const char name[] = "\"inline_b64\"";
    const char *end = payload + len, *at = memmem(payload, len, name, sizeof name - 1);
    if (at == NULL)
        return NULL;
    at += sizeof name - 1;
    while (at < end && strchr(" \t\r\n:", *at) != NULL && *at != '\0')
        at++;
    const char *close = at < end && *at == '"' ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
    if (close == NULL || close - at <= REQUEST_INLINE_LONG)
        return NULL;
    for (const char *c = ++at; c < close; c++)
        if (*c == '\\' || (unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            return NULL;
    *ret_len = (size_t)(close - at);
    return at;
}

/* The payload as a tree, a long inline document left out of it: an empty text stands there, which is otherwise refused. The reader has the last word
 * on what the name meant: anywhere but in source it is not known, and twice it is refused. */
static json_t *request_parse(struct pdf_request *r, const char *payload, size_t len, json_error_t *why)
{
    const char *text = request_inline(payload, len, &r->source_len);
    if (text == NULL)
        return json_loadb(payload, len, JSON_REJECT_DUPLICATES, why);
    size_t before = (size_t)(text - payload), after = len - before - r->source_len;
    char *rest = malloc(before + after);
    if (rest == NULL)
        return NULL;
    memcpy(rest, payload, before);
    memcpy(rest + before, text + r->source_len, after);
    r->source = text;
    json_t *tree = json_loadb(rest, before + after, JSON_REJECT_DUPLICATES, why);
    explicit_bzero(rest, before + after); /* it may hold a password */
    free(rest);
    return tree;
}

int pdf_request_read(struct pdf_request *r, const char *payload, size_t len, const struct conf_pdf *conf, struct err *e)
{
    json_error_t why = {.text = "no memory"};
    *r = (struct pdf_request){0};
    r->json = request_parse(r, payload, len, &why);
    if (r->json == NULL)
        return err_set(e, ERR_BAD_PAYLOAD, "the payload is no JSON: %s at byte %d", why.text, why.position);
    if (!json_is_object(r->json))
        return err_set(e, ERR_BAD_PAYLOAD, "the payload must be a JSON object");
    return request_members(r, conf, e);
}

const char *pdf_request_layout_zone(const struct pdf_request *r, const json_t *reply)
{
    const json_t *zone = json_object_get(reply, "timezone");
    size_t len = json_string_length(zone);
    bool named = json_object_get(r->json, "timezone") != NULL;
    return named || len == 0 || len > PDF_ZONE_MAX || strlen(json_string_value(zone)) != len ? NULL : json_string_value(zone);
}

void pdf_request_free(struct pdf_request *r)
{
    json_decref(r->json);
    *r = (struct pdf_request){0};
}

void pdf_request_options_hash(const struct pdf_request *r, const char *parser, const char *layouts, char out[static 65])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, parser, strlen(parser) + 1);
    sha256_add(&s, layouts, strlen(layouts) + 1);
    sha256_add(&s, r->expect, strlen(r->expect) + 1);
    sha256_hex(&s, out);
}
