/*
 * api_common - see api.h. Refuses to hand on bytes that are no text: a page shows what it is sent.
 */
#include "api.h"

#include "queue_call.h"
#include "utf8.h"

#include <stdio.h>

json_t *api_text(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);
    if (value != NULL)
        return value;
    AUTO_FREE char *harmless = utf8_harmless(text, len);
    return json_string(harmless != NULL ? harmless : "?");
}

int api_call(struct request *r, const char *function, const char *queue, const char *const args[], json_t **ret,
             struct err *e)
{
    struct queue_call c;
    queue_call_init(&c, function, queue);
    for (size_t i = 0; args[i] != NULL; i++)
        queue_call_add(&c, args[i]);
    return queue_call_json(r->stores, &c, ret, e);
}

/* Where the words of a filter come from. */
struct source {
    const struct request *r;
    const json_t *object; /* NULL: the query */
};

static int filter_text(const struct source *from, const char *name, size_t max, const char **ret, struct err *e)
{
    if (from->object != NULL) {
        int rc = request_text(from->object, name, max, NULL, ret, e);
        if (*ret != NULL && **ret == '\0')
            *ret = NULL;
        return rc;
    }
    *ret = request_query(from->r, name);
    return *ret == NULL || strlen(*ret) <= max
               ? 0
               : err_set(e, ERR_BAD_ARGUMENT, "%s: allowed: at most %zu bytes", name, max);
}

/* "1h": so long ago by Redis' clock; a whole number: ms since 1970. */
static int filter_time(struct request *r, const struct source *from, const char *name, int64_t *ret_ms, struct err *e)
{
    const char *text;
    int64_t ago_ms, now_ms = 0;
    int rc = filter_text(from, name, 40, &text, e);
    if (rc < 0 || text == NULL)
        return rc;
    if (strspn(text, "0123456789") == strlen(text) && strlen(text) >= 12 && conf_parse_int(text, ret_ms, NULL) == 0)
        return 0;
    if (conf_parse_duration(text, &ago_ms, NULL) < 0)
        return err_set(
            e, ERR_BAD_ARGUMENT,
            "%s: \"%.40s\" is not allowed; allowed: how long ago (30s, 5m, 2h, 7d) or a time in ms since 1970", name,
            text);
    rc = stores_redis_now(r->stores, &now_ms, e);
    *ret_ms = MAX_OF(now_ms - ago_ms, (int64_t)1);
    return rc;
}

static int filter_ids(const json_t *ids, struct dead_filter *f, struct err *e)
{
    enum { IDS_MAX = 1000 };
    if (ids == NULL || json_is_null(ids))
        return 0;
    if (!json_is_array(ids) || json_array_size(ids) == 0 || json_array_size(ids) > IDS_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "ids: allowed: an array of 1 to %d ids", (int)IDS_MAX);
    f->ids = calloc(json_array_size(ids), sizeof *f->ids);
    if (f->ids == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", json_array_size(ids));
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        int rc = request_check_id(id != NULL ? id : "", e);
        if (rc < 0)
            return rc;
        f->ids[f->n_ids++] = id;
    }
    return 0;
}

static void say(struct api_filter *f, const char *name, const char *value)
{
    size_t used = strlen(f->words);
    if (value != NULL)
        (void)snprintf(f->words + used, sizeof f->words - used, "%s--%s %s", used > 0 ? " " : "", name, value);
}

static void say_all(const struct source *from, struct api_filter *f)
{
    static const char *const names[] = {"queue", "kind",  "cause", "code",  "fingerprint",
                                        "since", "until", "match", "build", "host"};
    struct err e;
    for (size_t i = 0; i < f->filter.n_ids && i < 5; i++)
        say(f, "id", f->filter.ids[i]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = NULL;
        if (filter_text(from, names[i], 256, &text, &e) == 0)
            say(f, names[i], text);
    }
    if (f->words[0] == '\0')
        (void)snprintf(f->words, sizeof f->words, "--all");
}

static int check_filter(const struct dead_filter *f, struct err *e)
{
    if (f->code != NULL && err_code_by_name(f->code) == 0)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "code: \"%.60s\" is no error code; codes are like NOT_PDF, BAD_PAYLOAD, TIMEOUT", f->code);
    if (f->since_ms > 0 && f->until_ms > 0 && f->until_ms < f->since_ms)
        return err_set(e, ERR_BAD_ARGUMENT, "until is before since: nothing can match");
    return 0;
}

int api_filter_read(struct request *r, const json_t *body, struct api_filter *ret, struct err *e)
{
    static const json_t *const none = NULL;
    const json_t *object = body != NULL ? json_object_get(body, "filter") : none;
    const char *archived = NULL;
    struct source from = {.r = r, .object = object};
    struct dead_filter *f = &ret->filter;
    *ret = (struct api_filter){.filter = {.limit = DEAD_LETTERS_MAX}};
    json_t *empty = body != NULL && object == NULL ? json_object() : NULL;
    if (empty != NULL)
        from.object = empty;
    int rc = object != NULL && !json_is_object(object) ? err_set(e, ERR_BAD_ARGUMENT, "filter: allowed: an object") : 0;
    if (rc == 0 && from.object != NULL)
        rc = request_known(from.object, DEAD_FILTER_WORDS, e);
    const struct {
        const char *name, **to;
        size_t max;
    } texts[] = {{"queue", &f->queue, 64},
                 {"kind", &f->kind, 32},
                 {"cause", &f->cause, 64},
                 {"code", &f->code, 64},
                 {"fingerprint", &f->fingerprint, 64},
                 {"match", &f->match, 256},
                 {"build", &f->build, 128},
                 {"host", &f->host, 95},
                 {"archived", &archived, 3}};
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(texts); i++)
        rc = filter_text(&from, texts[i].name, texts[i].max, texts[i].to, e);
    if (rc == 0)
        rc = filter_time(r, &from, "since", &f->since_ms, e);
    if (rc == 0)
        rc = filter_time(r, &from, "until", &f->until_ms, e);
    if (rc == 0 && archived != NULL && strcmp(archived, "yes") != 0 && strcmp(archived, "no") != 0)
        rc = err_set(e, ERR_BAD_ARGUMENT, "archived: allowed: yes, no");
    f->archived = archived != NULL && strcmp(archived, "yes") == 0;
    if (rc == 0 && body != NULL)
        rc = filter_ids(json_object_get(body, "ids"), f, e);
    if (rc == 0)
        rc = check_filter(f, e);
    if (rc == 0)
        say_all(&from, ret);
    json_decref(empty);
    return rc;
}
