/*
 * enqueue_options - see enqueue_options.h. Refuses what it can see is wrong here; what only Redis can know (a
 * duplicate, a limit) is the Function's to refuse.
 */
#include "enqueue_options.h"

#include "keys.h"

#include <stdio.h>
#include <time.h>

/* Offset after the seconds: "", "Z", "+02:00", "-0500". Returns false when it is none; *ret_local: no zone was given.
 */
static bool read_zone(const char *p, int64_t *ret_ms, bool *ret_local)
{
    int hours, minutes, used = 0;
    *ret_local = *p == '\0';
    *ret_ms = 0;
    if (*p == '\0' || strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
        return true;
    if (*p != '+' && *p != '-')
        return false;
    if (sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
        sscanf(p + 1, "%2d%2d%n", &hours, &minutes, &used) != 2)
        return false;
    if (p[1 + used] != '\0' || hours > 14 || minutes > 59 || hours < 0 || minutes < 0)
        return false;
    *ret_ms = (hours * INT64_C(60) + minutes) * (*p == '-' ? -60000 : 60000);
    return true;
}

int enqueue_options_time(const char *text, int64_t *ret_wall_ms, struct err *e)
{
    struct tm tm = {.tm_isdst = -1};
    int64_t zone_ms = 0, fraction_ms = 0;
    bool local = false;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
    if (rest != NULL && *rest == '.') {
        char *end;
        fraction_ms = (int64_t)(strtod(rest, &end) * 1000.0);
        rest = end;
    }
    if (rest == NULL || !read_zone(rest, &zone_ms, &local))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "--at: \"%.60s\" is no time; allowed: 2026-11-22T08:00:00Z, "
                       "2026-11-22T10:00:00+02:00, or without zone for local time",
                       text);
    time_t seconds = local ? mktime(&tm) : timegm(&tm);
    *ret_wall_ms = (int64_t)seconds * 1000 + fraction_ms - zone_ms;
    return 0;
}

int enqueue_options_queue(struct session *s, const char *kind, const char *given, char ret_queue[static QUEUE_MAX],
                          struct err *e)
{
    const struct conf *conf;
    char known[256] = "";
    int rc = session_conf(s, &conf, e);
    if (rc < 0)
        return rc;
    if (given != NULL && !keys_queue_valid(given))
        return err_set(e, ERR_BAD_ARGUMENT,
                       "queue \"%.100s\" is no queue's name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -", given);
    const char *queue = given != NULL ? given : conf_queue_of_kind(conf, kind);
    for (size_t i = 0; queue == NULL && i < conf->n_kinds; i++) {
        size_t used = strlen(known);
        if (strcmp(conf->kinds[i].name, "default") == 0)
            continue;
        (void)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", conf->kinds[i].name);
    }
    if (queue == NULL)
        return err_set(e, ERR_BAD_ARGUMENT,
                       "kind \"%.60s\" has no queue in the configuration; known kinds: %s; or name "
                       "the queue with --queue",
                       kind, known);
    const struct conf_pool *listing = given == NULL ? conf_pool_listing(conf, queue) : NULL;
    if (listing != NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "kind \"%.60s\" is run in several queues, those of pool %s: name one with --queue", kind, listing->name);
    (void)snprintf(ret_queue, QUEUE_MAX, "%s", queue);
    return 0;
}

/* "KEY" or "KEY:1h": the part behind the last colon counts as a window only when it is a duration with a unit. */
static json_t *unique_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t window_ms;
    size_t tail = colon == NULL ? 0 : strlen(colon + 1);
    bool window = tail >= 2 && tail <= 8 && colon != text && conf_parse_duration(colon + 1, &window_ms, NULL) == 0;
    if (!window)
        return json_string(text);
    return json_pack("{s:s%, s:I}", "key", text, (size_t)(colon - text), "window_ms", (json_int_t)window_ms);
}

static void set_texts(const struct args *a, json_t *options)
{
    static const char *const names[] = {"id", "band", "tenant", "traceparent"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (args_has(a, names[i]))
            (void)json_object_set_new(options, names[i], json_string(args_text(a, names[i], "")));
    if (args_has(a, "unique"))
        (void)json_object_set_new(options, "unique", unique_of(args_text(a, "unique", "")));
}

static void set_numbers(const struct args *a, json_t *options)
{
    static const struct {
        const char *arg, *option;
    } names[] = {{"delay", "delay_ms"}, {"timeout", "timeout_ms"}, {"attempts", "attempts"}, {"expires", "expires_ms"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (args_has(a, names[i].arg))
            (void)json_object_set_new(options, names[i].option, json_integer(args_int(a, names[i].arg, 0)));
}

int enqueue_options_from_args(struct session *s, const char *kind, json_t **ret_options, struct err *e)
{
    const struct args *a = &s->args;
    int64_t at_ms = 0;
    if (args_has(a, "at") && args_has(a, "delay"))
        return err_set(e, ERR_BAD_ARGUMENT, "--at and --delay exclude each other; give one");
    int rc = args_has(a, "at") ? enqueue_options_time(args_text(a, "at", ""), &at_ms, e) : 0;
    if (rc < 0)
        return rc;
    json_t *options = json_pack("{s:s, s:s}", "kind", kind, "actor", args_text(a, "actor", s->stores.actor));
    if (options == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "KIND or --actor is not UTF-8");
    set_texts(a, options);
    set_numbers(a, options);
    if (args_has(a, "at"))
        (void)json_object_set_new(options, "at_ms", json_integer(at_ms));
    *ret_options = options;
    return 0;
}

char *enqueue_options_key(const json_t *options)
{
    const json_t *unique = json_object_get(options, "unique");
    const char *key = json_string_value(json_is_object(unique) ? json_object_get(unique, "key") : unique);
    key = key != NULL ? key : json_string_value(json_object_get(options, "id"));
    return key != NULL ? strdup(key) : NULL;
}

int enqueue_options_from_line(struct session *s, const json_t *line, json_t **ret_options, struct err *e)
{
    if (!json_is_object(line))
        return err_set(e, ERR_BAD_ARGUMENT, "the line is no JSON object");
    if (!json_is_string(json_object_get(line, "kind")))
        return err_set(e, ERR_BAD_ARGUMENT, "\"kind\" is missing or no text");
    if (json_object_get(line, "payload") == NULL)
        return err_set(e, ERR_BAD_ARGUMENT, "\"payload\" is missing");
    json_t *options = json_copy((json_t *)(uintptr_t)line);
    if (options == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the options");
    (void)json_object_del(options, "payload");
    (void)json_object_del(options, "queue");
    if (json_object_get(options, "actor") == NULL)
        (void)json_object_set_new(options, "actor", json_string(s->stores.actor));
    *ret_options = options;
    return 0;
}
