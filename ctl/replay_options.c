/*
 * replay_options - see replay_options.h. Refuses to keep ids without end: a selection of more than IDS_KEPT named
 * letters that was cut off is cancelled, not guessed.
 */
#include "replay_options.h"

#include "dead_select.h"
#include "payload_edit.h"
#include "replay_rate.h"

#include <stdio.h>

enum { IDS_KEPT = 100, PATCH_MAX = 65536 };

static int add_rate(const struct args *a, json_t *options, struct err *e)
{
    double rate = 0;
    if (!args_has(a, "rate"))
        return 0;
    int rc = replay_rate_parse("--rate", args_text(a, "rate", ""), &rate, e);
    if (rc == 0)
        (void)json_object_set_new(options, "rate", json_real(rate));
    return rc;
}

static int add_patch(const json_t *patch, json_t *options, struct err *e)
{
    if (patch == NULL)
        return 0;
    AUTO_FREE char *text = payload_edit_text(patch);
    if (text == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for the patch");
    if (strlen(text) > PATCH_MAX)
        return err_set(e, ERR_BAD_ARGUMENT, "--edit: the patch has %zu bytes; allowed: at most %d", strlen(text),
                       (int)PATCH_MAX);
    return json_object_set_new(options, "edit", json_string(text));
}

int replay_options_make(const struct args *a, const json_t *patch, json_t **ret_options, struct err *e)
{
    static const struct {
        const char *arg, *option;
    } whole[] = {{"canary", "canary"},
                 {"canary-failures", "canary_failures"},
                 {"max", "max"},
                 {"delay", "delay_ms"},
                 {"guard", "guard"}};
    if (args_has(a, "canary-failures") && !args_has(a, "canary"))
        return err_set(e, ERR_BAD_ARGUMENT, "--canary-failures N goes with --canary N");
    if (args_has(a, "canary-failures") && args_int(a, "canary-failures", 0) >= args_int(a, "canary", 0))
        return err_set(e, ERR_BAD_ARGUMENT, "--canary-failures: %lld of a canary of %lld could never stop the run",
                       (long long)args_int(a, "canary-failures", 0), (long long)args_int(a, "canary", 0));
    json_t *options = json_object();
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (args_has(a, whole[i].arg))
            (void)json_object_set_new(options, whole[i].option, json_integer(args_int(a, whole[i].arg, 0)));
    if (args_has(a, "band"))
        (void)json_object_set_new(options, "band", json_string(args_text(a, "band", "")));
    if (args_has(a, "stop-at"))
        (void)json_object_set_new(options, "stop_at", json_real(args_number(a, "stop-at", 0)));
    int rc = add_rate(a, options, e);
    if (rc == 0)
        rc = add_patch(patch, options, e);
    if (rc < 0)
        json_decref(options);
    else
        *ret_options = options;
    return rc;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(object, key, json_string(text));
}

int replay_options_filter(struct session *s, const struct dead_letters *letters, json_t **ret_filter, struct err *e)
{
    struct dead_filter f;
    json_t *filter = json_object();
    if (s->args.n_positionals > 0) {
        (void)json_object_set_new(filter, "named", json_integer((json_int_t)letters->n));
        json_t *ids = json_array();
        for (size_t i = 0; i < letters->n && letters->n <= IDS_KEPT; i++)
            (void)json_array_append_new(ids, json_string(letters->items[i].id));
        (void)json_object_set_new(filter, "ids", ids);
        *ret_filter = filter;
        return 0;
    }
    int rc = dead_filter_from_args(s, &f, e);
    if (rc < 0) {
        json_decref(filter);
        return rc;
    }
    set_text(filter, "queue", f.queue);
    set_text(filter, "kind", f.kind);
    set_text(filter, "cause", f.cause);
    set_text(filter, "code", f.code);
    set_text(filter, "fingerprint", f.fingerprint);
    set_text(filter, "match", f.match);
    set_text(filter, "build", f.build);
    set_text(filter, "host", f.host);
    for (size_t i = 0; i < f.n_ids; i++) {
        if (i == 0)
            (void)json_object_set_new(filter, "only", json_array());
        (void)json_array_append_new(json_object_get(filter, "only"), json_string(f.ids[i]));
    }
    dead_filter_fini(&f);
    if (f.since_ms > 0)
        (void)json_object_set_new(filter, "since_ms", json_integer(f.since_ms));
    if (f.until_ms > 0)
        (void)json_object_set_new(filter, "until_ms", json_integer(f.until_ms));
    *ret_filter = filter;
    return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The ids a filter keeps, as letters; whether they are dead is the run's to see. */
static int letters_of_ids(const char *queue, const json_t *filter, struct dead_letters *ret_letters, struct err *e)
{
    const json_t *ids = json_object_get(filter, "ids");
    size_t n = json_array_size(ids);
    if ((json_int_t)n != json_number(filter, "named", 0))
        return err_set(
            e, ERR_REFUSED,
            "the run was cut off while its %lld named letters were being selected: nothing was replayed; cancel it and "
            "give the command again",
            (long long)json_number(filter, "named", 0));
    ret_letters->items = calloc(n + 1, sizeof *ret_letters->items);
    if (ret_letters->items == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", n);
    for (size_t i = 0; i < n; i++) {
        struct dead_letter *letter = &ret_letters->items[ret_letters->n++];
        (void)snprintf(letter->queue, sizeof letter->queue, "%s", queue);
        (void)snprintf(letter->id, sizeof letter->id, "%s", json_string_value(json_array_get(ids, i)));
    }
    return 0;
}

int replay_options_select(struct session *s, const char *queue, const json_t *filter, int64_t before_ms, size_t most,
                          struct dead_letters *ret_letters, struct err *e)
{
    if (json_object_get(filter, "named") != NULL)
        return letters_of_ids(queue, filter, ret_letters, e);
    int64_t until = json_number(filter, "until_ms", 0);
    const json_t *only = json_object_get(filter, "only");
    AUTO_FREE const char **ids = calloc(json_array_size(only) + 1, sizeof *ids);
    if (ids == NULL)
        return err_set(e, ERR_OUT_OF_MEMORY, "no memory for %zu ids", json_array_size(only));
    for (size_t i = 0; i < json_array_size(only); i++)
        ids[i] = json_string_value(json_array_get(only, i));
    const struct dead_filter f = {
        .queue = queue,
        .kind = text_of(filter, "kind"),
        .cause = text_of(filter, "cause"),
        .code = text_of(filter, "code"),
        .fingerprint = text_of(filter, "fingerprint"),
        .match = text_of(filter, "match"),
        .build = text_of(filter, "build"),
        .host = text_of(filter, "host"),
        .ids = ids,
        .n_ids = json_array_size(only),
        .since_ms = json_number(filter, "since_ms", 0),
        .until_ms = until > 0 && until < before_ms ? until : before_ms,
        .limit = most,
        .bare = true,
    };
    return dead_letters_find(&s->stores, &f, ret_letters, e);
}
