/*
 * pdf_result - see pdf_result.h. The cell that wrote the reply may have been taken over: types, lengths and counts are checked here, and
 * identity (uid) and everything that comes from the payload is added here.
 */
#include "pdf_result.h"

#include "alloc.h"
#include "buf.h"
#include "pdf_reply.h"
#include "sha256.h"
#include <stdio.h>

static const char *const TEXTS[] = {"kind",  "module", "semester", "group",         "lang",       "activity", "test",     "paper", "day", "date",
                                    "start", "end",    "campus",   "module_campus", "study_prog", "status",   "comments"};
/* Members that only some layouts have: left out where they are not said. */
static const char *const MORE[] = {"module_name", "lecturer", "week1"};

static const char *result_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static bool result_text_valid(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static bool result_venues(const json_t *from, json_t *event, bool *cut)
{
    const json_t *venues = json_object_get(from, "venues");
    json_t *copy = json_array();
    bool valid = venues == NULL || json_is_array(venues);
    *cut = *cut || json_array_size(venues) > PDF_VENUES_MAX;
    for (size_t i = 0; i < MIN_OF(json_array_size(venues), (size_t)PDF_VENUES_MAX) && valid; i++) {
        valid = result_text_valid(json_array_get(venues, i));
        (void)json_array_append_new(copy, pdf_reply_text(json_array_get(venues, i), cut));
    }
    return json_object_set_new(event, "venues", copy) == 0 && valid;
}

/* Numbers of the weeks an event takes place in; none: all. */
static bool result_weeks(const json_t *from, json_t *event)
{
    json_t *weeks = json_object_get(from, "weeks");
    if (weeks == NULL)
        return true;
    bool valid = json_is_array(weeks) && json_array_size(weeks) > 0 && json_array_size(weeks) <= PDF_WEEKS_MAX;
    for (size_t i = 0; i < json_array_size(weeks); i++) {
        const json_t *week = json_array_get(weeks, i);
        valid = valid && json_is_integer(week) && json_integer_value(week) >= 0 && json_integer_value(week) <= PDF_WEEKS_MAX;
    }
    return valid && json_object_set(event, "weeks", weeks) == 0;
}

static bool result_is_time(const char *t)
{
    return strlen(t) == 5 && t[2] == ':' && strspn(t, "0123456789:") == 5 && atoi(t) < 24 && atoi(t + 3) < 60;
}

static void result_warn_cut(const json_t *event, json_t *warnings)
{
    (void)json_array_append_new(warnings, json_pack("{s:s,s:s,s:O}", "code", "text_cut", "message",
                                                    "a text of this event, or its list of venues, is longer than an event holds and was cut",
                                                    "src", json_object_get(event, "src")));
}

/* A copy of one event with known members only; NULL when one has a form it cannot have. What is too long is cut, with a warning. */
static json_t *result_event(const json_t *from, json_t *warnings)
{
    json_t *event = json_object();
    bool valid = json_is_object(from), cut = false;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS) && valid; i++) {
        json_t *value = json_object_get(from, TEXTS[i]);
        valid = value == NULL || result_text_valid(value);
        (void)json_object_set_new(event, TEXTS[i], value != NULL ? pdf_reply_text(value, &cut) : json_null());
    }
    for (size_t i = 0; i < ARRAY_LEN(MORE) && valid; i++) {
        json_t *value = json_object_get(from, MORE[i]);
        valid = value == NULL || result_text_valid(value);
        if (value != NULL && valid)
            (void)json_object_set_new(event, MORE[i], pdf_reply_text(value, &cut));
    }
    const char *week1 = result_text(event, "week1");
    valid = valid && (week1[0] == '\0' || pdf_request_is_date(week1));
    const json_t *src = json_object_get(from, "src");
    const char *date = result_text(event, "date"), *start = result_text(event, "start"), *end = result_text(event, "end");
    valid = valid && (date[0] == '\0' || pdf_request_is_date(date)) && (start[0] == '\0' || result_is_time(start)) &&
            (end[0] == '\0' || result_is_time(end)) && result_text(event, "module")[0] != '\0' && result_venues(from, event, &cut) &&
            result_weeks(from, event);
    (void)json_object_set_new(event, "recurring", json_boolean(json_is_true(json_object_get(from, "recurring"))));
    (void)json_object_set_new(event, "unfinalised", json_boolean(json_is_true(json_object_get(from, "unfinalised"))));
    (void)json_object_set_new(event, "src", json_pack("{s:I,s:I}", "page", json_integer_value(json_object_get(src, "page")), "row",
                                                      json_integer_value(json_object_get(src, "row"))));
    if (valid && cut)
        result_warn_cut(event, warnings);
    if (valid)
        return event;
    json_decref(event);
    return NULL;
}

static void result_estimate_end(json_t *event, int64_t minutes)
{
    const char *start = result_text(event, "start");
    bool estimate = start[0] != '\0' && result_text(event, "end")[0] == '\0';
    minutes = MIN_OF(minutes, (int64_t)PDF_DAY_MINUTES - 1); /* an end at the start's own time would be none */
    if (estimate) {
        char end[8];
        int64_t at = atoi(start) * 60 + atoi(start + 3) + minutes; /* past midnight it is a time of the next day */
        (void)snprintf(end, sizeof end, "%02u:%02u", (unsigned)(at / 60) % 24, (unsigned)(at % 60));
        (void)json_object_set_new(event, "end", json_string(end));
    }
    (void)json_object_set_new(event, "end_estimated", json_boolean(estimate));
}

/* Who the event is, over what does not change when the timetable is printed again; "-2" and on for exact twins, in order. */
static void result_uid(json_t *event, json_t *seen)
{
    const char *what = result_text(event, "activity")[0] != '\0' ? "activity" : "test";
    const char *when = result_text(event, "date")[0] != '\0' ? "date" : "day";
    const char *const parts[] = {"kind", "semester", "module", "group", what, "paper", when, "start"};
    struct sha256 digest;
    char hex[SHA256_HEX], uid[64];
    const json_t *venues = json_object_get(event, "venues");
    sha256_init(&digest);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *text = result_text(event, parts[i]);
        sha256_add(&digest, text, strlen(text) + 1);
    }
    for (size_t i = 0; i < json_array_size(venues); i++) {
        const char *venue = json_string_value(json_array_get(venues, i));
        sha256_add(&digest, venue, strlen(venue) + 1);
    }
    sha256_hex(&digest, hex);
    (void)snprintf(uid, sizeof uid, "%.32s", hex);
    json_int_t twins = json_integer_value(json_object_get(seen, uid)) + 1;
    (void)json_object_set_new(seen, uid, json_integer(twins));
    if (twins > 1)
        (void)snprintf(uid, sizeof uid, "%.32s-%lld", hex, (long long)twins);
    (void)json_object_set_new(event, "uid", json_string(uid));
}

static void result_summary(json_t *event)
{
    struct buf text;
    buf_init(&text, 3 * PDF_FIELD_MAX);
    const char *what = result_text(event, "activity")[0] != '\0' ? result_text(event, "activity") : result_text(event, "test");
    (void)buf_addf(&text, "%s %s", result_text(event, "module"), what);
    if (result_text(event, "paper")[0] != '\0')
        (void)buf_addf(&text, " %s", result_text(event, "paper"));
    if (result_text(event, "group")[0] != '\0')
        (void)buf_addf(&text, " (%s)", result_text(event, "group"));
    (void)json_object_set_new(event, "summary", json_string(text.data != NULL ? text.data : ""));
    buf_fini(&text);
}

static bool result_wanted(const json_t *event, const struct pdf_request *r)
{
    const char *group = result_text(event, "group");
    bool wanted = r->n_groups == 0 || group[0] == '\0';
    for (size_t i = 0; i < r->n_groups; i++)
        wanted = wanted || strcasecmp(group, r->groups[i]) == 0;
    return wanted;
}

/* Takes event; appends it, once per venue when the policy says so. */
static void result_add(json_t *events, json_t *event, json_t *seen, const struct pdf_request *r)
{
    json_t *venues = json_incref(json_object_get(event, "venues"));
    size_t n = r->split_venues && json_array_size(venues) > 1 ? json_array_size(venues) : 1;
    for (size_t i = 0; i < n; i++) {
        json_t *one = i + 1 < n ? json_copy(event) : json_incref(event);
        if (n > 1)
            (void)json_object_set_new(one, "venues", json_pack("[O]", json_array_get(venues, i)));
        result_uid(one, seen);
        (void)json_array_append_new(events, one);
    }
    json_decref(venues);
    json_decref(event);
}

static int result_events(const json_t *from, const struct pdf_request *r, json_t *result, struct err *e)
{
    json_t *events = json_array(), *seen = json_object();
    int rc = json_array_size(from) > PDF_EVENTS_MAX ? err_set(e, ERR_BAD_REPLY, "the parser's reply holds too many events") : 0;
    for (size_t i = 0; i < json_array_size(from) && rc == 0; i++) {
        json_t *event = result_event(json_array_get(from, i), json_object_get(result, "warnings"));
        if (event == NULL) {
            rc = err_set(e, ERR_BAD_REPLY, "the parser's reply is not of its form: event %zu", i);
        } else if (!result_wanted(event, r)) {
            json_decref(event);
        } else {
            result_estimate_end(event, r->exam_minutes);
            result_summary(event);
            result_add(events, event, seen, r);
        }
    }
    if (rc == 0 && json_array_size(events) == 0)
        rc = err_set(e, ERR_NO_EVENTS, "none of the %zu events is of a group in include_groups", json_array_size(from));
    (void)json_object_set_new(result, "events", events);
    json_decref(seen);
    return rc;
}

/* Words and rows are passed on as data: each must be an object, what is in it is the reader's. */
static int result_free_form(const json_t *reply, const char *name, json_t *result, struct err *e)
{
    const json_t *from = json_object_get(reply, name);
    bool valid = json_is_array(from);
    for (size_t i = 0; i < json_array_size(from); i++)
        valid = valid && json_is_object(json_array_get(from, i));
    (void)json_object_set(result, name, json_object_get(reply, name));
    return valid ? 0 : err_set(e, ERR_BAD_REPLY, "the parser's reply is not of its form: %s", name);
}

int pdf_result_build(const json_t *reply, const struct pdf_request *r, json_t **ret_result, struct err *e)
{
    static const char *const counts[] = {"pages", "rows_seen", "rows_parsed"};
    int rc = pdf_reply_check(reply, r, e);
    if (rc < 0)
        return rc;
    json_t *result = json_object(), *producer = json_object_get(reply, "producer");
    const char *type = result_text(reply, "type");
    (void)json_object_set_new(result, "type", json_string(type));
    (void)json_object_set(result, "producer", result_text_valid(producer) ? producer : json_null());
    (void)json_object_set_new(result, "encrypted", json_boolean(json_is_true(json_object_get(reply, "encrypted"))));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        (void)json_object_set(result, counts[i], json_object_get(reply, counts[i]));
    json_t *warnings = pdf_reply_warnings(reply);
    if (warnings == NULL || json_object_set_new(result, "warnings", warnings) < 0)
        rc = err_set(e, ERR_OUT_OF_MEMORY, "no memory for the result");
    else if (strcmp(type, "table") == 0 || strcmp(type, "text") == 0)
        rc = result_free_form(reply, strcmp(type, "table") == 0 ? "rows" : "words", result, e);
    else
        rc = result_events(json_object_get(reply, "events"), r, result, e);
    if (rc < 0)
        json_decref(result);
    else
        *ret_result = result;
    return rc;
}
