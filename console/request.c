/*
 * request - see request.h. Refuses what it does not know rather than guess: a mistyped filter would name other letters
 * than were meant.
 */
#include "request.h"

#include "keys.h"
#include "queue_call.h"

#include <stdio.h>

const char *request_query(const struct request *r, const char *name)
{
    const char *text = r->query_fn != NULL ? r->query_fn(r->handle, name) : NULL;
    return text != NULL && *text != '\0' ? text : NULL;
}

int request_number(const struct request *r, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret,
                   struct err *e)
{
    const char *text = request_query(r, name);
    *ret = fallback;
    if (text == NULL)
        return 0;
    if (conf_parse_int(text, ret, NULL) < 0 || *ret < min || *ret > max)
        return err_set(e, ERR_BAD_ARGUMENT, "%s: \"%.40s\" is not allowed; allowed: a whole number from %lld to %lld",
                       name, text, (long long)min, (long long)max);
    return 0;
}

int request_word(const struct request *r, const char *name, const char *words, const char *fallback, const char **ret,
                 struct err *e)
{
    const char *text = request_query(r, name);
    *ret = fallback;
    if (text == NULL)
        return 0;
    size_t n = strlen(text);
    for (const char *at = words; at != NULL; at = strchr(at, '|') != NULL ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == '\0')) {
            *ret = text;
            return 0;
        }
    return err_set(e, ERR_BAD_ARGUMENT, "%s: \"%.40s\" is not allowed; allowed: %s", name, text, words);
}

int request_text(const json_t *body, const char *name, size_t max, const char *fallback, const char **ret,
                 struct err *e)
{
    const json_t *value = json_object_get(body, name);
    *ret = fallback;
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value) || json_string_length(value) > max ||
        strlen(json_string_value(value)) != json_string_length(value))
        return err_set(e, ERR_BAD_ARGUMENT, "%s: allowed: a text of at most %zu bytes", name, max);
    *ret = json_string_value(value);
    return 0;
}

int request_integer(const json_t *body, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret,
                    struct err *e)
{
    const json_t *value = json_object_get(body, name);
    *ret = fallback;
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return err_set(e, ERR_BAD_ARGUMENT, "%s: allowed: a whole number from %lld to %lld", name, (long long)min,
                       (long long)max);
    *ret = json_integer_value(value);
    return 0;
}

bool request_among(const char *words, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, name, n) == 0)
            return true;
        at += len;
    }
    return false;
}

int request_known(const json_t *object, const char *allowed, struct err *e)
{
    json_t *members = (json_t *)(uintptr_t)object, *value;
    const char *key;
    json_object_foreach(members, key, value)
    {
        if (!request_among(allowed, key))
            return err_set(e, ERR_BAD_ARGUMENT, "\"%.60s\" is not known here; allowed: %s", key,
                           *allowed != '\0' ? allowed : "none");
    }
    return 0;
}

int request_queue(struct request *r, const char **ret_queue, struct err *e)
{
    const char *queue = r->params[0];
    if (!keys_queue_valid(queue))
        return err_set(e, ERR_BAD_ARGUMENT, "\"%.80s\" is no queue's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -",
                       queue);
    *ret_queue = queue;
    return queue_list_check_known(r->stores, queue, e);
}

int request_check_id(const char *id, struct err *e)
{
    size_t n = strlen(id);
    if (n > 0 && n < JOB_ID_MAX &&
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == n)
        return 0;
    return err_set(e, ERR_BAD_ARGUMENT, "that is no job's id; allowed: 1 to 128 of A-Z a-z 0-9 . _ : -");
}
